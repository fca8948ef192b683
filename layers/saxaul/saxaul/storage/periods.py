"""Periods as items. DynamoDB bills writes by the kilobyte, so field names are short and long periods are compressed."""

import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.sums import Awarded, PeriodSums, sums_of
from saxaul.storage.batches import Outcome, Write, write_batch
from saxaul.storage.table import Item, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from saxaul.ledger.repeats import Sought

PERIOD_PREFIX = "PAGE#"
_PARTITIONS = {"user": "USER#", "facility": "FACILITY#"}

_SHORT = {
    "type": "t",
    "quantity": "q",
    "occurred_at": "o",
    "recorded_at": "n",
    "points": "p",
    "avoided_g": "g",
    "units": "u",
    "counted": "h",
    "rule": "r",
    "reason": "w",
    "run": "c",
    "multiplier": "m",
    "plausible": "l",
    "is_total": "b",
    "evidence_id": "i",
    "summed": "s",
    "wanted": "a",
    "void": "y",
    "reversal": "x",
    "conflicted": "d",
    "contested": "f",
    "receipt": "j",
    "raised_by": "v",
    "reversed_by": "z",
}
"""The stored name of each field of an entry. A field that has its default value is not stored.

By default, ``units`` and ``counted`` are the quantity of an entry that counts, and zero for one that does not.
"""

_INTEGERS = {"occurred_at", "recorded_at", "points", "rule", "summed"}
_DECIMALS = {"quantity", "avoided_g", "units", "counted", "multiplier", "plausible", "wanted"}

_REQUIRED = object()
"""Stands for the default of a field that has none."""

_DEFAULT_OF = {field.name: _REQUIRED if field.default is MISSING else field.default for field in fields(Entry)}
_PLACES = [(short, _DEFAULT_OF[name]) for name, short in _SHORT.items()]
_VALUES_OF = attrgetter(*_SHORT)
_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any] | None]] = {
    short: (name, int if name in _INTEGERS else Decimal if name in _DECIMALS else None)
    for name, short in _SHORT.items()
}
"""By stored name, the name of a field of an entry, and what converts its stored value."""

_PLAIN_BYTES = 900
"""If the JSON of a period's entries has at most this many bytes, they are stored as a readable map, else compressed.

DynamoDB counts fewer bytes for the map than the JSON has, so such an item fits in 1 KB, marks of receipts included.
"""


_PACKED_BYTES = 4096
"""If the compressed entries have more bytes, they are stored in another attribute, together with their sums.

So a wallet can be read without them. The sums take up about 14 bytes for each quarter of an hour with entries that may
not be ripe: 2 KB if 140 entries of the last three days are in different quarters. A shorter item has no sums.
"""

_DICTIONARY = (
    b"clothes_recyclingplastic_recyclinghospital_bookinggreen_hotel_nightleave_the_carshow_tickettrain_ticket"
    b"secondhand_itempaperless_billetc_tollparcel_box_returne_invoiceno_cutlerybike_ridebus_ridemetro_ridewalking"
    b'","w":"over_units_cap","w":"over_points_cap","m":"1.5","x":","y":"same_evidence","u":"0","h":"0"'
    b'[{"k":"alipay:-4-8-9-a-b","t":"walking","q":"1","o":1780,"n":1780,"p":80,"g":"12.5","r":1},{"k":"'
)
"""What entries have in common, such as the action types of the default catalog.

Compression finds it here at its first occurrence, which saves 50 to 100 bytes. It never changes: what was compressed
with it can be read only with it. A changed catalog costs a few bytes, and no more. If another dictionary is ever
wanted, it is added beside this one. Each compressed text names its own by a checksum (RFC 1950).
"""

_NO_MARK = "AAAA"
"""Stands for an entry without a mark. An entry with this mark, one of 16 million, is stored as if it had none."""

_MARKS = re.compile(r"[A-Za-z0-9_-]*")

