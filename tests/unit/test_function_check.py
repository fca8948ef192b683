"""Each function is asked after a deployment, and whatever does not come out as it must is named."""

import base64
import io
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from local import function_check
from local.function_check import check_functions, wrong_in
from local.harmless_events import Callers, HarmlessEvent, events_for
from local.invoking import Invocation
from local.template import resources

ADVICE = "make rollback"
READ = HarmlessEvent("GET /impact", {}, status=200)


def invocation(answer: Any, *log: str, is_error: bool = False) -> Invocation:  # noqa: ANN401 - any JSON value
    return Invocation("ViewImpact", answer, is_error, log, 0.1)


# --- which outcomes are wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "log", "harmless"),
    [
        ({"statusCode": 200, "body": "{}"}, (), READ),
        ({"statusCode": 404, "body": '{"code":"unknown_app"}'}, (), READ._replace(status=404, code="unknown_app")),
        ({"batchItemFailures": []}, (), HarmlessEvent("", {})),
        (None, (), HarmlessEvent("", {})),
        (
            {"batchItemFailures": [{"itemIdentifier": "m"}]},
            ('{"level":"ERROR","exception":"LookupError: none"}',),
            HarmlessEvent("", {}, returned=("m",), logged="LookupError: none"),
        ),
        ({"statusCode": 200, "body": "{}"}, ('{"level":"WARNING","message":"slow"}', "not JSON"), READ),
    ],
)
def test_an_outcome_as_expected_is_not_wrong(answer: Any, log: tuple[str, ...], harmless: HarmlessEvent) -> None:  # noqa: ANN401
    assert wrong_in(invocation(answer, *log), harmless) is None


@pytest.mark.parametrize(
    ("answer", "log", "harmless", "wrong"),
    [
        ({"statusCode": 500, "body": "{}"}, (), READ, "the response has the status 500, and not 200"),
        ({"statusCode": 403, "body": "{}"}, (), READ, "the response has the status 403, and not 200"),
        (None, (), READ, "the response has the status None, and not 200"),
        (
            {"statusCode": 404, "body": "{}"},
            (),
            READ._replace(status=404, code="no"),
            "the response does not have the code no",
        ),
        ({"batchItemFailures": [{"itemIdentifier": "m"}]}, (), HarmlessEvent("", {}), "it could not process m"),
        (
            {"batchItemFailures": []},
            (),
            HarmlessEvent("", {}, returned=("m",)),
            "it took a message that it cannot process",
        ),
        (
            {"batchItemFailures": [{"itemIdentifier": "m"}]},
            ("another error",),
            HarmlessEvent("", {}, returned=("m",), logged="LookupError"),
            "it could not process m",
        ),
        ({"statusCode": 200, "body": ""}, ('{"level":"ERROR","message":"oh"}',), READ, "it logged an error: oh"),
        (
            {"statusCode": 200, "body": ""},
            ('{"level":"WARNING","message":"the catalog cannot be used","error":"No(\'x: 403 AccessDenied\')"}',),
            READ,
            "it logged an error: the catalog cannot be used",
        ),
    ],
)
def test_every_other_outcome_is_wrong(
    answer: Any,  # noqa: ANN401 - any JSON value
    log: tuple[str, ...],
    harmless: HarmlessEvent,
    wrong: str,
) -> None:
    assert wrong_in(invocation(answer, *log), harmless) == wrong


# --- the check as a whole ---------------------------------------------------------------------------------------------

FUNCTIONS = {name: f"saxaul-{name}" for name in resources("AWS::Serverless::Function")}
KNOWN = {
    "functions": FUNCTIONS,
    "versions": dict.fromkeys(FUNCTIONS, "4"),
    "clients": {"operator": {"client_id": "o"}},
    "endpoint_url": "http://localhost:1",
}


