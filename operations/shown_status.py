"""Judges what ``make status`` has read, and prints it on one screen of 80 columns.

A row is yellow if somebody should look at it, and red if something does not work. Each such row says what to do next.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from rich.text import Text

from local.client import of_stack
from local.console import console, shown
from local.sam import ROOT, emulator_log
from local.shown_campaigns import amount
from local.tables import Column, print_table
from operations.ages import age_text
from operations.status_facts import (
    AppFacts,
    BatchFacts,
    CampaignFacts,
    CatalogFacts,
    DeploymentFacts,
    LogFacts,
    QueueFacts,
    RefusalFacts,
    StockFacts,
    TotalsFacts,
    WorkerFacts,
)
from saxaul.catalog.sentences import counted
from saxaul.ledger.batches import LATE_SECONDS

Colour = Literal["green", "yellow", "red"]
"""Green: there is nothing to do. Yellow: somebody should look. Red: something does not work."""

LONG_REQUESTED = 300
"""After how many seconds a requested tree should be reserved. SweepRedemptions then queues the request again."""

LONG_UNCOUNTED = 120
"""After how many seconds a change should be in the public totals. Usually it is there after ten."""

LONG_UNPUBLISHED = 120
"""After how many seconds a statement about a tree should be in the public log. Usually it is there after five."""

DEAD_LETTER_ALARMS = {
    "actions": "ActionDeadLetterAlarm",
    "redemptions": "RedemptionDeadLetterAlarm",
    "planting": "PlantingDeadLetterAlarm",
    "photos": "PhotoDeadLetterAlarm",
    "totals": "ImpactDeadLetterAlarm",
    "repeats": "RepeatDeadLetterAlarm",
    "publication": "PublicationDeadLetterAlarm",
    "log": "LogDeadLetterAlarm",
    "checkpoints": "CheckpointDeadLetterAlarm",
    "erasures": "EraseDeadLetterAlarm",
    "schedules": "ScheduleDeadLetterAlarm",
}
"""The alarm on the dead letters of each queue. Its section says what to do."""

POINTS_ARE_LATE = "docs/alarms.md#points-are-late"

SHOWN = 5
"""The most projects, codes or apps that are named one by one."""


class Row(NamedTuple):
    """A line of a section, and what to do next. What is green has nothing to do.

    Attributes:
        to_do: a command, or what to do in words.
        see: the section of the docs that says more, such as ``docs/alarms.md#latelogalarm``.
    """

    text: str
    colour: Colour = "green"
    to_do: str = ""
    see: str = ""


def worst_of(rows: Sequence[Row]) -> Colour:
    colours = {row.colour for row in rows}
    return "red" if "red" in colours else "yellow" if "yellow" in colours else "green"


def rows_of_queues(queues: Sequence[QueueFacts]) -> Iterator[Row]:
    limits = {"actions": LATE_SECONDS, "redemptions": LONG_REQUESTED}
    known = [queue for queue in queues if queue.messages is not None]
    idle = [queue.queue for queue in known if not queue.messages and queue.oldest_s is None]
    for queue in (queue for queue in known if queue.queue not in idle):
        what = "tree to order" if queue.queue == "planting" else "one"
        oldest = "" if queue.oldest_s is None else f", the oldest {what} is {age_text(queue.oldest_s)} old"
        is_slow = (queue.oldest_s or 0) > limits.get(queue.queue, float("inf"))
        to_do = "" if not is_slow else _make("reconcile") if queue.queue == "actions" else _letters(queue.queue)
        text = f"{queue.queue}: {counted(queue.messages or 0, 'message')}{oldest}"
        late = {"actions": POINTS_ARE_LATE, "redemptions": _section("RedemptionAgeAlarm")}
        yield Row(text, "yellow", to_do, late[queue.queue]) if is_slow else Row(text)
    if idle:
        yield Row(f"nothing waits: {', '.join(idle)}")


def rows_of_workers(workers: WorkerFacts) -> Iterator[Row]:
    if not workers.stopped:
        yield Row(f"all {workers.running} run")
    for name in workers.stopped[:SHOWN]:
        to_do = f'make workers{of_stack()} DO="start {name}"'
        yield Row(f"{name} is stopped", "red", to_do, "docs/alarms.md#when-a-worker-is-stopped")


def rows_of_dead_letters(queues: Sequence[QueueFacts]) -> Iterator[Row]:
    dead = [queue for queue in queues if queue.dead]
    if not dead:
        yield Row("none in any queue")
    for queue in dead:
        yield Row(
            f"{queue.queue}: {queue.dead:,}",
            "red",
            _next_for_dead(queue.queue),
            _section(DEAD_LETTER_ALARMS[queue.queue]),
        )


def _next_for_dead(queue: str) -> str:
    match queue:
        case "totals":
            return _make("recount")
        case "repeats":
            return _make("reconcile")
        case _:
            return _letters(queue)


def rows_of_batches(batches: BatchFacts) -> Iterator[Row]:
    if batches.oldest_s is None:
        yield Row("none waits")
        return
    at_least = "" if batches.are_all else "at least "
    text = (
        f"{at_least}{batches.waiting:,} waiting, {batches.late:,} late; the oldest is {age_text(batches.oldest_s)} old"
    )
    yield Row(text, "yellow", _make("reconcile"), POINTS_ARE_LATE) if batches.late else Row(text)


def rows_of_stocks(stocks: Sequence[StockFacts], zone: ZoneInfo) -> Iterator[Row]:
    """Yield a row for each of the projects with the fewest saplings."""
    for stock in stocks[:SHOWN]:
        is_over = stock.left <= 0 and stock.next_at is None and not stock.closed
        release = (
            f", {stock.next_saplings:,} more on {_moment(stock.next_at, zone)}"
            if stock.next_at is not None and stock.next_saplings
            else ""
        )
        text = f"{stock.project_id}: {stock.left:,} left{release}{', closed' * stock.closed}"
        to_do = f"raise the saplings of {stock.project_id}, or close it"
        yield Row(text, "yellow", to_do, "docs/operations.md#saplings") if is_over else Row(text)
    if len(stocks) > SHOWN:
        yield Row(f"and {len(stocks) - SHOWN:,} more projects with more saplings")


def rows_of_campaigns(campaigns: Sequence[CampaignFacts]) -> Iterator[Row]:
    """Yield rows for the campaigns that run today, and one for each of the next ones."""
    if not campaigns:
        yield Row("none in the catalog")
    for campaign in campaigns[:SHOWN]:
        if campaign.state == "running":
            yield Row(f"{campaign.campaign_id}: runs until {campaign.last_day}")
            if campaign.progress:
                yield Row(f"  {_progress(campaign.progress)}")
            if campaign.goal:
                goal = campaign.goal
                yield Row(f"  goal: {goal['reached'] or 0:,} of {goal['target']:,} {goal['counts']}")
        else:
            yield Row(f"{campaign.campaign_id}: next on {campaign.first_day}")


def _progress(progress: Mapping[str, Any]) -> str:
    actions, persons = counted(progress["actions"], "action"), counted(progress["persons"], "person")
    return f"{actions} of {persons}, {progress['points']:,} points, {amount(progress['extra_points'])} by the campaign"


def rows_of_refusals(refusals: RefusalFacts) -> Iterator[Row]:
    at_least = "" if refusals.are_all else "at least "
    to_do = _look_for_errors() if refusals.server_errors else ""
    if not refusals.requests and not refusals.items:
        yield Row("nothing in the last hour")
    if refusals.requests:
        text = f"requests: {at_least}{_codes(refusals.requests)}"
        yield Row(text, "red", to_do, _section("ServerErrorsAlarm")) if to_do else Row(text)
    if refusals.items:
        yield Row(f"items: {at_least}{_codes(refusals.items)}")


def rows_of_apps(apps: AppFacts) -> Iterator[Row]:
    if not apps.suspended:
        yield Row(f"{apps.active:,} active, none suspended")
        return
    more = f" and {len(apps.suspended) - SHOWN:,} more" if len(apps.suspended) > SHOWN else ""
    names = ", ".join(apps.suspended[:SHOWN])
    yield Row(f"{apps.active:,} active, suspended: {names}{more}", "yellow", _make("apps"))


def rows_of_deployment(deployment: DeploymentFacts) -> Iterator[Row]:
    if deployment.checked_at:
        yield Row(f"its functions passed the check at {deployment.checked_at}")
    elif deployment.status.endswith("_IN_PROGRESS"):
        yield Row("CloudFormation is working on it")
    elif deployment.last_good:
        yield Row(
            "its functions have not passed the check", "red", _make("rollback"), "docs/operations.md#rolling-back"
        )
    else:
        yield Row("no check of its functions is recorded")


def rows_of_totals(totals: TotalsFacts) -> Iterator[Row]:
    last = "nothing in the last hour" if totals.counted_s is None else f"{age_text(totals.counted_s)} ago"
    behind = "" if totals.behind_s is None else f", {age_text(totals.behind_s)} after the change"
    is_stuck = max(totals.uncounted_s or 0, totals.behind_s or 0) > LONG_UNCOUNTED
    since = "" if totals.uncounted_s is None else f"; posted since, {age_text(totals.uncounted_s)} ago"
    text = f"counted last: {last}{behind}{since}"
    yield Row(text, "red", _make("logs FUNCTION=TallyImpact"), _section("StreamLagAlarm")) if is_stuck else Row(text)


def rows_of_log(log: LogFacts) -> Iterator[Row]:
    newest = "" if log.published_s is None else f", the last {age_text(log.published_s)} ago"
    leaves = "1 leaf" if log.size == 1 else f"{log.size:,} leaves"
    yield Row(f"{leaves} published{newest}; {counted(log.standing, 'tree')} standing")
    if log.oldest_s is not None:
        is_late = log.oldest_s > LONG_UNPUBLISHED
        text = f"{counted(log.waiting, 'statement')} not published yet, the oldest for {age_text(log.oldest_s)}"
        to_do = _make("logs FUNCTION=SequenceLog")
        yield Row(text, "red", to_do, _section("LateLogAlarm")) if is_late else Row(text)
    if log.missing:
        to_do = _make("logs FUNCTION=CosignCheckpoints")
        text = f"no cosignature by {', '.join(log.missing[:SHOWN])}"
        yield Row(text, "yellow", to_do, _section("MissingCosignaturesAlarm"))
    at_least = "" if log.are_all else "at least "
    oldest = "" if log.oldest_order_s is None else f", ordered up to {age_text(log.oldest_order_s)} ago"
    yield Row(f"not reported yet: {at_least}{counted(log.open_trees, 'ordered tree')}{oldest}")


def rows_of_published(catalog: CatalogFacts) -> Iterator[Row]:
    to_do, see = _make("logs FUNCTION=PublishCatalog"), _section("PublicationDeadLetterAlarm")
    if catalog.published_s is None:
        yield Row("nothing usable is published", "yellow", to_do, see)
    elif catalog.published_version != catalog.version:
        text = f"published {age_text(catalog.published_s)} ago, without the latest change"
        yield Row(text, "yellow", to_do, see)
    else:
        yield Row(f"published {age_text(catalog.published_s)} ago, with all changes")


def show(title: str, sections: Mapping[str, Sequence[Row]], dashboard: str = "") -> None:
    """Print the sections, below them the address of the dashboard, if there is one, and what to do, each thing once."""
    console.print(f"[bold]{shown(title)}[/]\n")
    print_table(
        [Column(), Column()],
        [
            (Text("" if number else name, "bold"), Text(row.text, "" if row.colour == "green" else row.colour))
            for name, rows in sections.items()
            for number, row in enumerate(rows)
        ],
    )
    if dashboard:
        console.print(f"\n[bold]dashboard[/]\n  {shown(dashboard)}", soft_wrap=True)
    to_do = sections_of([row for rows in sections.values() for row in rows])
    if not to_do:
        console.print("\n[green]✓[/] nothing is to be done")
        return
    console.print("\n[bold]next[/]")
    for command, see in to_do.items():
        console.print(f"  {shown(command)}", soft_wrap=True)
        for section in see:
            console.print(f"      {shown(section)}")


def sections_of(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return what is to be done, each thing once, and the sections of the docs that say more.

    What does not work comes first: it is often the cause of the rest.
    """
    to_do: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row.colour != "red"):
        if row.to_do:
            found = to_do.setdefault(row.to_do, [])
            found.extend({row.see} - {"", *found})
    return to_do


def _make(target: str) -> str:
    return f"make {target}{of_stack()}"


def _section(alarm: str) -> str:
    """Return the section of the docs that belongs to an alarm."""
    return f"docs/alarms.md#{alarm.lower()}"


def _look_for_errors() -> str:
    """Return how to see the errors: the line above that of a request has the traceback."""
    if of_stack():
        return "search the log group in Logs Insights: filter status >= 500"
    log = emulator_log()
    shown_path = log.relative_to(ROOT) if log.is_relative_to(ROOT) else log
    return f"""grep -B1 '"status":5' {quote(str(shown_path))}"""


def _letters(queue: str) -> str:
    named = "" if queue == "actions" else f' DO="list --queue {queue}"'
    return f"make dead-letters{of_stack()}{named}"


def _codes(numbers: Mapping[str, int]) -> str:
    """Return the most frequent codes with their numbers."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(ordered) - SHOWN:,} more codes" if len(ordered) > SHOWN else ""
    return ", ".join(f"{number:,} {code}" for code, number in ordered[:SHOWN]) + more


def _moment(at: int, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(at, zone)
    return f"{local.day} {local:%b at %H:%M}"
