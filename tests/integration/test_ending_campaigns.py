"""Ending a campaign early: its run, its multipliers, the search and the previews follow; a restore undoes it."""

from datetime import date
from typing import Any

import pytest

from tests.builders import DAY, NOON, make_action, make_action_type, make_campaign, make_suggestion
from tests.integration.stack import Response, Stack, call, ledger_of, put_entry

CHANGED = 61
"""Seconds after which a change of the catalog is in effect everywhere."""


def document(entry: Any) -> Any:  # noqa: ANN401 - any entry
    return entry.model_dump(mode="json", exclude_defaults=True)


def end(identifier: str = "wed", last_day: str | None = None, kind: str = "campaigns", **headers: str) -> Response:
    body = {"last_day": last_day} if last_day else None
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    path = {"kind": kind, "id": identifier}
    return call(
        *("manage_catalog", "POST", "/catalog/{kind}/{id}/end"),
        client="operator-client",
        path=path,
        body=body,
        headers=names,
    )


def campaigns(**query: str) -> Any:  # noqa: ANN401 - the response body
    return call("view_impact", "GET", "/campaigns", query=query).body


def days_of(shown: list[Any]) -> list[tuple[str, str]]:
    return [(run["first_day"], run["last_day"]) for run in shown]


@pytest.fixture
def week(stack: Stack) -> Stack:
    """A stack with a campaign of a week, of which today, 5 June, is the second day."""
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("suggestions", bus=make_suggestion())
    campaign = make_campaign("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4", 7, {"bus_ride": "2"})
    assert put_entry("campaigns", "wed", document(campaign)).status == 200
    return stack


def test_a_campaign_that_is_ended_runs_to_the_end_of_the_day_and_is_over_on_the_next(week: Stack) -> None:
    ended = end()

    assert (ended.status, ended.body["version"], ended.body["ends"]) == (200, 2, {"2026-06-04": "2026-06-05"})
    assert ended.headers["etag"] == '"2"'
    week.clock.instant += CHANGED
    assert days_of(campaigns()["running"]) == [("2026-06-04", "2026-06-05")]
    week.clock.instant = NOON + DAY
    shown = campaigns()
    assert (days_of(shown["running"]), days_of(shown["past"])) == ([], [("2026-06-04", "2026-06-05")])
    assert days_of(shown["next"]) == [("2027-06-04", "2027-06-10")]


def test_nothing_more_is_multiplied_as_soon_as_an_end_on_yesterday_is_in_effect(week: Stack) -> None:
    week.accrue_all([make_action("before")])

    ended = end(last_day="2026-06-04")
    week.accrue_all([make_action("meanwhile")])
    week.clock.instant += CHANGED
    week.accrue_all([make_action("after"), make_action("yesterday", occurred_at=NOON - DAY)])

    assert ended.status == 200
    points = {line["action_id"]: (line["points"], line["campaign_id"]) for line in ledger_of()}
    assert points == {
        "before": (160, "wed"),
        "meanwhile": (160, "wed"),
        "after": (80, None),
        "yesterday": (160, "wed"),
    }


def test_a_run_can_lose_all_its_days_on_its_first_day(week: Stack) -> None:
    week.clock.instant = NOON - DAY
    assert end(last_day="2026-06-03").status == 200
    week.clock.instant += CHANGED

    shown = campaigns()

    assert days_of(shown["running"]) == []
    assert days_of(shown["past"]) == [("2026-06-04", "2026-06-03")]
    found = call("view_impact", "GET", "/campaigns/{id}", path={"id": "wed"}).body
    assert (found["state"], found["first_day"]) == ("next", "2027-06-04")


def test_it_is_safe_to_repeat_an_end_and_the_repeat_writes_nothing(week: Stack) -> None:
    first, again = end(last_day="2026-06-04"), end(last_day="2026-06-04")
    week.clock.instant += CHANGED
    later = end(last_day="2026-06-04")

    assert [answer.body["version"] for answer in (first, again, later)] == [2, 2, 2]
    assert [warning["code"] for warning in later.body["warnings"]] == ["ends_already"]
    assert first.body["warnings"] == []


def test_a_campaign_that_runs_only_today_is_ended_by_naming_yesterday(stack: Stack) -> None:
    stack.seed("campaigns", wed=make_campaign())

    unchanged = end()

    assert (unchanged.body["version"], [warning["code"] for warning in unchanged.body["warnings"]]) == (
        1,
        ["ends_already"],
    )
    assert end(last_day="2026-06-04").body["ends"] == {"2026-06-05": "2026-06-04"}


