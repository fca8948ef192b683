"""What the services of a process share, each made once and when first needed."""

from datetime import date
from functools import cache

from saxaul.clock import SYSTEM_CLOCK, Clock
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table


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
def catalog_store() -> CatalogStore:
    """The catalog's table, with the one copy of the catalog that this process keeps."""
    return CatalogStore(Table(settings().catalog_table, clock()))
