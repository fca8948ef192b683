"""Keeps the search index of a worker: builds it for the first request, and renews it in the background later."""

import gc
from functools import cache
from threading import Lock, Thread

from saxaul.catalog.entries import Catalog
from saxaul.clock import Clock
from saxaul.observability import logger
from saxaul.search.index import SuggestionIndex
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore

RENEWED_AFTER = 30.0
"""Seconds after which a request starts a renewal of the index.

A worker that receives requests all the time shows a change of the catalog within a minute.
"""


class LiveIndex:
    """The search index of this worker, and its renewal.

    The first request waits until the index is built. A later request uses the existing index, however old it is. If the
    last renewal began more than 30 seconds ago, the request also starts a thread. The thread reads the catalog and, if
    the catalog has changed, builds a new index for the requests that follow. Lambda freezes the thread between
    invocations; the thread continues during the next invocation.
    """

    def __init__(self, catalog_store: CatalogStore, clock: Clock) -> None:
        self._catalog_store = catalog_store
        self._clock = clock
        self._index: SuggestionIndex | None = None
        self._last_read_at = float("-inf")
        self._renewing = Lock()
        self.thread: Thread | None = None

    def current(self) -> SuggestionIndex:
        """Return the current index, and start its renewal if the renewal is due."""
        index = self._index
        if index is None:
            self._last_read_at = self._clock.elapsed()
            index = self._index = SuggestionIndex(self._read())
            _freeze_for_gc()
        elif self._clock.elapsed() - self._last_read_at > RENEWED_AFTER and self._renewing.acquire(blocking=False):
            self._last_read_at = self._clock.elapsed()
            self.thread = Thread(target=self._renew, args=(index,), name="renew-index", daemon=True)
            self.thread.start()
        return index

    def _read(self) -> Catalog:
        return self._catalog_store.catalog(max_age=0)

    def _renew(self, index: SuggestionIndex) -> None:
        try:
            catalog = self._read()
            if catalog != index.catalog:
                self._index = SuggestionIndex(catalog)
                _freeze_for_gc()
        except Exception:  # noqa: BLE001 - no request waits for this thread; the next renewal tries again
            logger.exception("the index could not be renewed; requests still use the previous one")
        finally:
            self._renewing.release()


def _freeze_for_gc() -> None:
    """Exclude all objects that exist now from later garbage collections. Most of these objects belong to the index.

    A full garbage collection with an index of 5,000 suggestions would delay a request by about 100 ms. An index that is
    replaced is freed even so, because it has no reference cycles.
    """
    gc.freeze()


@cache
def live_index() -> LiveIndex:
    """Return the live index of this process."""
    return LiveIndex(wiring.catalog_store(), wiring.clock())
