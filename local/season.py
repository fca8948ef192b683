"""Shows the day of a campaign with real requests: `python -m local.season world-environment-day`, or with `--year`.

The day is that of the campaign's next run, or of its run in a year; if it runs today, it is today. If no stack runs,
one is started whose clock shows the evening before. If one runs, its clock is moved forward, never back.
"""

import os
import secrets
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.client import exit_on_failure, open_client, stack, stack_clock
from local.clock import advance
from local.command import command_parser, non_empty, run_command, whole_number
from local.console import console, exit_with, shown
from local.results import show_results
from local.seed import load
from local.shown_campaigns import multiplied, progress_of, span, stated
from local.stack import PORTS, running, up
from local.stack_clock import move_to
from local.telling import heading, line, now, poll, request
from local.template import template
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.entries import Campaign
from saxaul.catalog.recurrences import FIRST_YEAR, LAST_YEAR
from saxaul.clock import SYSTEM_CLOCK
from saxaul.impact.campaigns import Run, run_after, run_at
from saxaul_client import Action, ActionType, AppClient, OperatorClient

EVENING, MORNING = time(20), time(9)
PERSONS = 3


def main() -> None:
    parser = command_parser("local.season", __doc__, is_whole=True)
    parser.add_argument("campaign", type=non_empty, help="the id of the campaign")
    parser.add_argument("--year", type=whole_number(FIRST_YEAR, LAST_YEAR), help="the year in which its run begins")
    parser.add_argument("--port", type=whole_number(*PORTS), default=4566, help="the port, if a stack is started")
    chosen = parser.parse_args()
    os.environ.pop("SAXAUL_STACK", None)  # only the clock of the laptop stack can be moved
    if not running():
        _start(chosen.campaign, chosen.year, chosen.port)
    with exit_on_failure(), open_client(OperatorClient, OPERATOR) as operator, open_client(AppClient, "alipay") as app:
        tell(operator, app, chosen.campaign, chosen.year)


def _start(campaign_id: str, year: int | None, port: int) -> None:
    """Start a stack on the evening before the run, or now if the run has begun or begins before that evening."""
    campaign = load()["campaigns"].get(campaign_id)
    if not isinstance(campaign, Campaign):
        exit_with(f"There is no campaign {campaign_id} in catalog/campaigns.yaml.")
    zone = ZoneInfo(template()["Parameters"]["TimeZone"]["Default"])
    today = datetime.fromtimestamp(SYSTEM_CLOCK.now(), zone).date()
    day = date(year, 1, 1) if year and year != today.year else today
    run = _run_from(campaign, day)
    if run is None or (year and run.first.year != year):
        exit_with(f"{campaign_id} does not begin on a day of {year or 'the future'} that is still to come.")
    evening = datetime.combine(run.first - timedelta(days=1), EVENING)
    is_ahead = evening.replace(tzinfo=zone).timestamp() > SYSTEM_CLOCK.now()
    up(port, f"{evening:%Y-%m-%dT%H:%M}" if is_ahead else None)


def _run_from(campaign: Campaign, day: date) -> Run | None:
    """Return the run that includes a day, or else the next one."""
    return run_at(campaign, day) or run_after(campaign, day)


def tell(operator: OperatorClient, app: AppClient, campaign_id: str, year: int | None = None) -> None:
    """Bring the stack to the day of the campaign, and show what is special about it."""
    first = _first_day(app, campaign_id, year)
    if _today() < first:
        _preview(operator, campaign_id, first)
        heading(f"The clock of the stack moves to {first.day} {first:%B %Y}, {MORNING:%H:%M}")
        instant = int(datetime.combine(first, MORNING, _zone()).timestamp())
        advance(lambda: move_to(instant))
    before = _introduce(app, campaign_id)
    persons = [f"mei-{secrets.token_hex(3)}" for _ in range(PERSONS)]
    _search(app, campaign_id, persons[0])
    _act(app, before, persons)
    _count(app, before)
    console.print(f"\n[bold green]IN SEASON[/] {shown(before['name'])}, {shown(span(before))}")


def _first_day(app: AppClient, campaign_id: str, year: int | None) -> date:
    """Return the first day of the run to show. Ends the program if it is over, because the clock only goes forward."""
    view = app.campaign(campaign_id, on=date(year, 1, 1) if year and year > _today().year else None)
    first, last = (date.fromisoformat(view[name]) for name in ("first_day", "last_day"))
    if last < _today() or (year and first.year != year):
        exit_with(
            f"{campaign_id} has no run that begins in {year or 'the future'} and is still to come or runs today, "
            f"and the clock of a stack only goes forward. It is {_today()} on the stack."
        )
    return first


