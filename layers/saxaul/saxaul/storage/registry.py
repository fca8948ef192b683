"""The registry: one item for each client of the API, in the table of the catalog.

The partition key is ``clients`` and the sort key is the id of the client in Cognito. A worker caches what it read for
at most three seconds. So a client that is removed from the registry is refused within three seconds, even if its token
is still valid.
"""

from typing import NamedTuple

from saxaul.catalog.clients import RegisteredClient, stored_client
from saxaul.observability import logger
from saxaul.storage.table import Item, Key, Table

CLIENTS = "clients"
"""The partition key of all registered clients."""

CLIENT_CACHED_FOR = 3.0
"""How many seconds a worker uses what it read about a client, also if the client is not registered."""

CLIENTS_CACHED = 1024
"""How many clients a worker keeps."""


class _Known(NamedTuple):
    client: RegisteredClient | None
    read_at: float


class Registry:
    """Reads the registered clients, and caches them in this worker."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[str, _Known] = {}

    def find(self, client_id: str) -> RegisteredClient | None:
        """Return a client by its id in Cognito, or None if it is not registered. The result is at most 3 seconds old.

        An item that cannot be read is logged, and its client counts as not registered.
        """
        now = self._table.clock.elapsed()
        known = self._known.get(client_id)
        if known is None or now - known.read_at >= CLIENT_CACHED_FOR:
            item = self._table.get(Key(CLIENTS, client_id)) if client_id else None
            known = _Known(_from_item(item) if item else None, now)
            self._known.pop(client_id, None)
            if len(self._known) >= CLIENTS_CACHED:
                del self._known[next(iter(self._known))]
            self._known[client_id] = known
        return known.client

    def clients(self) -> list[RegisteredClient]:
        """Read all registered clients consistently. Items that cannot be read are logged and left out."""
        found = map(_from_item, self._table.query(CLIENTS, "!", "~"))
        return [client for client in found if client]


def to_item(client_id: str, client: RegisteredClient) -> Item:
    """Return the item of a registered client."""
    return {**Key(CLIENTS, client_id)._asdict(), **client.model_dump(mode="json", exclude_defaults=True)}


def _from_item(item: Item) -> RegisteredClient | None:
    fields = {name: value for name, value in item.items() if name not in Key._fields}
    try:
        return stored_client(fields)
    except ValueError:
        logger.warning("a registered client cannot be read", extra={"client_id": item["sk"]})
        return None
