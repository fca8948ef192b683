"""Finds what an app reported, in the ledger's table or in an export of it. A run that was stopped goes on.

The table is read in segments, several at a time. After each page, a line is appended to a file: where the segment goes
on, and what was found. The export is read file by file in the same way.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from operations.app_lines import AppLine, Sought, lines_of
from operations.exported import items_in
from operations.json_lines import JsonLines
from operations.ledger_reading import MALFORMED
from saxaul.storage import periods
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Item, Table, python, raw

SEGMENTS = 8
_AT_A_TIME = 4
_FRESH_SECONDS = 3600
"""How long after its beginning a scan that was stopped goes on. What it found before may have changed meanwhile."""

Tell = Callable[[int], None]
"""Is told how many items, or files of an export, have been read."""


class Found(NamedTuple):
    """What was found, and the keys of the periods that cannot be read.

    Attributes:
        is_resumed: whether a part of it was found by an earlier run, so that it may have changed meanwhile.
    """

    lines: list[AppLine]
    unreadable: list[str]
    is_resumed: bool = False


class Scanning:
    """A scan that writes what it has found to a file.

    Args:
        about: what is read, and what is sought. A file about something else is begun anew.
        now: in seconds. A file of more than an hour ago is begun anew.
    """

    def __init__(self, file: JsonLines, about: dict[str, Any], sought: Sought, now: int) -> None:
        self._file = file
        self._sought = sought
        self._lock = Lock()
        first = file.records[0] if file.records else {}
        self.is_resumed = first.get("about") == about and now - first.get("begun_at", 0) < _FRESH_SECONDS
        if not self.is_resumed:
            file.restart([{"about": about, "begun_at": now}])
        self._read = sum(record["read"] for record in self._pages())

    def of_table(self, table: Table, tell: Tell) -> Found:
        """Read the table with consistent reads."""
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            list(threads.map(lambda segment: self._read_segment(table, segment, tell), range(SEGMENTS)))
        return self._found()

    def of_export(self, files: Iterable[Path], tell: Tell) -> Found:
        """Read the files of an export. ``exported.py`` says which errors this raises."""
        done = {record["file"] for record in self._pages() if "file" in record}
        for file in files:
            if file.name not in done:
                self._note({"file": file.name}, items_in(file), 1, tell)
        return self._found()

    def _read_segment(self, table: Table, segment: int, tell: Tell) -> None:
        mine = [record for record in self._pages() if record.get("segment") == segment]
        start = mine[-1]["next"] if mine else None
        while not mine or start:
            request: Any = {"ExclusiveStartKey": start} if start else {}
            page = dynamodb().scan(
                TableName=table.name,
                ConsistentRead=True,
                Segment=segment,
                TotalSegments=SEGMENTS,
                FilterExpression="begins_with(sk, :prefix)",
                ExpressionAttributeValues=raw({":prefix": periods.PERIOD_PREFIX}),
                **request,
            )
            start = page.get("LastEvaluatedKey")
            place = {"segment": segment, "next": start}
            self._note(place, map(python, page["Items"]), page["ScannedCount"], tell)
            mine = [place]

    def _note(self, place: dict[str, Any], items: Iterable[Item], number: int, tell: Tell) -> None:
        lines: list[AppLine] = []
        unreadable: list[str] = []
        for item in items:
            try:
                lines += lines_of(periods.from_item(item), self._sought)
            except MALFORMED:
                unreadable.append(f"{item.get('pk')} {item.get('sk')}")
        with self._lock:
            self._file.append(
                {**place, "read": number, "lines": [line.row() for line in lines], "unreadable": unreadable}
            )
            self._read += number
            tell(self._read)

    def _pages(self) -> Iterator[dict[str, Any]]:
        return (record for record in self._file.records[1:])

    def _found(self) -> Found:
        rows = (row for record in self._pages() for row in record["lines"])
        unreadable = [key for record in self._pages() for key in record["unreadable"]]
        return Found([AppLine.of_row(row) for row in rows], unreadable, self.is_resumed)
