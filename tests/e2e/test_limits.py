"""Apps that the API registers with limits: two over theirs and one under its own at once, and limits that change."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from local.client import open_client
from saxaul.limits import BURST, OVERSHOOT, SECOND
from saxaul.storage.registry import CLIENT_CACHED_FOR
from saxaul_client import Client as TypedClient
from saxaul_client import OperatorClient
from tests.e2e.calling import Client
from tests.e2e.journeys import make_action, new_user

FLOODING = ("flooding", "storming")
MODEST = "modest"
CALLS_PER_SECOND = 5
SECONDS = 10
SENDERS = 4
"""How many calls each flooding app has in progress all the time."""


class Registrar:
    """Registers apps with limits through the API, and changes their limits."""

    def __init__(self, stack: dict[str, Any], operator: OperatorClient, opened: ExitStack) -> None:
        self._stack = stack
        self._operator = operator
        self._opened = opened

    def register(self, name: str, **limits: int) -> tuple[str, Client]:
        """Register an app that the test ends. Return its id, and a client of it."""
        app_id = f"{name}-{secrets.token_hex(5)}"
        app = self._operator.register_app(app_id, document(limits), new=True)
        self._opened.callback(self._operator.end_app, app_id)
        assert app.client_secret
        urls = self._stack["api_url"], self._stack["token_url"]
        typed = TypedClient(*urls, app.client_id, app.client_secret, timeout=60)
        return app_id, self._opened.enter_context(Client(typed))

    def change(self, *app_ids: str, **limits: int) -> None:
        """Change the limits of apps, and wait until they are in effect."""
        for app_id in app_ids:
            self._operator.register_app(app_id, document(limits))
        time.sleep(CLIENT_CACHED_FOR)


@pytest.fixture
def registrar(stack: dict[str, Any]) -> Iterator[Registrar]:
    with open_client(OperatorClient, "operator") as operator, ExitStack() as opened:
        yield Registrar(stack, operator, opened)


def document(limits: dict[str, int]) -> dict[str, Any]:
    return {"name": "An app with limits", "kind": "first_party", "limits": limits}


def sending(call: Callable[[], httpx.Response], until: float, pause: float) -> list[httpx.Response]:
    """Send calls one after the other until an instant of the monotonic clock, with pauses between them."""
    answers = []
    while time.monotonic() < until:
        answers.append(call())
        time.sleep(pause)
    return answers


def most_in(seconds: float) -> int:
    """Return the most calls of an app that may be let through in so many seconds."""
    return int(CALLS_PER_SECOND * (seconds + (BURST + OVERSHOOT) / SECOND))


@pytest.mark.slow
def test_two_apps_over_their_limits_do_not_get_a_third_refused_and_get_little_more_than_their_limits(
    registrar: Registrar, capsys: pytest.CaptureFixture[str]
) -> None:
    names, generous = (*FLOODING, MODEST), 1000
    apps = {name: registrar.register(name, calls_per_second=generous) for name in names}
    path = f"/users/{new_user()}/wallet"
    read = {name: partial(client.call, "GET", path) for name, (_, client) in apps.items()}
    with ThreadPoolExecutor(2 * SENDERS + 1) as pool:  # so that the tokens are there, and enough workers have started
        assert {answer.status_code for answer in pool.map(lambda name: read[name](), names * 2 * SENDERS)} == {200}
    registrar.change(*(app_id for app_id, _ in apps.values()), calls_per_second=CALLS_PER_SECOND)
    began = time.monotonic()
    until = began + SECONDS
    with ThreadPoolExecutor(2 * SENDERS + 1) as pool:
        floods = {name: [pool.submit(sending, read[name], until, 0) for _ in range(SENDERS)] for name in FLOODING}
        modest = pool.submit(sending, read[MODEST], until, 1.5 / CALLS_PER_SECOND)
    lasted = time.monotonic() - began

    assert {answer.status_code for answer in modest.result()} == {200}
    for name, senders in floods.items():
        answers = [answer for sender in senders for answer in sender.result()]
        statuses = Counter(answer.status_code for answer in answers)
        with capsys.disabled():
            print(f"\n{name}: {dict(statuses)} in {lasted:.1f} s, of which {most_in(lasted)} may be let through")  # noqa: T201 - the figures are for people to read too
        assert statuses.keys() == {200, 429}
        assert statuses[200] <= most_in(lasted)
        refusals = [answer for answer in answers if answer.status_code == 429]
        assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refusals} == {
            ("too_many_calls", "1")
        }

    raised, _ = apps[FLOODING[0]]
    registrar.change(raised, calls_per_second=generous)
    with ThreadPoolExecutor(SENDERS) as pool:
        again = pool.map(lambda _: read[FLOODING[0]](), range(20 * CALLS_PER_SECOND))
    assert {answer.status_code for answer in again} == {200}


def test_a_report_beyond_the_limit_of_the_day_is_refused_as_a_whole_and_a_raised_limit_accepts_it(
    registrar: Registrar,
) -> None:
    app_id, client = registrar.register(MODEST, actions_per_day=3)

    def report(number: int) -> httpx.Response:
        return client.call("POST", "/actions", {"actions": [make_action(new_user()) for _ in range(number)]})

    reports = [report(number) for number in (2, 2, 1)]
    registrar.change(app_id, actions_per_day=5)
    later = [report(number) for number in (2, 1)]

    assert [answer.status_code for answer in reports] == [202, 429, 202]
    assert reports[1].json()["code"] == "daily_limit_reached"
    assert int(reports[1].headers["retry-after"]) <= 24 * 3600
    assert [answer.status_code for answer in later] == [202, 429]
