"""How long `make replay` waits for the queue, and the totals that it prints at the end."""

import io
import re
from collections import Counter
from decimal import Decimal

from local.action_queue import Waiting, wait_for_queue
from local.replay_report import BadRows, Sent, Survey, Wallets, totals
from local.ride_files import Source
from local.rides import BadRow
from local.tables import WIDTH, Column, number, table_lines

# --- Waiting ------------------------------------------------------------------------------------------------------


def wait_for(counts: list[Waiting], few: int = 0) -> tuple[Waiting, int]:
    """Wait for a queue that has these counts; the last one repeats. Return the last count and the number of counts."""
    counted = 0

    def count() -> Waiting:
        nonlocal counted
        counted += 1
        return counts[min(counted, len(counts)) - 1]

    return wait_for_queue(count, few, 120, pause=lambda _: None), counted


def test_a_queue_that_shrinks_is_waited_for_without_a_time_limit() -> None:
    slowly = [Waiting(left, 0) for left in range(200, 0, -1) for _ in range(300)]

    assert wait_for([*slowly, Waiting(0, 0)])[0] == Waiting(0, 0)


def test_messages_in_flight_are_waited_for() -> None:
    assert wait_for([*[Waiting(7, 1)] * 3_000, Waiting(0, 0)])[0] == Waiting(0, 0)


def test_waiting_for_a_stuck_queue_ends_and_returns_the_messages_left() -> None:
    left, counted = wait_for([Waiting(9, 1), Waiting(9, 0)])

    assert left == Waiting(9, 0)
    assert 400 <= counted <= 403, "120 seconds in pauses of 0.3 s"


def test_an_empty_queue_must_be_counted_twice() -> None:
    assert wait_for([Waiting(3, 0), Waiting(0, 0), Waiting(1, 0), Waiting(0, 0), Waiting(0, 0)])[1] == 5


def test_waiting_ends_as_soon_as_only_a_few_messages_are_left() -> None:
    assert wait_for([Waiting(30, 10), Waiting(25, 5), Waiting(0, 0)], few=30) == (Waiting(25, 5), 2)
    assert wait_for([Waiting(20, 0)], few=30) == (Waiting(20, 0), 1)


# --- Totals -------------------------------------------------------------------------------------------------------


def test_the_totals_fit_into_80_columns_and_nothing_is_cut() -> None:
    bad = BadRows()
    for line in range(1_000_001, 1_000_010):
        bad.add(
            BadRow(
                Source("a.zip", "2024/a-folder-with-a-rather-long-name/202401-trips.csv", io.BytesIO),
                line,
                "header that cannot be read",
                "",
                "",
            )
        )
        bad.add(BadRow(Source("a.csv", "", io.BytesIO), line, "coordinate missing", "", ""))
    sent = Sent(123_456_789, Counter(["quantity_out_of_range"]), {"a"}, 10)

    rows = totals(Survey(bad, 123_456_790), sent, Wallets(10**9, 10**12, 0, Decimal(10**15)))
    lines = [line.plain for line in table_lines([Column(), number(), Column()], rows)]

    assert max(map(len, lines)) <= WIDTH
    text = re.sub(r"\s+", " ", "\n".join(lines))
    assert "rows read 123,456,808" in text
    assert "coordinate missing 9 lines 1000001, 1000002, 1000003, 1000004, 1000005 and more" in text
    assert "1,001,000,000,000" in text
    assert "2024/a-folder-with-a-rather-long-name/202401-trips.csv:1000001," in text.replace(" ", "")