@pytest.mark.parametrize("last_day", ["2026-06-03", "2026-06-10", "2026-06-11"])
def test_a_run_ends_neither_before_yesterday_nor_later_than_it_would(week: Stack, last_day: str) -> None:
    refused = end(last_day=last_day)

    assert week
    if last_day == "2026-06-10":
        assert refused.body["warnings"][0]["code"] == "ends_already"
    else:
        assert (refused.status, refused.code) == (400, "invalid_body")
        assert refused.body["errors"] == ["last_day: this must be from 2026-06-04 on and before 2026-06-10"]


def test_a_run_that_is_over_or_has_not_begun_cannot_be_ended(week: Stack) -> None:
    assert end(last_day="2026-06-04").status == 200
    again = end()
    week.clock.instant = NOON - 2 * DAY
    early = end()

    assert (again.status, again.code) == (409, "campaign_not_running")
    assert (
        again.body["detail"] == "Nothing was changed, because the run from 2026-06-04 has ended already, on 2026-06-04."
    )
    assert (early.code, end("nothing").code) == ("campaign_not_running", "unknown_entry")
    assert [end("bus_ride", kind=kind).code for kind in ("action-types", "badges")] == ["unknown_kind"] * 2


def test_restoring_the_earlier_version_undoes_the_end(week: Stack) -> None:
    end(last_day="2026-06-04")
    week.clock.instant += CHANGED
    restored = call(
        *("manage_catalog", "POST", "/catalog/{kind}/{id}/versions/{version}/restore"),
        client="operator-client",
        path={"kind": "campaigns", "id": "wed", "version": "1"},
    )
    week.clock.instant += CHANGED

    assert restored.status == 200
    assert days_of(campaigns()["running"]) == [("2026-06-04", "2026-06-10")]


def test_an_end_keeps_to_the_version_that_the_operator_has_read(week: Stack) -> None:
    assert end(if_match='"7"').code == "stale_version"
    assert end(if_match='"1"').body["version"] == 2
    assert week


def test_a_version_that_takes_effect_later_is_not_brought_forward_by_an_end(week: Stack) -> None:
    later = make_campaign("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4", 7, {"bus_ride": "3"})
    put_entry("campaigns", "wed", document(later) | {"effective_at": "2026-06-08T00:00:00+08:00"})

    ended = end()

    assert ended.body["multipliers"] == {"bus_ride": "2"}
    assert [warning["code"] for warning in ended.body["warnings"]] == ["supersedes_pending"]
    assert week


def test_a_preview_of_a_day_follows_the_end(week: Stack) -> None:
    end()

    def preview(kind: str, identifier: str) -> Any:  # noqa: ANN401 - the preview in the response
        path = {"kind": kind, "id": identifier}
        found = call(
            *("manage_catalog", "GET", "/catalog/{kind}/{id}"),
            client="operator-client",
            path=path,
            query={"on": "2026-06-06"},
        )
        return found.body["preview"]

    assert preview("campaigns", "wed") == {"on": "2026-06-06", "runs": False, "first_day": None, "last_day": None}
    assert preview("action-types", "bus_ride") == {"on": "2026-06-06", "multiplier": 1, "campaign_id": None}
    assert days_of(campaigns(on="2026-06-06")["past"]) == [("2026-06-04", "2026-06-05")]
    assert week


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ({"2026-06-05": "2026-06-06"}, "ends: no run begins on 2026-06-05"),
        (
            {"2026-06-04": "2026-06-10"},
            "ends: the last day of the run from 2026-06-04 must be from 2026-06-03 on and before 2026-06-10",
        ),
        ({"2026-06-04": "2026-06-02"}, "must be from 2026-06-03 on"),
        ({"4 June": "2026-06-05"}, "this must be a day, such as 2026-06-05"),
    ],
)
def test_an_entry_says_why_its_ends_are_not_valid(week: Stack, ends: dict[str, str], message: str) -> None:
    campaign = make_campaign("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4", 7, {"bus_ride": "2"})
    refused = put_entry("campaigns", "wed", document(campaign) | {"ends": ends})

    assert refused.code == "invalid_entry"
    assert message in refused.body["errors"][0]
    assert week


def test_an_operator_cancels_a_run_of_a_later_year_by_writing_its_end(week: Stack) -> None:
    campaign = make_campaign(
        "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4", 7, {"bus_ride": "2"}, ends={date(2027, 6, 4): date(2027, 6, 3)}
    )
    assert put_entry("campaigns", "wed", document(campaign)).status == 200
    week.clock.instant += CHANGED

    assert days_of(campaigns()["next"]) == [("2028-06-04", "2028-06-10")]
    assert days_of(campaigns()["running"]) == [("2026-06-04", "2026-06-10")]
