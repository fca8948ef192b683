"""The whole life of a person in a stack in this process: everything that Saxaul can store is stored once at least.

Two apps and a third-party app report, people spend points, partners plant, operators write and register, and everything
is counted, logged and published.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import pytest

from saxaul.impact.totals import RunKey
from saxaul.services.erase_person import erasing
from saxaul.services.export_person import exporting
from saxaul.settings import settings
from saxaul.storage.apps import Apps, Leftover
from saxaul.storage.clients import s3
from saxaul.storage.erasures import Erasures
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Table
from saxaul.trees.redemptions import MAX_TRIES
from tests.builders import (
    USER,
    at,
    confirmation,
    correction,
    failure,
    inspection,
    make_action_type,
    make_campaign,
    make_entry,
    make_facility,
    make_period,
    reported,
)
from tests.integration.public_log import PublishedFiles
from tests.integration.stack import (
    Stack,
    an_app,
    call,
    call_app,
    cancel,
    event_of,
    grant,
    harvest,
    invoke,
    put_entry,
    redeem,
    report,
    report_actions,
    report_reversals,
    view_order,
)
from tests.integration.test_impact import Stream, tally
from tests.integration.test_photos import hash_uploads, uploaded
from tests.integration.test_publishing import BUCKET as PUBLISHED
from tests.photos import JPEG, PHOTO, declared

PERSON = USER.id
DEDICATION = "For my grandmother · 献给奶奶"
TICKET = "~12306:E1"
"""An evidence id that begins with the last character that an id can have."""

RUN = RunKey("world-environment-day", date(2026, 6, 5))
_FACILITY: Mapping[str, Any] = {"user_id": None, "facility_id": "dc-zhangbei", "type": "solar_warehouse"}
_BIKES = {"name": "Bikes", "kind": "third_party"}
_WORDS = {"en": "Take the bus", "zh": "坐公交"}
_LINKS = {"alipay": "https://www.alipay.com/green/bus"}
_SUGGESTION = {"titles": _WORDS, "texts": _WORDS, "action_type": "bus_ride", "links": _LINKS}


class Life(NamedTuple):
    """What a test needs to know of a life: the redemptions by what became of them, and the stream of the ledger."""

    redemptions: Mapping[str, str]
    stream: Stream


def live(stack: Stack, patches: pytest.MonkeyPatch) -> Life:
    """Let a person live a whole life."""
    stream = Stream()
    _prepare(stack, patches)
    long_ago = make_period(make_entry(occurred_at=at("2026-05-02T12:00")), window="2026-05-02", version=0)
    stack.put_period(long_ago)  # the harvest closes it
    _report(stack)
    redemptions = _redeem_and_plant(stack)
    PublishedFiles(stack.clock).publish()
    for _ in range(2):  # a run counts a person when the stream has the participation that the first one writes
        tally(*stream.records())
    return Life(redemptions, stream)


def run_the_programme(stack: Stack) -> None:
    """Do what operators and workers do besides: register apps, write the catalog and publish it, recount."""
    written = put_entry("suggestions", "bus", _SUGGESTION)
    assert written.status == 200, written.body
    invoke("publish_catalog", event_of("publish_catalog"))
    call_app("PUT", "bikes", body=_BIKES)
    call_app("POST", "bikes", "secret", {"overlap_seconds": 3600})
    apps = Apps(Table("Catalog", stack.clock))
    apps.expect(Leftover(stack.clock.instant, "bikes", "crashed"))  # as a worker that crashes leaves it
    limited = an_app("taobao").model_copy(update={"calls_per_second": 50, "actions_per_day": 1000})
    stack.register("taobao-client", limited)
    stack.clock.instant += 10
    report_actions(reported(action_id="limited-1"), client="taobao-client")
    stack.deliver_reported()
    impact = ImpactStore(stack.ledger)
    for subject in (date(2026, 6, 5), RUN):
        [first, *others] = impact.tallies_of([subject])
        impact.add(subject, first.impact, [first, *others])


def _prepare(stack: Stack, patches: pytest.MonkeyPatch) -> None:
    patches.setenv("CATALOG_BUCKET", PUBLISHED)
    s3().create_bucket(Bucket=PUBLISHED, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    settings.cache_clear()
    stack.seed_catalog(saplings=100)
    stack.seed("action-types", solar_warehouse=make_action_type(points=None, actor="facility"))
    stack.seed("facilities", dc_zhangbei=make_facility())
    stack.seed("campaigns", world_environment_day=make_campaign(multipliers={"bus_ride": "2"}))
    invoke("publish_catalog", event_of("publish_catalog"))


def _report(stack: Stack) -> None:
    grant("report", "read")
    ride = reported(evidence_id=TICKET)
    report_actions(ride, reported(**_FACILITY, action_id="kwh-1", evidence_id="meter-7"))
    report_actions(ride | {"action_id": "other-app"}, client="taobao-client")
    report_actions(reported(action_id="bike-1"), client="third-party-client")
    earlier = "2026-06-04T08:30:00+08:00"
    report_actions(*(reported(action_id=f"ride-{number}", occurred_at=earlier) for number in range(250)))
    report_actions(*(reported(action_id=f"few-{number}", occurred_at="2026-06-03T08:30:00Z") for number in range(15)))
    stack.deliver_reported()
    never = {"action_id": "never", "occurred_at": earlier, "reason": "mistake"}
    report_reversals(
        {"action_id": "bike-1", "user_id": PERSON, "occurred_at": ride["occurred_at"], "reason": "invented"},
        client="third-party-client",
    )
    report_reversals(never | {"user_id": PERSON}, never | {"facility_id": "dc-zhangbei"})
    stack.deliver_reported()
    stack.clock.instant += 86_400
    assert harvest().body["moved"] > 0


def _redeem_and_plant(stack: Stack) -> Mapping[str, str]:
    dearest = reported(action_id="later", occurred_at="2026-06-06T08:30:00+08:00")
    report_actions(dearest)
    stack.deliver_reported()
    found = {name: redeem(name, dedication=DEDICATION).body["redemption_id"] for name in ("planted", "refunded")}
    found["rejected"] = redeem("rejected").body["redemption_id"]
    found["cancelled"] = redeem("cancelled", trees=2).body["redemption_id"]
    _reject(stack, found["rejected"])
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    cancel(found["cancelled"])
    orders = list(stack.run_planting_batch())
    planted, refunded = (_certificate(stack, found[name]) for name in ("planted", "refunded"))
    _plant(orders[0], planted)
    for _ in range(MAX_TRIES):
        report("failures", orders[-1], failure(refunded))
        orders += stack.run_planting_batch()
    found["reserved"] = redeem("reserved", max_points=1000).body["redemption_id"]
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    found["requested"] = redeem("requested").body["redemption_id"]
    return found


def _reject(stack: Stack, redemption_id: str) -> None:
    """Let a redemption be rejected, as its settlement does if the points are gone meanwhile."""
    request = stack.redemption(redemption_id)
    stack.redemptions.write_cancellation(request.rejected("insufficient_points"), refunded=False)


def _certificate(stack: Stack, redemption_id: str) -> str:
    return stack.redemption(redemption_id).trees[0].number


def _plant(order_id: str, number: str) -> None:
    photo = declared(PHOTO)
    assert hash_uploads(uploaded(order_id, photo, PHOTO)) == []
    assert hash_uploads(uploaded(order_id, declared(JPEG), b"no photo")) == []  # it is refused
    uploaded(order_id, declared(JPEG), JPEG)  # and its message is lost
    moment = "2026-06-06T{}:00:00+08:00"
    report("confirmations", order_id, confirmation(number, planted_at=moment.format("09"), photo=photo["sha256"]))
    for hour, state in (("10", "alive"), ("11", "dead")):
        report("inspections", order_id, inspection(number, state, inspected_at=moment.format(hour)))
    report("corrections", order_id, correction(number, state="alive"))
    assert view_order(order_id).status == 200


def erase(user_id: str, **query: str) -> Any:  # noqa: ANN401 - the response body
    """Request an erasure as an operator."""
    sent: dict[str, Any] = {"path": {"user_id": user_id}, "query": {"reason": "ticket 4711"} | query}
    return call("manage_persons", "DELETE", "/users/{user_id}", client="operator-client", **sent).body


def store_an_export(user_id: str) -> None:
    exporting().store(user_id, b"{}\n")


def run_until_erased(stack: Stack, stream: Stream) -> None:
    """Let the worker take each step when it is due. What it changes is counted after each."""
    for _ in range(20):
        names = [*Erasures(stack.ledger).unfinished(1)]
        if not names:
            return
        for name in names:
            erasing().run(name, lambda: None)
        tally(*stream.records())
        stack.clock.instant += settings().erasure_delay
    pytest.fail("the person was not erased")
