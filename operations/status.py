"""Shows how a stack is, on one screen of 80 columns: `python -m operations.status`, or with `--json` as JSON.

It shows the queues with the age of what waits longest; the dead letters; whether the functions that read the queues
and the streams run; the batches that wait and that are late; the saplings that are left; the campaigns with their
progress; what was refused in the last hour; the suspended apps; whether what is deployed has passed the check of its
functions; how far the public totals are behind the ledger; the public log, and the ordered trees that wait for a
report; and when the catalog was published.

What needs a look is yellow, and what does not work is red. The last lines name the commands to run next. A section that
cannot be read is named with the reason, and the others are shown. The exit code is 1 if a section could not be read,
and 0 otherwise, also if something is red: `worst` of the JSON says it.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.client import (
    LAPTOP,
    client_arguments_of_stack,
    open_client,
    stack_clock,
    stack_name,
    stack_with,
    unreachable_advice,
    use_stack,
)
from local.command import add_json, command_parser, run_command
from local.console import print_failure, print_json, watching
from local.deployment import LAPTOP_STACK
from local.good_deployments import GoodDeployments
from operations.log_group import LogGroup, UnfinishedQueryError
from operations.shown_status import (
    Row,
    rows_of_apps,
    rows_of_batches,
    rows_of_campaigns,
    rows_of_dead_letters,
    rows_of_deployment,
    rows_of_log,
    rows_of_published,
    rows_of_queues,
    rows_of_refusals,
    rows_of_stocks,
    rows_of_totals,
    rows_of_workers,
    sections_of,
    show,
    worst_of,
)
from operations.status_reading import StatusReading
from saxaul.catalog.clients import OPERATOR
from saxaul.deadline import UnansweredError
from saxaul.races import OverloadedError
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.objects import ObjectError
from saxaul.storage.table import Table
from saxaul_client import OperatorClient, SaxaulError

_FAILURES = (
    BotoCoreError,
    ClientError,
    ObjectError,
    OverloadedError,
    SaxaulError,
    UnansweredError,
    UnfinishedQueryError,
)
"""What may keep a section from being read: AWS, or the API, refuses a call or does not answer."""


class Section(NamedTuple):
    """What was read, and its rows by the name of the section. If it could not be read, ``failure`` says why."""

    facts: Any
    rows: Mapping[str, Sequence[Row]]
    failure: str = ""


def read_sections(reading: StatusReading, zone: ZoneInfo) -> dict[str, Section]:
    """Read all sections at once, by their names."""
    readers: dict[str, tuple[Callable[[], Any], Mapping[str, Callable[[Any], Iterable[Row]]]]] = {
        "queues": (reading.queues, {"queues": rows_of_queues, "dead letters": rows_of_dead_letters}),
        "workers": (reading.workers, {"workers": rows_of_workers}),
        "batches": (reading.batches, {"batches": rows_of_batches}),
        "stocks": (reading.stocks, {"saplings": lambda facts: rows_of_stocks(facts, zone)}),
        "campaigns": (reading.campaigns, {"campaigns": rows_of_campaigns}),
        "refusals": (reading.refusals, {"refused": rows_of_refusals}),
        "apps": (reading.apps, {"apps": rows_of_apps}),
        "deployment": (reading.deployment, {"deployment": rows_of_deployment}),
        "totals": (reading.totals, {"totals": rows_of_totals}),
        "log": (reading.log, {"public log": rows_of_log}),
        "catalog": (reading.published, {"catalog": rows_of_published}),
    }
    with watching("reading the stack", "sections", len(readers)) as tell, ThreadPoolExecutor(len(readers)) as pool:
        underway = {name: pool.submit(_section, *reader) for name, reader in readers.items()}
        for done, _ in enumerate(as_completed(underway.values()), start=1):
            tell(done)
    return {name: section.result() for name, section in underway.items()}


def _section(read: Callable[[], Any], rows_of: Mapping[str, Callable[[Any], Iterable[Row]]]) -> Section:
    try:
        facts = read()
    except _FAILURES as error:
        row = Row("could not be read", "red")
        return Section(None, {title: [row] for title in rows_of}, f"{error}" or repr(error))
    return Section(facts, {title: list(rows(facts)) for title, rows in rows_of.items()})


def document(sections: Mapping[str, Section], now: datetime) -> dict[str, Any]:
    """Return the status as JSON: the facts of each section, null if it could not be read, and what to do."""
    rows = [row for section in sections.values() for found in section.rows.values() for row in found]
    return {
        "stack": stack_name(),
        "at": now.isoformat(),
        "worst": worst_of(rows),
        "to_do": list(sections_of(rows)),
        "see": list(dict.fromkeys(row.see for row in rows if row.see)),
        "unread": {name: section.failure for name, section in sections.items() if section.failure},
        **{name: _plain(section.facts) for name, section in sections.items()},
    }


def _plain(facts: Any) -> Any:  # noqa: ANN401 - a record, a list of records, or None
    if isinstance(facts, list):
        return [_plain(one) for one in facts]
    return facts._asdict() if facts is not None else None


def main() -> None:
    parser = command_parser("operations.status", __doc__, is_whole=True)
    add_json(parser)
    chosen = parser.parse_args()
    known, clock = stack_with("catalog_bucket"), stack_clock()
    use_stack(known)
    dynamodb(), sqs()  # before there are several threads, because botocore makes clients in one only
    logs = boto3.client("logs", **_patient(client_arguments_of_stack(known)))
    zone = ZoneInfo(known["time_zone"])
    tables = {name: Table(table, clock) for name, table in known["tables"].items()}
    with open_client(OperatorClient, OPERATOR) as operator:
        reading = StatusReading(
            known,
            **tables,
            sqs=sqs(),
            functions=boto3.client("lambda", **_patient(client_arguments_of_stack(known))),
            log_group=LogGroup(logs, known["log_group"]),
            operator=operator,
            deployments=GoodDeployments(
                LAPTOP_STACK if stack_name() == LAPTOP else stack_name(), _patient(client_arguments_of_stack(known))
            ),
        )
        sections = read_sections(reading, zone)
    now = datetime.fromtimestamp(clock.now(), zone)
    if chosen.json:
        print_json(document(sections, now))
    else:
        name = "the laptop stack" if stack_name() == LAPTOP else stack_name()
        title = f"{name}, {now:%a} {now.day} {now:%b %Y %H:%M} ({known['time_zone']})"
        shown = {title: rows for section in sections.values() for title, rows in section.rows.items()}
        show(title, shown, known.get("dashboard_url", ""))
    failures = [f"{name}: {section.failure}" for name, section in sections.items() if section.failure]
    if failures:
        is_nothing_read = len(failures) == len(sections)
        print_failure("Some of it could not be read.", failures + [unreachable_advice()] * is_nothing_read)
        sys.exit(1)


def _patient(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a client that gives up after a few seconds, and not after minutes."""
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
    given = arguments.get("config")
    return {**arguments, "config": given.merge(config) if given else config}


if __name__ == "__main__":
    run_command(main)
