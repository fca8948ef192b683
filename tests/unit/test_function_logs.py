"""What a function returns and logs becomes the error with its file and line, in the forms of AWS and the emulator."""

import json
from typing import Any

import pytest

from local.function_check import Fault, wrong_in
from local.function_logs import Reason, reason_of, source_of
from local.harmless_events import NOBODY, HarmlessEvent
from local.invoking import Invocation

READ = HarmlessEvent("GET /impact", {}, status=200)
LAYER = "/home/mei/saxaul/.local/tmp/ministack-lambda-x/layer_1/python/saxaul/settings.py"
CODE = "/home/mei/saxaul/.local/tmp/ministack-lambda-x/code/handler.py"


def invocation(answer: Any, *log: str, is_error: bool = False) -> Invocation:  # noqa: ANN401 - any JSON value
    return Invocation("ViewImpact", answer, is_error, log, 0.1)


def reason(answer: Any, *log: str, is_error: bool = False) -> Reason:  # noqa: ANN401 - any JSON value
    found = invocation(answer, *log, is_error=is_error)
    return reason_of(found, wrong_in(found, READ) or "nothing")


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


def test_of_an_error_whose_text_is_not_logged_the_type_and_the_place_are_known() -> None:
    log = json.dumps(
        {"level": "ERROR", "error": "KeyError", "where": f'  File "{LAYER}", line 64, in from_env\nKeyError\n'}
    )

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

    error = Fault("ViewImpact", "GET /impact", found).error
    assert error.startswith("ValueError: ")
    assert error.isprintable()
    assert len(error) == 200


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
