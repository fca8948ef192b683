"""Models: frozen records that pydantic's core validates. They have the part of pydantic's interface that Saxaul uses.

The classes of pydantic translate type annotations for its core, which is a separate package, ``pydantic_core``.
Importing them and building their models takes a third of a cold start. This module translates only the annotations that
occur in Saxaul, and each model only when it is first used. The rules, the messages and the JSON are those of the core.

A rule about several fields is a validator of the last of these fields, so that its error is reported together with the
errors of other fields. A model refuses unknown fields.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from inspect import get_annotations
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    Self,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic_core import SchemaSerializer, SchemaValidator, Url, ValidationError, core_schema

__all__ = [
    "AfterValidator",
    "BeforeValidator",
    "Field",
    "Model",
    "TypeAdapter",
    "Url",
    "ValidationError",
    "ValidationInfo",
    "field_validator",
    "model_validator",
]

ValidationInfo = core_schema.ValidationInfo
"""What a validator of a field gets: ``data`` has the fields before it, without those that are invalid."""

_Schema = Any
"""A schema of pydantic's core: a dictionary with a type."""

Checked = TypeVar("Checked")

_REQUIRED: Any = object()


class _Constraints(TypedDict, total=False):
    """The constraints of a field, as in pydantic."""

    strict: bool
    pattern: str
    min_length: int
    max_length: int
    ge: Any
    gt: Any
    le: Any
    lt: Any
    max_digits: int
    decimal_places: int
    allow_inf_nan: bool


class _FieldInfo(NamedTuple):
    default: Any
    validate_default: bool
    constraints: tuple[tuple[str, Any], ...] = ()


class BeforeValidator(NamedTuple):
    """A function that checks or changes a value before its type is checked. It raises ValueError to refuse it."""

    function: Callable[[Any], Any]


class AfterValidator(NamedTuple):
    """A function that checks or changes a value of the right type. It raises ValueError to refuse it."""

    function: Callable[[Any], Any]


def Field(  # noqa: N802 - the name in pydantic
    *,
    default: Any = _REQUIRED,  # noqa: ANN401
    validate_default: bool = False,
    **constraints: Unpack[_Constraints],
) -> Any:  # noqa: ANN401 - it stands for a value of the field's type
    """Describe a field, or a type within ``Annotated``. A later constraint replaces an earlier one of the same name.

    The default is checked only with ``validate_default``.
    """
    return _FieldInfo(default, validate_default, tuple(constraints.items()))


def field_validator(*names: str) -> Callable[[Any], Any]:
    """Mark a class method as a validator of these fields. It gets a value of the right type, and the ValidationInfo."""

    def mark(method: Any) -> Any:  # noqa: ANN401 - a class method
        method.__func__.fields_checked = names
        return method

    return mark


