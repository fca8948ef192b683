"""Translates types and models for pydantic's core, and lets it check values."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pydantic_core
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from saxaul.catalog.models import (
    NO_DEFAULT,
    AfterValidator,
    BeforeValidator,
    Described,
    FieldInfo,
    Model,
    Url,
    ValidationError,
)

_Schema = Any
"""A schema of pydantic's core: a dictionary with a type."""


class Core:
    """Checks values of one type, and converts them to JSON."""

    def __init__(self, schema: _Schema) -> None:
        self._schema = schema
        self._validator = SchemaValidator(schema)

    @cached_property
    def serializer(self) -> SchemaSerializer:
        return SchemaSerializer(self._schema)

    def check(self, value: object, self_instance: Model | None = None) -> Any:  # noqa: ANN401 - a value of the type
        """Return a value of the type. If ``self_instance`` is given, set its fields.

        Raises:
            ValidationError: the value cannot be one of the type.
        """
        try:
            return self._validator.validate_python(value, self_instance=self_instance)
        except pydantic_core.ValidationError as refusal:
            raise ValidationError(refusal) from None

    def check_json(self, text: str | bytes, *, strict: bool | None = None) -> Any:  # noqa: ANN401 - a value of the type
        """Return a value of the type from JSON.

        Raises:
            ValidationError: the text is not JSON, or the value cannot be one of the type.
        """
        try:
            return self._validator.validate_json(text, strict=strict)
        except pydantic_core.ValidationError as refusal:
            raise ValidationError(refusal) from None


def core_of_type(checked_type: Any) -> Core:  # noqa: ANN401 - any annotation of a type, or a model
    return Core(_schema_of(checked_type))


_schemas: dict[type[Model], _Schema] = {}
"""The schemas of the models that have been used, also as parts of others."""


def _schema_of_model(model: type[Model]) -> _Schema:
    if model not in _schemas:
        _schemas[model] = _new_schema_of_model(model)
    return _schemas[model]


def _new_schema_of_model(model: type[Model]) -> _Schema:
    types = get_type_hints(model, include_extras=True)
    methods = {name: getattr(model, name) for name in dir(model) if not name.startswith("__")}
    fields = {
        name: core_schema.model_field(
            _schema_of_field(types[name], field, [method for method in methods.values() if _checks(method, name)])
        )
        for name, field in model.model_fields.items()
    }
    schema: _Schema = core_schema.model_schema(
        model,
        core_schema.model_fields_schema(fields, model_name=model.__name__, extra_behavior="forbid"),
        config=core_schema.CoreConfig(title=model.__name__, extra_fields_behavior="forbid"),
        frozen=True,
    )
    for method in methods.values():
        if getattr(method, "checks_model", False):
            schema = core_schema.no_info_after_validator_function(method, schema)
    return schema


def _checks(method: object, field: str) -> bool:
    return field in getattr(method, "fields_checked", ())


def _schema_of_field(field_type: object, field: FieldInfo, validators: list[Any]) -> _Schema:
    schema = _constrained(_schema_of(field_type), field.constraints)
    for validator in validators:
        schema = core_schema.with_info_after_validator_function(validator, schema)
    if field.default is NO_DEFAULT:
        return schema
    described = [info for info in get_args(field_type)[1:] if isinstance(info, FieldInfo)]
    validate_default = any(info.validate_default for info in (field, *described))
    return core_schema.with_default_schema(
        schema,
        default=field.default,
        validate_default=validate_default,
    )


def _schema_of(of: Any) -> _Schema:  # noqa: ANN401 - any annotation of a type
    arguments = get_args(of)
    match get_origin(of):
        case origin if origin is Annotated:
            schema = _schema_of(arguments[0])
            for metadata in arguments[1:]:
                schema = _applied(metadata, schema)
            return schema
        case origin if origin in (Union, UnionType):
            choices = [_schema_of(choice) for choice in arguments if choice is not NoneType]
            chosen = choices[0] if len(choices) == 1 else core_schema.union_schema(choices)
            return core_schema.nullable_schema(chosen) if NoneType in arguments else chosen
        case origin if origin is Literal:
            return core_schema.literal_schema(list(arguments))
        case origin if origin is list:
            return core_schema.list_schema(_schema_of(arguments[0]))
        case origin if origin is dict:
            return core_schema.dict_schema(_schema_of(arguments[0]), _schema_of(arguments[1]))
        case origin if origin is tuple:
            is_variadic = arguments[-1] is ...
            items = [_schema_of(member) for member in arguments if member is not ...]
            return core_schema.tuple_schema(items, variadic_item_index=0 if is_variadic else None)
    return _schema_of_model(of) if issubclass(of, Model) else _PLAIN[of]()


def _aware_datetime() -> _Schema:
    return core_schema.datetime_schema(tz_constraint="aware")


def _web_link() -> _Schema:
    return core_schema.url_schema(max_length=2083, allowed_schemes=["http", "https"])


_PLAIN: Mapping[type, Callable[[], _Schema]] = {
    str: core_schema.str_schema,
    int: core_schema.int_schema,
    float: core_schema.float_schema,
    bool: core_schema.bool_schema,
    Decimal: core_schema.decimal_schema,
    date: core_schema.date_schema,
    datetime: _aware_datetime,
    Url: _web_link,
}


def _applied(metadata: object, schema: _Schema) -> _Schema:
    match metadata:
        case FieldInfo():
            return _constrained(schema, metadata.constraints)
        case BeforeValidator():
            return core_schema.no_info_before_validator_function(metadata.function, schema)
        case AfterValidator():
            return core_schema.no_info_after_validator_function(metadata.function, schema)
        case Described():
            return schema
        case _:
            raise TypeError(f"unknown metadata of a type: {metadata!r}")


def _constrained(schema: _Schema, constraints: tuple[tuple[str, Any], ...]) -> _Schema:
    """Return a schema with constraints on its type, inside of None and of validators."""
    if not constraints:
        return schema
    if schema["type"] in ("nullable", "function-before", "function-after"):
        return schema | {"schema": _constrained(schema["schema"], constraints)}
    return schema | dict(constraints)
