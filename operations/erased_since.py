"""Prints whom to erase again after the ledger was restored from a backup: one user id on a line.

A restored table has everything of the persons who were erased after the second to which it was restored. It does not
know of their erasures, but the table that it replaces does: it has their marks.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure
from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown
from operations.ledger_reading import scan
from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import UnansweredError
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import BATCH_GET, Table

_USER = "USER#"


def erased_since(restored: Table, replaced: Table, since: int) -> Iterator[str]:
    """Yield each person of a restored table who was erased in the replaced table at an instant or later."""
    erasures, found = Erasures(replaced), _persons(restored)
    while persons := list(islice(found, BATCH_GET)):
        marks = erasures.find_many(persons)
        yield from (person for person in persons if person in marks and marks[person].requested_at >= since)


def _persons(table: Table) -> Iterator[str]:
    """Yield each person of whom a table has an item. A scan yields the items of a partition one after another."""
    partitions: Iterable[str] = (item["pk"] for item in scan(table, ProjectionExpression="pk"))
    last = ""
    for partition in partitions:
        if partition != last and partition.startswith(_USER):
            yield partition.removeprefix(_USER)
        last = partition


def main() -> None:
    parser = command_parser("operations.erased_since", __doc__)
    parser.add_argument("--restored", type=non_empty, required=True, help="the table that was restored")
    parser.add_argument("--replaced", type=non_empty, required=True, help="the table that it replaces")
    parser.add_argument(
        "--since", type=non_empty, required=True, help="the time to which it was restored, such as 2026-06-05T08:30:00Z"
    )
    chosen = parser.parse_args()
    since = _instant(chosen.since)
    if since is None:
        parser.error("--since must be a time with an offset, such as 2026-06-05T08:30:00Z")
    restored, replaced = (Table(name, SYSTEM_CLOCK) for name in (chosen.restored, chosen.replaced))
    try:
        for person in erased_since(restored, replaced, since):
            console.print(shown(person), soft_wrap=True)
    except (BotoCoreError, ClientError, UnansweredError) as error:
        exit_with(aws_failure("the tables could not be read", error))


def _instant(text: str) -> int | None:
    """Return the instant of a time with an offset, in seconds; None if the text is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else int(at.timestamp())


if __name__ == "__main__":
    run_command(main)
