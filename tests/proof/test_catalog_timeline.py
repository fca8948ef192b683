"""The catalog under any sequence of changes: all workers use the same entries, and no reference is ever broken.

The model keeps every version with its ``effective_at``, and computes what is in effect from these alone. Each worker
reads the catalog at times of its own, as late as it may: from the table, or from what is published. The publisher runs
at any times. It may be killed at any call, and somebody may put an older snapshot back or damage what is published.
"""

from collections import defaultdict
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.conditions import Condition
from saxaul.catalog.entries import Catalog, Entity, Kind
from saxaul.problems import Problem
from saxaul.services.edit_catalog import CatalogEditing
from saxaul.services.publish_catalog import CatalogPublishing
from saxaul.services.search import LiveIndex
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.objects import ObjectError
from saxaul.storage.registry import Registry, to_item
from saxaul.storage.snapshots import POINTER, Snapshots
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, raw
from tests.builders import NOON, make_action_type, make_calendar, make_campaign, make_suggestion
from tests.clocks import StoppedClock
from tests.proof.faults import Calls, Fault, Killed, Unreliable
from tests.proof.memory_dynamodb import MemoryDynamoDB
from tests.proof.memory_services import MemoryObjects

DELAY = 60
ALIPAY = RegisteredClient(name="alipay", role="app", trust="first_party")
WORKERS = 3
TYPES, CAMPAIGNS, SUGGESTIONS = ("bus_ride", "walking"), ("wed", "earth"), ("bus", "walk")
PLACES: list[tuple[Kind, str]] = [
    *(("action-types", name) for name in TYPES),
    *(("campaigns", name) for name in CAMPAIGNS),
    *(("suggestions", name) for name in SUGGESTIONS),
]

DEADLY = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.FAILED, Fault.LOST]
named = st.none() | st.integers(DELAY, 4 * DELAY)
"""How many seconds ahead the operator names the time of a change; None for the default."""
RIDE = make_action_type().model_dump(mode="json", exclude_defaults=True)
documents = {
    "action-types": st.builds(
        lambda points, retired: (
            make_action_type(points=str(points)).model_dump(mode="json", exclude_defaults=True)
            | ({"retired_from": "2026-06-01"} if retired else {})
        ),
        st.integers(1, 9),
        st.integers(0, 3).map(lambda number: number == 0),
    ),
    "campaigns": st.builds(
        lambda types, words: make_campaign(multipliers=dict.fromkeys(types, "2"), keywords=(words,)).model_dump(
            mode="json", exclude_defaults=True
        ),
        st.sets(st.sampled_from(TYPES)),
        st.sampled_from(["a", "b"]),
    ),
    "suggestions": st.builds(
        lambda action_type, campaign, words: make_suggestion(
            action_type=action_type, campaign=campaign, keywords=(words,)
        ).model_dump(mode="json", exclude_defaults=True),
        st.sampled_from(TYPES),
        st.none() | st.sampled_from(CAMPAIGNS),
        st.sampled_from(["a", "b"]),
    ),
}
puts = st.sampled_from(PLACES).flatmap(
    lambda place: st.tuples(st.just("put"), st.just(place), documents[place[0]], named)
)
deletions = st.tuples(st.just("delete"), st.sampled_from(PLACES), named)
restorations = st.tuples(st.just("restore"), st.sampled_from(PLACES), st.integers(1, 4), named)
passing = st.tuples(st.just("wait"), st.sampled_from([0, 1, 10, 30, 45, 59, 60, 61, 200]))
steps = st.lists(st.one_of(puts, puts, deletions, restorations, passing), min_size=5, max_size=40)
runs = st.tuples(st.just("publish"), st.booleans(), st.none() | st.tuples(st.sampled_from(DEADLY), st.integers(0, 12)))
damages = st.tuples(st.just("damage"), st.sampled_from(["older", "pointer", "index"]), st.integers(0, 5))
steps_with_runs = st.lists(
    st.one_of(puts, puts, deletions, passing, passing, runs, runs, damages), min_size=15, max_size=50
)


