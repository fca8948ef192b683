"""Does what is due with apps: ends secrets whose overlap is over, and completes what a crashed worker left."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from saxaul.observability import logger
from saxaul.services.rotate_secrets import SecretRotation, secret_rotation

MOST_AT_ONCE = 100
"""The most apps, and the most leftovers, that one run deals with. The next run deals with the others."""


class Ended(NamedTuple):
    """How many apps and leftovers a run has dealt with."""

    apps: int
    leftovers: int


class FailedError(Exception):
    """A run could not deal with everything. The next run tries it again."""


class OverlapEnding(NamedTuple):
    """Ends overlaps."""

    rotation: SecretRotation

    def run(self) -> Ended:
        """Deal with everything that is due. Each app is dealt with, also if another one fails.

        Raises:
            FailedError: it failed for an app; the log has the reason.
        """
        management = self.rotation.management
        now = management.clock.now()
        due = management.apps.overlaps(now, MOST_AT_ONCE)
        left = [leftover for leftover in management.apps.leftovers() if leftover.due_at <= now][:MOST_AT_ONCE]
        failed = sum(not _done(partial(self._end, app_id), app_id) for app_id in due)
        failed += sum(not _done(partial(management.clear, one), one.app_id) for one in left)
        if failed:
            raise FailedError(f"{failed} of {len(due) + len(left)} could not be done")
        return Ended(len(due), len(left))

    def _end(self, app_id: str) -> None:
        self.rotation.tidy(app_id)
        record = self.rotation.management.read(app_id)
        if record.syncing is not None and record.syncing <= self.rotation.clock.now():
            self.rotation.management.sync(app_id)


def _done(work: Callable[[], object], app_id: str) -> bool:
    try:
        work()
    except Exception:  # noqa: BLE001 - the next run tries it again, and the others must not wait for it
        logger.exception("what is due with an app could not be done", extra={"app": app_id})
        return False
    return True


@cache
def overlap_ending() -> OverlapEnding:
    """Return the service of this process that ends overlaps."""
    return OverlapEnding(secret_rotation())
