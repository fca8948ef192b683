"""Operators register, suspend, resume and end apps and end their secrets, on a stack that runs.

A change of the registry is in effect after three seconds, also to tokens in hand. All waiting here is bounded.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.client import open_client
from local.sam import ROOT
from saxaul.catalog.apps import SCOPES
from saxaul.http.operations import Operation
from saxaul.storage.registry import CLIENT_CACHED_FOR
from saxaul_client import App, OperatorClient, Problem
from saxaul_client import Client as TypedClient
from tests.access import ROUTES
from tests.e2e.calling import Client
from tests.e2e.journeys import make_action, new_user, register, token_status, wallet_of
from tests.e2e.test_access import send

APPLIED = CLIENT_CACHED_FOR
"""Seconds after which a change of an app is in effect for every request."""

OF_APPS = [route for route in ROUTES if route.access.role == "app"]
OF_PARTNERS = [route for route in ROUTES if route.access.role == "partner"]


@pytest.fixture(scope="module")
def registrar(stack: dict[str, Any]) -> Iterator[OperatorClient]:
    assert stack
    with open_client(OperatorClient, "operator") as client:
        yield client


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as clients:
        yield clients


def client_of(stack: Mapping[str, Any], app: App, opened: ExitStack) -> Client:
    typed = TypedClient(stack["api_url"], stack["token_url"], app.client_id, app.client_secret, timeout=60)
    return opened.enter_context(Client(typed))


def codes_of(client: Client, routes: list[Operation], user: str) -> dict[str, str]:
    """Send a plausible request to each route, and return the status and the code of each refusal by 403."""
    answers = {f"{route.method} {route.path}": send(client, route, user, "no-such-order") for route in routes}
    assert [named for named, answer in answers.items() if answer.status_code >= 500] == []
    return {named: answer.json()["code"] for named, answer in answers.items() if answer.status_code == 403}


def test_the_routes_of_apps_and_partners_are_all_private_routes_but_those_of_operators() -> None:
    others = [route for route in ROUTES if route.access.scope and route not in (*OF_APPS, *OF_PARTNERS)]

    assert len(OF_APPS) > 15
    assert len(OF_PARTNERS) > 4
    assert {route.access.role for route in others} == {"operator"}


def test_a_suspended_app_is_refused_on_every_route_after_three_seconds_and_its_accepted_actions_are_posted(
    stack: dict[str, Any], registrar: OperatorClient, alipay: Client, opened: ExitStack
) -> None:
    app = register(registrar, "first_party", scopes=list(SCOPES["first_party"]))
    partner = register(registrar, "partner", partners=["Yili Public Welfare Foundation"])
    clients = [(client_of(stack, app, opened), OF_APPS), (client_of(stack, partner, opened), OF_PARTNERS)]
    assert [codes_of(client, routes, new_user()) for client, routes in clients] == [{}, {}]
    user = new_user()
    accepted = clients[0][0].call_or_exit("POST", "/actions", {"actions": [make_action(user, "leave_the_car")]})

    states = [registrar.suspend(suspended.app_id).state for suspended in (app, partner)]
    time.sleep(APPLIED)
    refused = [codes_of(client, routes, new_user()) for client, routes in clients]

    assert states == ["suspended", "suspended"]
    assert refused == [
        dict.fromkeys((f"{route.method} {route.path}" for route in routes), "app_suspended") for _, routes in clients
    ]
    assert accepted["accepted"] == 1
    assert wallet_of(alipay, user, earned=1460)["earned"] == 1460

    assert [registrar.resume(resumed.app_id).state for resumed in (app, partner)] == ["active", "active"]
    time.sleep(APPLIED)
    assert [codes_of(client, routes, new_user()) for client, routes in clients] == [{}, {}]


def test_a_leaked_secret_is_ended_at_once_and_the_last_one_cannot_be(
    stack: dict[str, Any], registrar: OperatorClient
) -> None:
    app = register(registrar, "third_party")
    [leaked] = registrar.app(app.app_id).secrets
    new = registrar.rotate_secret(app.app_id, overlap_seconds=600)

    [left] = registrar.delete_secret(app.app_id, leaked.secret_id).secrets

    assert (left.secret_id, left.ends_at) == (new.secret_id, None)
    assert token_status(stack, app, app.client_secret) in (400, 401)
    assert token_status(stack, app, new.client_secret) == 200
    with pytest.raises(Problem, match="409 last_secret"):
        registrar.delete_secret(app.app_id, new.secret_id)


def test_an_ended_app_gets_no_token_and_is_refused_with_the_one_in_hand_and_its_id_is_taken_for_good(
    stack: dict[str, Any], registrar: OperatorClient, alipay: Client, opened: ExitStack
) -> None:
    app, user = register(registrar, "first_party", scopes=list(SCOPES["first_party"])), new_user()
    client = client_of(stack, app, opened)
    client.call_or_exit("POST", "/actions", {"actions": [make_action(user, "leave_the_car")]})

    assert registrar.end_app(app.app_id).state == "ended"
    assert registrar.end_app(app.app_id).state == "ended", "it is safe to repeat"
    time.sleep(APPLIED)

    assert token_status(stack, app, app.client_secret) in (400, 401)
    answers = [send(client, route, user, "no-such-order") for route in OF_APPS]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "unknown_client")}
    with pytest.raises(Problem, match="409 app_ended"):
        registrar.register_app(app.app_id, {"name": "Another", "kind": "first_party"})
    assert wallet_of(alipay, user, earned=1460)["earned"] == 1460
    [line] = alipay.call_or_exit("GET", f"/users/{user}/ledger")["entries"]
    assert line["app_id"] == app.app_id


def test_a_registered_third_party_app_reaches_only_the_persons_who_granted_it(
    stack: dict[str, Any], registrar: OperatorClient, alipay: Client, opened: ExitStack
) -> None:
    app = register(registrar, "third_party")
    client, granted, other = client_of(stack, app, opened), new_user(), new_user()
    alipay.call_or_exit("PUT", f"/users/{granted}/grants/{app.app_id}", {"covers": ["report", "read"]})

    reported = client.call_or_exit("POST", "/actions", {"actions": [make_action(granted), make_action(other)]})
    read = [client.call("GET", f"/users/{user}/wallet") for user in (granted, other)]

    assert (reported["accepted"], [refusal["code"] for refusal in reported["refused"]]) == (1, ["not_granted"])
    assert [answer.status_code for answer in read] == [200, 403]
    assert read[1].json()["code"] == "not_granted"
    assert client.call("POST", f"/users/{granted}/harvest").json()["code"] == "not_granted"


def test_an_app_without_a_scope_is_refused_after_three_seconds_although_its_token_has_it(
    stack: dict[str, Any], registrar: OperatorClient, opened: ExitStack
) -> None:
    app, user = register(registrar, "first_party"), new_user()
    client = client_of(stack, app, opened)
    assert client.call("GET", f"/users/{user}/wallet").status_code == 200

    registrar.register_app(app.app_id, {"name": "A new app", "kind": "first_party", "scopes": ["actions.write"]})
    time.sleep(APPLIED)

    answer = client.call("GET", f"/users/{user}/wallet")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert client.call("POST", "/actions", {"actions": [make_action(user)]}).status_code == 202


def run_apps(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.apps", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_the_commands_list_the_apps_in_80_columns_and_write_new_secrets_to_the_file_of_the_stack(
    stack: dict[str, Any], state_folder: Path, registrar: OperatorClient
) -> None:
    app = register(registrar, "first_party")
    file = state_folder / "stack.json"
    before = file.read_text()
    try:
        made = run_apps("secret", app.app_id)
        again = run_apps("secret", app.app_id)
        first = json.loads(file.read_text())["clients"][app.app_id]
        replaced = run_apps("secret", app.app_id, "--overlap", "60", "--again")
        second = json.loads(file.read_text())["clients"][app.app_id]
        listed = run_apps("list")
        permissions = file.stat().st_mode & 0o777
    finally:
        file.write_text(before)

    assert (made.returncode, again.returncode, replaced.returncode) == (0, 1, 0), made.stderr + replaced.stderr
    assert f"make secret APP={app.app_id} AGAIN=1" in again.stderr
    assert first["client_id"] == second["client_id"] == app.client_id
    assert permissions == 0o600
    secrets_of = (app.client_secret, first["client_secret"], second["client_secret"])
    assert [token_status(stack, app, secret) == 200 for secret in secrets_of] == [True, False, True]
    assert not any(str(secret) in made.stdout + again.stderr + replaced.stdout + listed.stdout for secret in secrets_of)
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert max(map(len, listed.stdout.splitlines())) <= 80
    assert rows[app.app_id].split()[1:] == ["first_party", "active", "1,000", "100,000", "yes"]
    assert rows["yili"].split()[1:] == ["partner", "active", "2,000", "yes"]