def model_validator(method: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - the method itself
    """Mark a method that checks a whole record and returns it. It is called if all fields are valid."""
    method.checks_model = True  # type: ignore[attr-defined] # functions have attributes
    return method


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Model:
    """A frozen record whose fields are validated when it is made.

    Raises:
        ValidationError: fields are missing, unknown or invalid; the error has a message for each.
    """

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
    __pydantic_fields_set__: set[str]
    model_fields: ClassVar[Mapping[str, _FieldInfo]] = {}
    required_fields: ClassVar[frozenset[str]] = frozenset()
    """The fields without a default."""

    def __init_subclass__(cls) -> None:
        fields = dict(cls.model_fields)
        for name in get_annotations(cls):
            given = vars(cls).get(name, _REQUIRED)
            fields[name] = given if isinstance(given, _FieldInfo) else _FieldInfo(given, False)
            if given is not _REQUIRED:
                delattr(cls, name)
        cls.model_fields = fields
        cls.required_fields = frozenset(name for name, field in fields.items() if field.default is _REQUIRED)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - the core checks the types
        _core_of(type(self)).validator.validate_python(fields, self_instance=self)

    @classmethod
    def prepare(cls) -> None:
        """Translate the model now, and not when it is first used."""
        _core_of(cls)

    @classmethod
    def model_validate(cls, document: object) -> Self:
        """Return a record of the fields in a dictionary."""
        found: Self = _core_of(cls).validator.validate_python(document)
        return found

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Return a record of the fields in a JSON object."""
        found: Self = _core_of(cls).validator.validate_json(text)
        return found

    @classmethod
    def model_construct(cls, **fields: Any) -> Self:  # noqa: ANN401 - values that are known to be valid
        """Return a record without checking its fields. Missing fields get their defaults, which all records share."""
        given = ((name, fields.get(name, field.default)) for name, field in cls.model_fields.items())
        values = {
            name: value for name, value in given if value is not _REQUIRED
        }  # in the order in which they are dumped
        return _filled(cls.__new__(cls), values, set(fields))

    def model_copy(self, update: Mapping[str, object] | None = None) -> Self:
        """Return a copy in which some fields have other values, which are not checked."""
        changes = update or {}
        fields_set = self.__pydantic_fields_set__ | changes.keys()
        return _filled(type(self).__new__(type(self)), {**vars(self), **changes}, fields_set)

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        exclude: Collection[str] = (),
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the fields as a dictionary; with the mode ``json``, as JSON values."""
        dumped: dict[str, Any] = _core_of(type(self)).serializer.to_python(
            self, mode=mode, exclude=set(exclude), exclude_defaults=exclude_defaults, exclude_none=exclude_none
        )
        return dumped

    def model_dump_json(self) -> str:
        """Return the fields as a JSON object."""
        return _core_of(type(self)).serializer.to_json(self).decode()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen, so {name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen, so {name} cannot be deleted")

    def __getstate__(self) -> tuple[dict[str, Any], set[str]]:
        return vars(self), self.__pydantic_fields_set__

    def __setstate__(self, state: tuple[dict[str, Any], set[str]]) -> None:
        _filled(self, *state)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


AnyModel = TypeVar("AnyModel", bound=Model)


def _filled(record: AnyModel, fields: dict[str, Any], fields_set: set[str]) -> AnyModel:
    """Return a new record with its fields. The core reads the three attributes besides ``__dict__``."""
    state = {"__pydantic_extra__": None, "__pydantic_fields_set__": fields_set, "__pydantic_private__": None}
    for name, value in {"__dict__": fields, **state}.items():
        object.__setattr__(record, name, value)
    return record


class TypeAdapter(Generic[Checked]):
    """Checks values of one type, such as a constrained text. The type is translated when it is first used."""

    def __init__(self, checked_type: Any) -> None:  # noqa: ANN401 - any annotation of a type
        self._type = checked_type

    @cached_property
    def _validator(self) -> SchemaValidator:
        return SchemaValidator(_schema_of(self._type))

    def validate_python(self, value: object) -> Checked:
        found: Checked = self._validator.validate_python(value)
        return found

    def validate_json(self, text: str | bytes, *, strict: bool = False) -> Checked:
        found: Checked = self._validator.validate_json(text, strict=strict)
        return found


class _Core(NamedTuple):
    validator: SchemaValidator
    serializer: SchemaSerializer


_cores: dict[type[Model], _Core] = {}
_schemas: dict[type[Model], _Schema] = {}
"""What was made from each model that has been used."""


def _core_of(model: type[Model]) -> _Core:
    core = _cores.get(model)
    if core is None:
        schema = _schema_of_model(model)
        core = _cores[model] = _Core(SchemaValidator(schema), SchemaSerializer(schema))
    return core


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


def _schema_of_field(field_type: object, field: _FieldInfo, validators: list[Any]) -> _Schema:
    schema = _constrained(_schema_of(field_type), field.constraints)
    for validator in validators:
        schema = core_schema.with_info_after_validator_function(validator, schema)
    if field.default is _REQUIRED:
        return schema
    described = [info for info in get_args(field_type)[1:] if isinstance(info, _FieldInfo)]
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
        case _FieldInfo():
            return _constrained(schema, metadata.constraints)
        case BeforeValidator():
            return core_schema.no_info_before_validator_function(metadata.function, schema)
        case AfterValidator():
            return core_schema.no_info_after_validator_function(metadata.function, schema)
        case _:
            raise TypeError(f"unknown metadata of a type: {metadata!r}")


def _constrained(schema: _Schema, constraints: tuple[tuple[str, Any], ...]) -> _Schema:
    """Return a schema with constraints on its type, inside of None and of validators."""
    if not constraints:
        return schema
    if schema["type"] in ("nullable", "function-before", "function-after"):
        return schema | {"schema": _constrained(schema["schema"], constraints)}
    return schema | dict(constraints)
