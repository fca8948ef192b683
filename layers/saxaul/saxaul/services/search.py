"""Keeps the search index of a worker: loads it for the first request, and renews it in the background later."""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Lock, Thread
from typing import NamedTuple

from saxaul.catalog.entries import Catalog
from saxaul.catalog.snapshot import PublishedIndex, Snapshot
from saxaul.catalog.timeline import Timeline, renewed_after, usable_for
from saxaul.clock import Clock
from saxaul.observability import logger
from saxaul.search.index import SearchIndex
from saxaul.search.packing import BrokenIndexError, unpack
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.objects import ObjectError

RENEWING = "renew-index"
"""The name of a thread that renews the index."""

FROZEN_EVERY = 256
"""After so many requests, what the search has kept of them is excluded from garbage collections, like the index."""


class _Published(NamedTuple):
    """The indexes of a snapshot. Each has the name of its object."""

    snapshot: Snapshot
    read: Callable[[PublishedIndex], bytes]

    def is_same(self, other: "_Published | _Buildable") -> bool:
        return isinstance(other, _Published) and other.snapshot is self.snapshot

    def until(self, instant: int) -> float:
        return self.snapshot.index_until(instant)

    def name_at(self, instant: int) -> str:
        return self._at(instant).sha256

    def index_at(self, instant: int) -> SearchIndex:
        """Return the index for an instant.

        Raises:
            ObjectError: none is published for this instant, it is missing or broken, or S3 did not send it in time.
            BrokenIndexError: it was not written by this release.
        """
        return unpack(self.read(self._at(instant)))

    def _at(self, instant: int) -> PublishedIndex:
        if named := self.snapshot.index_at(instant):
            return named
        raise ObjectError("no index is published for this time")


class _Buildable(NamedTuple):
    """The indexes that can be built from the table. Each has its catalog as a name."""

    timeline: Timeline

    def is_same(self, other: "_Published | _Buildable") -> bool:
        return isinstance(other, _Buildable) and other.timeline is self.timeline

    def until(self, instant: int) -> float:
        change = self.timeline.next_change(instant)
        return float("inf") if change is None else change

    def name_at(self, instant: int) -> Catalog:
        return self.timeline.catalog(instant)

    def index_at(self, instant: int) -> SearchIndex:
        return SearchIndex(self.timeline.catalog(instant))


@dataclass(frozen=True)
class _Named:
    """An index, and what distinguishes it from others: the name of its object, or its catalog."""

    name: str | Catalog
    index: SearchIndex


class _Indexed(NamedTuple):
    """The index of the catalog that is in effect until the instant ``until``, and the index for the time after that.

    The ``source`` of both had every change up to ``confirmed_at``. ``following`` is None if it was not needed yet.
    """

    confirmed_at: float
    source: _Published | _Buildable
    now: _Named
    until: float
    following: _Named | None = None


class LiveIndex:
    """The search index of this worker, and its renewal.

    The first request waits until the index is loaded. A later request uses the existing index. If the catalog was
    confirmed longer ago than half of the CatalogDelay, the request also starts a thread. The thread confirms that the
    catalog has not changed, or loads the new index for the requests that follow. Lambda freezes the thread between
    invocations; the thread continues during the next invocation.

    A request never uses an index whose catalog is too old, because the worker may not know all changes that are in
    effect: such a request loads the index itself. If no index is published that can be used, it reads the catalog from
    the table and builds the index, and fails if that fails.
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
        if known is None or elapsed - known.confirmed_at > self._usable_for:
            known = self._indexed = self._published(known) or self._built(known)
        elif elapsed > max(known.confirmed_at + self._renewed_after, self._last_renewal_at + self._retried_after):
            self._start_renewal(known, elapsed)
        if self._clock.now() >= known.until:
            switched = self._usable(known.source, known.confirmed_at, known)
            known = self._indexed = switched or self._published(known) or self._built(known)
        return known.now.index

    def at(self, instant: int) -> SearchIndex:
        """Return the index of the catalog that will be in effect at a later instant, as it is known now.

        It is not kept, unless it is the current one. If it is not published, the worker builds it.
        """
        current, known = self.current(), self._indexed
        if known is None or instant < known.until:
            return current
        with suppress(ObjectError, BrokenIndexError):
            return known.source.index_at(instant)
        return _Buildable(self._catalog_store.read().timeline).index_at(instant)

    def _start_renewal(self, known: _Indexed, elapsed: float) -> None:
        if self._renewing.acquire(blocking=False):
            self._last_renewal_at = elapsed
            self.thread = Thread(target=self._renew, args=(known,), name=RENEWING, daemon=True)
            self.thread.start()

    def _renew(self, known: _Indexed) -> None:
        try:
            renewed = self._published(known)
            if renewed is None and isinstance(known.source, _Buildable):
                renewed = self._built(known)
            if renewed is None:  # the publication may be a moment behind; the next renewal tries again
                return
            if renewed.until <= self._clock.now() + self._usable_for and renewed.following is None:
                with suppress(ObjectError, BrokenIndexError):  # the request that needs it loads it, or builds it
                    renewed = renewed._replace(following=self._named(renewed.source, int(renewed.until), known))
            if self._indexed is None or self._indexed.confirmed_at <= renewed.confirmed_at:  # else a request was first
                self._indexed = renewed
        except Exception:  # noqa: BLE001 - no request waits for this thread; the next renewal tries again
            logger.exception("the index could not be renewed; requests use the previous one until it is too old")
        finally:
            self._renewing.release()

    def _published(self, known: _Indexed | None) -> _Indexed | None:
        """Return the published index, or None if it cannot be used or its catalog may lack a change."""
        confirmed_at = self._clock.elapsed()
        snapshot = self._catalog_store.published()
        return self._usable(_Published(snapshot, self._catalog_store.index), confirmed_at, known) if snapshot else None

    def _built(self, known: _Indexed | None) -> _Indexed:
        """Read the whole catalog from the table, and index what is in effect now."""
        confirmed_at = self._clock.elapsed()
        return self._of(_Buildable(self._catalog_store.read().timeline), confirmed_at, known)

    def _usable(self, source: _Published | _Buildable, confirmed_at: float, known: _Indexed | None) -> _Indexed | None:
        """Return the index that is in effect now, or None if it is published and cannot be used."""
        try:
            return self._of(source, confirmed_at, known)
        except (ObjectError, BrokenIndexError) as error:
            logger.warning("the published index cannot be used", extra={"error": repr(error)})
            return None

    def _of(self, source: _Published | _Buildable, confirmed_at: float, known: _Indexed | None) -> _Indexed:
        now = self._clock.now()
        if known and known.source.is_same(source) and now < known.until:
            return known._replace(confirmed_at=confirmed_at)
        return _Indexed(confirmed_at, source, self._named(source, now, known), source.until(now))

    def _named(self, source: _Published | _Buildable, instant: int, known: _Indexed | None) -> _Named:
        """Return the index for an instant. If it is one of the known ones, that is used again."""
        name = source.name_at(instant)
        for existing in (known.now, known.following) if known else ():
            if existing and existing.name == name:
                return existing
        found = _Named(name, source.index_at(instant))
        _freeze_for_gc()
        return found


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
    return LiveIndex(wiring.published_catalog(), wiring.clock())


def load_index_again() -> None:
    """Load the live index, and use nothing that this process has read before."""
    wiring.published_catalog().forget()
    live_index.cache_clear()
    live_index().current()
