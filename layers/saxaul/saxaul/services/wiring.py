"""The objects that the services of a process share. Each object is created once, when a service first needs it."""

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from saxaul.clock import SYSTEM_CLOCK, Clock
from saxaul.settings import settings
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from saxaul.storage.catalog import CatalogStore
    from saxaul.storage.registry import Registry


class PublicLog(NamedTuple):
    """Where the public log is.

    Attributes:
        url: the address below which its files lie: ``checkpoint`` and ``tile/…``.
        first_origin: the name in its checkpoints that it gets with its first leaf. The ledger keeps that name for ever.
    """

    url: str
    first_origin: str


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
def activity() -> Table:
    """Return the table of receipts, and of what each app has used of its limits."""
    return Table(settings().activity_table, clock())


@cache
def catalog_store() -> "CatalogStore":
    """Return the catalog store that reads the table: for single versions, and for operators."""
    from saxaul.storage.catalog import CatalogStore  # noqa: PLC0415 - functions without a catalog skip this import

    table = Table(settings().catalog_table, clock())
    return CatalogStore(table, settings().catalog_delay, release=settings().release)


@cache
def published_catalog() -> "CatalogStore":
    """Return the catalog store that reads the published catalog, and holds the copy of this process.

    Without a bucket, which only tests and benchmarks lack, it reads the table.
    """
    from saxaul.storage.catalog import CatalogStore  # noqa: PLC0415 - functions without a catalog skip this import
    from saxaul.storage.snapshots import Snapshots  # noqa: PLC0415

    snapshots = Snapshots(settings().catalog_bucket) if settings().catalog_bucket else None
    table = Table(settings().catalog_table, clock())
    return CatalogStore(table, settings().catalog_delay, snapshots, settings().release)


@cache
def registry() -> "Registry":
    """Return the registry, which holds the cached clients of this process."""
    from saxaul.storage.registry import Registry  # noqa: PLC0415 - functions outside the API skip this import

    return Registry(Table(settings().catalog_table, clock()))


@cache
def public_log() -> PublicLog:
    """Return where the public log is. It gets its name from its address, unless a parameter gives it one."""
    url = f"{settings().files_url}/log"
    return PublicLog(url, settings().log_origin or url.partition("://")[2])


def connect() -> None:
    """Make the client of DynamoDB."""
    ledger().make_client()


def read_catalog() -> None:
    """Read the published catalog, so that the first request finds it in this process."""
    published_catalog().catalog()


def read_catalog_again() -> None:
    """Read the published catalog, and use nothing that this process has read before."""
    published_catalog().forget()
    read_catalog()
