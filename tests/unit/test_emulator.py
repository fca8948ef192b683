"""The corrections of the emulator that need no emulator: streams have their own thread, and nothing is parsed twice.

``tests/proof/test_statements.py`` tests the other corrections, with MiniStack.
"""

import os
import time
from io import BytesIO
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread, get_ident
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile, ZipFile

import pytest

from local.emulator import (
    ending_workers,
    in_own_thread,
    log_of_invocation,
    parsing_once,
    reading_protection,
    telling_logs,
    while_others_write,
    with_end_of_log,
    with_settings_of_alias,
    with_shared_layers,
    with_traceback,
)

SECONDS = 60
"""The most that a test waits for the thread."""


def test_reading_a_stream_does_not_keep_the_queues_waiting() -> None:
    began, end, threads = Event(), Event(), Queue[int]()

    def poll() -> bool:
        threads.put(get_ident())
        began.set()
        end.wait(SECONDS)
        return False

    polled = in_own_thread(poll)

    assert polled() is False
    assert began.wait(SECONDS)
    assert polled() is False  # while the first poll has not ended
    end.set()
    assert threads.get(timeout=SECONDS) != get_ident()


def test_streams_are_read_until_nothing_is_left_and_again_if_something_came_meanwhile() -> None:
    polls, steps = Queue[bool](), Queue[bool]()

    def poll() -> bool:
        polls.put(True)
        return steps.get(timeout=SECONDS)

    polled = in_own_thread(poll)
    polled()
    polls.get(timeout=SECONDS)
    steps.put(True)  # so it polls again, without being called
    polls.get(timeout=SECONDS)
    polled()  # something came while it polls
    steps.put(False)
    polls.get(timeout=SECONDS)
    steps.put(False)

    with pytest.raises(Empty):
        polls.get(timeout=0.2)


def test_the_emulator_learns_once_that_something_was_found() -> None:
    polls, steps = Queue[bool](), Queue[bool]()

    def poll() -> bool:
        polls.put(True)
        return steps.get(timeout=SECONDS)

    polled = in_own_thread(poll)
    told = [polled()]
    steps.put(True)
    steps.put(False)
    polls.get(timeout=SECONDS)
    polls.get(timeout=SECONDS)  # the first poll has found something
    told += [polled(), polled()]
    steps.put(False)

    assert told == [False, True, False]


def test_an_error_of_a_stream_is_raised_to_the_emulator_which_logs_it_and_streams_are_read_again() -> None:
    polls = Queue[bool]()

    def poll() -> bool:
        polls.put(True)
        raise ValueError("a bad record")

    polled = in_own_thread(poll)
    polled()
    polls.get(timeout=SECONDS)

    def call_often() -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            polled()

    with pytest.raises(ValueError, match="a bad record"):
        call_often()
    assert polls.get(timeout=SECONDS)


def test_a_statement_is_parsed_once_and_an_equal_one_again() -> None:
    parse = parsing_once(lambda statement, parameters: [statement, *parameters])
    parameters, equal = [1], [1]

    first = parse("INSERT", parameters)

    assert parse("INSERT", parameters) is first
    assert parse("INSERT", equal) is not first
    assert parse("UPDATE", equal) == ["UPDATE", 1]


def test_a_statement_that_cannot_be_parsed_is_refused_each_time() -> None:
    def refuse(statement: str, parameters: object) -> object:
        raise ValueError(statement, parameters)

    parse = parsing_once(refuse)

    for _ in range(2):
        with pytest.raises(ValueError, match="SELECT"):
            parse("SELECT", [])


def test_a_query_that_others_disturb_is_run_again_and_its_other_errors_are_raised() -> None:
    answers: list[object] = [RuntimeError("dictionary changed size during iteration"), RuntimeError("again"), "found"]

    def query(text: str) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return f"{text}: {answer}"

    assert while_others_write(query)("all") == "all: found"
    answers.append(ValueError("not a query"))
    with pytest.raises(ValueError, match="not a query"):
        while_others_write(query)("all")
    answers.extend(RuntimeError("always") for _ in range(100))
    with pytest.raises(RuntimeError):
        while_others_write(query)("all")


def test_a_worker_tells_the_traceback_of_a_failed_import() -> None:
    program = 'except Exception as e:\n    print(json.dumps({"status": "error", "error": str(e)}))\n'

    assert with_traceback(program).count("traceback.format_exc()") == 1


def test_a_release_of_ministack_with_another_worker_is_refused() -> None:
    with pytest.raises(ValueError, match="in another form now"):
        with_traceback("pass")


def test_a_worker_marks_the_end_of_its_log_before_it_answers() -> None:
    program = "def run():\n    while True:\n        answer()\n        _real_stdout.flush()\n\nrun()\n"

    marked = with_end_of_log(program).splitlines()

    assert marked[3:6] == [
        "        sys.stderr.write('\\x04\\n')",
        "        sys.stderr.flush()",
        "        _real_stdout.flush()",
    ]
    with pytest.raises(ValueError, match="in another form now"):
        with_end_of_log("run()\n")


def logging_worker(*lines: str, has_ended: bool = False) -> SimpleNamespace:
    """Return a worker that has logged these lines."""
    found = Queue[str]()
    for line in lines:
        found.put(line)
    return SimpleNamespace(_stderr_queue=found, _stderr_thread=SimpleNamespace(is_alive=lambda: not has_ended))


