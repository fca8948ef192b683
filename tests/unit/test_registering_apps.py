"""Registering the apps of a catalog: none is lost, none is changed without being asked, and each secret is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import apps
from local.apps import document_of_app, list_apps, load_apps, make_secret, register_apps
from local.credentials import write_stack
from local.seed import FOLDER
from saxaul.catalog.apps import App as Document
from saxaul_client import OperatorClient, Retries

API, TOKENS = "https://api.test/v1", "https://login.test/token"
BIKES: dict[str, Any] = {"name": "City bikes", "kind": "third_party"}
SEE: dict[str, Any] = {"name": "SEE", "kind": "partner", "partners": ["Alxa SEE Foundation"]}


class Registry:
    """An API that registers apps. ``fails_at`` is the number of the PUT, from 1, at which it is out of order."""

    def __init__(self) -> None:
        self.apps: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.fails_at = 0
        self.made = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKENS:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        place = request.url.path.removeprefix("/v1/apps").strip("/").split("/")
        self.requests.append(f"{request.method} {'/'.join(place)}")
        match request.method, place:
            case "GET", [""]:
                return httpx.Response(200, json={"apps": list(self.apps.values()), "cursor": None})
            case "GET", [name]:
                return httpx.Response(200, json=self.apps[name])
            case "PUT", [name]:
                return self._put(name, json.loads(request.content), request.headers)
            case "POST", [name, "secret"]:
                return self._rotate(self.apps[name])
            case "DELETE", [name, "secrets", secret_id]:
                left = [found for found in self.apps[name]["secrets"] if found["secret_id"] != secret_id]
                self.apps[name]["secrets"] = [found | {"ends_at": None} for found in left]
                return httpx.Response(200, json=self.apps[name])
        raise AssertionError(self.requests[-1])

    def _put(self, name: str, document: dict[str, Any], headers: httpx.Headers) -> httpx.Response:
        if sum(request.startswith("PUT") for request in self.requests) == self.fails_at:
            return httpx.Response(500, json={"code": "internal_error", "title": "T", "detail": "D."})
        if document["name"] == "refuse me":
            return httpx.Response(400, json={"code": "invalid_body", "title": "T", "detail": "D."})
        found = self.apps.get(name)
        if (found and "if-none-match" in headers) or headers.get("if-match") not in (
            None,
            f'"{(found or {}).get("version")}"',
        ):
            return httpx.Response(412, json={"code": "stale_version", "title": "T", "detail": "D."})
        view = self._view(name, document) | {"version": found["version"] + 1 if found else 1}
        if found:
            self.apps[name] = view
            return httpx.Response(200, json=view)
        self.apps[name] = view
        return httpx.Response(201, json=view | {"client_secret": f"secret of {name}"})

    def _rotate(self, app: dict[str, Any]) -> httpx.Response:
        if len(app["secrets"]) > 1:
            return httpx.Response(409, json={"code": "rotation_in_progress", "title": "T", "detail": "Until noon."})
        self.made += 1
        old = app["secrets"][0] | {"ends_at": "2027-01-02T00:00:00Z"}
        app["secrets"] = [old, old | {"secret_id": f"s-new-{self.made}", "ends_at": None}]
        made = {"secret_id": f"s-new-{self.made}", "client_secret": f"new secret {self.made}"}
        named = {"app_id": app["app_id"], "client_id": app["client_id"], "old_ends_at": old["ends_at"]}
        return httpx.Response(201, json=made | named)

    def _view(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        app = Document.model_validate(document)
        at = "2027-01-01T00:00:00Z"
        fixed = {"app_id": name, "client_id": f"id-{name}", "state": "active", "version": 1, "changed_by": "operator"}
        secrets = [{"secret_id": "s-1", "created_at": at, "ends_at": None}]
        return {**app.model_dump(mode="json"), **fixed, "created_at": at, "changed_at": at, "secrets": secrets}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    operator = {"client_id": "o", "client_secret": "s", "scopes": []}
    write_stack(tmp_path / "stack.json", {"api_url": API, "token_url": TOKENS, "clients": {"operator": operator}})
    found = Registry()
    monkeypatch.setattr(apps, "open_client", lambda *_: client_of(found))
    return found


def client_of(registry: Registry) -> OperatorClient:
    return OperatorClient(API, TOKENS, "o", "s", transport=httpx.MockTransport(registry), retries=Retries(attempts=1))


@pytest.fixture
def operator(registry: Registry) -> Iterator[OperatorClient]:
    with client_of(registry) as client:
        yield client


def secrets_in(folder: Path) -> dict[str, str]:
    known = json.loads((folder / "stack.json").read_text())["clients"]
    return {name: client["client_secret"] for name, client in known.items() if name != "operator"}


def test_missing_apps_are_registered_and_their_secrets_are_written_to_the_file(
    operator: OperatorClient, tmp_path: Path
) -> None:
    done = register_apps(operator, {"bikes": BIKES, "see": SEE}, force=False)

    assert (done.added, done.without_secret, done.outcome.refused) == (["bikes", "see"], [], [])
    assert secrets_in(tmp_path) == {"bikes": "secret of bikes", "see": "secret of see"}
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("crash", range(1, 8))
def test_wherever_registering_stops_no_secret_is_lost_and_the_next_run_goes_on(
    registry: Registry, operator: OperatorClient, tmp_path: Path, crash: int
) -> None:
    documents = load_apps(FOLDER)
    registry.fails_at = crash

    def stop(request: httpx.Request) -> httpx.Response:
        answer = registry(request)
        if answer.status_code == 500:
            raise KeyboardInterrupt
        return answer

    transport = httpx.MockTransport(stop)
    with pytest.raises(KeyboardInterrupt), OperatorClient(API, TOKENS, "o", "s", transport=transport) as stopped:
        register_apps(stopped, documents, force=False)
    assert secrets_in(tmp_path) == {name: f"secret of {name}" for name in [*documents][: crash - 1]}

    done = register_apps(operator, documents, force=False)

    assert done.added == [*documents][crash - 1 :]
    assert done.without_secret == []
    assert secrets_in(tmp_path) == {name: f"secret of {name}" for name in documents}


def test_an_app_that_exists_is_changed_only_by_force(registry: Registry, operator: OperatorClient) -> None:
    register_apps(operator, {"bikes": BIKES, "see": SEE}, force=False)
    changed = {"bikes": BIKES | {"limits": {"calls_per_second": 7}}, "see": SEE}

    kept = register_apps(operator, changed, force=False)
    assert (kept.unchanged, kept.changed) == (["see"], [])
    assert kept.outcome.differing == ["apps/bikes: version 1, written by operator at 2027-01-01T00:00:00+00:00"]
    assert registry.apps["bikes"]["limits"]["calls_per_second"] == 50

    forced = register_apps(operator, changed, force=True)
    assert (forced.outcome.differing, forced.unchanged, forced.changed) == ([], ["see"], ["bikes"])
    assert forced.outcome.replaced == [
        "apps/bikes: version 2 replaces version 1, written by operator at 2027-01-01T00:00:00+00:00"
    ]
    assert registry.apps["bikes"]["limits"]["calls_per_second"] == 7


def test_an_app_that_is_changed_meanwhile_is_kept_and_named(registry: Registry, operator: OperatorClient) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)
    changed = {"bikes": BIKES | {"limits": {"calls_per_second": 7}}}

    def change_first(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            registry.apps["bikes"]["version"] = 9
        return registry(request)

    transport = httpx.MockTransport(change_first)
    with OperatorClient(API, TOKENS, "o", "s", transport=transport) as late:
        done = register_apps(late, changed, force=True)

    assert (done.changed, done.outcome.changed_meanwhile) == ([], ["apps/bikes"])
    assert registry.apps["bikes"]["limits"]["calls_per_second"] == 50


def test_an_ended_app_is_named_and_never_registered_again(registry: Registry, operator: OperatorClient) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)
    registry.apps["bikes"]["state"] = "ended"
    registry.requests.clear()

    done = register_apps(operator, {"bikes": BIKES}, force=True)

    assert (done.ended, done.outcome.differing, done.without_secret) == (["bikes"], [], [])
    assert registry.requests == ["GET "]


@pytest.mark.parametrize("lost", ["the secret", "the client"])
def test_an_app_without_its_secret_here_is_named_with_the_command_that_makes_another_one(
    registry: Registry, operator: OperatorClient, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    register_apps(operator, {"bikes": BIKES, "see": SEE}, force=False)
    if lost == "the client":  # the app was ended and registered on another stack of the same name
        registry.apps["bikes"]["client_id"] = "another"
    else:
        known = json.loads((tmp_path / "stack.json").read_text())
        del known["clients"]["bikes"]
        (tmp_path / "stack.json").write_text(json.dumps(known))

    done = register_apps(operator, {"bikes": BIKES, "see": SEE}, force=False)
    apps.report_apps(done)

    assert done.without_secret == ["bikes"]
    printed = capsys.readouterr().out
    assert "· no secret on this machine: bikes\n    if nobody has it, make another: make secret APP=bikes\n" in printed
    assert "not registered" not in printed

    make_secret("bikes", None, again=False)
    assert register_apps(operator, {"bikes": BIKES, "see": SEE}, force=False).without_secret == []


def test_an_app_that_is_refused_is_named_and_the_others_are_registered(operator: OperatorClient) -> None:
    done = register_apps(operator, {"bad": BIKES | {"name": "refuse me"}, "bikes": BIKES}, force=False)

    assert done.added == ["bikes"]
    assert done.outcome.refused == ["apps/bad: 400 invalid_body: D."]


def test_a_new_secret_replaces_the_one_in_the_file_and_is_not_printed(
    operator: OperatorClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)

    make_secret("bikes", 60, again=False)

    assert secrets_in(tmp_path) == {"bikes": "new secret 1"}
    printed = capsys.readouterr()
    assert "2027-01-02 00:00:00" in printed.out
    assert "new secret 1" not in printed.out + printed.err


def test_a_second_rotation_says_what_to_do_and_again_replaces_the_newer_secret(
    registry: Registry, operator: OperatorClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)
    make_secret("bikes", None, again=False)

    with pytest.raises(SystemExit):
        make_secret("bikes", None, again=False)
    assert "make secret APP=bikes AGAIN=1" in capsys.readouterr().err
    make_secret("bikes", None, again=True)

    assert "DELETE bikes/secrets/s-new-1" in registry.requests
    assert [secret["secret_id"] for secret in registry.apps["bikes"]["secrets"]] == ["s-1", "s-new-2"]
    assert secrets_in(tmp_path) == {"bikes": "new secret 2"}


def test_again_deletes_no_secret_of_an_app_that_has_one(registry: Registry, operator: OperatorClient) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)

    make_secret("bikes", None, again=True)

    assert not any(request.startswith("DELETE") for request in registry.requests)


def test_the_table_of_apps_fits_80_columns_and_says_whose_secret_is_here(
    registry: Registry, operator: OperatorClient, capsys: pytest.CaptureFixture[str]
) -> None:
    longest = "b" * 64
    register_apps(operator, {longest: BIKES, "see": SEE}, force=False)
    registry.apps["gone"] = registry.apps["see"] | {"app_id": "gone", "state": "ended", "secrets": []}
    registry.apps["other"] = registry.apps["see"] | {"app_id": "other", "state": "suspended"}
    capsys.readouterr()

    list_apps()

    printed = capsys.readouterr().out.splitlines()
    assert max(map(len, printed)) <= 80
    ends = {line.split()[0]: line.split()[1:] for line in printed}
    assert ends["see"] == ["partner", "active", "50", "yes"]
    assert ends["gone"] == ["partner", "ended", "50"]
    assert ends["other"] == ["partner", "suspended", "50", "no"]
    assert "".join(line.split()[0] for line in printed if line.startswith("b")) == longest


def test_the_json_of_the_apps_says_whose_secret_is_here(
    registry: Registry, operator: OperatorClient, capsys: pytest.CaptureFixture[str]
) -> None:
    register_apps(operator, {"bikes": BIKES}, force=False)
    registry.apps["other"] = registry.apps["bikes"] | {"app_id": "other", "state": "suspended"}
    registry.apps["other"]["client_id"] = "another"
    capsys.readouterr()

    list_apps(as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert {app["app_id"]: (app["state"], app["has_secret_here"]) for app in found["apps"]} == {
        "bikes": ("active", True),
        "other": ("suspended", False),
    }


@pytest.mark.parametrize("name", load_apps(FOLDER))
def test_the_document_of_a_registered_app_registers_the_same_app(operator: OperatorClient, name: str) -> None:
    document = load_apps(FOLDER)[name]
    register_apps(operator, {name: document}, force=False)

    [app] = operator.apps()

    assert Document.model_validate(document_of_app(app)) == Document.model_validate(document)
    assert "scopes" not in document_of_app(app)


def test_scopes_that_are_not_all_of_the_kind_are_in_the_document(operator: OperatorClient) -> None:
    register_apps(operator, {"bikes": BIKES | {"scopes": ["wallets.read", "actions.write"]}}, force=False)

    [app] = operator.apps()

    assert document_of_app(app)["scopes"] == ["actions.write", "wallets.read"]
