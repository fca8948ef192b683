"""Reads entries, and parts of entries, that were recorded: in a snapshot, a search index, a stock, an order or the log.

They are not validated, because they were validated when they were written, and the limits of this release may be new.
Only the types of their values are checked, so that a damaged entry fails here and not where it is used.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from saxaul.catalog.models import AnyModel, Model


def recorded(model: type[AnyModel], fields: Mapping[str, Any]) -> AnyModel:
    """Return an entry, or a part of one, of which these are the fields. Fields that the model lacks are left out.

    Raises:
        ValueError: a field that has no default is missing, or the text of a number or date is malformed.
        TypeError, AttributeError, ArithmeticError: a value has the wrong type.
    """
    readers = _readers(model)  # type: ignore[arg-type] # a class can be hashed
    if missing := model.required_fields - fields.keys():
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(missing))}")
    return model.model_construct(
        **{
            name: reader(value) if (reader := readers[name]) else value
            for name, value in fields.items()
            if name in readers
        }
    )


_Reader = Callable[[Any], Any] | None
"""What converts a JSON value to the type of a field, or only checks its type. None if it may have any type."""


@cache
def _readers(model: type[Model]) -> Mapping[str, _Reader]:
    return {name: _reader(kind) for name, kind in get_type_hints(model, include_extras=True).items()}


def _reader(kind: Any) -> _Reader:  # noqa: ANN401 - any annotation of a field
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reader(arguments[0])
    if origin is Literal:
        return _reader(type(arguments[0]))
    if origin in (Union, UnionType):
        inner = next(filter(None, map(_reader, arguments)), None)
        return inner and partial(_optional, inner)
    if origin is tuple:
        return partial(_tuple_of, _reader(arguments[0]))
    if origin is dict:
        return partial(_dict_of, _reader_of_key(arguments[0]), _reader(arguments[1]))
    if isinstance(kind, type) and issubclass(kind, Model):
        return partial(recorded, kind)
    return _READERS.get(kind)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if type(value) is not str:
        raise TypeError(f"{value!r} is not a text")
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if type(value) is not bool:
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _finite(value: Any) -> Decimal:  # noqa: ANN401 - any JSON value
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return number


_READERS: Mapping[Any, _Reader] = {
    str: _text,
    bool: _flag,
    int: int,
    float: float,
    Decimal: _finite,
    date: date.fromisoformat,
}


def _reader_of_key(kind: Any) -> _Reader:  # noqa: ANN401
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return _READERS[kind] if kind in (int, date) else None


def _optional(read: Callable[[Any], Any], value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return None if value is None else read(value)


def _tuple_of(read: _Reader, values: Sequence[Any]) -> tuple[Any, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"{values!r} is not a list")
    return tuple(map(read, values)) if read else tuple(values)


def _dict_of(read_key: _Reader, read: _Reader, values: Mapping[str, Any]) -> dict[Any, Any]:
    return {(read_key(key) if read_key else key): (read(value) if read else value) for key, value in values.items()}
