"""The registered apps, in the table of the catalog.

    apps       <app id>                     what an operator registered, the state, and the secrets without their values
    clients    <client id>                  the same app as each request reads it (registry.py)
    overlaps   <instant>#<app id>           when there is work with the secrets or scopes of an app: ``due_at``
    leftovers  <instant>#<app id>#<nonce>   after when Cognito may have clients of an app that nobody registered

One transaction writes all items of a change. An instant has 12 digits, so that the items are sorted by it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from saxaul.catalog.apps import App, AppRecord, AppSecret, SecretsClaim
from saxaul.catalog.recorded import recorded
from saxaul.storage.registry import CLIENTS, to_item
from saxaul.storage.table import Item, Key, Table, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_APPS, _OVERLAPS, _LEFTOVERS = "apps", "overlaps", "leftovers"


class Leftover(NamedTuple):
    """A client that a worker makes or ends. If the worker crashes, the client is left over.

    Attributes:
        due_at: the instant in seconds from which on the worker has certainly ended.
    """

    due_at: int
    app_id: str
    nonce: str

    @property
    def key(self) -> Key:
        return Key(_LEFTOVERS, f"{self.due_at:012d}#{self.app_id}#{self.nonce}")


class Apps:
    """Reads and writes registered apps."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, app_id: str) -> AppRecord | None:
        """Read an app consistently. Return None if it was never registered."""
        item = self._table.get(Key(_APPS, app_id))
        return _from_item(item) if item else None

    def after(self, app_id: str, limit: int) -> list[AppRecord]:
        """Return the first apps whose ids come after this one, sorted by id. The empty id comes before all."""
        found = self._table.query(_APPS, f"{app_id}!", "~")  # each character of an id sorts between "!" and "~"
        return list(map(_from_item, islice(found, limit)))

    def write(self, before: AppRecord | None, after: AppRecord, done: Leftover | None = None) -> None:
        """Write a new app, or a change of one, with all items that depend on it. ``done`` is not left over any more.

        Raises:
            TransactionRefusedError: the app is not what it was before, or a concurrent write is in progress.
        """
        item_of = self._table.put_write(_to_item(after), before.stored if before else 0)
        transact([item_of, *self._client_writes(before, after, done), *self._overlap_writes(before, after)])

    def _client_writes(
        self, before: AppRecord | None, after: AppRecord, done: Leftover | None
    ) -> Iterator["TransactWriteItemTypeDef"]:
        if client := after.client:
            if before is None or before.client != client:
                yield self._table.replace_write(to_item(after.client_id, client))
        else:
            yield self._table.delete_write(Key(CLIENTS, after.client_id))
            yield self._table.replace_write(ended(after).key._asdict())
        if done:
            yield self._table.delete_write(done.key)

    def _overlap_writes(self, before: AppRecord | None, after: AppRecord) -> Iterator["TransactWriteItemTypeDef"]:
        old, new = before.due_at if before else None, after.due_at
        if old != new:
            if old is not None:
                yield self._table.delete_write(_overlap(old, after.app_id))
            if new is not None:
                yield self._table.replace_write(_overlap(new, after.app_id)._asdict())

    def overlaps(self, now: int, most: int) -> list[str]:
        """Return the ids of the first apps with work that is due now."""
        found = self._table.query(_OVERLAPS, "0", f"{now:012d}$")  # "$" comes after "#"
        return [item["sk"].partition("#")[2] for item in islice(found, most)]

    def expect(self, leftover: Leftover) -> None:
        """Record that a client may be left over, before it is made."""
        self._table.replace(leftover.key._asdict())

    def forget(self, leftover: Leftover) -> None:
        """Record that nothing is left over. It is safe to repeat."""
        self._table.delete(leftover.key)

    def leftovers(self) -> list[Leftover]:
        """Read everything that may be left over, the earliest first, also if its worker may still be at work."""
        found = (item["sk"].split("#") for item in self._table.query(_LEFTOVERS, "0", "~"))
        return [Leftover(int(due_at), app_id, nonce) for due_at, app_id, nonce in found]


def ended(record: AppRecord) -> Leftover:
    """Return what is left over of an ended app, until its client is deleted."""
    return Leftover(record.changed_at, record.app_id, "ended")


def _overlap(due_at: int, app_id: str) -> Key:
    return Key(_OVERLAPS, f"{due_at:012d}#{app_id}")


def _to_item(record: AppRecord) -> Item:
    fields = record._asdict()
    del fields["app_id"], fields["stored"]
    return {
        **Key(_APPS, record.app_id)._asdict(),
        **fields,
        "app": record.app.model_dump(mode="json"),
        "secrets": [secret._asdict() for secret in record.secrets],
        "claim": record.claim._asdict() if record.claim else None,
    }


def _from_item(item: Item) -> AppRecord:
    claim, syncing = item["claim"], item["syncing"]
    return AppRecord(
        app_id=item["sk"],
        app=recorded(App, item["app"]),
        client_id=item["client_id"],
        version=int(item["version"]),
        created_at=int(item["created_at"]),
        changed_at=int(item["changed_at"]),
        changed_by=item["changed_by"],
        state=item["state"],
        secrets=tuple(map(_secret, item["secrets"])),
        claim=SecretsClaim(claim["nonce"], int(claim["until"])) if claim else None,
        syncing=None if syncing is None else int(syncing),
        stored=int(item["v"]),
    )


def _secret(stored: Item) -> AppSecret:
    ends_at = stored["ends_at"]
    return AppSecret(stored["secret_id"], int(stored["created_at"]), None if ends_at is None else int(ends_at))
