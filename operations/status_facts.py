"""What ``make status`` shows, as records. Ages are in seconds, and instants in seconds since 1970."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class QueueFacts(NamedTuple):
    """A queue and its dead-letter queue.

    Attributes:
        messages: how many messages wait or are being processed. None if the name is that of a dead-letter queue only.
        oldest_s: the age of the oldest thing that waits. None if nothing waits, or if it is not known.
        dead: how many dead letters there are.
    """

    queue: str
    messages: int | None
    oldest_s: int | None
    dead: int


class WorkerFacts(NamedTuple):
    """How many functions that read a queue or a stream run, and the names of those that are stopped."""

    running: int
    stopped: Sequence[str]


class BatchFacts(NamedTuple):
    """The batches of which something waits: how many are young, how many are late, and the age of the oldest.

    ``are_all`` is false if more of them may wait than were read.
    """

    waiting: int
    late: int
    oldest_s: int | None
    are_all: bool


class StockFacts(NamedTuple):
    """The saplings of a tree project that are left, and its next release, if there is one."""

    project_id: str
    left: int
    closed: bool
    next_at: int | None
    next_saplings: int | None


class CampaignFacts(NamedTuple):
    """A run of a campaign that includes today, or the next run.

    Attributes:
        state: ``running`` or ``next``.
        first_day, last_day: of the run, as dates in ISO 8601.
        goal: its ``target``, what it ``counts``, and what is ``reached``. None if it has none.
        progress: ``actions``, ``persons``, ``points`` and ``extra_points``. None if the campaign multiplies no points,
            or has not begun.
    """

    campaign_id: str
    state: str
    first_day: str
    last_day: str
    goal: Mapping[str, Any] | None
    progress: Mapping[str, Any] | None


class RefusalFacts(NamedTuple):
    """What was refused in the last hour.

    Attributes:
        requests: how many requests were refused, by the code of the response.
        server_errors: how many of these were refused because of an error on our side (a status of 500 or more).
        items: how many items of lists were refused, by the code of the item.
        are_all: whether all log lines were read.
    """

    requests: Mapping[str, int]
    server_errors: int
    items: Mapping[str, int]
    are_all: bool


class AppFacts(NamedTuple):
    """How many apps and planting partners are active, and the ids of those that are suspended."""

    active: int
    suspended: Sequence[str]


class TotalsFacts(NamedTuple):
    """How far the public totals are behind the ledger.

    Attributes:
        counted_s: how long ago something was counted last. None if nothing was in the last hour.
        behind_s: how old the oldest change was that was counted then.
        uncounted_s: how long ago the first batch was posted since then. None if none was.
    """

    counted_s: int | None
    behind_s: int | None
    uncounted_s: int | None


class LogFacts(NamedTuple):
    """The public log, and the trees that wait for a report.

    Attributes:
        size: how many leaves the published tree has.
        published_s: how long ago it was published. None if nothing is published.
        standing: how many trees stand, as its last leaf says.
        waiting: how many statements are not published yet; those that are only pending are counted up to a bound.
        oldest_s: how long the oldest of them waits. None if there is none.
        missing: the names of the witnesses that have not cosigned the published checkpoint.
        open_trees: how many ordered trees wait for the report of a partner.
        oldest_order_s: the age of the oldest order with such a tree.
        are_all: whether all such orders were read.
    """

    size: int
    published_s: int | None
    standing: int
    waiting: int
    oldest_s: int | None
    missing: Sequence[str]
    open_trees: int
    oldest_order_s: int | None
    are_all: bool


class CatalogFacts(NamedTuple):
    """The published catalog: its age and version, None if nothing usable is published, and the version of the table."""

    published_s: int | None
    published_version: int | None
    version: int


class DeploymentFacts(NamedTuple):
    """What is deployed.

    Attributes:
        status: CloudFormation's status of the stack, such as ``UPDATE_COMPLETE``.
        checked_at: when its functions passed the check, such as ``2027-06-05T01:00:00Z``. None if they have not.
        last_good: when those of the newest deployment did that can be brought back. None if there is none.
    """

    status: str
    checked_at: str | None
    last_good: str | None
