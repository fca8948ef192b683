"""The objects that the services of a process share. Each object is created once, when a service first needs it."""

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from saxaul.clock import SYSTEM_CLOCK, Clock
from saxaul.settings import settings
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from saxaul.storage.catalog import CatalogStore
    from saxaul.storage.registry import Registry


@cache
def clock() -> Clock:
    """Return the clock that all services use."""
    return SYSTEM_CLOCK


def today() -> date:
    """Return the current day in the programme's time zone."""
    return settings().calendar.day_of(clock().now())


@cache
def ledger() -> Table:
    """Return the ledger table."""
    return Table(settings().ledger_table, clock())


@cache
def catalog_store() -> "CatalogStore":
    """Return the catalog store, which holds the cached catalog of this process."""
    from saxaul.storage.catalog import CatalogStore  # noqa: PLC0415 - functions without a catalog skip this import

    return CatalogStore(Table(settings().catalog_table, clock()), settings().catalog_delay)


@cache
def registry() -> "Registry":
    """Return the registry, which holds the cached clients of this process."""
    from saxaul.storage.registry import Registry  # noqa: PLC0415 - functions outside the API skip this import

    return Registry(Table(settings().catalog_table, clock()))


def connect() -> None:
    """Make the client of DynamoDB."""
    ledger().make_client()


def read_catalog() -> None:
    """Read the catalog, so that the first request finds it in this process."""
    catalog_store().catalog()
