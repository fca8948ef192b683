"""A catalog store that never reads a table, for benchmarks that do not measure the catalog read."""

from saxaul.catalog.entries import Catalog
from saxaul.catalog.timeline import Timeline
from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage.catalog import CatalogStore, TableReading
from saxaul.storage.table import Table


class _Unchanging(Timeline):
    """A timeline whose catalog never changes."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__({})
        object.__setattr__(self, "_only", catalog)

    def catalog(self, instant: int) -> Catalog:  # noqa: ARG002 - the same at every instant
        return self._only  # type: ignore[attr-defined, no-any-return] # the dataclass is frozen


class CachedCatalog(CatalogStore):
    """A catalog store that always returns the same given catalog."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(Table("Catalog", SYSTEM_CLOCK))
        self._unchanging = _Unchanging(catalog)

    def timeline(self, max_age: float | None = None) -> Timeline:  # noqa: ARG002 - the given catalog never expires
        return self._unchanging

    def published(self) -> None:
        """Return None, because nothing is published."""

    def read(self) -> TableReading:
        return TableReading(0, {}, self._unchanging)
