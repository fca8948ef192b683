"""Pack a built index into bytes that can be published, and unpack it without building anything.

The bytes are a header, a table and sections:

- The header has 20 bytes: ``MAGIC``, and three little-endian integers of 32 bits: the number of this format, the CRC-32
  of all that follows the header, and the length of the table.
- The table is JSON: a list of ``[name, kind, size, length]``, one for each section. ``size`` is the number of bytes of
  the section, and ``length`` the number of bytes that it takes here: less than ``size`` if it is compressed (zlib).
- The sections follow in this order, without gaps. Their kinds are those of `array` (H, I and Q: little-endian integers
  of 16, 32 and 64 bits), ``text`` (lines of UTF-8, each followed by a newline), ``json`` and ``bytes``. Before an array
  of H or I is compressed, its bytes are sorted: first the lowest byte of each integer, then the second of each.

Sets and checksums (``bytes`` and Q) are not compressed: to decompress them takes longer than to download the rest.
Entries are stored as JSON and parsed when a search shows them (`stored_entries.py`).
"""

import json
import sys
import zlib
from array import array
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from itertools import accumulate
from struct import Struct
from typing import Any, overload

from saxaul.catalog.entries import KINDS, MODELS, Catalog, Entity, Kind
from saxaul.search.building import Built, Groups
from saxaul.search.documents import Document, DocumentKind, document_of
from saxaul.search.index import SearchIndex
from saxaul.search.postings import Postings, StoredSets, width_of
from saxaul.search.ranking import Order, RankedSubject
from saxaul.search.stored_entries import StoredEntries, StoredLines
from saxaul.search.terms import Space
from saxaul.search.typos import COMPARED

MAGIC = b"SAXINDEX"

FORMAT = 1
"""The number of this format. Increase it if the sections change, or if fields of entries or ``Document`` change so that
an index of an older release cannot be searched."""

_HEADER = Struct("<8sIII")

_COMPRESSED = frozenset(("H", "I", "text", "json"))
_MOST_COMPRESSED = 8
"""The highest ratio of the size of a section to its length, so that no input takes much more memory than its length."""

_KIND_OF: Mapping[DocumentKind, Kind] = {
    "action": "suggestions",
    "tree_project": "tree-projects",
    "campaign": "campaigns",
    "initiative": "initiatives",
}


class BrokenIndexError(ValueError):
    """The bytes are no index of this format: they were cut or changed, or another release packed them."""


def pack(index: SearchIndex) -> bytes:
    """Return an index as bytes. Indexes of equal catalogs, whose entries have the same order, give the same bytes."""
    writer = _Writer()
    _write_catalog(writer, index.catalog)
    _write_built(writer, index.catalog, index.built)
    return writer.packed()


def unpack(packed: bytes) -> SearchIndex:
    """Return the index that ``pack`` packed.

    Raises:
        BrokenIndexError: ``pack`` of this format did not write these bytes.
    """
    try:
        reader = _Reader(packed)
        catalog = _read_catalog(reader)
        return SearchIndex(catalog, _read_built(reader, catalog))
    except BrokenIndexError:
        raise
    except Exception as error:
        raise BrokenIndexError(f"a section cannot be read: {type(error).__name__}") from error


def _write_catalog(write: "_Writer", catalog: Catalog) -> None:
    lines: list[bytes] = []
    for kind in KINDS:
        entries = _entries_of(catalog, kind)
        write.text(f"names/{kind}", list(entries))
        lines += [_json(entry.model_dump(mode="json", exclude_defaults=True)) for entry in entries.values()]
    packed = StoredLines.packed(lines)
    write.section("entries", packed.blocks)
    write.array("entries/starts", packed.starts)
    write.array("entries/sizes", packed.sizes)
    write.json("versions", dict(catalog.versions))


def _read_catalog(read: "_Reader") -> Catalog:
    names = {kind: read.text(f"names/{kind}") for kind in KINDS}
    lines = StoredLines(read.section("entries"), read.array("entries/starts"), read.array("entries/sizes"))
    _check_starts(lines.starts, len(lines.sizes), len(lines.blocks))
    counts = [len(of_kind) for of_kind in names.values()]
    if len(lines) < sum(counts):
        raise BrokenIndexError("entries are missing")
    firsts = dict(zip(KINDS, accumulate(counts, initial=0), strict=False))
    entries: dict[str, Any] = {
        kind.replace("-", "_"): StoredEntries(MODELS[kind], names[kind], lines, firsts[kind]) for kind in KINDS
    }
    return Catalog(**entries, versions=read.json("versions"))


