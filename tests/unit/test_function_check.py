"""What a function returns and logs becomes the error with its file and line, in the forms of AWS and the emulator."""

import base64
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from local import function_check
from local.function_check import Fault, check_functions, wrong_in
from local.function_events import NOBODY, Callers, HarmlessEvent, events_for
from local.function_logs import Reason, reason_of, source_of
from local.invoking import Invocation
from local.template import resources

ADVICE = "make rollback"
READ = HarmlessEvent("GET /impact", {}, status=200)
LAYER = "/work/.local/tmp/ministack-lambda-x/layer_1/python/saxaul/settings.py"
CODE = "/work/.local/tmp/ministack-lambda-x/code/handler.py"


def invocation(answer: Any, *log: str, is_error: bool = False) -> Invocation:  # noqa: ANN401 - any JSON value
    return Invocation("ViewImpact", answer, is_error, log, 0.1)


def reason(answer: Any, *log: str, is_error: bool = False) -> Reason:  # noqa: ANN401 - any JSON value
    found = invocation(answer, *log, is_error=is_error)
    return reason_of(found, wrong_in(found, READ) or "nothing")


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
            "the response has not the code no",
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


# --- the error, its file and its line ---------------------------------------------------------------------------------


def test_a_failed_import_on_aws_is_named() -> None:
    answer = {
        "errorType": "Runtime.ImportModuleError",
        "errorMessage": "Unable to import module 'handler': No module named 'nothing'",
        "stackTrace": [],
    }

    assert reason(answer, is_error=True) == Reason(
        "Runtime.ImportModuleError: Unable to import module 'handler': No module named 'nothing'"
    )


def test_a_syntax_error_on_aws_is_named_with_its_line() -> None:
    answer = {
        "errorType": "Runtime.UserCodeSyntaxError",
        "errorMessage": "Syntax error in module 'handler': invalid syntax (handler.py, line 173)",
        "stackTrace": ['  File "/var/task/handler.py" Line 173\n    handler = = endpoint(\n'],
    }

    assert reason(answer, is_error=True).where == "functions/view_impact/handler.py:173"


def test_an_error_on_aws_is_named_with_the_last_line_of_our_code() -> None:
    answer = {
        "errorType": "KeyError",
        "errorMessage": "'TIME_ZONE'",
        "stackTrace": [
            '  File "/var/task/handler.py", line 7, in handler\n    run()\n',
            '  File "/opt/python/saxaul/settings.py", line 64, in from_env\n    env["TIME_ZONE"]\n',
            '  File "<frozen os>", line 679, in __getitem__\n',
        ],
    }

    assert reason(answer, is_error=True) == Reason("KeyError: 'TIME_ZONE'", "layers/saxaul/saxaul/settings.py:64")


def test_a_failed_import_in_the_emulator_is_named_with_its_line() -> None:
    trace = f'Traceback (most recent call last):\n  File "{CODE}", line 2, in <module>\n    import nothing\n'
    answer = {
        "errorType": "RuntimeError",
        "errorMessage": f"Worker init failed: {trace}ModuleNotFoundError: No module named 'nothing'\n",
    }

    assert reason(answer, is_error=True) == Reason(
        "ModuleNotFoundError: No module named 'nothing'", "functions/view_impact/handler.py:2"
    )


def test_an_error_in_the_emulator_is_named_from_its_log() -> None:
    log = ["Traceback (most recent call last):", f'  File "{CODE}", line 7, in handler', "ValueError: broken"]

    found = reason({"errorType": "Runtime.HandlerError", "errorMessage": "broken"}, *log, is_error=True)

    assert found == Reason("ValueError: broken", "functions/view_impact/handler.py:7")


def test_a_time_out_is_named() -> None:
    answer = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 15.00 seconds"}

    assert reason(answer, is_error=True).error == "Sandbox.Timedout: Task timed out after 15.00 seconds"


TRACE = f"Traceback (most recent call last):\n  File \"{LAYER}\", line 64, in from_env\nKeyError: 'TIME_ZONE'"


def test_the_error_behind_a_response_of_status_500_is_read_from_the_log() -> None:
    log = json.dumps({"level": "ERROR", "message": "unexpected failure", "exception": TRACE})

    found = reason({"statusCode": 500, "body": "{}"}, log, '{"level":"INFO"}')

    assert found == Reason("KeyError: 'TIME_ZONE'", "layers/saxaul/saxaul/settings.py:64")


def test_a_log_line_that_lambda_has_cut_at_its_beginning_is_read_too() -> None:
    line = json.dumps({"exception": f"{'x' * 500}\n{TRACE}", "exception_name": "KeyError"}, separators=(",", ":"))

    found = reason({"statusCode": 500, "body": "{}"}, line[100:])

    assert found == Reason("KeyError: 'TIME_ZONE'", "layers/saxaul/saxaul/settings.py:64")


def test_of_a_request_about_a_person_only_the_type_of_the_error_is_known() -> None:
    log = json.dumps({"level": "ERROR", "error": "KeyError", "where": f'  File "{LAYER}", line 64, in from_env\n'})

    found = reason({"statusCode": 500, "body": "{}"}, log)

    assert found.error.startswith("KeyError: its message is not logged")
    assert found.where == "layers/saxaul/saxaul/settings.py:64"


def test_why_a_message_could_not_be_processed_is_read_from_the_log() -> None:
    log = json.dumps({"level": "INFO", "failed": {f"{NOBODY}-0": "ValueError('no table')"}})
    found = invocation({"batchItemFailures": [{"itemIdentifier": f"{NOBODY}-0"}]}, log)

    assert reason_of(found, "it could not process").error == "ValueError: 'no table'"


