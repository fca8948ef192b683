"""What a stack costs idle and at a million actions a day, as docs/operations.md says."""

import re

from benchmarks import prices
from benchmarks.monthly import dollars_of_a_million, idle_dollars, rows, scheduled_runs
from local.sam import ROOT
from local.template import resources


def test_the_page_has_the_computed_costs() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    [table] = re.findall(r"^\| what \| dollars a month \|\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE)

    assert table.splitlines() == rows(), "copy the rows of benchmarks.monthly to docs/operations.md"


def test_each_rate_of_the_template_is_a_number_of_runs() -> None:
    assert scheduled_runs() == 30.4 * 24 * (3 * 60 + 2 * 12)


def test_each_queue_that_a_function_reads_is_polled() -> None:
    dead = sum(name.endswith("DeadLetterQueue") for name in resources("AWS::SQS::Queue"))
    polled = len(resources("AWS::SQS::Queue")) - dead

    assert round(idle_dollars()["polls of empty queues"] / prices.SQS_REQUEST / (15 * 60 * 24 * 30.4), 9) == polled


def test_larger_calls_cost_less() -> None:
    dollars = dollars_of_a_million()

    assert dollars["1"] > dollars["10"] > dollars["100"] > 0
