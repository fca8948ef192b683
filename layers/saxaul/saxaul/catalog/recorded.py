"""Reads entries, and parts of entries, that were recorded: in a snapshot, a search index, a stock, an order or the log.

They are not checked, because they were checked when they were written, and the limits of this release may be new.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from saxaul.catalog.models import AnyModel, Model


def recorded(model: type[AnyModel], fields: Mapping[str, Any]) -> AnyModel:
    """Return an entry, or a part of one, of which these are the fields. Fields that the model lacks are left out.

    Raises:
        ValueError: a field that has no default is missing.
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
"""What converts a JSON value to the type of a field. None if the value has this type already."""


@cache
def _readers(model: type[Model]) -> Mapping[str, _Reader]:
    return {name: _reader(kind) for name, kind in get_type_hints(model, include_extras=True).items()}


def _reader(kind: Any) -> _Reader:  # noqa: ANN401 - any annotation of a field
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reader(arguments[0])
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


_READERS: Mapping[Any, _Reader] = {int: int, Decimal: Decimal, date: date.fromisoformat}


def _reader_of_key(kind: Any) -> _Reader:  # noqa: ANN401
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return int if kind is int else None


def _optional(read: Callable[[Any], Any], value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return None if value is None else read(value)


def _tuple_of(read: _Reader, values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(map(read, values)) if read else tuple(values)


def _dict_of(read_key: _Reader, read: _Reader, values: Mapping[str, Any]) -> dict[Any, Any]:
    return {(read_key(key) if read_key else key): (read(value) if read else value) for key, value in values.items()}
