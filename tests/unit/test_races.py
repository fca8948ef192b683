"""Retries after lost races: the pauses grow, and the number of attempts is limited."""

from typing import Any

import pytest

from saxaul.clock import Clock
from saxaul.races import ATTEMPTS, ContendedError, LostRaceError, OverloadedError, retry_lost_races
from saxaul.storage.table import Key, Table


class WatchedClock(Clock):
    """A clock that records pauses instead of sleeping."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Losing:
    """An attempt that loses its race a given number of times and then succeeds."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise LostRaceError
        return "won"


def test_an_attempt_that_succeeds_is_made_once_without_a_pause() -> None:
    clock = WatchedClock()

    assert retry_lost_races(Losing(0), clock) == "won"
    assert clock.pauses == []


def test_a_lost_race_is_retried_after_a_pause() -> None:
    clock = WatchedClock()

    assert retry_lost_races(Losing(3), clock) == "won"
    assert len(clock.pauses) == 3


def test_losing_every_race_raises_an_error() -> None:
    clock = WatchedClock()

    with pytest.raises(ContendedError):
        retry_lost_races(Losing(ATTEMPTS), clock)

    assert len(clock.pauses) == ATTEMPTS - 1


def test_the_upper_bound_of_a_pause_doubles_up_to_a_fifth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _least, most: most)
    clock = WatchedClock()

    with pytest.raises(ContendedError):
        retry_lost_races(Losing(ATTEMPTS), clock)

    assert clock.pauses == [0.02, 0.04, 0.08, 0.16, *[0.2] * 7]


def test_another_error_is_not_retried() -> None:
    calls: list[int] = []

    def broken() -> None:
        calls.append(1)
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        retry_lost_races(broken, WatchedClock())

    assert len(calls) == 1


class Throttled:
    """A throttled DynamoDB: it processes the first few items of each batch, and leaves the rest unprocessed."""

    def __init__(self, served: int) -> None:
        self.served = served
        self.calls = 0

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.calls += 1
        [(table, request)] = RequestItems.items()
        keys, rest = request["Keys"][: self.served], request["Keys"][self.served :]
        return {"Responses": {table: keys}, "UnprocessedKeys": {table: {"Keys": rest}} if rest else {}}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.calls += 1
        [(table, request)] = RequestItems.items()
        rest = request[self.served :]
        return {"UnprocessedItems": {table: rest} if rest else {}}


def test_unprocessed_keys_and_items_are_retried_a_limited_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    client, clock = Throttled(0), WatchedClock()
    monkeypatch.setattr("saxaul.storage.table.dynamodb", lambda: client)
    table = Table("Ledger", clock)

    with pytest.raises(OverloadedError):
        table.get_many([Key("a", "b")], consistent=True)
    with pytest.raises(OverloadedError):
        table.put_all([{"pk": "a", "sk": "b"}])

    assert client.calls == 2 * ATTEMPTS
    assert len(clock.pauses) == 2 * (ATTEMPTS - 1)


def test_a_batch_that_makes_progress_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    client, clock = Throttled(2), WatchedClock()
    monkeypatch.setattr("saxaul.storage.table.dynamodb", lambda: client)
    keys = [Key("a", str(number)) for number in range(100)]
    table = Table("Ledger", clock)

    assert table.get_many(keys, consistent=True).keys() == set(keys)
    assert client.calls == 50
    table.put_all([key._asdict() for key in keys])

    assert client.calls == 50 + 4 * 13
    assert all(0 <= pause <= 0.02 for pause in clock.pauses)