class Workers:
    """Lambda, with functions that give these outcomes; each other one does what its event expects."""

    def __init__(self, outcomes: Mapping[str, Callable[[], Any]], callers: Callers = Callers("o")) -> None:  # noqa: B008
        self.versions: dict[str, str] = {}
        self._outcomes = outcomes
        self._callers = callers
        self.asked: list[str] = []

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes, LogType: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert (Qualifier, LogType) == ("live", "Tail")
        name = FunctionName.removeprefix("saxaul-")
        self.asked.append(name)
        event = json.loads(Payload)
        answer = self._outcomes[name]() if name in self._outcomes else self._expected(name, event)
        error = {"FunctionError": "Unhandled"} if isinstance(answer, dict) and "errorType" in answer else {}
        found = {"Payload": io.BytesIO(json.dumps(answer).encode()), "LogResult": self._log(event), **error}
        return found | {"ExecutedVersion": self.versions.get(name, "4")}

    def close(self) -> None: ...

    def _log(self, event: Any) -> str:  # noqa: ANN401 - any event
        harmless = _of(event, self._callers)
        return base64.b64encode(harmless.logged.encode()).decode()

    def _expected(self, name: str, event: Any) -> Any:  # noqa: ANN401 - any event
        harmless = _of(event, self._callers)
        if harmless.status:
            body: dict[str, Any] = (
                {"apps": []} if name == "ManageApps" and not harmless.code else {"code": harmless.code}
            )
            return {"statusCode": harmless.status, "body": json.dumps(body)}
        return {"batchItemFailures": [{"itemIdentifier": name} for name in harmless.returned]}


def _of(event: Any, callers: Callers) -> HarmlessEvent:  # noqa: ANN401 - any event
    found = [*events_for(Callers("o")).values(), *events_for(callers).values()]
    return next(one for events in found for one in events if json.loads(json.dumps(one.event)) == event)


def checked(
    monkeypatch: pytest.MonkeyPatch, outcomes: Mapping[str, Callable[[], Any]], known: Mapping[str, Any] = KNOWN
) -> Workers:
    workers = Workers(outcomes)
    monkeypatch.setattr(function_check, "lambda_client", lambda *_: workers)
    check_functions(known, [ADVICE])
    return workers


def raising(error: Exception) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


def test_every_function_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    workers = checked(monkeypatch, {})

    assert set(workers.asked) == set(FUNCTIONS)
    assert "checking that each function answers" in capsys.readouterr().out


def test_each_function_that_fails_is_named_with_its_error_and_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(function_check, "getloadavg", lambda: (0.0, 0.0, 0.0))
    unreachable = EndpointConnectionError(endpoint_url="http://localhost:1")
    outcomes = {
        "ViewImpact": lambda: {"errorType": "KeyError", "errorMessage": "'TIME_ZONE'"},
        "EndOverlaps": raising(ReadTimeoutError(endpoint_url="http://localhost:1")),
        "ManageApps": raising(unreachable),
    }

    with pytest.raises(SystemExit) as ended:
        checked(monkeypatch, outcomes)

    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert "3 of 25 functions failed: EndOverlaps, ManageApps, ViewImpact" in printed
    assert "✗ ViewImpact: KeyError: 'TIME_ZONE'\n    when it was asked for: GET /impact\n" in printed
    assert "✗ EndOverlaps: it did not answer within 25 s\n" in printed
    assert f"✗ ManageApps: it cannot be invoked: {unreachable}\n" in printed
    assert printed.endswith(f"{ADVICE}\n")


def test_a_function_of_which_clients_reach_another_version_than_the_deployed_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = Workers({})
    workers.versions["ViewImpact"] = "3"
    monkeypatch.setattr(function_check, "lambda_client", lambda *_: workers)

    with pytest.raises(SystemExit):
        check_functions(KNOWN, [])

    assert "✗ ViewImpact: version 3 answered, and not the deployed version 4\n" in capsys.readouterr().err


def test_a_function_that_fails_is_not_asked_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers({"ViewImpact": lambda: {"errorType": "KeyError", "errorMessage": "x"}})
    monkeypatch.setattr(function_check, "lambda_client", lambda *_: workers)

    with pytest.raises(SystemExit):
        check_functions(KNOWN, [])

    assert workers.asked.count("ViewImpact") == 1


def test_a_function_without_a_harmless_event_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(function_check, "functions", lambda: {**resources("AWS::Serverless::Function"), "New": {}})

    with pytest.raises(SystemExit):
        checked(monkeypatch, {}, {**KNOWN, "functions": {**FUNCTIONS, "New": "saxaul-New"}})

    assert "✗ New: there is no harmless event for it in local/harmless_events.py" in capsys.readouterr().err


