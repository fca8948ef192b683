"""Fates: which character of a receipt says what became of an action or a reversal.

A message may be delivered again after it was posted and before its receipt was written. Its own entries are then no
repeats. So an entry keeps the mark of the receipt under which it first came, of the one that last raised it, and of the
one that reversed it. By its mark, a message recognises its own work. An action that was added to a sum has no entry and
so no mark: a receipt says the same of it, however often and by whichever call it is reported.

A mark has 24 bits, and an entry has up to three. So for each mark, one of 16 million repeats of an action by another
call is taken for a redelivery.
"""

from collections.abc import Mapping

from saxaul.ledger.entries import Entry
from saxaul.ledger.receipts import CODES, Fate

MARK_LENGTH = 4
"""How many characters of a receipt id an entry keeps. Each has 6 bits."""

_OF_OUTCOMES: Mapping[str, Fate] = {
    "conflicted": Fate("conflicted"),
    "summed": Fate("posted", "summed"),
    "unrecorded": Fate("withheld", "no_room"),
}
_OF_REVERSALS: Mapping[str, Fate] = {
    "reversed": Fate("reversed"),
    "redelivered": Fate("reversed"),
    "replayed": Fate("replayed"),
    "summed": Fate("nothing_to_reverse", "summed"),
    "kept": Fate("nothing_to_reverse", "kept"),
    "unrecorded": Fate("nothing_to_reverse", "not_kept"),
}


def mark_of(receipt_id: str) -> str:
    """Return what an entry keeps of a receipt: too little to find the receipt."""
    return receipt_id[:MARK_LENGTH]


def fate_of_action(outcome: str, entry: Entry | None) -> str:
    """Return the character for an action with this outcome, and its entry as it is when all else is posted."""
    if fate := _OF_OUTCOMES.get(outcome):
        return CODES[fate]
    if entry is None:  # it was added to a sum before
        return CODES[_OF_OUTCOMES["summed"]]
    return CODES[Fate("replayed")] if outcome == "replayed" else CODES[_standing_of(entry)]


def fate_of_reversal(outcome: str) -> str:
    """Return the character for a reversal with this outcome."""
    return CODES[_OF_REVERSALS[outcome]]


def _standing_of(entry: Entry) -> Fate:
    if entry.reversal:
        return Fate("withheld", "reversed")
    if entry.void:
        return Fate("withheld", entry.void)
    if entry.is_withheld:
        return Fate("withheld", entry.reason)
    if entry.reason:
        return Fate("posted", entry.reason)
    return Fate("posted", "over_plausible_quantity" if entry.is_over_plausible else "")