_ATTRIBUTES = ("e", "z", "packed", "marks", "sums", "digests", "full", "awaited")
"""All attributes that a period may have, besides its key and its version."""

_SHORT_BYTES = 1024
"""About how many bytes a period has besides its compressed entries and its digests."""

_WITHOUT_LONG_ENTRIES = "pk, sk, e, z, sums"
"""The attributes from which the sums of every period can be computed."""


class Periods:
    """Reads and writes periods."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_many(self, keys: Iterable[PeriodKey], *, consistent: bool) -> dict[PeriodKey, Period]:
        """Return the period under each key. A period without an item is empty and has version 0."""
        wanted = {period_key(key): key for key in keys}
        items = self._table.get_many(wanted, consistent=consistent)
        return {key: from_item(items[at]) if at in items else Period(key) for at, key in wanted.items()}

    def between(self, owner: Owner, first: str, last: str) -> list[Period]:
        """Return an owner's periods whose windows, as text, are between ``first`` and ``last``, both included."""
        return [
            from_item(item) for item in self._table.query(partition(owner), PERIOD_PREFIX + first, PERIOD_PREFIX + last)
        ]

    def sums_between(self, owner: Owner, first: str, last: str) -> list[PeriodSums]:
        """Return the sums of an owner's periods whose windows are between ``first`` and ``last``, both included."""
        first_key, last_key = PERIOD_PREFIX + first, PERIOD_PREFIX + last
        return [
            sums_from_item(item)
            for item in self._table.query(partition(owner), first_key, last_key, _WITHOUT_LONG_ENTRIES)
        ]

    def sums_of_many(self, keys: Iterable[PeriodKey]) -> list[PeriodSums]:
        """Return the sums of the periods under these keys that exist, read consistently."""
        found = self._table.get_many(map(period_key, keys), consistent=True, only=_WITHOUT_LONG_ENTRIES)
        return [sums_from_item(item) for item in found.values()]

    def before(self, owner: Owner, window: str) -> Iterator[Period]:
        """Yield an owner's periods whose windows, as text, are before ``window``, last first. Reads two at a time."""
        items = self._table.query_back(partition(owner), PERIOD_PREFIX, PERIOD_PREFIX + window)
        return map(from_item, items)

    def with_names(self, sought: Mapping[Owner, "Sought"]) -> Iterator[tuple[Owner, list[Period]]]:
        """Yield each owner with the periods that may hold the sought names, read consistently.

        These are the periods that have days from the first to the last. Other entries are left out, because converting
        them takes time.
        """
        outer = {owner: _around(owner, days.first.isoformat()) for owner, days in sought.items()}
        long = self._table.get_many((key for keys in outer.values() for key in keys), consistent=True)
        for owner, days in sought.items():
            first, last = (PERIOD_PREFIX + day.isoformat() for day in (days.first, days.last))
            items = [
                *(long[key] for key in outer[owner] if key in long),
                *self._table.query(partition(owner), first, last),
            ]
            yield owner, [_period(item, [e for e in _entries_in(item) if e["k"] in days.names]) for item in items]

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        """Write a batch of periods, each if its stored version is still the one that was read. Return each outcome.

        Raises:
            ClientError, UnansweredError: the request failed. Each period may have been written or not.
        """
        return write_batch(self._table, batch, _ATTRIBUTES)

    def put_write(self, period: Period) -> "TransactWriteItemTypeDef":
        return self._table.put_write(to_item(period), period.version)


def partition(owner: Owner) -> str:
    return _PARTITIONS[owner.kind] + owner.id


def period_key(key: PeriodKey) -> Key:
    return Key(partition(key.owner), PERIOD_PREFIX + key.window)


def _around(owner: Owner, day: str) -> list[Key]:
    """Return the keys of the periods of a day's month and year. In the order of the keys, these come before the day."""
    return [period_key(PeriodKey(owner, window)) for window in (day[:7], day[:4])]


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=str, ensure_ascii=False)


