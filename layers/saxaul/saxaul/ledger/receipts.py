"""Receipts: what became of each action or reversal of one call.

A call is queued as one or several messages, and each message has its part of the receipt. A part says of each item of
the call, by its place, what became of it, as one character. Places that are not in the part have ``ABSENT``.

If a call has the same item at two places, both say what became of the one action.

A receipt says what posting did. What changes an entry afterwards, such as a later reversal, only the ledger shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

ReceiptKind = Literal["actions", "reversals"]

Status = Literal[
    "refused", "waiting", "posted", "withheld", "replayed", "conflicted", "reversed", "nothing_to_reverse", "dropped"
]
"""What became of an item of a call.

- ``refused``: the call's response said so.
- ``waiting``: it is queued, or it lies in the dead-letter queue.
- ``posted``: it is in the ledger. The reason says if a part of it does not count or earns nothing, or if it was added
  to a sum. A sum keeps no content, so an action of it is ``posted``, and not ``replayed`` or ``conflicted``, each time.
- ``withheld``: it was taken in and earns nothing. The reason says why.
- ``replayed``: an earlier call reported it with the same content.
- ``conflicted``: an earlier call reported it with other content, which stays.
- ``reversed``: the action was reversed.
- ``nothing_to_reverse``: no action was reversed. The reason says why.
- ``dropped``: an operator deleted its message before its posting was known. If the worker had stopped between the
  ledger and the receipt, it is posted all the same. Or its person was erased, as the reason then says.
"""

RECEIPT_DAYS = 30
"""How many days after the call a receipt is kept."""

ABSENT = "-"
WAITING = "w"
DROPPED = "d"
PERSON_ERASED = "g"


class Fate(NamedTuple):
    """What became of an item, and why, if the status does not say it."""

    status: Status
    reason: str = ""


FATES: Mapping[str, Fate] = {
    WAITING: Fate("waiting"),
    "p": Fate("posted"),
    "u": Fate("posted", "over_units_cap"),
    "q": Fate("posted", "over_points_cap"),
    "f": Fate("posted", "over_plausible_quantity"),
    "s": Fate("posted", "summed"),
    "U": Fate("withheld", "over_units_cap"),
    "Q": Fate("withheld", "over_points_cap"),
    "t": Fate("withheld", "too_small_to_earn"),
    "e": Fate("withheld", "same_evidence"),
    "i": Fate("withheld", "repeated_id"),
    "x": Fate("withheld", "reversed"),
    "n": Fate("withheld", "no_room"),
    "r": Fate("replayed"),
    "c": Fate("conflicted"),
    "v": Fate("reversed"),
    "k": Fate("nothing_to_reverse", "kept"),
    "l": Fate("nothing_to_reverse", "not_kept"),
    "m": Fate("nothing_to_reverse", "summed"),
    DROPPED: Fate("dropped"),
    PERSON_ERASED: Fate("dropped", "person_erased"),
}
"""By character, what became of an item."""

CODES: Mapping[Fate, str] = {fate: code for code, fate in FATES.items()}


class ReceiptPart(NamedTuple):
    """The part of a receipt that belongs to one message.

    Attributes:
        part, parts: the number of this part, from 0, and how many the receipt has.
        accepted_at: when the call was accepted, in seconds.
        outcomes: one character for each item of the call: a key of ``FATES``, or ``ABSENT``.
    """

    receipt_id: str
    part: int
    parts: int
    app: str
    kind: ReceiptKind
    accepted_at: int
    outcomes: str

    @property
    def is_waiting(self) -> bool:
        return WAITING in self.outcomes

    @property
    def waiting(self) -> int:
        """How many items of this part wait."""
        return self.outcomes.count(WAITING)

    @property
    def accepted(self) -> int:
        """How many items of the call are in this part."""
        return len(self.outcomes) - self.outcomes.count(ABSENT)

    @property
    def expires_at(self) -> int:
        return self.accepted_at + RECEIPT_DAYS * 86_400


def waiting_outcomes(size: int, places: Iterable[int]) -> str:
    """Return the outcomes of a part of a call of ``size`` items before its message is posted."""
    return with_outcomes(ABSENT * size, dict.fromkeys(places, WAITING))


def with_outcomes(outcomes: str, found: Mapping[int, str]) -> str:
    """Return outcomes with other characters at some places."""
    characters = list(outcomes)
    for place, code in found.items():
        characters[place] = code
    return "".join(characters)


def fates_of(parts: Sequence[ReceiptPart]) -> list[Fate | None]:
    """Return what became of each item of a call, by place; None if a part is missing and the item may belong to it.

    An item that is in none of the parts was refused.
    """
    is_complete = len(parts) == parts[0].parts
    elsewhere = Fate("refused") if is_complete else None
    codes = ["".join(at).replace(ABSENT, "") for at in zip(*(part.outcomes for part in parts), strict=True)]
    return [FATES[code] if code else elsewhere for code in codes]
