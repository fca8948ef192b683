"""The entries of a packed catalog. An entry is parsed when it is first read, because a search shows few of them.

An entry is a line of JSON. Some lines together are a block, which is compressed.
"""

import zlib
from array import array
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache, partial
from itertools import accumulate
from types import UnionType
from typing import Annotated, Any, Generic, Union, get_args, get_origin, get_type_hints

from pydantic_core import from_json

from saxaul.catalog.models import AnyModel, Model

_BLOCK = 32
"""The lines of a block. A block of suggestions is decompressed in about 0.1 ms."""

_KEPT_BLOCKS, _KEPT_ENTRIES = 16, 4096
"""How many blocks are kept, and how many entries of a kind."""


class StoredLines:
    """The lines of all entries, by position.

    Attributes:
        blocks: all blocks, one after the other.
        starts: where each block starts in ``blocks``; then the end of the last one.
        sizes: how many bytes each block has when it is decompressed.
    """

    def __init__(self, blocks: bytes, starts: "array[int]", sizes: "array[int]") -> None:
        self.blocks = blocks
        self.starts = starts
        self.sizes = sizes
        self._block = lru_cache(maxsize=_KEPT_BLOCKS)(partial(_lines_of, blocks, starts, sizes))

    @classmethod
    def packed(cls, lines: Sequence[bytes]) -> "StoredLines":
        """Compress lines, which contain no newline."""
        texts = [b"\n".join(lines[start : start + _BLOCK]) for start in range(0, len(lines), _BLOCK)]
        blocks = list(map(zlib.compress, texts))
        starts = array("I", accumulate(map(len, blocks), initial=0))
        return cls(b"".join(blocks), starts, array("I", map(len, texts)))

    def __len__(self) -> int:
        """Return how many lines the blocks can have."""
        return len(self.sizes) * _BLOCK

    def __getitem__(self, position: int) -> bytes:
        return self._block(position // _BLOCK)[position % _BLOCK]


def _lines_of(blocks: bytes, starts: Sequence[int], sizes: Sequence[int], number: int) -> list[bytes]:
    compressed = blocks[starts[number] : starts[number + 1]]
    return zlib.decompressobj().decompress(compressed, sizes[number]).split(b"\n")


class StoredEntries(Mapping[str, AnyModel], Generic[AnyModel]):
    """The entries of one kind, by identifier, in the order of the packed catalog."""

    def __init__(self, model: type[AnyModel], names: Sequence[str], lines: StoredLines, first: int) -> None:
        """Read entries of a model from the lines from position ``first`` on."""
        self._model = model
        self._names = names
        self._lines = lines
        self._first = first
        self._places: dict[str, int] = {}
        self._kept: dict[str, AnyModel] = {}

    def __getitem__(self, name: str) -> AnyModel:
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        if not self._places:
            self._places = {known: place for place, known in enumerate(self._names)}
        entry = self._read(self._places[name])
        if len(self._kept) >= _KEPT_ENTRIES:
            self._kept = {}
        self._kept[name] = entry
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> ItemsView[str, AnyModel]:
        return self._all().items()

    def values(self) -> ValuesView[AnyModel]:
        return self._all().values()

    def _all(self) -> dict[str, AnyModel]:
        """Return all entries, in order. Those of kinds with few entries are kept."""
        if list(self._kept) == self._names:
            return self._kept
        entries = {name: self._kept.get(name) or self._read(place) for place, name in enumerate(self._names)}
        if len(entries) <= _KEPT_ENTRIES:
            self._kept = entries
        return entries

    def _read(self, place: int) -> AnyModel:
        return recorded(self._model, from_json(self._lines[self._first + place]))


def recorded(model: type[AnyModel], fields: Mapping[str, Any]) -> AnyModel:
    """Return an entry, or a part of one, from its JSON.

    It is not checked, because it was checked before it was packed, and the limits of this release may be new.
    """
    readers = _readers(model)  # type: ignore[arg-type] # a class can be hashed
    return model.model_construct(
        **{name: reader(value) if (reader := readers[name]) else value for name, value in fields.items()}
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


_READERS: Mapping[Any, _Reader] = {Decimal: Decimal, date: date.fromisoformat}


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
