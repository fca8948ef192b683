"""Searching: the index that a worker searches is built once, and renewed beside the requests, never before one."""

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
"""Seconds after which a request has the index renewed: a change shows within a minute of traffic."""


class LiveIndex:
    """The index of the catalog as it was read last.

    The first request waits for it. Later ones are answered from the index that is there, however old; one that is due
    starts a thread, which reads the catalog and builds anew if it has changed. Lambda freezes the thread between
    invocations, and it goes on with the next.
    """

    def __init__(self, catalog_store: CatalogStore, clock: Clock) -> None:
        self._catalog_store = catalog_store
        self._clock = clock
        self._index: SuggestionIndex | None = None
        self._asked_at = float("-inf")
        self._renewing = Lock()
        self.thread: Thread | None = None

    def current(self) -> SuggestionIndex:
        """The index to search."""
        index = self._index
        if index is None:
            self._asked_at = self._clock.elapsed()
            index = self._index = SuggestionIndex(self._read())
            _spare_the_collector()
        elif self._clock.elapsed() - self._asked_at > RENEWED_AFTER and self._renewing.acquire(blocking=False):
            self._asked_at = self._clock.elapsed()
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
                _spare_the_collector()
        except Exception:  # noqa: BLE001 - no request waits for this; the next that is due tries again
            logger.exception("the index could not be renewed; the one before answers")
        finally:
            self._renewing.release()


def _spare_the_collector() -> None:
    """Keep what is alive now, most of it the index, out of the garbage collector's rounds.

    A full round over the index of 5,000 suggestions stops a request for about 100 ms. An index that was replaced has no
    cycles and is freed all the same.
    """
    gc.freeze()


@cache
def live_index() -> LiveIndex:
    """The index of this process."""
    return LiveIndex(wiring.catalog_store(), wiring.clock())
