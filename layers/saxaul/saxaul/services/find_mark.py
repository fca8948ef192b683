"""Finds the newest erasure of a person."""

from functools import cache

from saxaul.people.erasures import ErasureMark
from saxaul.services import wiring
from saxaul.storage.erasures import Erasures


def find_mark(user_id: str) -> ErasureMark | None:
    """Read consistently the mark of a person's newest erasure; None if there was never one."""
    return _erasures().find(user_id)


@cache
def _erasures() -> Erasures:
    """Return the erasures of this process, which know the key of their names."""
    return Erasures(wiring.ledger())