def test_functions_of_an_earlier_template_are_left_out_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    less = {name: physical for name, physical in FUNCTIONS.items() if name != "ManageGrants"}

    workers = checked(monkeypatch, {}, {**KNOWN, "functions": {**less, "Former": "saxaul-Former"}})

    assert not {"ManageGrants", "Former"} & set(workers.asked)


def test_when_no_function_answers_any_more_the_others_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(function_check, "patience_at", lambda *_: -1)

    with pytest.raises(SystemExit):
        checked(monkeypatch, {})

    assert "25 of 25 functions failed" in (printed := capsys.readouterr().err)
    assert "ViewForest: not asked, because no function answered within -1 s" in printed


def test_a_function_that_fails_is_named_while_others_are_still_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def slow() -> Any:  # noqa: ANN401 - any outcome
        deadline = time.monotonic() + 60
        while "ViewImpact" not in "".join(printed) and time.monotonic() < deadline:
            printed.append(capsys.readouterr().err)
            time.sleep(0.01)
        return {"errorType": "KeyError", "errorMessage": "slow"}

    with pytest.raises(SystemExit):
        checked(
            monkeypatch,
            {"IngestActions": slow, "ViewImpact": lambda: {"errorType": "KeyError", "errorMessage": "'TIME_ZONE'"}},
        )

    assert "✗ ViewImpact: KeyError: 'TIME_ZONE'" in "".join(printed)


@pytest.mark.parametrize(("load", "seconds"), [(0, 25), (4, 25), (8, 50), (100, 60)])
def test_a_busy_machine_gives_each_function_more_time(load: float, seconds: float) -> None:
    assert function_check.patience_at(load, processors=2) == seconds


# --- as whom the API is called ----------------------------------------------------------------------------------------

APP = {
    "app_id": "alipay",
    "client_id": "a-client",
    "kind": "first_party",
    "state": "active",
    "scopes": ["trees.redeem", "grants.write", "wallets.read", "suggestions.read"],
}
PARTNER = {"app_id": "see", "client_id": "p-client", "kind": "partner", "state": "active", "scopes": ["planting.write"]}
OTHER = {**APP, "client_id": "third-client", "kind": "third_party"}


def found_callers(*apps: Mapping[str, Any], status: int = 200) -> Callers:
    outcome = {"statusCode": status, "body": json.dumps({"apps": apps})}
    asking = function_check.Asking(cast("Any", Workers({"ManageApps": lambda: outcome})), FUNCTIONS, {}, 9)
    return function_check.registered_callers(asking, Callers("o"))


def test_the_api_is_called_as_the_first_app_and_partner_that_are_active_and_have_the_scopes() -> None:
    assert found_callers(OTHER, APP, {**APP, "client_id": "later"}, PARTNER) == Callers("o", "a-client", "p-client")


@pytest.mark.parametrize(
    "apps", [[], [OTHER], [{**APP, "state": "suspended"}, {**PARTNER, "state": "ended"}], [{**APP, "scopes": []}]]
)
def test_without_such_an_app_the_operator_calls(apps: list[Mapping[str, Any]]) -> None:
    assert found_callers(*apps) == Callers("o")


def test_if_the_apps_cannot_be_read_the_operator_calls() -> None:
    assert found_callers(APP, status=500) == Callers("o")


def asked_after(monkeypatch: pytest.MonkeyPatch, before: Callers, *apps: Mapping[str, Any]) -> list[str]:
    """Return the functions that are asked after the apps were registered, without the question for the apps."""
    now = Callers("o", *(app["client_id"] for app in apps))
    workers = Workers({"ManageApps": lambda: {"statusCode": 200, "body": json.dumps({"apps": apps})}}, now)
    monkeypatch.setattr(function_check, "lambda_client", lambda *_: workers)
    function_check.check_as_registered(KNOWN, before, [ADVICE])
    return workers.asked[1:]


def test_what_only_apps_may_ask_for_is_checked_once_they_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_after(monkeypatch, Callers("o"), APP, PARTNER)

    assert {"RedeemTrees", "TakeReports", "ManageGrants"} <= set(asked)
    assert not {"DescribeApi", "PlaceOrders"} & set(asked)


def test_if_nothing_new_is_registered_nothing_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_after(monkeypatch, Callers("o")) == []
