"""The journal of a take-back: what is to be sent in which call, and which calls were sent and followed.

It is there so that a run that was killed goes on. Without it, the next run would find out by itself what is left,
because it is safe to send a reversal again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from operations.app_lines import AppLine
from operations.json_lines import JsonLines

CALL = 100
"""How many reversals one call has."""


class OtherTableError(Exception):
    """The journal is about another table: that of another stack, or of one that was there before."""


class SentCall(NamedTuple):
    """A call that was sent.

    Attributes:
        receipt_id: empty if all of its items were refused.
        refused: how many items were refused, by code.
    """

    receipt_id: str
    refused: dict[str, int]


class Journal:
    """The journal in an open file.

    Raises:
        OtherTableError: the file was written for another table.
    """

    def __init__(self, file: JsonLines, about: dict[str, Any]) -> None:
        self._file = file
        if not file.records:
            file.append({"about": about})
        if file.records[0].get("about") != about:
            raise OtherTableError

    @property
    def is_resumed(self) -> bool:
        """Whether a round was begun and not ended."""
        return bool(self._round)

    def begin_round(self, lines: Sequence[AppLine]) -> None:
        self._file.append({"lines": [line.row() for line in lines]})

    def end_round(self) -> None:
        self._file.append({"ended": True})

    def calls(self) -> list[list[AppLine]]:
        """Return what the calls of the present round have."""
        rows = self._round[0]["lines"] if self._round else []
        lines = [AppLine.of_row(row) for row in rows]
        return [lines[start : start + CALL] for start in range(0, len(lines), CALL)]

    def sent(self) -> dict[int, SentCall]:
        """Return the calls of the present round that were sent, by their number from 0."""
        found = (record["sent"] for record in self._round if "sent" in record)
        return {number: SentCall(receipt_id, refused) for number, receipt_id, refused in found}

    def note_sent(self, number: int, call: SentCall) -> None:
        self._file.append({"sent": [number, *call]})

    def followed(self) -> set[str]:
        """Return the receipts of the present round that were followed to their end."""
        return {record["followed"] for record in self._round if "followed" in record}

    def note_followed(self, receipt_id: str, fates: Counter[str]) -> None:
        self._file.append({"followed": receipt_id, "fates": fates})

    def fates(self) -> Counter[str]:
        """Return what became of all items so far, as receipts and refusals say, over all rounds."""
        found: Counter[str] = Counter()
        for record in self._file.records:
            found.update(record.get("fates", {}))
            found.update(record["sent"][2] if "sent" in record else {})
        return found

    def lines(self) -> Iterator[AppLine]:
        """Yield everything that was to be taken back, over all rounds."""
        return (AppLine.of_row(row) for record in self._file.records for row in record.get("lines", ()))

    @property
    def _round(self) -> list[dict[str, Any]]:
        """The records of the round that was begun and not ended, or nothing."""
        found: list[dict[str, Any]] = []
        for record in self._file.records[1:]:
            found = [record] if "lines" in record else [] if "ended" in record else [*found, record]
        return found