@pytest.mark.parametrize("message", ["a\nb " * 25_000, "\x1b[31m" * 25_000, "x" * 100_000])
def test_a_fault_shows_an_error_in_one_line_of_at_most_200_characters(message: str) -> None:
    found = reason({"errorType": "ValueError", "errorMessage": message}, is_error=True)

    [line, _] = Fault("ViewImpact", "GET /impact", found).lines()
    assert line.startswith("  ViewImpact: ValueError: ")
    assert line.isprintable()
    assert len(line) == len("  ViewImpact: ") + 200


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (
            "Worker process exited immediately. stderr: ",
            "its process ended while it was imported, as by sys.exit or os._exit; it said: nothing",
        ),
        (
            "Worker process exited immediately. stderr: no disk\n",
            "its process ended while it was imported, as by sys.exit or os._exit; it said: no disk",
        ),
        (
            "RequestId: 1 Error: Runtime exited with error: exit status 3",
            "its process ended before it answered: Runtime exited with error: exit status 3",
        ),
        (
            "RequestId: 1 Error: Runtime exited without providing a reason",
            "its process ended before it answered: Runtime exited without providing a reason",
        ),
    ],
)
def test_a_process_that_ended_without_an_error_is_named_with_where_to_look(message: str, error: str) -> None:
    found = reason({"errorType": "Runtime.ExitError", "errorMessage": message}, is_error=True)

    assert found == Reason(error, "functions/view_impact/handler.py, or in a module that it imports")


def test_a_process_that_ended_after_a_traceback_is_named_with_its_line() -> None:
    trace = f'Traceback (most recent call last):\n  File "{CODE}", line 2, in <module>\nMemoryError: no memory\n'

    found = reason({"errorMessage": f"Worker process exited immediately. stderr: {trace}"}, is_error=True)

    assert found == Reason("MemoryError: no memory", "functions/view_impact/handler.py:2")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/var/task/handler.py", "functions/view_impact/handler.py"),
        ("/opt/python/saxaul/http/endpoint.py", "layers/saxaul/saxaul/http/endpoint.py"),
        ("/opt/python/botocore/client.py", None),
        ("<frozen os>", None),
    ],
)
def test_a_path_of_a_worker_is_shown_as_the_file_of_the_project(path: str, source: str | None) -> None:
    assert source_of(path, "ViewImpact") == source


# --- the check as a whole ---------------------------------------------------------------------------------------------

FUNCTIONS = {name: f"saxaul-{name}" for name in resources("AWS::Serverless::Function")}
KNOWN = {"functions": FUNCTIONS, "clients": {"operator": {"client_id": "o"}}, "endpoint_url": "http://localhost:1"}


class Workers:
    """Lambda, with functions that give these outcomes; each other one does what its event expects."""

    def __init__(self, outcomes: Mapping[str, Callable[[], Any]]) -> None:
        self._outcomes = outcomes
        self.asked: list[str] = []

    def invoke(self, *, FunctionName: str, Payload: bytes, LogType: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert LogType == "Tail"
        name = FunctionName.removeprefix("saxaul-")
        self.asked.append(name)
        event = json.loads(Payload)
        answer = self._outcomes[name]() if name in self._outcomes else self._expected(name, event)
        error = {"FunctionError": "Unhandled"} if isinstance(answer, dict) and "errorType" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), "LogResult": self._log(event), **error}

    def close(self) -> None: ...

    @staticmethod
    def _log(event: Any) -> str:  # noqa: ANN401 - any event
        harmless = _of(event)
        return base64.b64encode(harmless.logged.encode()).decode()

    @staticmethod
    def _expected(name: str, event: Any) -> Any:  # noqa: ANN401 - any event
        harmless = _of(event)
        if harmless.status:
            body: dict[str, Any] = (
                {"apps": []} if name == "ManageApps" and not harmless.code else {"code": harmless.code}
            )
            return {"statusCode": harmless.status, "body": json.dumps(body)}
        return {"batchItemFailures": [{"itemIdentifier": name} for name in harmless.returned]}


def _of(event: Any) -> HarmlessEvent:  # noqa: ANN401 - any event
    found = events_for(Callers("o")).values()
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
    assert "3 of 20 functions failed: EndOverlaps, ManageApps, ViewImpact" in printed
    assert "  ViewImpact: KeyError: 'TIME_ZONE'\n    when it was asked for: GET /impact\n" in printed
    assert "  EndOverlaps: it did not answer within 40 s\n" in printed
    assert f"  ManageApps: it cannot be invoked: {unreachable}\n" in printed
    assert printed.endswith(f"{ADVICE}\n")


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

    assert "  New: there is no harmless event for it in local/function_events.py" in capsys.readouterr().err


def test_functions_of_an_earlier_template_are_left_out_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    less = {name: physical for name, physical in FUNCTIONS.items() if name != "ManageGrants"}

    workers = checked(monkeypatch, {}, {**KNOWN, "functions": {**less, "Former": "saxaul-Former"}})

    assert not {"ManageGrants", "Former"} & set(workers.asked)


def test_when_the_whole_check_takes_too_long_what_was_not_asked_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(function_check, "WHOLE_PATIENCE", -1)

    with pytest.raises(SystemExit):
        checked(monkeypatch, {})

    assert "20 of 20 functions failed" in (printed := capsys.readouterr().err)
    assert "ViewForest: not asked, because the check took over -1 s" in printed
