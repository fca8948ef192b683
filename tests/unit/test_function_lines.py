"""What a function logged is found in the file of the emulator and in the log group of AWS, and nothing of others."""

from datetime import UTC, datetime
from typing import Any

from operations.function_lines import Line, lines_on_aws, lines_on_the_laptop
from operations.log_group import Lines, LogLine

AT = datetime(2027, 6, 5, 8, 30, tzinfo=UTC).timestamp()
TOLD = """\
2027-06-05 08:30:00 INFO [lambda] Lambda saxaul-AccruePoints-1A output:
{"level":"INFO","location":"handler:30","message":"accrued","timestamp":"x","service":"saxaul","posted":3,"failed":{}}
{"level":"ERROR","message":"messages cannot be read","failed":{"m":"no JSON"},"_aws":{},"Function":"f"}
2027-06-05 08:30:00 INFO [lambda] Lambda saxaul-AccruePoints-1AB output:
{"level":"INFO","message":"of another stack"}
2027-06-05 08:30:00 ERROR [lambda] Warm worker execution error for saxaul-AccruePoints-1A: Worker init failed: Traceback
  File "<frozen importlib._bootstrap>", line 1206, in _gcd_import
  File "/tmp/worker/code/handler.py", line 1, in <module>
ModuleNotFoundError: No module named 'none'

2027-06-05 08:30:00 INFO [lambda_runtime] Lambda worker spawned for saxaul-AccruePoints-1A (cold start)
"""


def test_the_file_of_the_emulator_has_the_lines_of_a_function_and_why_it_could_not_start() -> None:
    assert lines_on_the_laptop(TOLD.splitlines(), "saxaul-AccruePoints-1A", 9) == [
        Line(AT, "INFO", "accrued  posted=3 failed={}"),
        Line(AT, "ERROR", 'messages cannot be read  failed={"m": "no JSON"}'),
        Line(
            AT,
            "ERROR",
            "Warm worker execution error for saxaul-AccruePoints-1A: ModuleNotFoundError: No module named 'none'"
            " in handler.py, line 1",
        ),
    ]


def test_the_newest_lines_are_kept() -> None:
    [line] = lines_on_the_laptop(TOLD.splitlines(), "saxaul-AccruePoints-1A", 1)

    assert line.text.endswith("No module named 'none' in handler.py, line 1")


def test_a_line_that_the_emulator_tells_twice_is_shown_once() -> None:
    told = ["2027-06-05 08:30:00 INFO [lambda] Lambda saxaul-ViewLog-1A output:", '{"level":"INFO","timestamp":"x"}']
    later = [told[0], '{"level":"INFO","timestamp":"y"}']

    assert len(lines_on_the_laptop(told + told + later, "saxaul-ViewLog-1A", 9)) == 2


class Group:
    """Stands for the log group."""

    def find(self, pattern: str, since: float, until: float, limit: int, *, stream: str) -> Lines:
        assert (since, until, limit, stream) == (1, 2, 3, "saxaul-ViewForest-1A")
        assert pattern == "."
        newest: dict[str, Any] = {"errorMessage": "timed out", "level": "ERROR", "requestId": "r"}
        return Lines([LogLine(AT + 1, newest), LogLine(AT, {"message": "GET /log", "level": "INFO"})], 2)


def test_the_log_group_is_asked_for_the_streams_of_the_function_and_the_oldest_line_comes_first() -> None:
    group: Any = Group()

    assert lines_on_aws(group, "saxaul-ViewForest-1A", 1, 2, 3) == [
        Line(AT, "INFO", "GET /log"),
        Line(AT + 1, "ERROR", "timed out  errorMessage=timed out requestId=r"),
    ]
