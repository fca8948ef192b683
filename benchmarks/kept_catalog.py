"""A catalog that is already read, for benchmarks of what comes after."""

from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table


class KeptCatalog(CatalogStore):
    """A store that has read its catalog, and never reads it again."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(Table("Catalog", SYSTEM_CLOCK))
        self._kept = catalog

    def catalog(self, max_age: float = 0) -> Catalog:  # noqa: ARG002 - it is never too old
        return self._kept
