"""Reads what a person allows an app to do."""

from collections.abc import Collection

from saxaul.ledger.grants import Cover
from saxaul.services import wiring
from saxaul.storage.grants import Grants


def covers_of(user_id: str, app: str) -> Collection[Cover]:
    """Read consistently what a person's grant to an app covers. Without a grant, it is nothing."""
    grant = Grants(wiring.ledger()).get(user_id, app)
    return grant.covers if grant else ()
