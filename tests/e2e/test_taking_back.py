"""A thousand actions of a bad app are listed, and taken back by a run that is killed and started again."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any, NamedTuple

import boto3
import pytest

from local.deployment import client_arguments
from local.sam import ROOT
from saxaul_client import Client as TypedClient
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    make_action,
    make_rich,
    new_user,
    redeem,
    run_operation,
    wait_for_empty_queue,
)

PATIENCE = 240
REASON = "invented rides"
EACH = 19
"""How many actions the bad app invents for each ordinary person."""


class People(NamedTuple):
    """Whom the bad app reports for.

    Attributes:
        flooded: for whom it invents so many actions of one day that most of them are added to a sum.
        spender: who has spent the points meanwhile.
        twins: by person, another one for whom only the honest app reports the same.
    """

    ordinary: Sequence[str]
    flooded: str
    spender: str
    twins: dict[str, str]

    @property
    def all(self) -> list[str]:
        return [*self.ordinary, self.flooded, self.spender]


@pytest.fixture(scope="module")
def people() -> People:
    ordinary, flooded, spender = [new_user() for _ in range(30)], new_user(), new_user()
    return People(ordinary, flooded, spender, {user: new_user() for user in (*ordinary, flooded, spender)})


@pytest.fixture(scope="module")
def bad(stack: dict[str, Any], operator: Client) -> Iterator[tuple[str, Client]]:
    """The id of the bad app, and its client."""
    app_id = f"bad-{secrets.token_hex(4)}"
    made = operator.call_or_exit("PUT", f"/apps/{app_id}", {"name": "Bad rides", "kind": "first_party"})
    typed = TypedClient(stack["api_url"], stack["token_url"], made["client_id"], made["client_secret"])
    with Client(typed) as client:
        yield app_id, client


def report(client: Client, actions: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(actions), 500):
        part = list(actions[start : start + 500])
        answer = client.call_or_exit("POST", "/actions", {"actions": part})
        assert (answer["accepted"], answer["refused"]) == (len(part), [])


def invented_for(user: str) -> list[dict[str, Any]]:
    """Return actions that use up caps, claim an evidence, and grow a total."""
    return [
        make_action(user) | {"evidence_id": f"ticket:{user}"},
        make_action(user, "walking", quantity=9000) | {"mode": "total"},
        bike_ride(user, 1),
        *(make_action(user) for _ in range(5)),
        *(make_action(user, "metro_ride", days_ago=days) for days in (1, 2, 3, 4, 5)),
        *(make_action(user, "etc_toll") for _ in range(EACH - 14)),  # with the bike ride of another day
    ]


def bike_ride(user: str, days_ago: int) -> dict[str, Any]:
    return make_action(user, "bike_ride", days_ago=days_ago) | {"action_id": f"twice-{user}"}


def honest_for(user: str, evidence: str) -> list[dict[str, Any]]:
    return [
        make_action(user) | {"evidence_id": evidence},
        make_action(user, "walking", quantity=5000) | {"mode": "total"},
        *(make_action(user) for _ in range(3)),
        make_action(user, "metro_ride", days_ago=2),
        make_action(user, "etc_toll"),
    ]


def wallets_of(client: Client, users: Sequence[str]) -> dict[str, tuple[int, float]]:
    found = {user: client.call_or_exit("GET", f"/users/{user}/wallet") for user in users}
    return {user: (wallet["earned"], wallet["avoided_g"]) for user, wallet in found.items()}


@pytest.fixture(scope="module")
def span(people: People, bad: tuple[str, Client], alipay: Client, operator: Client) -> tuple[str, str]:
    """Let both apps report, and a person spend. Return the span of it. The bad app is suspended then."""
    app_id, client = bad
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    make_rich(client, people.spender)  # 9 actions
    alipay.call_or_exit("POST", f"/users/{people.spender}/harvest")
    redeem(alipay, people.spender, "caragana-wuwei")
    report(client, [make_action(people.flooded, "walking", quantity=100) for _ in range(400)])
    report(client, [action for user in people.ordinary for action in invented_for(user)])
    report(client, [bike_ride(user, 3) for user in people.ordinary])
    report(client, [make_action(people.flooded, "no_cutlery") for _ in range(1000 - 409 - 30 * EACH)])
    wait_for_empty_queue(PATIENCE)
    for user, twin in people.twins.items():
        report(alipay, honest_for(user, f"ticket:{user}"))
        report(alipay, honest_for(twin, f"ticket:{twin}"))
    wait_for_empty_queue(PATIENCE)
    assert operator.call_or_exit("POST", f"/apps/{app_id}/suspend")["state"] == "suspended"
    return began.isoformat(), (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")


@pytest.fixture(scope="module")
def selection(bad: tuple[str, Client], span: tuple[str, str]) -> list[str]:
    return ["--app", bad[0], "--from", span[0], "--to", span[1], "--reason", REASON]


def test_the_list_shows_by_type_and_by_person_what_the_app_reported_the_outlier_first(
    people: People, selection: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "found.json"

    done = run_operation("app_actions", *selection, "--out", str(out))

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())
    assert "reported 1,000 actions" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 80
    assert sum(person["actions"] for person in found["persons"]) == 1000
    assert {person["user_id"] for person in found["persons"][:2]} == {people.flooded, people.spender}
    assert sum(type_["actions"] for type_ in found["types"].values()) == 1000
    assert any(line["summed"] for line in found["actions"])


def test_a_run_that_is_killed_goes_on_and_leaves_only_what_the_honest_app_reported(
    people: People, selection: list[str], stack: dict[str, Any], alipay: Client, tmp_path: Path
) -> None:
    before, out = wallets_of(alipay, people.all), tmp_path / "rehearsed.json"

    rehearsed = run_operation("take_back", *selection, "--out", str(out))
    assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
    assert wallets_of(alipay, people.all) == before, "a dry run changes nothing"
    lost = {wallet["user_id"]: wallet for wallet in json.loads(out.read_text())["wallets"]}

    kill_in_the_middle(stack, selection)
    resumed = run_operation("take_back", *selection, "--yes")
    wait_for_empty_queue(PATIENCE)
    after = wallets_of(alipay, people.all)

    assert "going on with a run that was stopped" in resumed.stdout, resumed.stdout + resumed.stderr
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert after == dict(zip(people.all, twins_of(alipay, people), strict=True))
    assert {user: before[user][0] - after[user][0] for user in people.all} == {
        user: wallet["points_lost"] for user, wallet in lost.items()
    }
    assert [user for user, wallet in lost.items() if wallet["points_left"] < 0] == [people.spender]
    alipay.call_or_exit("POST", f"/users/{people.spender}/harvest")
    spendable = alipay.call_or_exit("GET", f"/users/{people.spender}/wallet")["spendable"]
    assert spendable == lost[people.spender]["points_left"] < 0
    again = run_operation("take_back", *selection, "--yes")
    assert (again.returncode, "is left" in again.stdout) == (0, True), again.stdout + again.stderr


def twins_of(client: Client, people: People) -> list[tuple[int, float]]:
    return list(wallets_of(client, [people.twins[user] for user in people.all]).values())


def kill_in_the_middle(stack: dict[str, Any], selection: list[str]) -> None:
    """Start taking back, and end the process with SIGKILL as soon as two calls were sent."""
    folder = Path(os.environ["SAXAUL_STATE"]) / "take-back"
    command = [sys.executable, "-m", "operations.take_back", *selection, "--yes"]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and run.poll() is None:
        if any(journal.read_text().count('"sent"') >= 2 for journal in folder.glob("*.jsonl")):
            run.send_signal(SIGKILL)
            break
        time.sleep(0.005)
    assert run.wait() == -SIGKILL
    assert stack


def test_the_ledger_and_the_totals_add_up_afterwards() -> None:
    def clean(name: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = eventually(
            lambda: run_operation(name), lambda done: done.returncode == 0, PATIENCE
        )
        return done

    for name in ("reconcile", "recount"):
        done = clean(name)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_log_has_the_reason_of_each_run_and_no_person(stack: dict[str, Any], people: People) -> None:
    logs = boto3.client("logs", **client_arguments(stack["endpoint_url"]))

    of_operators = {"logGroupName": stack["log_group"], "logStreamNamePrefix": "operators/"}
    pages = logs.get_paginator("describe_log_streams").paginate(**of_operators)
    names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    found = [
        event
        for name in names
        for event in logs.get_log_events(logGroupName=stack["log_group"], logStreamName=name)["events"]
    ]

    lines = [json.loads(event["message"]) for event in found]
    assert {line["message"] for line in lines} >= {"an operator runs app-actions", "an operator runs take-back"}
    assert {line["reason"] for line in lines} == {REASON}
    assert all(line["operator"].startswith("arn:aws:") for line in lines)
    assert not any(user in event["message"] for event in found for user in people.all)