def to_item(period: Period) -> Item:
    entries = [_stored_form(name, entry, period) for name, entry in period.entries.items()]
    rest, marks = _without_marks(entries)
    text = _ENCODER.encode(rest).encode()
    item: Item = {**period_key(period.key)._asdict()}
    if len(text) <= _PLAIN_BYTES:
        item["e"] = entries
    else:
        packed = compressed(text)
        is_short = len(packed) <= _PACKED_BYTES
        item |= {"z": packed} if is_short else {"packed": packed, "sums": _pack_sums(_sums(period.key.window, entries))}
        if marks:
            item["marks"] = marks
    if period.digests:
        item["digests"] = dict(period.digests)
    if period.full:
        item["full"] = sorted(period.full)
    if period.awaited:
        item["awaited"] = sorted(period.awaited)
    return item


def _without_marks(entries: list[Item]) -> tuple[list[Item], bytes]:
    """Return stored entries without the marks under which they came, and these marks, in three bytes each.

    A mark is random. Within the compressed entries it would take 7 bytes. Marks that are not four characters of a
    receipt id of ours stay where they are.
    """
    marks = "".join([form.get("j", _NO_MARK) for form in entries])
    if len(marks) != len(_NO_MARK) * len(entries) or not _MARKS.fullmatch(marks):
        return entries, b""
    rest = [form.copy() for form in entries]
    for form in rest:
        form.pop("j", None)
    return rest, urlsafe_b64decode(marks) if marks.strip(_NO_MARK[0]) else b""


def compressed(text: bytes) -> bytes:
    packing = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=_DICTIONARY)
    return packing.compress(text) + packing.flush()


def decompressed(packed: bytes) -> bytes:
    """Return the JSON of compressed entries. It may also have been compressed without the dictionary.

    Raises:
        zlib.error: these are no compressed entries, or they are cut short.
    """
    unpacking = zlib.decompressobj(zdict=_DICTIONARY)
    text = unpacking.decompress(packed) + unpacking.flush()
    if not unpacking.eof:
        raise zlib.error("the compressed entries are cut short")
    return text


def _stored_form(name: str, entry: Entry, period: Period) -> Item:
    read, form = period.stored.get(name, (None, {}))
    return form if read is entry else {"k": name, **_shortened(entry)}


def to_write(period: Period) -> Write:
    """Return the write of a period on condition that its stored version is still the one that was read."""
    item = to_item(period)
    long = len(item.get("packed") or item.get("z") or b"") + len(item.get("marks", b""))
    long += sum(map(len, period.digests.values()))
    return Write(item, period.version, _SHORT_BYTES + long)


def from_item(item: Item) -> Period:
    return _period(item, _entries_in(item))


class Changed(NamedTuple):
    """A period before and after a write, without unchanged entries, because converting them takes time.

    ``runs`` are those of campaigns of which the period newly has an entry that counts (1), or no longer has any (-1).
    """

    before: Period | None
    after: Period
    runs: Mapping[str, int]


def change_of(before: Item | None, after: Item) -> Changed:
    """Return what a write changed of a period. ``before`` and ``after`` are the item before and after the write.

    ``before`` is None if the write made the item.
    """
    old, new = ({entry["k"]: entry for entry in _entries_in(item)} if item else {} for item in (before, after))
    shared = {name for name, entry in new.items() if old.get(name) == entry}
    was, now = ([entry for name, entry in found.items() if name not in shared] for found in (old, new))
    had, has = _runs_in(old.values()), _runs_in(new.values())
    runs = dict.fromkeys(has - had, 1) | dict.fromkeys(had - has, -1)
    return Changed(_period(before, was) if before else None, _period(after, now), runs)


def _runs_in(entries: Iterable[Item]) -> set[str]:
    """Return the runs of campaigns that multiply the stored entries that count."""
    return {entry["c"] for entry in entries if "c" in entry and not ("x" in entry or "y" in entry)}


