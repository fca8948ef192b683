"""The examples of events/ as they are sent to a running stack."""

import json
import re
from datetime import date, datetime
from hashlib import md5
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import example_events
from local.example_events import DAY, FOLDER, RODE_AT, SENT_AT, Scene, event_file, prepare
from local.sam import ROOT
from local.template import resources
from saxaul.impact.changes import impact_of_change
from saxaul.impact.totals import total
from saxaul.storage.streams import changes_in
from tests.builders import make_calendar

TEXTS = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
CLIENT_IDS = {"alipay": "id-of-alipay", "partner": "id-of-partner", "operator": "id-of-operator"}
SOME_TIME = 1_900_000_000_123_456_789

scenes = st.builds(
    Scene,
    now_ns=st.integers(SENT_AT * 10**9, 4_000_000_000 * 10**9),
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "UTC"]).map(ZoneInfo),
    client_ids=st.just(CLIENT_IDS),
    person=st.just("mei-1@example.com"),
    redemption_id=st.just("f" * 32),
)


def scene(now_ns: int = SOME_TIME, person: str = "mei-1@example.com") -> Scene:
    return Scene(now_ns, ZoneInfo("Asia/Shanghai"), CLIENT_IDS, person, "f" * 32)


def queued(event: Any) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(event["Records"][0]["body"])


def stored(event: Any) -> Any:  # noqa: ANN401 - any JSON value
    return event["Records"][0]["dynamodb"]["NewImage"]


@pytest.mark.parametrize(
    "name", ["PERSON", "ACTION_ID", "RECEIPT_ID", "IDEMPOTENCY_KEY", "REQUEST_ID", "REDEMPTION_ID"]
)
def test_what_is_replaced_is_in_an_example_and_in_none_that_is_sent(name: str) -> None:
    value = re.compile(rf"\b{re.escape(getattr(example_events, name))}\b")

    assert any(map(value.search, TEXTS.values()))
    assert [stem for stem, text in TEXTS.items() if value.search(json.dumps(prepare(text, scene())))] == []


def test_no_date_of_the_examples_is_sent() -> None:
    then = re.compile(r"178\d{7}|2026-0[56]-\d\d(?!T00:00:00\.000)")  # but the label of the stream stays

    dated = [stem for stem, text in TEXTS.items() if then.search(text)]

    assert len(dated) > len(TEXTS) // 2
    shards = re.compile(r"shardId-[\w-]+")
    assert [stem for stem in dated if then.search(shards.sub("", json.dumps(prepare(TEXTS[stem], scene()))))] == []


def test_an_event_of_each_client_names_the_client_of_the_stack() -> None:
    sent = {stem: prepare(text, scene()) for stem, text in TEXTS.items()}
    client_ids = {
        stem: event["requestContext"]["authorizer"]["claims"]["client_id"]
        for stem, event in sent.items()
        if "authorizer" in event.get("requestContext", {})
    }

    assert set(client_ids.values()) == set(CLIENT_IDS.values())
    assert client_ids["take_reports"] == "id-of-partner"


def test_an_event_of_a_client_that_the_stack_lacks_is_refused_with_its_name() -> None:
    with pytest.raises(KeyError, match="alipay"):
        prepare(TEXTS["view_forest"], scene()._replace(client_ids={"operator": "id"}))


@given(scenes)
def test_an_event_happens_now_and_its_ride_as_long_before_as_it_was(at: Scene) -> None:
    now = at.now_ns // 10**9

    message, request = queued(prepare(TEXTS["accrue_points"], at)), prepare(TEXTS["ingest_actions"], at)
    [reported] = json.loads(request["body"])["actions"]

    rode = message["actions"][0][5]
    assert (message["accepted_at"], now - rode) == (now, SENT_AT - RODE_AT)
    assert request["requestContext"]["requestTimeEpoch"] == now * 1000
    assert datetime.fromisoformat(reported["occurred_at"]).timestamp() == rode


@given(scenes)
def test_the_day_in_a_key_is_that_of_the_ride_in_the_zone_of_the_programme(at: Scene) -> None:
    image = stored(prepare(TEXTS["tally_impact"], at))

    rode = datetime.fromtimestamp(int(image["e"]["L"][0]["M"]["o"]["N"]), at.zone)
    assert image["sk"]["S"] == f"PAGE#{rode:%Y-%m-%d}"
    assert at.moved_day(date(2026, 6, 6)) - at.moved_day(DAY) == date(2026, 6, 6) - DAY


@given(scenes)
def test_the_digest_of_a_message_is_that_of_its_body(at: Scene) -> None:
    for stem in ("accrue_points", "settle_redemptions", "place_orders", "hash_photos"):
        [record] = prepare(TEXTS[stem], at)["Records"]

        assert record["md5OfBody"] == md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_an_event_that_is_sent_again_is_another_action_and_another_request() -> None:
    def ids_of(stem: str) -> set[str]:
        return {json.dumps(prepare(TEXTS[stem], scene())) for _ in range(5)}

    assert all(len(ids_of(stem)) == 5 for stem in ("accrue_points", "ingest_actions", "redeem_trees"))


def test_the_redemption_that_is_settled_is_the_one_of_the_scene() -> None:
    [record] = prepare(TEXTS["settle_redemptions"], scene())["Records"]

    assert json.loads(record["body"])["redemption_id"] == "f" * 32
    assert record["attributes"]["MessageDeduplicationId"] == "f" * 32


def test_the_id_of_a_person_is_encoded_in_paths_only() -> None:
    sent = prepare(TEXTS["view_forest"], scene(person="mei-2@example.com"))

    assert sent["path"] == "/users/mei-2%40example.com/forest"
    assert queued(prepare(TEXTS["accrue_points"], scene(person="mei-2@example.com")))["actions"][0][1] == (
        "mei-2@example.com"
    )


def test_what_the_tally_counts_adds_up_to_nothing_so_that_the_totals_stay_right() -> None:
    calendar = make_calendar()

    changes = list(changes_in(prepare(TEXTS["tally_impact"], scene())["Records"]))
    impacts = [impact_of_change(change.before, change.after, calendar, change.runs) for change in changes]

    assert [len(impact) for impact in impacts] == [1, 1]
    assert total(adds for impact in impacts for adds in impact.values()).is_zero


def test_each_tally_is_counted_because_its_changes_come_after_all_earlier_ones() -> None:
    first, second = (
        [change.sequence for change in changes_in(prepare(TEXTS["tally_impact"], scene(now))["Records"])]
        for now in (SOME_TIME, SOME_TIME + 1)
    )

    assert sorted({*first, *second}) == [*first, *second]


def test_each_function_has_a_file_by_its_name() -> None:
    functions = resources("AWS::Serverless::Function")

    assert {event_file(function) for function in functions} == set(FOLDER.glob("*.json"))
    assert all(event_file(name).stem == function["CodeUri"].split("/")[1] for name, function in functions.items())
    assert (ROOT / "events") == FOLDER
