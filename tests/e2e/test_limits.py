"""Two apps over their limits and one under its own, at the same time, on a running stack."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import client_arguments
from saxaul.limits import ROOM, SECOND
from saxaul.storage.registry import CLIENT_CACHED_FOR
from tests.e2e.calling import Client
from tests.e2e.journeys import make_action, new_user

FLOODING = ("taobao", "tmall")
MODEST = "freshippo"
CALLS_PER_SECOND = 5
SECONDS = 10
SENDERS = 4
"""How many calls each flooding app has in progress all the time."""


@contextmanager
def limited(stack: dict[str, Any], limits: Mapping[str, Mapping[str, int]]) -> Iterator[None]:
    """Give apps of the stack limits, and take them back. Workers know them after three seconds."""
    dynamodb = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
    table, before = stack["tables"]["catalog"], {}
    for name, given in limits.items():
        key = {"pk": {"S": "clients"}, "sk": {"S": stack["clients"][name]["client_id"]}}
        before[name] = dynamodb.get_item(TableName=table, Key=key)["Item"]
        more = {limit: {"N": str(value)} for limit, value in given.items()}
        dynamodb.put_item(TableName=table, Item={**before[name], **more})
    time.sleep(CLIENT_CACHED_FOR)
    try:
        yield
    finally:
        for item in before.values():
            dynamodb.put_item(TableName=table, Item=item)
        time.sleep(CLIENT_CACHED_FOR)


def sending(call: Callable[[], httpx.Response], until: float, pause: float) -> list[httpx.Response]:
    """Send calls one after the other until an instant of the monotonic clock, with pauses between them."""
    answers = []
    while time.monotonic() < until:
        answers.append(call())
        time.sleep(pause)
    return answers


@pytest.mark.slow
def test_two_apps_over_their_limits_do_not_get_a_third_refused_and_get_little_more_than_their_limits(
    stack: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    names = (*FLOODING, MODEST)
    user = new_user()
    clients = {name: Client(name) for name in names}
    read = {name: partial(client.call, "GET", f"/users/{user}/wallet") for name, client in clients.items()}
    with ThreadPoolExecutor(2 * SENDERS + 1) as pool:  # so that the tokens are there, and enough workers have started
        assert {answer.status_code for answer in pool.map(lambda name: read[name](), names * 2 * SENDERS)} == {200}
    with limited(stack, {name: {"calls_per_second": CALLS_PER_SECOND} for name in names}):
        began = time.monotonic()
        until = began + SECONDS
        with ThreadPoolExecutor(2 * SENDERS + 1) as pool:
            floods = {name: [pool.submit(sending, read[name], until, 0) for _ in range(SENDERS)] for name in FLOODING}
            modest = pool.submit(sending, read[MODEST], until, 1.5 / CALLS_PER_SECOND)
        lasted = time.monotonic() - began
    for client in clients.values():
        client.__exit__()

    assert {answer.status_code for answer in modest.result()} == {200}
    most = CALLS_PER_SECOND * lasted * 1.1 + CALLS_PER_SECOND * ROOM / SECOND
    for name, senders in floods.items():
        answers = [answer for sender in senders for answer in sender.result()]
        statuses = Counter(answer.status_code for answer in answers)
        with capsys.disabled():
            print(f"\n{name}: {dict(statuses)} in {lasted:.1f} s, of which {most:.0f} may be let through")  # noqa: T201 - the figures are for people to read too
        assert statuses.keys() == {200, 429}
        assert statuses[200] <= most
        refusals = [answer for answer in answers if answer.status_code == 429]
        assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refusals} == {
            ("too_many_calls", "1")
        }


def test_a_report_beyond_the_limit_of_the_day_is_refused_as_a_whole_on_the_stack(stack: dict[str, Any]) -> None:
    with limited(stack, {MODEST: {"actions_per_day": 3}}), Client(MODEST) as client:
        reports = [
            client.call("POST", "/actions", {"actions": [make_action(new_user()) for _ in range(number)]})
            for number in (2, 2, 1)
        ]

    assert [report.status_code for report in reports] == [202, 429, 202]
    assert reports[1].json()["code"] == "daily_limit_reached"
    assert int(reports[1].headers["retry-after"]) <= 24 * 3600
