"""Models: frozen records that pydantic's core validates. They have the part of pydantic's interface that Saxaul uses.

The classes of pydantic translate type annotations for its core, which is a separate package, ``pydantic_core``.
Importing them and building their models takes a third of a cold start. ``core.py`` translates only the annotations that
occur in Saxaul, and each model only when it is first used. The rules, the messages and the JSON are those of the core.
A function that validates nothing does not import the core.

A rule about several fields is a validator of the last of these fields, so that its error is reported together with the
errors of other fields. A model refuses unknown fields.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from inspect import get_annotations
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    dataclass_transform,
)

if TYPE_CHECKING:
    import pydantic_core

    from saxaul.catalog.core import Core

__all__ = [
    "AfterValidator",
    "BeforeValidator",
    "Described",
    "Field",
    "Model",
    "TypeAdapter",
    "Url",
    "ValidationError",
    "ValidationInfo",
    "field_validator",
    "model_validator",
]


class ValidationError(ValueError):
    """Fields are missing, unknown or invalid, or a value has the wrong form."""

    def __init__(self, found: "pydantic_core.ValidationError") -> None:
        super().__init__(found)  # so that the error can be copied
        self._found = found

    def __str__(self) -> str:
        return str(self._found)

    def error_count(self) -> int:
        return self._found.error_count()

    def errors(self, **shown: bool) -> list[Any]:
        """Return the errors as the core does. ``shown`` says which of their parts, such as ``include_url``."""
        found: list[Any] = self._found.errors(**shown)
        return found


class ValidationInfo(Protocol):
    """What a validator of a field gets: ``data`` has the fields before it, without those that are invalid."""

    @property
    def data(self) -> dict[str, Any]: ...


class Url:
    """The type of a web link. Its value is that of the core, of which the text is the link."""


Checked = TypeVar("Checked")

NO_DEFAULT: Any = object()


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


class FieldInfo(NamedTuple):
    default: Any
    validate_default: bool
    constraints: tuple[tuple[str, Any], ...] = ()


class BeforeValidator(NamedTuple):
    """A function that checks or changes a value before its type is checked. It raises ValueError to refuse it."""

    function: Callable[[Any], Any]


class AfterValidator(NamedTuple):
    """A function that checks or changes a value of the right type. It raises ValueError to refuse it."""

    function: Callable[[Any], Any]


class Described:
    """What the document of the API says of a type, as keywords of JSON Schema. It is a part of ``Annotated``.

    Nothing is checked by it. It says what a validator requires, if JSON Schema can say that.
    """

    def __init__(self, keywords: Mapping[str, Any]) -> None:
        self.keywords = keywords


def exactly_one(*names: str) -> Mapping[str, Any]:
    """Return what JSON Schema says of a record that must have exactly one of these fields. Null means no value."""
    has = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return {"oneOf": has}


def Field(  # noqa: N802 - the name in pydantic
    *,
    default: Any = NO_DEFAULT,  # noqa: ANN401
    validate_default: bool = False,
    **constraints: Unpack[_Constraints],
) -> Any:  # noqa: ANN401 - it stands for a value of the field's type
    """Describe a field, or a type within ``Annotated``. A later constraint replaces an earlier one of the same name.

    The default is checked only with ``validate_default``.
    """
    return FieldInfo(default, validate_default, tuple(constraints.items()))


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
    model_fields: ClassVar[Mapping[str, FieldInfo]] = {}
    required_fields: ClassVar[frozenset[str]] = frozenset()
    """The fields without a default."""
    json_schema: ClassVar[Mapping[str, Any]] = {}
    """What the document of the API says of rules about several fields, as keywords of JSON Schema."""

    def __init_subclass__(cls) -> None:
        fields = dict(cls.model_fields)
        for name in get_annotations(cls):
            given = vars(cls).get(name, NO_DEFAULT)
            fields[name] = given if isinstance(given, FieldInfo) else FieldInfo(given, False)
            if given is not NO_DEFAULT:
                delattr(cls, name)
        cls.model_fields = fields
        cls.required_fields = frozenset(name for name, field in fields.items() if field.default is NO_DEFAULT)

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - the core checks the types
        _core_of(type(self)).check(fields, self_instance=self)

    @classmethod
    def prepare(cls) -> None:
        """Translate the model now, and not when it is first used."""
        _core_of(cls)

    @classmethod
    def model_validate(cls, document: object) -> Self:
        """Return a record of the fields in a dictionary."""
        found: Self = _core_of(cls).check(document)
        return found

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Return a record of the fields in a JSON object."""
        found: Self = _core_of(cls).check_json(text)
        return found

    @classmethod
    def model_construct(cls, **fields: Any) -> Self:  # noqa: ANN401 - values that are known to be valid
        """Return a record without checking its fields. Missing fields get their defaults, which all records share."""
        given = ((name, fields.get(name, field.default)) for name, field in cls.model_fields.items())
        values = {
            name: value for name, value in given if value is not NO_DEFAULT
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
    def _core(self) -> "Core":
        from saxaul.catalog.core import core_of_type  # noqa: PLC0415 - functions that validate nothing skip this import

        return core_of_type(self._type)

    def prepare(self) -> None:
        """Translate the type now, and not when it is first used."""
        _ = self._core

    def validate_python(self, value: object) -> Checked:
        found: Checked = self._core.check(value)
        return found

    def validate_json(self, text: str | bytes, *, strict: bool = False) -> Checked:
        found: Checked = self._core.check_json(text, strict=strict)
        return found


_cores: "dict[type[Model], Core]" = {}
"""The cores of the models that have been used."""


def _core_of(model: type[Model]) -> "Core":
    found = _cores.get(model)
    if found is None:
        from saxaul.catalog.core import core_of_type  # noqa: PLC0415 - functions that validate nothing skip this import

        found = _cores[model] = core_of_type(model)
    return found
