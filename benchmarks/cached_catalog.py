"""A catalog store that never reads a table, for benchmarks that do not measure the catalog read."""

from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table


class CachedCatalog(CatalogStore):
    """A catalog store that always returns the same given catalog."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(Table("Catalog", SYSTEM_CLOCK))
        self._cached = catalog

    def catalog(self, max_age: float | None = None) -> Catalog:  # noqa: ARG002 - the given catalog never expires
        return self._cached
