"""Each boundary in time, seen on a stack whose clock is moved to just before it and then onto it.

The tests run in their order: the clock only goes forward. Each begins at a time of its own.
"""

import random
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from local.build import BUILT
from local.client import open_client, stack_clock
from saxaul_client import App, OperatorClient
from saxaul_client import Client as TypedClient
from tests.e2e.calling import Client
from tests.e2e.clock_stack import go_to, move_clock, outcomes, started_at
from tests.e2e.journeys import IS_LONG, eventually, new_user, run_operation
from tests.e2e.year_on_stack import OnStack
from tests.template.test_time import WORDS
from tests.year.living import Year
from tests.year.script import every_day, new_programme, some_days, steps
from tests.year.wire import ZONE

LIMIT = 8
"""The actions that the new app may report on a day."""

CAP = 5
"""The bus rides of a person and day that earn points."""

RIDE = 80
"""The points of a bus ride. Those of World Environment Day earn twice as many."""


@pytest.fixture(scope="module")
def moved() -> Iterator[dict[str, Any]]:
    """A stack that starts in the evening before World Environment Day."""
    with started_at("2027-06-04T23:30") as known:
        yield known


@pytest.fixture(scope="module")
def operators(moved: dict[str, Any]) -> Iterator[OperatorClient]:
    assert moved
    with open_client(OperatorClient, "operator") as client:
        yield client


@pytest.fixture(scope="module")
def alipay(moved: dict[str, Any]) -> Iterator[Client]:
    assert moved
    with Client("alipay") as client:
        yield client


@pytest.fixture(scope="module")
def small(operators: OperatorClient) -> App:
    """An app with a small limit of actions a day."""
    limits = {"calls_per_second": 1000, "actions_per_day": LIMIT}
    document = {"name": "A small app", "kind": "first_party", "limits": limits}
    return operators.register_app(f"small-{secrets.token_hex(5)}", document, new=True)


def client_of(stack: dict[str, Any], app: App) -> Client:
    return Client(TypedClient(stack["api_url"], stack["token_url"], app.client_id, app.client_secret, timeout=60))


def action(user: str, at: str, type_: str = "bus_ride", quantity: int = 1) -> dict[str, Any]:
    """Return a new action of a local time in Shanghai."""
    name, when = secrets.token_hex(8), f"{at}:00+08:00"
    return {"action_id": name, "user_id": user, "type": type_, "quantity": quantity, "occurred_at": when}


def earned(client: Client, user: str) -> int:
    return int(client.call_or_exit("GET", f"/users/{user}/wallet")["earned"])


def state_of_the_day(client: Client) -> str:
    return str(client.call_or_exit("GET", "/campaigns/world-environment-day")["state"])


def saplings(client: Client) -> int:
    projects = client.call_or_exit("GET", "/tree-projects")["projects"]
    return next(int(found["available"]) for found in projects if found["project_id"] == "saxaul-alxa")


def test_at_midnight_the_cap_and_the_limit_of_a_day_begin_anew_and_a_campaign_and_the_acceptance_move_on(
    moved: dict[str, Any], alipay: Client, small: App
) -> None:
    user = new_user()
    with client_of(moved, small) as app:
        assert "Friday 2027-06-04 23:5" in go_to("2027-06-04T23:50")
        rides = outcomes(app, *(action(user, "2027-06-04T23:40") for _ in range(CAP + 1)))
        over = app.call("POST", "/actions", {"actions": [action(user, "2027-06-04T23:40")] * (LIMIT - CAP)})
        oldest = outcomes(alipay, action(new_user(), "2027-05-28T00:00"))
        before = earned(alipay, user), state_of_the_day(alipay)

        go_to("2027-06-05")
        again = outcomes(app, *(action(user, "2027-06-05T00:00") for _ in range(2)))
        too_old = outcomes(alipay, action(new_user(), "2027-05-28T23:59"))
        during = earned(alipay, user), state_of_the_day(alipay)

        go_to("2027-06-06")
        outcomes(app, action(user, "2027-06-06T00:00"))
        after = earned(alipay, user), state_of_the_day(alipay)

    assert rides == ["posted"] * CAP + ["withheld"]
    assert (over.status_code, over.json()["code"]) == (429, "daily_limit_reached")
    assert int(over.headers["retry-after"]) <= 600
    assert oldest == ["posted"]
    assert before == (CAP * RIDE, "next")
    assert again == ["posted", "posted"]
    assert too_old == ["too_old"]
    assert during == (CAP * RIDE + 2 * 2 * RIDE, "running")
    assert after == (CAP * RIDE + 2 * 2 * RIDE + RIDE, "next")


