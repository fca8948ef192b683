"""What the services of a process share, each made once and when first needed."""

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from saxaul.clock import SYSTEM_CLOCK, Clock
from saxaul.settings import settings
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from saxaul.storage.catalog import CatalogStore


@cache
def clock() -> Clock:
    """The clock that all services go by."""
    return SYSTEM_CLOCK


def today() -> date:
    """The current day of the programme."""
    return settings().calendar.day_of(clock().now())


@cache
def ledger() -> Table:
    """The ledger's table."""
    return Table(settings().ledger_table, clock())


@cache
def catalog_store() -> "CatalogStore":
    """The catalog's table, with the one copy of the catalog that this process keeps."""
    from saxaul.storage.catalog import CatalogStore  # noqa: PLC0415 - some functions start without it

    return CatalogStore(Table(settings().catalog_table, clock()))
