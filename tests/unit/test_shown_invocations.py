import json
from typing import Any

import pytest

from local.invoking import Invocation
from local.shown_invocations import (
    MOST_LINES,
    answer_lines,
    document_of,
    log_texts,
    show_invocation,
    show_table,
)

LINE = json.dumps(
    {
        "level": "INFO",
        "location": "handler:30",
        "message": "accrued",
        "timestamp": "2026-06-05 12:00:00,000+0000",
        "service": "saxaul",
        "messages": 1,
        "posted": 1,
        "failed": {},
        "app": "alipay",
        "request_id": "c6af9ac6",
    }
)


def invocation(answer: Any = None, *log: str, is_error: bool = False, function: str = "ViewForest") -> Invocation:  # noqa: ANN401 - any JSON value
    return Invocation(function, answer, is_error, log, 0.25)


def response(status: int, body: object) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def failed(function: str = "ViewForest") -> Invocation:
    answer = {"errorType": "KeyError", "errorMessage": "'X'"}
    return invocation(answer, "Traceback:", '  File "handler.py", line 3', is_error=True, function=function)


def test_the_body_of_a_response_is_shown_as_indented_json_in_its_own_letters() -> None:
    assert answer_lines(invocation(response(200, {"species": "梭梭"}))) == ["{", '  "species": "梭梭"', "}"]


@pytest.mark.parametrize("body", ["<svg>\n</svg>", "<svg>\r\n</svg>"])
def test_a_body_that_is_not_json_is_shown_as_it_is(body: str) -> None:
    assert answer_lines(invocation({"statusCode": 200, "body": body})) == ["<svg>", "</svg>"]


def test_a_body_of_bytes_is_shown_by_its_length_and_its_type() -> None:
    picture = {
        "statusCode": 200,
        "headers": {"content-type": "image/png"},
        "body": "AAAA" * 1000,
        "isBase64Encoded": True,
    }

    assert answer_lines(invocation(picture)) == ["3,000 bytes of image/png"]


def test_an_empty_body_and_an_answer_of_another_form_are_shown() -> None:
    assert answer_lines(invocation({"statusCode": 204, "body": ""})) == ["null"]
    assert answer_lines(invocation()) == ["null"]
    assert answer_lines(invocation({"projects": []})) == ["{", '  "projects": []', "}"]


def test_a_logged_line_is_shown_with_its_level_its_message_and_its_own_fields() -> None:
    assert log_texts(invocation(None, LINE)) == ["INFO accrued messages=1 posted=1 failed={} app=alipay"]


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "[1, 2]", '{"level": "INFO"}', "{"])
def test_a_line_of_another_form_is_shown_as_it_is(line: str) -> None:
    assert log_texts(invocation(None, line)) == [line]


def test_an_invocation_is_shown_with_its_status_its_answer_and_what_it_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_invocation(invocation(response(200, {"forest": []}), LINE), None)

    assert capsys.readouterr().out.splitlines() == [
        "ViewForest answered 200 after 0.25 s",
        "  {",
        '    "forest": []',
        "  }",
        "It logged:",
        "  INFO accrued messages=1 posted=1 failed={} app=alipay",
    ]


def test_a_failed_invocation_is_shown_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    show_invocation(failed(), "KeyError: 'X'")

    shown = capsys.readouterr().out
    assert shown.startswith("ViewForest failed after 0.25 s\n")
    assert shown.endswith('It logged:\n  Traceback:\n    File "handler.py", line 3\n')


def test_the_traceback_that_an_emulator_has_in_the_message_of_an_error_is_shown_line_by_line() -> None:
    crashed = {"errorType": "Unhandled", "errorMessage": "Traceback:\n  line 3\nKeyError: 'X'"}

    assert answer_lines(invocation(crashed, is_error=True)) == ["Unhandled: Traceback:", "  line 3", "KeyError: 'X'"]


def test_of_a_long_answer_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_invocation(invocation(list(range(1000))), None)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MOST_LINES + 2
    assert lines[-1] == f"  … and {1002 - MOST_LINES:,} more lines; JSON=1 prints all of them"


def test_what_others_wrote_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_invocation(invocation({"statusCode": 200, "body": "\x1b[2J[red]"}, "\x1b[2J[bold]"), None)

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]" in shown
    assert "[bold]" in shown


def test_the_table_has_a_line_for_each_function_and_fits_into_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    long = invocation(None, json.dumps({"message": "x " * 200}), function="SettleRedemptions")
    counted = invocation({"batchItemFailures": []}, LINE, function="AccruePoints")
    silent = invocation({"projects": []}, function="ScheduleOrders")
    lengthy = invocation(list(range(100)), function="DescribeApi")
    found = [invocation(response(200, {})), counted, silent, long, lengthy, failed("ViewImpact")]

    show_table((each, each.fault(is_example=True)) for each in found)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "AccruePoints ok accrued messages=1 posted=1 app=alipay 0.25" in text
    assert 'ScheduleOrders ok {"projects": []} 0.25' in text
    assert "DescribeApi ok 390 characters 0.25" in text
    assert "ViewImpact failed KeyError: 'X' 0.25" in text


def test_a_program_gets_the_answer_and_the_logged_lines_as_they_are() -> None:
    assert document_of(invocation({"projects": []}, LINE, "plain"), "no luck") == {
        "function": "ViewForest",
        "ok": False,
        "fault": "no luck",
        "status": None,
        "duration_s": 0.25,
        "answer": {"projects": []},
        "log": [json.loads(LINE), "plain"],
    }
