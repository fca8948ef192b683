"""Thousands of hostile calls over all routes: each is answered, in the documented form, and honest calls still work."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.e2e.calling import Client
from tests.e2e.hostile import CLIENTS, Call, hostile_calls, routes
from tests.e2e.journeys import IS_LONG, make_action, new_user, wallet_of

CALLS = 20_000 if IS_LONG else 1500
SEED = 20_190_605
MOST_BYTES = 6 * 1024 * 1024
"""Lambda's limit for a response."""

_FIRST_FAILURES = 5


class Answer(NamedTuple):
    """What came back. ``status`` is 0 if the connection ended without a response."""

    status: int
    content_type: str
    body: bytes


@pytest.fixture
def clean_catalog(operator: Client) -> Iterator[None]:
    """Delete the entries that hostile calls created. A project with reserved saplings would stay, but none is sold."""
    yield
    for kind in ("suggestions", "initiatives", "campaigns", "synonyms", "tree-projects", "facilities"):
        cursor = ""
        while cursor is not None:
            page = operator.call("GET", f"/catalog/{kind}?limit=200" + (f"&cursor={cursor}" if cursor else "")).json()
            for entry in page.get("entries", ()):
                if entry["id"].startswith("fuzz"):
                    operator.call("DELETE", f"/catalog/{kind}/{entry['id']}")
            cursor = page.get("cursor")


@pytest.mark.usefixtures("clean_catalog")
def test_each_hostile_call_gets_an_answer_in_the_documented_form(stack: dict[str, Any], alipay: Client) -> None:
    calls = list(hostile_calls(SEED, CALLS))
    tokens = {name: token_of(name) for name in CLIENTS if name is not None}

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(Sender(stack["api_url"], tokens).send, calls))

    faults = [f"{fault}: {call!r:.600} -> {answer!r:.400}" for call, answer, fault in _faults(calls, answers)]
    assert faults[:_FIRST_FAILURES] == []
    statuses = Counter(answer.status for answer in answers)
    assert statuses.keys() >= {200, 202, 400, 401, 404}, "the calls do not get past the first check"
    assert {(call.method, call.target.split("/")[1].split("?")[0]) for call in calls} >= {
        (route.method, route.path.split("/")[1]) for route in routes()
    }
    user = new_user()
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    assert wallet_of(alipay, user, earned=80)["earned"] == 80
    found = alipay.call_or_exit("GET", "/suggestions?q=bus")["suggestions"]
    assert found[0]["action_type"] == "bus_ride"


def token_of(name: str) -> str:
    with Client(name) as client:
        return client.authorization()


class Sender:
    """Sends calls as they are, without the normalisation that HTTP libraries do."""

    def __init__(self, api_url: str, tokens: dict[str, str]) -> None:
        self._address = urlsplit(api_url)
        self._tokens = tokens

    def send(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=120)
        try:
            connection.putrequest(call.method, self._address.path + call.target, skip_host=True)
            names = {name for name, _ in call.headers}
            fixed = [("host", self._address.netloc), ("content-length", str(len(call.body)))]
            if call.client is not None:
                fixed.append(("authorization", self._tokens[call.client]))
            if "content-type" not in names:
                fixed.append(("content-type", "application/json"))
            for name, value in [*call.headers, *(pair for pair in fixed if pair[0] not in names)]:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(call.body)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("content-type") or "", response.read())
        except (http.client.HTTPException, OSError) as error:
            return Answer(0, "", repr(error).encode())
        finally:
            connection.close()


def _faults(calls: list[Call], answers: list[Answer]) -> Iterator[tuple[Call, Answer, str]]:
    for call, answer in zip(calls, answers, strict=True):
        if fault := _fault_of(call, answer):
            yield call, answer, fault


def _fault_of(call: Call, answer: Answer) -> str:
    """Return what is wrong with an answer; empty if nothing is."""
    if answer.status == 0 or answer.status >= 500:
        return "no answer, or a server error"
    if len(answer.body) > MOST_BYTES:
        return "an answer that Lambda could not return"
    if answer.status < 400 or call.method == "HEAD":
        return ""
    if answer.content_type != "application/problem+json":
        return "an error that is not problem+json"
    problem = json.loads(answer.body)
    if not (problem.get("code") and problem.get("title") and problem.get("detail")):
        return "a problem without a code, a title or a detail"
    return "" if problem.get("status", answer.status) == answer.status else "a problem with another status"