def _entries_in(item: Item) -> list[Item]:
    packed = item.get("packed") or item.get("z")
    entries: list[Item] = json.loads(decompressed(bytes(packed))) if packed else item["e"]
    if "marks" in item:
        marks = urlsafe_b64encode(bytes(item["marks"])).decode()
        for number, entry in enumerate(entries):
            if (mark := marks[4 * number : 4 * number + 4]) != _NO_MARK:
                entry["j"] = mark
    return entries


def sums_from_item(item: Item) -> PeriodSums:
    """Return the sums of a period: the stored ones, or else those of its entries."""
    window = item["sk"].removeprefix(PERIOD_PREFIX)
    return _unpack_sums(window, item["sums"]) if "sums" in item else _sums(window, _entries_in(item))


def entries_using_caps(item: Item, action_types: Collection[str]) -> list[Entry]:
    """Return the entries of these types that use a cap. Other entries are left out, because converting takes time.

    The shares of the apps limit how many entries a period has, so converting all of them takes less than 0.1 seconds.
    """
    return [
        _restored(entry)
        for entry in _entries_in(item)
        if entry["t"] in action_types
        and not ("x" in entry or "y" in entry)
        and ("p" in entry or Decimal(entry.get("u", 1)))
    ]


def _sums(window: str, entries: Iterable[Item]) -> PeriodSums:
    """Add up stored entries. Only four fields of each are read, because restoring whole entries takes time."""
    awarded = (
        Awarded(int(e.get("p", 0)), Decimal(e["g"]) if "g" in e else ZERO, int(e["o"]), int(e["n"])) for e in entries
    )
    return sums_of(window, awarded)


def _pack_sums(sums: PeriodSums) -> Item:
    ripening = {str(at): points for at, points in sums.ripening.items()}
    return {"p": sums.points, "g": sums.avoided_g, "r": ripening}


def _unpack_sums(window: str, packed: Item) -> PeriodSums:
    ripening = {int(at): int(points) for at, points in packed["r"].items()}
    return PeriodSums(window, int(packed["p"]), packed["g"], ripening)


def _period(item: Item, entries: list[Item]) -> Period:
    stored = {form["k"]: _with_numbers(form) for form in entries}
    return Period(
        PeriodKey(owner_of(item["pk"]), item["sk"].removeprefix(PERIOD_PREFIX)),
        {name: entry for name, (entry, _) in stored.items()},
        version=int(item["v"]),
        digests={app: bytes(digests) for app, digests in item.get("digests", {}).items()},
        full=frozenset(item.get("full", ())),
        awaited=frozenset(item.get("awaited", ())),
        stored=stored,
    )


def owner_of(pk: str) -> Owner:
    kind, _, identifier = pk.partition("#")
    return Owner("user" if kind == "USER" else "facility", identifier)


def _shortened(entry: Entry) -> Item:
    by_default = entry.quantity if entry.counts else ZERO
    stored = {
        short: value
        for (short, default), value in zip(_PLACES, _VALUES_OF(entry), strict=True)
        if value is not default and value != default
    }
    for short, value in (("u", entry.units), ("h", entry.counted)):
        if value == by_default:
            stored.pop(short, None)
        else:
            stored[short] = value
    return stored


def _restored(stored: Item) -> Entry:
    return _with_numbers(stored)[0]


def _with_numbers(stored: Item) -> tuple[Entry, Item]:
    """Return a stored entry, and its stored form with the numbers of the entry, as ``_shortened`` makes it."""
    found: Item = {}
    form: Item = {}
    for short, value in stored.items():
        if short == "k":
            form["k"] = value
        else:
            name, convert = _FIELDS[short]
            found[name] = form[short] = convert(value) if convert else value
    by_default = ZERO if "reversal" in found or "void" in found else found["quantity"]
    found.setdefault("units", by_default)
    found.setdefault("counted", by_default)
    return Entry(**found), form
