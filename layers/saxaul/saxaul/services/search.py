"""The index that a worker searches: built once, and renewed beside the requests, never before one."""

import gc
from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic

from saxaul.catalog.entries import Catalog
from saxaul.search.index import SuggestionIndex

RENEWED_AFTER = 30.0
"""Seconds after which a request has the index renewed: a change shows within a minute of traffic."""


class LiveIndex:
    """The index of the catalog as it was read last.

    The first request waits for it. Later ones are answered from the index that is there, however old; one that is due
    starts a thread, which reads the catalog and builds anew if it has changed. Lambda freezes the thread between
    invocations, and it goes on with the next.
    """

    def __init__(self, read: Callable[[], Catalog], failed: Callable[[], object]) -> None:
        """Take what reads the catalog as of now, and what is called inside the handler of an exception of it."""
        self._read = read
        self._failed = failed
        self._index: SuggestionIndex | None = None
        self._asked_at = float("-inf")
        self._renewing = Lock()
        self.thread: Thread | None = None

    def current(self) -> SuggestionIndex:
        """The index to search."""
        index = self._index
        if index is None:
            self._asked_at = monotonic()
            index = self._index = SuggestionIndex(self._read())
            _spare_the_collector()
        elif monotonic() - self._asked_at > RENEWED_AFTER and self._renewing.acquire(blocking=False):
            self._asked_at = monotonic()
            self.thread = Thread(target=self._renew, args=(index,), name="renew-index", daemon=True)
            self.thread.start()
        return index

    def _renew(self, index: SuggestionIndex) -> None:
        try:
            catalog = self._read()
            if catalog != index.catalog:
                self._index = SuggestionIndex(catalog)
                _spare_the_collector()
        except Exception:  # noqa: BLE001 - no request waits for this; the next that is due tries again
            self._failed()
        finally:
            self._renewing.release()


def _spare_the_collector() -> None:
    """Keep what is alive now, most of it the index, out of the garbage collector's rounds.

    A full round over the index of 5,000 suggestions stops a request for about 100 ms. An index that was replaced has no
    cycles and is freed all the same.
    """
    gc.freeze()
