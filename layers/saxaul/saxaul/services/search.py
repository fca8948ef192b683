"""Keeps the search index of a worker: builds it for the first request, and renews it in the background later."""

import gc
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock, Thread

from saxaul.catalog.entries import Catalog
from saxaul.catalog.timeline import Timeline, renewed_after, usable_for
from saxaul.clock import Clock
from saxaul.observability import logger
from saxaul.search.index import SearchIndex
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore

FROZEN_EVERY = 256
"""After so many requests, what the search has kept of them is excluded from garbage collections, like the index."""


@dataclass(frozen=True)
class _Indexed:
    """An index of the catalog that is in effect until the instant ``until``, and the index for the time after that.

    ``read_at`` is when the timeline was read. ``following`` is None if it has not been built.
    """

    read_at: float
    timeline: Timeline
    index: SearchIndex
    until: float
    following: SearchIndex | None = None


class LiveIndex:
    """The search index of this worker, and its renewal.

    The first request waits until the index is built. A later request uses the existing index. If the catalog was read
    longer ago than half of the CatalogDelay, the request also starts a thread. The thread reads the catalog and, if the
    catalog has changed, builds a new index for the requests that follow. Lambda freezes the thread between invocations;
    the thread continues during the next invocation.

    A request never uses an index whose catalog is too old, because the worker may not know all changes that are in
    effect: such a request reads the catalog itself, and fails if that fails.
    """

    def __init__(self, catalog_store: CatalogStore, clock: Clock) -> None:
        self._catalog_store = catalog_store
        self._clock = clock
        self._renewed_after = renewed_after(catalog_store.delay)
        self._retried_after = self._renewed_after / 4
        self._usable_for = usable_for(catalog_store.delay)
        self._indexed: _Indexed | None = None
        self._last_renewal_at = float("-inf")
        self._renewing = Lock()
        self._requests = 0
        self.thread: Thread | None = None

    def current(self) -> SearchIndex:
        """Return the index of the catalog that is in effect now, and start its renewal if the renewal is due."""
        self._requests += 1
        if self._requests % FROZEN_EVERY == 0:
            gc.collect()  # what is frozen already is not looked at
            _freeze_for_gc()
        known, elapsed = self._indexed, self._clock.elapsed()
        if known is None or elapsed - known.read_at > self._usable_for:
            known = self._indexed = self._read(known)
        elif elapsed - known.read_at > self._renewed_after and elapsed - self._last_renewal_at > self._retried_after:
            self._start_renewal(known, elapsed)
        if self._clock.now() >= known.until:
            known = self._indexed = self._of(known.read_at, known.timeline, known)
        return known.index

    def _start_renewal(self, known: _Indexed, elapsed: float) -> None:
        if self._renewing.acquire(blocking=False):
            self._last_renewal_at = elapsed
            self.thread = Thread(target=self._renew, args=(known,), name="renew-index", daemon=True)
            self.thread.start()

    def _renew(self, known: _Indexed) -> None:
        try:
            renewed = self._read(known)
            change = renewed.until
            if change <= self._clock.now() + self._usable_for and renewed.following is None:
                following = SearchIndex(renewed.timeline.catalog(int(change)))
                _freeze_for_gc()
                renewed = replace(renewed, following=following)
            if self._indexed is None or self._indexed.read_at <= renewed.read_at:  # no request has read meanwhile
                self._indexed = renewed
        except Exception:  # noqa: BLE001 - no request waits for this thread; the next renewal tries again
            logger.exception("the index could not be renewed; requests use the previous one until it is too old")
        finally:
            self._renewing.release()

    def _read(self, known: _Indexed | None) -> _Indexed:
        """Read the timeline, and index the catalog that is in effect now."""
        read_at = self._clock.elapsed()
        return self._of(read_at, self._catalog_store.timeline(max_age=0), known)

    def _of(self, read_at: float, timeline: Timeline, known: _Indexed | None) -> _Indexed:
        """Return the index of the catalog that is in effect now. An index that exists already is used again."""
        now = self._clock.now()
        change = timeline.next_change(now)
        until = float("inf") if change is None else change
        if known and known.timeline is timeline and now < known.until:
            return replace(known, read_at=read_at)
        catalog = timeline.catalog(now)
        return _Indexed(read_at, timeline, _index_of(catalog, known), until)


def _index_of(catalog: Catalog, known: _Indexed | None) -> SearchIndex:
    for index in (known.index, known.following) if known else ():
        if index and index.catalog == catalog:
            return index
    index = SearchIndex(catalog)
    _freeze_for_gc()
    return index


def _freeze_for_gc() -> None:
    """Exclude all objects that exist now from later garbage collections. Most of them belong to the index.

    A full garbage collection with an index of 5,000 suggestions would delay a request by about 100 ms, and one with
    what the index keeps of 10,000 queries by as much. An index that is replaced is freed even so, because it has no
    reference cycles.
    """
    gc.freeze()


@cache
def live_index() -> LiveIndex:
    """Return the live index of this process."""
    return LiveIndex(wiring.catalog_store(), wiring.clock())