def _write_built(write: "_Writer", catalog: Catalog, built: Built) -> None:
    places = {
        kind: {name: place for place, name in enumerate(_entries_of(catalog, of))} for kind, of in _KIND_OF.items()
    }
    write.array("documents", array("I", [places[document.kind][document.identifier] for document in built.documents]))
    write.section("sets", built.sets.bits)
    for space, postings in built.spaces.items():
        _write_postings(write, space.name, postings)
    _write_postings(write, "labels", built.order.labelled)
    _write_postings(write, "members", built.members)
    write.json(
        "subjects",
        [[*subject[:3], str(subject.points), str(subject.avoided_g)] for subject in built.order.subjects],
    )
    write.array("documents/subjects", built.order.subject_of)
    write.array("documents/later", built.order.later)
    write.text("groups", built.groups.names)
    write.array("groups/starts", built.groups.starts)
    write.array("groups/numbers", built.groups.numbers)
    for length, remains in built.remains.items():
        write.array(f"remains/{length}", remains)
    write.json("forms", built.forms)


def _read_built(read: "_Reader", catalog: Catalog) -> Built:
    places = read.array("documents")
    sets = StoredSets(width_of(len(places) + len(read.text("members/keys"))), read.section("sets"))
    subjects = [
        RankedSubject(name, kind, category, Decimal(points), Decimal(avoided_g))
        for name, kind, category, points, avoided_g in read.json("subjects")
    ]
    subject_of, later = read.array("documents/subjects"), read.array("documents/later")
    groups = Groups(read.text("groups"), read.array("groups/starts"), read.array("groups/numbers"))
    _check_starts(groups.starts, len(places), len(groups.numbers))
    if not len(places) == len(subject_of) == len(later):
        raise BrokenIndexError("the numbers of documents differ")
    return Built(
        StoredDocuments(catalog, subjects, subject_of, places),
        sets,
        {space: _read_postings(read, space.name, sets) for space in Space},
        Order(subjects, subject_of, later, _read_postings(read, "labels", sets)),
        groups,
        _read_postings(read, "members", sets),
        {length: read.array(f"remains/{length}", "Q") for length in COMPARED},
        read.json("forms"),
    )


def _entries_of(catalog: Catalog, kind: Kind) -> Mapping[str, Entity]:
    entries: Mapping[str, Entity] = getattr(catalog, kind.replace("-", "_"))
    return entries


def _write_postings(write: "_Writer", name: str, postings: Postings) -> None:
    write.text(f"{name}/keys", postings.keys)
    write.array(f"{name}/starts", postings.starts)
    write.array(f"{name}/documents", postings.documents)
    write.array(f"{name}/large", array("Q", postings.large))
    write.array(f"{name}/large/sets", array("I", postings.large.values()))


def _read_postings(read: "_Reader", name: str, sets: StoredSets) -> Postings:
    keys, starts = read.text(f"{name}/keys"), read.array(f"{name}/starts")
    documents = read.array(f"{name}/documents", "HI")
    large = dict(zip(read.array(f"{name}/large", "Q"), read.array(f"{name}/large/sets"), strict=True))
    _check_starts(starts, len(keys), len(documents))
    if max(large.values(), default=-1) >= len(sets.bits) // sets.width:
        raise BrokenIndexError("a set is missing")
    return Postings(keys, starts, documents, large, sets)


def _check_starts(starts: Sequence[int], count: int, end: int) -> None:
    if len(starts) != count + 1 or starts[0] != 0 or starts[-1] != end:
        raise BrokenIndexError("the length of a section does not fit another one")


class StoredDocuments(Sequence[Document]):
    """The documents of a packed index, by number. Each is made from its entry when it is read for the first time."""

    def __init__(
        self, catalog: Catalog, subjects: Sequence[RankedSubject], subject_of: Sequence[int], places: Sequence[int]
    ) -> None:
        self._count = len(places)
        names = {kind: list(_entries_of(catalog, of)) for kind, of in _KIND_OF.items()}
        self._read = lru_cache(maxsize=4096)(partial(_document, catalog, subjects, subject_of, names, places))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> Document: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Document]: ...

    def __getitem__(self, number: int | slice) -> Document | Sequence[Document]:
        if isinstance(number, slice):
            return [self._read(each) for each in range(*number.indices(self._count))]
        return self._read(number)


