"""Prints whom to erase again after the ledger was restored from a backup: one user id on a line.

A restored table has everything of the persons who were erased after the second to which it was restored. It does not
know of their erasures, but the table that it replaces does: it has their marks.

With ``--copy-marks``, the restored table gets the marks of finished erasures, and the key of their names if it has
none. So a message that names such a person and still lies in a queue does not bring the person back. A mark that the
restored table has already stays as it is: if its erasure was not finished, it goes on there.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure
from local.command import command_parser, non_empty, run_command
from local.console import apart_from_the_output, console, exit_with, shown
from operations.ledger_reading import scan
from saxaul.catalog.sentences import counted
from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import UnansweredError
from saxaul.storage.erasures import KEY_OF_NAMES, MARK_PREFIX, Erasures
from saxaul.storage.table import BATCH_GET, IS_NEW, Item, ItemMovedError, Table

_USER = "USER#"


class OtherKeyError(Exception):
    """The two tables do not have the same key of the names of marks."""


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


def copy_marks(restored: Table, replaced: Table) -> int:
    """Copy what the restored table lacks: the marks of finished erasures, and the key of their names.

    A mark of an unfinished erasure is not copied. It names the person, and the restored table may lack its receipt.
    Return how many marks were copied. A repeated call copies nothing.

    Raises:
        OtherKeyError: the restored table has another key, under which the marks are not found.
    """
    ours, theirs = restored.get(KEY_OF_NAMES), replaced.get(KEY_OF_NAMES)
    if theirs is None:
        return 0
    if ours is None:
        restored.put_if(theirs, IS_NEW)
    elif ours["key"] != theirs["key"]:
        raise OtherKeyError
    marks = scan(
        replaced,
        FilterExpression="begins_with(pk, :mark) AND attribute_exists(finished_at)",
        ExpressionAttributeValues={":mark": {"S": MARK_PREFIX}},
    )
    return sum(_is_copied(restored, mark) for mark in marks)


def _is_copied(restored: Table, mark: Item) -> bool:
    try:
        restored.put_if(mark, IS_NEW)
    except ItemMovedError:  # the restored table has this mark
        return False
    return True


def main() -> None:
    parser = command_parser("operations.erased_since", __doc__)
    parser.add_argument("--restored", type=non_empty, required=True, help="the table that was restored")
    parser.add_argument("--replaced", type=non_empty, required=True, help="the table that it replaces")
    parser.add_argument(
        "--since", type=non_empty, required=True, help="the time to which it was restored, such as 2026-06-05T08:30:00Z"
    )
    parser.add_argument(
        "--copy-marks", action="store_true", help="also copy the marks of finished erasures to the restored table"
    )
    chosen = parser.parse_args()
    since = _instant(chosen.since)
    if since is None:
        parser.error("--since must be a time with an offset, such as 2026-06-05T08:30:00Z")
    restored, replaced = (Table(name, SYSTEM_CLOCK) for name in (chosen.restored, chosen.replaced))
    try:
        persons = list(erased_since(restored, replaced, since))
        for person in persons:
            console.print(shown(person), soft_wrap=True)
        if chosen.copy_marks:
            copied = counted(copy_marks(restored, replaced), "mark")
            with apart_from_the_output(needed=True):
                console.print(f"copied {shown(copied)} of finished erasures")
    except OtherKeyError:
        exit_with("The restored table has another key of marks. Is it a restored table of this ledger?")
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