def _preview(operator: OperatorClient, campaign_id: str, first: date) -> None:
    """Show what an operator sees of the day before it comes."""
    today = _today()
    heading(f"It is {today.day} {today:%B %Y} on the stack. An operator previews {first.day} {first:%B}")
    request("GET", f"/campaigns?on={first}")
    document: Any = operator.campaigns(on=first)
    for view in document["running"]:
        mark = " (this one)" if view["campaign_id"] == campaign_id else ""
        line(f"running: {view['name']}, {span(view)}{mark}")
        line(f"points: {multiplied(view)}")
    if campaign_id not in {view["campaign_id"] for view in document["running"]}:
        exit_with(f"The preview of {first} should show {campaign_id} as running, but it does not.")


def _introduce(app: AppClient, campaign_id: str) -> dict[str, Any]:
    """Show the campaign on its day. Return its view."""
    today = _today()
    request_path = f"/campaigns/{campaign_id}"
    view = dict(app.campaign(campaign_id))
    heading(f"It is {today.day} {today:%B %Y}: {view['name']}")
    request("GET", request_path)
    for what in ("host", "theme"):
        line(f"{what}: {stated(view, what)}")
    line(f"points: {multiplied(view)}")
    line(f"so far: {progress_of(view)}")
    return view


def _search(app: AppClient, campaign_id: str, person: str) -> None:
    heading(f'{person} types "green" into the search box of Alipay, and gets the first page of the season')
    request("GET", "/suggestions?q=green&limit=10")
    found = [suggestion.members for suggestion in app.suggest("green", limit=10).suggestions]
    show_results(found)
    if not any(result["kind"] == "campaign" and result["state"] == "running" for result in found):
        exit_with(f"The first page should show {campaign_id}, which runs today, but it does not.")


def _act(app: AppClient, view: dict[str, Any], persons: list[str]) -> None:
    """Let some persons do something that the campaign multiplies, and something else, and show what both earned."""
    heading(f"{PERSONS} persons do something that the campaign rewards, and something ordinary")
    types = {found.action_type: found for found in app.action_types() if found.actor == "person" and found.points}
    rewarded = [types[name] for name in view["multipliers"] if name in types][:1]
    ordinary = [found for name, found in types.items() if name not in view["multipliers"]][:1]
    chosen = rewarded + ordinary
    request("POST", "/actions")
    reported = app.report_actions([_action(person, found) for person in persons for found in chosen])
    line(f"{reported.accepted} actions accepted")
    [receipt_id] = reported.receipt_ids
    poll(lambda: app.receipt(receipt_id), lambda found: not found.is_waiting)
    request("GET", f"/users/{persons[0]}/ledger")
    earned = {entry.action_type: entry for page in app.ledger_pages(persons[0]) for entry in page.items}
    for found in chosen:
        entry, usual = earned[found.action_type], _usual(found)
        times = float(view["multipliers"].get(found.action_type, 1))
        by = f", {entry.points / usual:g} times the usual {usual:g}, by {entry.campaign_id}" * bool(entry.campaign_id)
        line(f"{found.name}: {entry.points:,} points for {float(entry.quantity):g} {found.unit}{by}")
        if entry.points != round(usual * times):
            exit_with(f"{found.action_type} should earn its points times its multiplier, but it earned {entry.points}.")


def _quantity(action_type: ActionType) -> float:
    at_least = action_type.points.at_least if action_type.points else 0
    return float(max(1, action_type.min_quantity, at_least or 0))


def _usual(action_type: ActionType) -> float:
    """Return the points that one action of our quantity earns without a campaign."""
    reward = action_type.points
    if reward is None:
        return 0
    return float(reward.value) * (_quantity(action_type) if reward.per == "unit" else 1)


def _action(person: str, action_type: ActionType) -> Action:
    return Action(
        action_id=f"{action_type.action_type}-{secrets.token_hex(4)}",
        user_id=person,
        type=action_type.action_type,
        quantity=_quantity(action_type),
        occurred_at=now(),
    )


def _count(app: AppClient, before: dict[str, Any]) -> None:
    """Wait until the campaign has counted what the persons did, and show what it has come to and what it cost."""
    heading("The campaign has counted them, a few seconds later")
    request("GET", f"/campaigns/{before['campaign_id']}")
    if before["progress"] is None:
        line(progress_of(before))
        return
    wanted = {name: before["progress"][name] + PERSONS for name in ("actions", "persons")}
    after = poll(
        lambda: dict(app.campaign(before["campaign_id"])),
        lambda view: all(view["progress"][name] >= number for name, number in wanted.items()),
    )
    line(f"now: {progress_of(after)}")


def _zone() -> ZoneInfo:
    return ZoneInfo(stack()["time_zone"])


def _today() -> date:
    return datetime.fromtimestamp(stack_clock().now(), _zone()).date()


if __name__ == "__main__":
    run_command(main)
