"""`make invoke` and `make local`, apart from the functions themselves."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local import invoke as command
from local.container_engine import EngineError
from local.example_events import SENT_AT, event_file
from local.invoke import Sent
from local.invoking import Invocation
from local.template import resources
from saxaul_client import Problem
from tests.clocks import StoppedClock

FUNCTIONS = sorted(resources("AWS::Serverless::Function"))


class Invoked:
    """Answers every event, and fails for one function. Keeps what was sent, by function in their order."""

    def __init__(self, failing: str = "") -> None:
        self.sent: dict[str, Any] = {}
        self.files: list[Path] = []
        self._failing = failing

    def __call__(self, function: str, sent: Sent) -> Invocation:
        self.sent[function] = json.loads(sent.content)
        self.files.append(sent.file)
        if function == self._failing:
            return Invocation(function, {"errorType": "KeyError", "errorMessage": "'X'"}, True, ("Traceback:",), 0.5)
        return Invocation(function, {"statusCode": 200, "body": "{}"}, False, (), 0.5)


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoked:
    """A laptop stack that runs in the state folder ``tmp_path``, and whose functions are not called."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    clients = {name: {"client_id": f"id-{name}", "client_secret": "s"} for name in ("alipay", "partner", "operator")}
    known = {
        "api_url": "http://localhost:4566/v1",
        "endpoint_url": "http://localhost:4566",
        "time_zone": "Asia/Shanghai",
        "functions": {name: f"saxaul-{name}-1" for name in FUNCTIONS},
        "clients": clients,
    }
    (tmp_path / "stack.json").write_text(json.dumps(known))
    person = SimpleNamespace(user_id="mei-7@example.com", redemption=None, get_ready_for=lambda _: None)
    monkeypatch.setattr(command, "example_person", lambda: person)
    monkeypatch.setattr(command, "stack_clock", lambda: StoppedClock(SENT_AT + 86_400))
    found = Invoked()
    monkeypatch.setattr(command, "on_the_stack", found)
    return found


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the command, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["invoke", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return ended.value.code or 0


@pytest.mark.parametrize("name", ["ViewForest", "view_forest", "viewforest", "view-forest", "VIEWFOREST"])
def test_a_function_gets_its_example_however_its_name_is_written(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    assert run(monkeypatch, name) == 0

    assert invoked.sent["ViewForest"]["pathParameters"] == {"user_id": "mei-7%40example.com"}
    assert invoked.sent["ViewForest"]["requestContext"]["requestTimeEpoch"] == (SENT_AT + 86_400) * 1000
    assert invoked.files == [tmp_path / "events" / "view_forest.json"]
    assert json.loads(invoked.files[0].read_text()) == invoked.sent["ViewForest"]


def test_an_unknown_function_is_refused_with_the_names_of_all(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ViewForrest") == 1

    first, *names = capsys.readouterr().err.splitlines()
    assert first == "✗ There is no function 'ViewForrest'. These are the functions:"
    assert [name.strip() for name in names] == FUNCTIONS
    assert not invoked.sent


def test_all_invokes_each_function_once_with_its_example(invoked: Invoked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "all") == 0

    assert sorted(invoked.sent) == FUNCTIONS
    assert [file.name for file in invoked.files] == [event_file(function).name for function in invoked.sent]
    order = list(invoked.sent)
    assert order.index("RedeemTrees") < order.index("SettleRedemptions") < order.index("PlaceOrders")


def test_a_function_that_fails_is_named_and_the_others_are_invoked_too(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Invoked("SettleRedemptions")
    monkeypatch.setattr(command, "on_the_stack", failing)

    assert run(monkeypatch, "all") == 1

    assert sorted(failing.sent) == FUNCTIONS
    assert not invoked.sent
    assert capsys.readouterr().err == "✗ SettleRedemptions: KeyError: 'X'\n  Traceback:\n"


@pytest.mark.parametrize(("failing", "code"), [("", 0), ("ViewForest", 1)])
def test_a_program_gets_one_document_and_the_same_exit_code(
    failing: str,
    code: int,
    invoked: Invoked,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not invoked.sent
    monkeypatch.setattr(command, "on_the_stack", Invoked(failing))

    assert run(monkeypatch, "ViewForest", "--json") == code
    one = json.loads(capsys.readouterr().out)
    assert run(monkeypatch, "all", "--json") == code
    every = json.loads(capsys.readouterr().out)["functions"]

    assert (one["function"], one["ok"]) == ("ViewForest", not code)
    assert sorted(found["function"] for found in every) == FUNCTIONS
    assert [found["function"] for found in every if not found["ok"]] == ([failing] if failing else [])


class Unready:
    """A person whom the API gives nothing, because it fails with this status."""

    user_id = "mei-7@example.com"
    redemption = None

    def __init__(self, status: int) -> None:
        self._problem = Problem(status, "", "Bad Gateway", '{"errorMessage": "Worker init failed: Traceback"}')
        self._problem.route = "GET /users/{user_id}/wallet"

    def get_ready_for(self, _: str) -> None:
        raise self._problem


CRASHED = Invocation(
    "ViewForest",
    {
        "errorType": "Unhandled",
        "errorMessage": "Worker init failed: Traceback (most recent call last):\n"
        '  File "/tmp/x/code/handler.py", line 3, in <module>\n    import nosuch\n'
        "ModuleNotFoundError: No module named 'nosuch'",
    },
    is_error=True,
    log=(),
    seconds=1,
)


def test_a_function_that_fails_before_its_example_is_prepared_is_invoked_and_says_where(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "example_person", lambda: Unready(502))
    monkeypatch.setattr(command, "on_the_stack", lambda *_: CRASHED)

    assert run(monkeypatch, "ViewForest") == 1

    where = "functions/view_forest/handler.py:3"
    assert capsys.readouterr().err == f"✗ ViewForest: ModuleNotFoundError: No module named 'nosuch' in {where}\n"
    assert not invoked.sent


def test_an_answer_to_an_example_that_could_not_be_prepared_is_a_fault(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "example_person", lambda: Unready(502))

    assert run(monkeypatch, "RedeemTrees") == 1

    why = "its example could not be prepared: GET /users/{user_id}/wallet failed with the status 502"
    assert capsys.readouterr().err == f"✗ RedeemTrees: {why}\n"
    assert [*invoked.sent] == ["RedeemTrees"]


def test_a_refusal_while_an_example_is_prepared_ends_the_command(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "example_person", lambda: Unready(403))

    assert run(monkeypatch, "RedeemTrees") == 1

    assert "GET /users/{user_id}/wallet: 403 Bad Gateway" in capsys.readouterr().err
    assert not invoked.sent


def test_another_event_is_sent_as_it_is(invoked: Invoked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my event.json"
    file.write_text('{"client_id": "alipay-client", "at": 1780632000}')

    assert run(monkeypatch, "ViewForest", "--event", str(file)) == 0

    assert invoked.sent == {"ViewForest": {"client_id": "alipay-client", "at": 1_780_632_000}}
    assert invoked.files == [file]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n  "a": 1,\n}', "is not JSON: line 3, column 1: "),
        (b'{"a": "\xff"}', "is not JSON in UTF-8."),
        (b"", "is not JSON: line 1, column 1: "),
        (b"[" * 200_000, "cannot be read as JSON: "),
        (b'{"a": ' + b"1" * 5_000 + b"}", "cannot be read as JSON: "),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_with_its_place(
    content: bytes | None,
    said: str,
    invoked: Invoked,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "event.json"
    if content is not None:
        file.write_bytes(content)

    assert run(monkeypatch, "ViewForest", "--event", str(file)) == 1

    assert f"{file} {said}" in capsys.readouterr().err
    assert not invoked.sent


def test_a_pipe_instead_of_an_event_is_refused_and_not_waited_for(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(pipe := tmp_path / "event.json")

    assert run(monkeypatch, "ViewForest", "--event", str(pipe)) == 1

    assert f"{pipe} is not a regular file" in capsys.readouterr().err
    assert not invoked.sent


def test_a_folder_instead_of_an_event_is_refused(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "ViewForest", "--event", str(tmp_path)) == 1

    assert f"{tmp_path} cannot be read: Is a directory." in capsys.readouterr().err
    assert not invoked.sent


def test_one_event_for_all_functions_is_refused(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "all", "--event", str(event_file("ViewForest"))) == 1

    assert "name one function with the event" in capsys.readouterr().err
    assert not invoked.sent


def test_an_example_of_a_client_without_credentials_says_how_to_get_them(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    known = json.loads((tmp_path / "stack.json").read_text())
    del known["clients"]["partner"]
    (tmp_path / "stack.json").write_text(json.dumps(known))

    assert run(monkeypatch, "TakeReports") == 1

    error = capsys.readouterr().err
    assert "The example of TakeReports is sent by partner, which has no credentials." in error
    assert "make secret APP=partner" in error
    assert not invoked.sent


def test_a_function_without_an_example_is_named(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    known = json.loads((tmp_path / "stack.json").read_text())
    known["functions"]["CountBirds"] = "saxaul-CountBirds-1"
    (tmp_path / "stack.json").write_text(json.dumps(known))

    assert run(monkeypatch, "CountBirds") == 1

    assert "CountBirds has no example: " in capsys.readouterr().err
    assert not invoked.sent


def test_a_stack_on_aws_is_refused(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STACK", "production")

    assert run(monkeypatch, "ViewForest") == 1

    assert "production is on AWS" in capsys.readouterr().err
    assert not invoked.sent


@pytest.mark.usefixtures("invoked")
def test_an_emulator_that_does_not_answer_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    known = json.loads((tmp_path / "stack.json").read_text())
    (tmp_path / "stack.json").write_text(json.dumps(known | {"endpoint_url": "http://127.0.0.1:1"}))
    file = tmp_path / "event.json"
    file.write_text("{}")

    assert run(monkeypatch, "ViewForest", "--event", str(file)) == 1

    error = capsys.readouterr().err
    assert error.startswith("✗ ViewForest could not be invoked: Could not connect to the endpoint URL")
    assert error.count("\n") == 1


def test_in_lambdas_image_the_same_events_are_run_by_a_container(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str, Path]] = []

    def run_in_container(function: str, event: Path) -> Invocation:
        ran.append((function, event))
        return Invocation(function, None, False, (), 9)

    @contextmanager
    def a_run(known: Any) -> Any:  # noqa: ANN401 - how to reach the stack
        assert known["endpoint_url"] == "http://localhost:4566"
        yield SimpleNamespace(invoke=run_in_container)

    monkeypatch.setattr(command, "local_run", a_run)

    assert run(monkeypatch, "FindRepeats", "--in-lambda-image") == 0

    assert ran == [("FindRepeats", tmp_path / "events" / "find_repeats.json")]
    assert not invoked.sent


def test_without_a_container_engine_one_sentence_says_what_to_start(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def none(_: object) -> Any:  # noqa: ANN401 - never yielded
        raise EngineError("No container engine is running. Start Docker, Finch or Podman.")
        yield

    monkeypatch.setattr(command, "local_run", none)

    assert run(monkeypatch, "all", "--in-lambda-image") == 1

    assert capsys.readouterr().err == "✗ No container engine is running. Start Docker, Finch or Podman.\n"
    assert not invoked.sent


def test_an_emulator_that_does_not_answer_while_a_container_is_prepared_ends_with_one_sentence(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def gone(_: object) -> Any:  # noqa: ANN401 - how functions are run
        def refuse(*_: object) -> Invocation:
            raise EndpointConnectionError(endpoint_url="http://localhost:4566")

        yield SimpleNamespace(invoke=refuse)

    monkeypatch.setattr(command, "local_run", gone)

    assert run(monkeypatch, "ViewForest", "--in-lambda-image") == 1

    assert capsys.readouterr().err.startswith("✗ The laptop stack could not be reached: Could not connect")
    assert not invoked.sent


def test_a_stack_whose_clock_was_moved_is_not_run_in_containers(
    invoked: Invoked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "clock").write_text("86400")

    assert run(monkeypatch, "ViewForest", "--in-lambda-image") == 1

    assert "clock of this stack was moved" in capsys.readouterr().err
    assert not invoked.sent