def test_at_seven_the_points_of_the_day_before_ripen_and_saplings_are_released(alipay: Client) -> None:
    user = new_user()
    outcomes(alipay, action(user, "2027-06-05T12:00"))
    go_to("2027-06-06T06:50")
    before = alipay.call_or_exit("POST", f"/users/{user}/harvest")["spendable"], saplings(alipay)

    go_to("2027-06-06T07:00")
    after = alipay.call_or_exit("POST", f"/users/{user}/harvest")["spendable"], saplings(alipay)

    assert before == (0, before[1])
    assert after == (2 * RIDE, before[1] + 500)


def test_a_change_of_the_catalog_takes_effect_and_the_overlap_of_two_secrets_ends_to_the_second(
    moved: dict[str, Any], operators: OperatorClient, alipay: Client, small: App
) -> None:
    def token_status() -> int:
        form = {"grant_type": "client_credentials"}
        return httpx.post(moved["token_url"], auth=(small.client_id, str(small.client_secret)), data=form).status_code

    path, user = "/catalog/action-types/show_ticket", new_user()
    with Client("operator") as operator:
        document = {key: value for key, value in operator.call_or_exit("GET", path).items() if key in FIELDS}
        changed = {**document, "points": {**document["points"], "value": 1000}}
        operators.rotate_secret(small.app_id, overlap_seconds=3600)
        operator.call_or_exit("PUT", path, changed)
    at_once = outcomes(alipay, action(user, "2027-06-06T07:00", "show_ticket"))
    before = earned(alipay, user), token_status()

    move_clock("--by", "1h")
    outcomes(alipay, action(user, "2027-06-06T08:00", "show_ticket"))

    assert at_once == ["posted"]
    assert before == (int(document["points"]["value"]), 200)
    assert earned(alipay, user) == int(document["points"]["value"]) + 1000
    assert token_status() in (400, 401)


FIELDS = {
    "names", "unit", "category", "actor", "points", "caps", "avoided_g", "min_quantity", "max_quantity",
    "plausible_a_day",
}  # fmt: skip
"""The fields of an action type that an operator writes."""


def test_with_a_month_its_cap_begins_anew_and_a_receipt_is_kept_for_thirty_days(alipay: Client) -> None:
    user = new_user()
    go_to("2027-06-30T23:50")
    bills = outcomes(alipay, *(action(user, "2027-06-30T23:45", "paperless_bill", number) for number in (10, 1)))
    accepted = alipay.call_or_exit("POST", "/actions", {"actions": [action(user, "2027-06-30T23:45")]})
    receipt = f"/receipts/{accepted['receipt_id']}"
    go_to("2027-07-01")
    again = outcomes(alipay, action(user, "2027-07-01T00:00", "paperless_bill"))

    go_to("2027-07-30T23:40")
    kept = alipay.call("GET", receipt).status_code
    go_to("2027-07-31")
    expired = alipay.call("GET", receipt)

    assert bills == ["posted", "withheld"]
    assert again == ["posted"]
    assert kept == 200
    assert (expired.status_code, expired.json()["code"]) == (404, "unknown_receipt")


def test_with_a_year_its_cap_begins_anew(alipay: Client) -> None:
    user, kind = new_user(), f"once_{secrets.token_hex(4)}"
    with Client("operator") as operator:
        ride = operator.call_or_exit("GET", "/catalog/action-types/bus_ride")
        document = {key: value for key, value in ride.items() if key in FIELDS}
        caps = [{"window": "year", "units": 1}]
        operator.call_or_exit("PUT", f"/catalog/action-types/{kind}", {**document, "caps": caps})

    go_to("2027-12-31T23:50")
    in_december = outcomes(alipay, *(action(user, "2027-12-31T23:45", kind) for _ in range(2)))
    go_to("2028-01-01")
    in_january = outcomes(alipay, *(action(user, "2028-01-01T00:00", kind) for _ in range(2)))

    assert in_december == in_january == ["posted", "withheld"]
    assert earned(alipay, user) == 2 * RIDE


def test_the_days_of_a_year_are_as_the_plain_model_says(moved: dict[str, Any]) -> None:
    assert moved
    seed, beginning = random.randrange(2**32), datetime.fromtimestamp(stack_clock().now(), ZONE).year + 1
    times = every_day(beginning, seed) if IS_LONG else some_days(beginning)
    with OnStack() as product:
        year = Year(product, new_programme(beginning), secrets.token_hex(3))

        year.begin(times[0] - timedelta(days=1))
        played = year.play(steps(times, seed))
        on_paper = year.progress_on_paper(times[-1])
        progress = eventually(year.progress_shown, lambda shown: shown == on_paper)

    assert played == len(times), seed
    assert progress == on_paper, seed
    reconciled = run_operation("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def test_no_file_that_is_built_for_a_function_has_the_test_clock(moved: dict[str, Any]) -> None:
    files = [file for file in BUILT.rglob("*") if file.is_file() and "DependenciesLayer" not in file.parts]

    assert len(moved["functions"]) < len(files)
    assert [str(file) for file in files for word in WORDS if word.encode() in file.read_bytes()] == []
