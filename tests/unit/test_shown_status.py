"""The status says what is to be done, in the colour that fits, and fits a terminal of 80 columns."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from local.sam import ROOT
from local.template import resources
from operations import shown_status
from operations.shown_status import Row, show, worst_of
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
from operations.status_reading import DEAD_ONLY, WORK_QUEUES

ZONE = ZoneInfo("Asia/Shanghai")
NOON = 1780632000
MANY = 10**9
CHECKED_AT = "2027-06-05T01:00:00Z"

GOAL = {"counts": "actions", "target": 1_000_000, "reached": 1_234}
PROGRESS = {"actions": 1_234, "persons": 1, "points": 197_440, "extra_points": 98_720.5}

FINE: dict[str, Sequence[Row]] = {
    "queues": list(shown_status.rows_of_queues([QueueFacts("actions", 3, 2, 0), QueueFacts("planting", 0, MANY, 0)])),
    "dead": list(
        shown_status.rows_of_dead_letters([QueueFacts("actions", 3, 2, 0), QueueFacts("totals", None, None, 0)])
    ),
    "batches": list(shown_status.rows_of_batches(BatchFacts(2, 0, 59, are_all=True))),
    "stocks": list(
        shown_status.rows_of_stocks(
            [
                StockFacts("a", 0, True, None, None),
                StockFacts("b", 0, False, NOON, 500),
                StockFacts("c", 1, False, None, None),
            ],
            ZONE,
        )
    ),
    "campaigns": list(
        shown_status.rows_of_campaigns(
            [
                CampaignFacts("sale", "running", "2026-06-05", "2026-06-06", GOAL, PROGRESS),
                CampaignFacts("other", "next", "2026-07-05", "2026-07-05", None, None),
            ]
        )
    ),
    "refused": list(
        shown_status.rows_of_refusals(RefusalFacts({"not_found": 3}, 0, {"unknown_type": 1}, are_all=True))
    ),
    "apps": list(shown_status.rows_of_apps(AppFacts(7, []))),
    "deployment": [
        *shown_status.rows_of_deployment(DeploymentFacts("UPDATE_COMPLETE", CHECKED_AT, CHECKED_AT)),
        *shown_status.rows_of_deployment(DeploymentFacts("UPDATE_IN_PROGRESS", None, CHECKED_AT)),
        *shown_status.rows_of_deployment(DeploymentFacts("CREATE_COMPLETE", None, None)),
    ],
    "workers": list(shown_status.rows_of_workers(WorkerFacts(10, []))),
    "totals": list(shown_status.rows_of_totals(TotalsFacts(MANY, 11, 100))),
    "log": list(
        shown_status.rows_of_log(LogFacts(1, 20, 1, 1, shown_status.LONG_UNPUBLISHED, [], 3, MANY, are_all=False))
    ),
    "catalog": list(shown_status.rows_of_published(CatalogFacts(MANY, 7, 7))),
}

PUBLISHED = LogFacts(9, 20, 4, 0, None, [], 0, None, are_all=True)

BROKEN: list[tuple[list[Row], str, str, str]] = [
    (list(shown_status.rows_of_queues([QueueFacts("actions", 3, 61, 0)])), "yellow", "3 messages", "make reconcile"),
    (
        list(shown_status.rows_of_queues([QueueFacts("redemptions", 0, 301, 0)])),
        "yellow",
        "5 min old",
        "list --queue redemptions",
    ),
    (
        list(shown_status.rows_of_dead_letters([QueueFacts("actions", 0, None, 2)])),
        "red",
        "actions: 2",
        "make dead-letters",
    ),
    (
        list(shown_status.rows_of_dead_letters([QueueFacts("totals", None, None, 1)])),
        "red",
        "totals: 1",
        "make recount",
    ),
    (
        list(shown_status.rows_of_dead_letters([QueueFacts("repeats", None, None, 1)])),
        "red",
        "repeats: 1",
        "make reconcile",
    ),
    (
        list(shown_status.rows_of_dead_letters([QueueFacts("schedules", None, None, 1)])),
        "red",
        "schedules: 1",
        "list --queue schedules",
    ),
    (
        list(shown_status.rows_of_batches(BatchFacts(2, 1_000, 70, are_all=True))),
        "yellow",
        "2 waiting, 1,000 late; the oldest is 70 s old",
        "make reconcile",
    ),
    (
        list(shown_status.rows_of_batches(BatchFacts(0, 800, 400, are_all=False))),
        "yellow",
        "at least 0 waiting, 800 late",
        "make reconcile",
    ),
    (
        list(shown_status.rows_of_stocks([StockFacts("poplar", 0, False, None, None)], ZONE)),
        "yellow",
        "poplar: 0 left",
        "saplings of poplar",
    ),
    (
        list(shown_status.rows_of_refusals(RefusalFacts({"internal_error": 1}, 1, {}, are_all=True))),
        "red",
        "1 internal_error",
        """grep -B1 '"status":5' .local/ministack.log""",
    ),
    (
        list(shown_status.rows_of_deployment(DeploymentFacts("UPDATE_COMPLETE", None, CHECKED_AT))),
        "red",
        "its functions have not passed the check",
        "make rollback",
    ),
    (
        list(shown_status.rows_of_workers(WorkerFacts(9, ["AccruePoints"]))),
        "red",
        "AccruePoints is stopped",
        'make workers DO="start AccruePoints"',
    ),
    (list(shown_status.rows_of_apps(AppFacts(6, ["bikes"]))), "yellow", "suspended: bikes", "make apps"),
    (
        list(shown_status.rows_of_totals(TotalsFacts(None, None, 121))),
        "red",
        "posted since, 2 min ago",
        "FUNCTION=TallyImpact",
    ),
    (
        list(shown_status.rows_of_totals(TotalsFacts(1, 121, None))),
        "red",
        "2 min after the change",
        "FUNCTION=TallyImpact",
    ),
    (
        list(shown_status.rows_of_published(CatalogFacts(None, None, 7))),
        "yellow",
        "nothing usable",
        "make logs FUNCTION=PublishCatalog",
    ),
    (
        list(shown_status.rows_of_published(CatalogFacts(5, 6, 7))),
        "yellow",
        "without the latest change",
        "make logs FUNCTION=PublishCatalog",
    ),
    (
        list(shown_status.rows_of_log(PUBLISHED._replace(waiting=2, oldest_s=shown_status.LONG_UNPUBLISHED + 1)))[1:-1],
        "red",
        "2 statements not published yet, the oldest for 2 min",
        "make logs FUNCTION=SequenceLog",
    ),
    (
        list(shown_status.rows_of_log(PUBLISHED._replace(missing=["a.example", "b.example"])))[1:-1],
        "yellow",
        "no cosignature by a.example, b.example",
        "CosignCheckpoints",
    ),
]


@pytest.mark.parametrize("section", FINE)
def test_what_is_in_order_is_green_and_asks_for_nothing(section: str) -> None:
    assert FINE[section]
    assert {(row.colour, row.to_do, row.see) for row in FINE[section]} == {("green", "", "")}


def test_queues_in_which_nothing_waits_share_a_line() -> None:
    queues = [QueueFacts("actions", 3, 2, 0), *(QueueFacts(name, 0, None, 0) for name in ("redemptions", "photos"))]
    assert [row.text for row in shown_status.rows_of_queues(queues)] == [
        "actions: 3 messages, the oldest one is 2 s old",
        "nothing waits: redemptions, photos",
    ]


@pytest.mark.parametrize(("rows", "colour", "said", "to_do"), BROKEN)
def test_what_is_not_in_order_has_its_colour_and_says_what_to_do_next(
    rows: list[Row], colour: str, said: str, to_do: str
) -> None:
    [row] = rows

    assert row.colour == colour
    assert said in row.text
    assert to_do in row.to_do
    file, _, heading = row.see.partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE) if file else []
    assert not file or heading in [title.lower().replace(" ", "-") for title in headings]


def test_the_dead_letters_of_each_queue_have_the_section_of_their_alarm() -> None:
    alarms = {name for name in resources("AWS::CloudWatch::Alarm") if name.endswith("DeadLetterAlarm")}

    assert set(shown_status.DEAD_LETTER_ALARMS) == {*WORK_QUEUES, *DEAD_ONLY}
    assert set(shown_status.DEAD_LETTER_ALARMS.values()) == alarms


def test_a_command_is_named_once_with_each_section_that_belongs_to_it() -> None:
    rows = [Row("a", "red", "do", "x.md#a"), Row("b", "red", "do", "x.md#b"), Row("c", "red", "do", "x.md#a"), Row("d")]

    assert shown_status.sections_of(rows) == {"do": ["x.md#a", "x.md#b"]}


def test_the_worst_colour_counts() -> None:
    green, yellow, red = Row("a"), Row("b", "yellow", "c"), Row("d", "red", "e")

    assert worst_of([]) == worst_of([green]) == "green"
    assert worst_of([yellow, green]) == "yellow"
    assert worst_of([green, red, yellow]) == "red"


def test_on_aws_errors_are_looked_for_with_logs_insights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAXAUL_STACK", "trees")

    [row] = shown_status.rows_of_refusals(RefusalFacts({"busy": 1}, 1, {}, are_all=True))

    assert row.to_do == "search the log group in Logs Insights: filter status >= 500"


def test_what_does_not_work_comes_first_in_what_is_to_be_done() -> None:
    rows = [shown_status.Row("late", "yellow", "reconcile"), shown_status.Row("stopped", "red", "start")]

    assert [*shown_status.sections_of(rows)] == ["start", "reconcile"]


def test_a_campaign_that_runs_shows_its_progress_and_its_goal_and_the_next_one_its_day() -> None:
    assert [row.text for row in FINE["campaigns"]] == [
        "sale: runs until 2026-06-06",
        "  1234 actions of 1 person, 197,440 points, 98,720.5 by the campaign",
        "  goal: 1,234 of 1,000,000 actions",
        "other: next on 2026-07-05",
    ]


def test_a_release_is_named_with_its_day_and_time_in_the_zone_of_the_programme() -> None:
    assert FINE["stocks"][1].text == "b: 0 left, 500 more on 5 Jun at 12:00"


def test_the_screen_fits_80_columns_and_names_each_next_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    long = Row("x" * 200, "red", "make reconcile")

    show("the laptop stack", {**FINE, "broken": [row for rows, *_ in BROKEN for row in rows], "long": [long]})

    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert sum(line == "  make reconcile" for line in lines) == 1
    assert lines.index("next") < lines.index("  make reconcile")


def test_if_everything_is_in_order_the_last_line_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    show("the laptop stack", FINE)

    assert capsys.readouterr().out.splitlines()[-1] == "✓ nothing is to be done"


def test_the_address_of_the_dashboard_is_whole_on_a_line_of_its_own_and_a_laptop_stack_has_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/saxaul-eu-west-1"

    show("saxaul", FINE, address)
    show("the laptop stack", FINE)

    printed = capsys.readouterr().out
    assert printed.splitlines().count(f"  {address}") == 1
    assert printed.count("dashboard\n") == 1


def test_a_name_that_somebody_chose_cannot_write_markup_or_control_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show("[red]stack", {"apps": list(shown_status.rows_of_apps(AppFacts(1, ["[bold]x\x1b[31m"])))})

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[red]stack" in printed
    assert "[bold]x" in printed


def test_only_the_most_frequent_codes_and_the_smallest_stocks_are_named() -> None:
    codes = {f"code_{number}": number for number in range(1, 10)}
    stocks = [StockFacts(f"p-{number}", number, False, None, None) for number in range(1, 9)]

    [requests] = shown_status.rows_of_refusals(RefusalFacts(codes, 0, {}, are_all=False))
    rows = list(shown_status.rows_of_stocks(stocks, ZONE))

    assert requests.text.startswith("requests: at least 9 code_9, 8 code_8")
    assert requests.text.endswith("5 code_5 and 4 more codes")
    assert rows[-1].text == "and 3 more projects with more saplings"
    assert len(rows) == 6
