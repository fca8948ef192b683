"""Nothing of what is deployed to AWS can move time: the test clock is only in the folder of the laptop stack.

The test of the clock on a stack (tests/e2e/test_clock.py) looks at the built files too.
"""

import ast
from collections.abc import Iterator

import pytest

from local.sam import ROOT
from local.template import resources, template

WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
WORDS = ("worker_clock", "stack_clock", "SAXAUL_CLOCK", "offset_in", "ClockFinder")
"""Names that only the test clock has."""

SOURCES = sorted(
    file
    for folder in ("layers/saxaul", "functions")
    for file in (ROOT / folder).rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
)


def looks_at_the_time(source: str) -> Iterator[str]:
    """Yield each expression of a module that is a clock of the machine, under the names that modules use."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)).removeprefix("datetime.") in WALL_CLOCKS:
            yield name
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in WALL_CLOCKS:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{each.name}" for each in node.names if f"time.{each.name}" in WALL_CLOCKS)


@pytest.mark.parametrize("source", ["import time\ntime.time()", "from time import time", "datetime.now(UTC)"])
def test_each_look_at_a_clock_of_the_machine_is_found(source: str) -> None:
    assert len(list(looks_at_the_time(source))) == 1


def test_deployed_code_reads_the_time_of_the_programme_in_one_module() -> None:
    found = {
        str(file.relative_to(ROOT))
        for file in SOURCES
        if file.suffix == ".py" and any(looks_at_the_time(file.read_text("utf-8")))
    }

    # TallyImpact compares the time of a change, which DynamoDB wrote, and a metric has a time for CloudWatch: no test
    # clock moves that of AWS.
    assert found == {
        "layers/saxaul/saxaul/clock.py",
        "layers/saxaul/saxaul/observability.py",
        "functions/tally_impact/handler.py",
    }


def test_no_deployed_file_knows_of_the_test_clock() -> None:
    assert len(SOURCES) > 100
    texts = [*SOURCES, ROOT / "template.yaml", ROOT / "samconfig.toml"]

    assert [str(file) for file in texts for word in WORDS if word.encode() in file.read_bytes()] == []


def test_no_parameter_and_no_variable_of_a_function_is_about_the_time_of_day_that_it_is() -> None:
    variables = dict(template()["Globals"]["Function"]["Environment"]["Variables"])
    for function in resources("AWS::Serverless::Function").values():
        variables |= function.get("Environment", {}).get("Variables", {})
    names = {*template()["Parameters"], *variables}

    # These say when something happens by the one clock; none says what time it is.
    timed = {name for name in names if any(word in name.lower() for word in ("time", "clock", "now", "date", "offset"))}
    assert timed == {"TimeZone", "TIME_ZONE", "HarvestTime", "HARVEST_TIME", "PythonRuntime"}


def test_the_build_for_aws_takes_its_files_from_the_folders_of_deployed_code() -> None:
    folders = {function["CodeUri"].split("/")[0] for function in resources("AWS::Serverless::Function").values()}
    folders |= {layer["ContentUri"].split("/")[0] for layer in resources("AWS::Serverless::LayerVersion").values()}

    assert folders == {"functions", "layers"}