def test_the_log_of_an_invocation_is_read_up_to_its_end_however_late_it_comes() -> None:
    worker = logging_worker("one")
    late = Thread(target=lambda: [worker._stderr_queue.put(line) for line in ("two", "\x04", "of the next")])  # noqa: SLF001
    late.start()

    assert log_of_invocation(worker) == "one\ntwo"
    late.join(SECONDS)
    assert worker._stderr_queue.get(timeout=SECONDS) == "of the next"  # noqa: SLF001


def test_the_log_of_a_worker_that_has_ended_is_what_it_logged() -> None:
    assert log_of_invocation(logging_worker("one", "two", has_ended=True)) == "one\ntwo"


def test_what_a_called_function_logs_is_told_and_its_result_is_returned() -> None:
    told: list[str] = []
    results = [{"body": {}, "log": "a line"}, {"body": {}, "log": ""}]
    called = telling_logs(lambda _, event: results[event], lambda text, *values: told.append(text % values))
    function = {"config": {"FunctionName": "ViewForest"}}

    assert [called(function, number) for number in range(2)] == results
    assert told == ["Lambda ViewForest output:\na line"]


def zipped(text: str) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("python/module.py", text)
    return packed.getvalue()


def test_workers_share_an_unpacked_copy_of_each_layer_and_their_configuration_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read: list[str] = []
    started: list[dict[str, Any]] = []

    def content_of(layer: Any) -> bytes | None:  # noqa: ANN401 - MiniStack's own
        arn = layer if isinstance(layer, str) else layer["Arn"]
        read.append(arn)
        return None if arn == "empty" else zipped(arn)

    spawned = with_shared_layers(lambda worker: started.append(worker.config), content_of)
    layers = ["ours:1", {"Arn": "theirs:1"}, "empty"]
    config = {"Handler": "h", "Layers": layers, "Environment": {"Variables": {"ZONE": "z"}}}
    workers = [SimpleNamespace(config=config), SimpleNamespace(config=config | {"Layers": ["ours:2"]})]
    for worker in (workers[0], workers[0], workers[1]):
        spawned(worker)

    assert workers[0].config is config
    assert config["Layers"] is layers
    assert [read.count(arn) for arn in ("ours:1", "theirs:1", "ours:2")] == [1, 1, 1]
    assert all(made["Layers"] == [] and made["Handler"] == "h" for made in started)
    variables = [made["Environment"]["Variables"] for made in started]
    assert {each["ZONE"] for each in variables[:2]} == {"z"}
    first, second, newer = (each["_LAMBDA_LAYERS_DIRS"].split(os.pathsep) for each in variables)
    assert first == second
    told = [[(Path(folder) / "python/module.py").read_text() for folder in found] for found in (first, newer)]
    assert told == [["ours:1", "theirs:1"], ["ours:2"]]


def test_a_layer_that_could_not_be_unpacked_is_unpacked_by_the_next_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    contents = iter([b"no zip", zipped("ours")])
    started: list[Any] = []
    spawned = with_shared_layers(started.append, lambda _: next(contents))
    config = {"Layers": ["ours:1"]}
    worker = SimpleNamespace(config=config)

    with pytest.raises(BadZipFile):
        spawned(worker)
    assert (worker.config, started) == (config, [])
    spawned(worker)
    assert started == [worker]


def test_a_deleted_version_ends_its_idle_workers_at_once_and_each_other_when_it_has_answered() -> None:
    ended: Queue[Any] = Queue()

    def end(found: list[Any]) -> None:
        for worker in found:
            ended.put(worker)

    idle, busy, of_next, elsewhere = (SimpleNamespace(in_use=in_use) for in_use in (False, True, False, False))
    running = {"1:east:f-A1:4": [idle, busy], "1:east:f-A1:5": [of_next], "1:west:f-A1:4": [elsewhere]}
    workers = SimpleNamespace(_lock=Lock(), _workers=running, kill_workers=end)
    deleted: list[str] = []

    ending_workers(lambda arn, _: deleted.append(arn), workers)("arn:aws:lambda:east:1:function:f-A1:4", {})

    assert ended.get(timeout=SECONDS) is idle
    with pytest.raises(Empty):
        ended.get(timeout=0.2)
    busy.in_use = False
    assert ended.get(timeout=SECONDS) is busy
    assert deleted == ["arn:aws:lambda:east:1:function:f-A1:4"]
    assert running == {"1:east:f-A1:5": [of_next], "1:west:f-A1:4": [elsewhere]}


def test_what_is_invoked_asynchronously_through_an_alias_has_the_settings_of_the_alias() -> None:
    settings = {("f-A1", "live"): {"MaximumRetryAttempts": 0}}
    invoked: list[Any] = []
    invoke = with_settings_of_alias(
        lambda record, _: invoked.append(record), lambda name, alias: settings.get((name, alias))
    )
    arn = "arn:aws:lambda:east:1:function:f-A1"
    records = [{"config": {"FunctionArn": f"{arn}{ending}"}} for ending in (":live", ":4", "")]

    for record in records:
        invoke(record, {})

    assert invoked == [{**records[0], "event_invoke_config": {"MaximumRetryAttempts": 0}}, *records[1:]]


@pytest.mark.parametrize(
    ("given", "read"), [("true", True), ("false", False), (True, True), (False, False), (None, None)]
)
def test_a_table_is_protected_if_the_text_of_its_property_says_so(given: object, read: object) -> None:
    def change(_: str, before: dict[str, Any], after: dict[str, Any], *, stack: str) -> Any:  # noqa: ANN401
        return before, after["DeletionProtectionEnabled"], after["TableName"], stack

    after = {"TableName": "t", "DeletionProtectionEnabled": given}

    assert reading_protection(change)("t", {}, after, stack="trees") == ({}, read, "t", "trees")
    assert after["DeletionProtectionEnabled"] is given