def _document(
    catalog: Catalog,
    subjects: Sequence[RankedSubject],
    subject_of: Sequence[int],
    names: Mapping[DocumentKind, Sequence[str]],
    places: Sequence[int],
    number: int,
) -> Document:
    kind = subjects[subject_of[number]].kind
    return document_of(kind, names[kind][places[number]], catalog)


class _Writer:
    def __init__(self) -> None:
        self._table: list[tuple[str, str, int, int]] = []
        self._sections: list[bytes | bytearray] = []

    def section(self, name: str, content: bytes | bytearray, kind: str = "bytes") -> None:
        stored = _compressed(content, kind) if kind in _COMPRESSED else content
        self._table.append((name, kind, len(content), len(stored)))
        self._sections.append(stored)

    def array(self, name: str, numbers: "array[int]") -> None:
        self.section(name, _little_endian(numbers).tobytes(), numbers.typecode)

    def text(self, name: str, lines: Collection[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text.count("\n") != len(lines):
            raise AssertionError(f"a line of {name} has a newline")
        self.section(name, text.encode(), "text")

    def json(self, name: str, value: object) -> None:
        self.section(name, _json(value), "json")

    def packed(self) -> bytes:
        table = _json(self._table)
        rest = b"".join([table, *self._sections])
        return _HEADER.pack(MAGIC, FORMAT, zlib.crc32(rest), len(table)) + rest


class _Reader:
    def __init__(self, packed: bytes) -> None:
        if len(packed) < _HEADER.size:
            raise BrokenIndexError("the bytes are too short")
        magic, number, checksum, length = _HEADER.unpack_from(packed)
        if magic != MAGIC or number != FORMAT:
            raise BrokenIndexError(f"this is no index of format {FORMAT}")
        rest = memoryview(packed)[_HEADER.size :]
        if zlib.crc32(rest) != checksum:
            raise BrokenIndexError("the checksum does not fit the bytes")
        self._sections: dict[str, tuple[str, int, memoryview]] = {}
        start = length
        for name, kind, size, stored in json.loads(bytes(rest[:length])):
            if not 0 <= stored <= size <= stored * _MOST_COMPRESSED:
                raise BrokenIndexError(f"the size of the section {name} is wrong")
            self._sections[name] = kind, size, rest[start : start + stored]
            start += stored
        if start != len(rest):
            raise BrokenIndexError("the table does not fit the sections")

    def section(self, name: str, kind: str = "bytes") -> bytes:
        found, size, stored = self._sections[name]
        if found != kind:
            raise BrokenIndexError(f"the section {name} is of another kind")
        return bytes(stored) if len(stored) == size else _decompressed(stored, size, kind)

    def array(self, name: str, kinds: str = "I") -> "array[int]":
        """Return the integers of a section, which is an array of one of the kinds."""
        kind = self._sections[name][0]
        if kind not in tuple(kinds):
            raise BrokenIndexError(f"the section {name} is of another kind")
        numbers = array(kind)
        numbers.frombytes(self.section(name, kind))
        return _little_endian(numbers)

    def text(self, name: str) -> list[str]:
        return self.section(name, "text").decode().split("\n")[:-1]

    def json(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        return json.loads(self.section(name, "json"))


def _compressed(content: bytes | bytearray, kind: str) -> bytes | bytearray:
    """Return a section compressed, or as it is if that saves nothing or saves too much to be safe."""
    width = _WIDTHS.get(kind, 1)
    compressed = zlib.compress(b"".join(content[place::width] for place in range(width)))
    return compressed if len(compressed) < len(content) <= len(compressed) * _MOST_COMPRESSED else content


def _decompressed(stored: memoryview, size: int, kind: str) -> bytes:
    sorted_bytes = zlib.decompressobj().decompress(stored, size)
    if len(sorted_bytes) != size:
        raise BrokenIndexError("a section is cut short")
    width = _WIDTHS.get(kind, 1)
    count = size // width
    content = bytearray(size)
    for place in range(width):
        content[place::width] = sorted_bytes[place * count : (place + 1) * count]
    return bytes(content)


_WIDTHS = {"H": 2, "I": 4}


def _little_endian(numbers: "array[int]") -> "array[int]":
    """Return numbers in little-endian order, or numbers that are in this order in the order of this machine."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