class Known(NamedTuple):
    """A version as the model knows it. ``is_new`` says that the entry did not exist before."""

    entity: Entity | None
    written_at: int
    effective_at: int
    is_new: bool


class Worker(CatalogStore):
    """A worker that records when it last began to read the catalog or to confirm its copy."""

    read_at = -1

    def head(self) -> int:
        self.read_at = self._table.clock.now()
        return super().head()


class Programme:
    """The real services and workers, and beside them every version that was written."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        memory = MemoryDynamoDB()
        self.calls = Calls()
        client = Unreliable(memory, self.calls)
        patch.setattr("saxaul.storage.table.dynamodb", lambda: client)
        patch.setattr("saxaul.services.edit_catalog.QUEUED_DAYS", -40)  # so that types can be deleted within a run
        self.clock = StoppedClock(NOON)
        calendar = make_calendar()
        self.store = CatalogStore(Table("Catalog", self.clock), DELAY)
        registry = Registry(Table("Catalog", self.clock))
        memory.put_item(TableName="Catalog", Item=raw(to_item("alipay-client", ALIPAY)))
        stocks = Stocks(Table("Ledger", self.clock))
        self.editing = CatalogEditing(self.store, stocks, registry, calendar, self.clock)
        self.rfc3339 = calendar.rfc3339
        self.bucket = MemoryObjects(patch, self.calls, self.clock)
        self.older: list[bytes] = []
        snapshots = Snapshots("bucket")
        self.workers = [Worker(Table("Catalog", self.clock), DELAY, snapshots) for _ in range(WORKERS)]
        self.searching = Worker(Table("Catalog", self.clock), DELAY, snapshots)
        self.search = LiveIndex(self.searching, self.clock)
        self.history: dict[tuple[Kind, str], list[Known]] = defaultdict(list)

    def change(self, step: Any) -> None:  # noqa: ANN401 - one of several kinds of steps
        name, (kind, identifier), *arguments, ahead = step
        place = kind, identifier
        time = None if ahead is None else self.rfc3339(self.clock.instant + ahead)
        before = self.at(place, self.clock.instant)
        pending = any(known.effective_at > self.clock.instant for known in self.kept(place))
        stored = self.store.latest(kind, identifier)
        # The time of the stored version counts as not named: an operator may have edited that version.
        if ahead is not None and name != "delete" and self.clock.instant + ahead == stored.effective_at:
            ahead = DELAY
        try:
            match name:
                case "put":
                    entry = self.editing.write(kind, identifier, arguments[0], Condition(), "operator", time).entry
                case "restore":
                    entry = self.editing.restore(kind, identifier, arguments[0], Condition(), "operator", time).entry
                case _:
                    entry = self.editing.delete(kind, identifier, Condition(), "operator", time)
        except Problem:
            return
        if entry.version > stored.version:
            is_new = before is None and not pending
            self.history[place].append(Known(entry.entity, self.clock.instant, entry.effective_at, is_new))
            assert entry.effective_at == self.clock.instant + (ahead if ahead is not None else 0 if is_new else DELAY)

    def publish(self, is_repair: bool, fault: tuple[Fault, int] | None) -> None:
        """Let the publisher run. It may be ended by a fault at one of its calls."""
        publishing = CatalogPublishing(
            CatalogStore(Table("Catalog", self.clock), DELAY), Snapshots("bucket"), self.clock
        )
        armed = self.calls.armed
        if fault:
            self.calls.arm(*fault)
        with suppress(Killed, ClientError, BotoCoreError, ObjectError):
            publishing.repair() if is_repair else publishing.publish()
        self.calls.revive()
        while self.calls.armed > armed:
            self.calls.disarm()
        if POINTER in self.bucket.objects:
            self.older.append(self.bucket.objects[POINTER].body)

    def damage(self, what: str, number: int) -> None:
        """Change what is published, as somebody could who has access to the bucket."""
        if what == "older" and self.older:
            self.bucket.put(POINTER, self.older[number % len(self.older)])
        for key in [key for key in self.bucket.objects if (key == POINTER) == (what == "pointer")]:
            if what != "older":
                self.bucket.put(key, self.bucket.objects[key].body[: -number - 1])

    def at(self, place: tuple[Kind, str], instant: int) -> Known | None:
        """Return the version that is in effect at an instant."""
        begun = [known for known in self.kept(place) if known.effective_at <= instant]
        return begun[-1] if begun and begun[-1].entity else None

    def kept(self, place: tuple[Kind, str]) -> list[Known]:
        """Return the versions that take effect. A version replaces those that would take effect with it or later."""
        kept: list[Known] = []
        for known in self.history[place]:
            kept = [*(other for other in kept if other.effective_at < known.effective_at), known]
        return kept

    def check(self, number: int) -> None:
        """Check that a worker uses what is in effect now. It may not yet know an entry that is new since its read."""
        worker, now = self.workers[number], self.clock.instant
        catalog = worker.catalog(max_age=10 * DELAY)  # as old as the store allows
        assert now - worker.read_at < DELAY, "a copy as old as the delay may lack a change that is in effect"
        self._check(catalog, [place for place in PLACES if place[0] != "suggestions"], worker.read_at)

    def check_search(self) -> None:
        """Check that the search uses what is in effect now. It may not yet know an entry that is new."""
        catalog = self.search.current().catalog
        if self.search.thread:
            self.search.thread.join()
        self._check(catalog, PLACES, self.clock.instant - DELAY)

    def _check(self, catalog: Catalog, places: list[tuple[Kind, str]], read_at: int) -> None:
        assert_sound(catalog)
        for place in places:
            found, known = entity_in(catalog, place), self.at(place, self.clock.instant)
            is_unknown = known is not None and known.is_new and known.written_at >= read_at
            assert found == (known.entity if known else None) or (found is None and is_unknown), place

    def check_future(self) -> None:
        """Check that the catalog is sound at every instant from now on, if nothing else is written."""
        timeline = self.store.read().timeline
        instant: int | None = self.clock.instant
        while instant is not None:
            assert_sound(timeline.catalog(instant))
            instant = timeline.next_change(instant)


def entity_in(catalog: Catalog, place: tuple[Kind, str]) -> Entity | None:
    entities: dict[str, Entity] = getattr(catalog, place[0].replace("-", "_"))
    return entities.get(place[1])


def assert_sound(catalog: Catalog) -> None:
    assert list(catalog.all_broken_references()) == []
    used = {suggestion.action_type for suggestion in catalog.suggestions.values()}
    assert [name for name in used if catalog.action_types[name].retired_from] == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_all_workers_use_the_same_entries_and_no_reference_is_broken_at_any_time(taken: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        programme = Programme(patch)
        for number, step in enumerate(taken):
            take(programme, step)
            for worker in range(WORKERS):
                if number % (worker + 1) == 0:
                    programme.check(worker)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps_with_runs)
def test_the_same_holds_for_workers_and_a_search_that_use_what_is_published_whatever_happens_to_it(
    taken: list[Any],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        programme = Programme(patch)
        for name in TYPES:
            take(programme, ("put", ("action-types", name), RIDE, None))
        for number, step in enumerate([("publish", False, None), *taken]):
            take(programme, step)
            for worker in range(WORKERS):
                if number % (worker + 1) == 0:
                    programme.check(worker)
            if number % 2:
                programme.check_search()


def take(programme: Programme, step: Any) -> None:  # noqa: ANN401 - one of several kinds of steps
    match step:
        case ("wait", seconds):
            programme.clock.instant += seconds
        case ("publish", is_repair, fault):
            programme.publish(is_repair, fault)
        case ("damage", what, number):
            programme.damage(what, number)
        case _:
            programme.change(step)
            programme.check_future()
