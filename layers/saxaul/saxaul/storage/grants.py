"""Grants as items of the ledger: ``USER#<user_id>`` and ``GRANT#<app>``.

All reads are consistent and nothing is cached, so a grant that was taken back does not count in the next request.
"""

from collections.abc import Iterable, Mapping

from saxaul.ledger.grants import COVERS, Cover, Grant
from saxaul.storage.table import Item, Key, Table

GRANT_PREFIX = "GRANT#"


class Grants:
    """Reads and writes grants."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, user_id: str, app: str) -> Grant | None:
        item = self._table.get(_key(user_id, app))
        return _from_item(item) if item else None

    def get_many(self, user_ids: Iterable[str], app: str) -> Mapping[str, Grant]:
        """Return the grants of these persons to an app, by user_id. A person without a grant has no result."""
        found = self._table.get_many([_key(user_id, app) for user_id in user_ids], consistent=True)
        grants = map(_from_item, found.values())
        return {grant.user_id: grant for grant in grants}

    def of_person(self, user_id: str) -> list[Grant]:
        """Return all grants of a person, sorted by app."""
        return list(map(_from_item, self._table.query(_key(user_id, "").pk, GRANT_PREFIX, f"{GRANT_PREFIX}~")))

    def put(self, grant: Grant) -> None:
        """Write a grant. It replaces the person's earlier grant to the same app."""
        content = {"covers": list(grant.covers), "granted_at": grant.granted_at, "granted_by": grant.granted_by}
        self._table.replace({**_key(grant.user_id, grant.app)._asdict(), **content})

    def delete(self, user_id: str, app: str) -> None:
        """Delete a grant. If there is none, change nothing."""
        self._table.delete(_key(user_id, app))


def _key(user_id: str, app: str) -> Key:
    return Key(f"USER#{user_id}", f"{GRANT_PREFIX}{app}")


def _from_item(item: Item) -> Grant:
    covers: tuple[Cover, ...] = tuple(cover for cover in COVERS if cover in item.get("covers", ()))
    return Grant(
        user_id=item["pk"].removeprefix("USER#"),
        app=item["sk"].removeprefix(GRANT_PREFIX),
        covers=covers,
        granted_at=int(item.get("granted_at", 0)),
        granted_by=item.get("granted_by", ""),
    )
