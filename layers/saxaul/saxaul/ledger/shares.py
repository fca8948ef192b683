"""Shares: how much of a period each app may use, so that no app can take the room of another.

DynamoDB limits an item to 400 KB. A period has room for the shares of 16 apps. Each share is limited in bytes:

- entries up to ``ENTRY_BYTES``, of which the last ``RESERVED_BYTES`` are for running totals and actions with evidence;
- sums up to ``SUM_BYTES``;
- digests up to ``DIGEST_BYTES``.

An action that finds no room for an entry is added to the sum of its day, type and terms. The digest of
its name is kept, so that a repeat is recognised. An action that finds no room at all is not recorded and earns nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from saxaul.ledger.entries import Entry, app_of, entry_name

MAX_APPS = 16
"""The most apps that may report for one person in one period."""

ENTRY_BYTES = 17 * 1024
RESERVED_BYTES = 2 * 1024
SUM_BYTES = 3 * 1024
DIGEST_BYTES = 4 * 1024
"""The limits of one share. The shares of 16 apps are 384 KiB, which leaves 16 KiB of an item for everything else."""

MAX_WITHHELD = 40
"""The most entries of one share that a cap or their size left without points. Further ones are added to a sum."""

DIGEST_LENGTH = 4
"""The bytes of one digest. If a share is full of digests, one new action in 4 million is taken for a repeat."""

REVERSED = "reversed"
"""The reason that is stored for a reversal if the app's share has no room for the reason that was given."""

_FIELDS_BYTES = 90
"""What the numbers and names of an entry take at most after compression, without its ids, marks and reversal reason.

Action types and campaigns are not counted, because their few names compress to almost nothing. A test measures that
the largest period fits an item, with random ids and numbers.
"""

_RUN_BYTES = 8
"""What the first day of a run takes, and the reference to the name of its campaign. A year may have 53 runs of each."""

_MARK_BYTES = 5
"""What the mark of a receipt takes with its name. Four characters of 6 bits do not compress to less than 3 bytes."""

_MOST_MARKS = 3
"""The most marks of receipts that a running total may get. Other entries are not raised, so they get one fewer.

An entry is counted with all of them from the start. So a mark that it gets later needs no room.
"""


@dataclass
class Share:
    """What one app uses of a period: the bytes of its entries and of its sums, and how many entries are withheld."""

    entry_bytes: int = 0
    sum_bytes: int = 0
    withheld: int = 0

    def add(self, name: str, entry: Entry) -> None:
        if entry.summed:
            self.sum_bytes += weight(name, entry)
        else:
            self.entry_bytes += weight(name, entry)
            self.withheld += entry.is_withheld

    def has_room_for(self, name: str, awarded: Entry) -> bool:
        """Whether an action can become an entry. If not, it is added to a sum."""
        if awarded.is_withheld and self.withheld >= MAX_WITHHELD and not _needs_an_entry(awarded):
            return False
        limit = ENTRY_BYTES if _needs_an_entry(awarded) else ENTRY_BYTES - RESERVED_BYTES
        return self.entry_bytes + weight(name, awarded) <= limit

    def has_room_for_sum(self, entry: Entry) -> bool:
        """Whether a new sum of actions with the terms of this entry has room."""
        return self.sum_bytes + _weight_of_sum(entry) <= SUM_BYTES

    def add_reason(self, entry: Entry, reason: str) -> str:
        """Add the reason of the reversal of an entry, or REVERSED if there is no room. Return what was added.

        The share may have no room for REVERSED either. It takes next to nothing, because compression finds it again.
        """
        size = len(reason.encode())
        if entry.summed:
            kept = reason if self.sum_bytes + size <= SUM_BYTES else REVERSED
            self.sum_bytes += len(kept.encode())
        else:
            kept = reason if self.entry_bytes + size <= ENTRY_BYTES else REVERSED
            self.entry_bytes += len(kept.encode())
        return kept


def shares_of(entries: Iterable[tuple[str, Entry]]) -> dict[str, Share]:
    """Return the share of each app that has entries."""
    shares: dict[str, Share] = {}
    for name, entry in entries:
        shares.setdefault(app_of(name), Share()).add(name, entry)
    return shares


def can_be_summed(entry: Entry) -> bool:
    """Whether an action may be added to a sum. A running total may grow, and evidence may turn out to be used twice."""
    return not _needs_an_entry(entry)


def weight(name: str, entry: Entry) -> int:
    """Return the bytes that an entry takes of its app's share. A sum has a name of ours, which compresses well."""
    reason = len(entry.reversal.encode()) if entry.reversal else 0
    if entry.summed:
        return _weight_of_sum(entry) + reason
    run = _RUN_BYTES if entry.run else 0
    ids = len(name) - name.find(":") + len(entry.evidence_id)
    marks = (_MOST_MARKS if entry.is_total else _MOST_MARKS - 1) * _MARK_BYTES
    return _FIELDS_BYTES + marks + ids + run + reason


def _weight_of_sum(entry: Entry) -> int:
    """Return the bytes that a sum takes without the reason of a reversal. It has the run of a campaign twice."""
    return _FIELDS_BYTES + (2 * _RUN_BYTES if entry.run else 0)


def sum_name(app: str, day: str, entry: Entry, number: int = 1) -> str:
    """Return the name of the sum that an action is added to. No action has this name: ids contain no slash.

    ``number`` is 1 for the first sum of its kind. A sum that was reversed gets no more actions. The next one then has
    the next number, which its name shows from 2 on.
    """
    limit = "" if entry.plausible is None else f"/{entry.plausible.normalize():f}"
    terms = f"{entry.type}/{entry.rule}/{entry.run}/{entry.multiplier.normalize():f}{limit}"
    return entry_name(app, f"{day}/{terms}{f'~{number}' * (number > 1)}")


def open_sum_name(app: str, day: str, entry: Entry, entries: Mapping[str, Entry]) -> str:
    """Return the name of the first sum of this kind among the entries of a period that is not reversed, or not there.

    A share has few sums, so this looks at few of them.
    """
    names = (sum_name(app, day, entry, number) for number in count(1))
    return next(name for name in names if name not in entries or not entries[name].reversal)


def is_sum_id(action_id: str) -> bool:
    """Whether a reversal names a sum and not an action."""
    return "/" in action_id


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:DIGEST_LENGTH]


def has_digest(digests: bytes, name: str) -> bool:
    """Return whether the digest of a name is among ``digests``."""
    if not digests:
        return False
    wanted = digest(name)
    at = digests.find(wanted)
    while at >= 0 and at % DIGEST_LENGTH:
        at = digests.find(wanted, at + 1)
    return at >= 0


def _needs_an_entry(entry: Entry) -> bool:
    return entry.is_total or bool(entry.evidence_id)
