"""The published catalog under faults: it never goes back, a wrong one is never used, and the next run repairs it."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from local.seed import load
from saxaul.catalog.entries import Catalog, Entity, Kind
from saxaul.catalog.snapshot import CORE_KINDS, HIGHEST_HEAD, SNAPSHOT_FORMAT, PublishedIndex, Snapshot, recorded_entry
from saxaul.catalog.versions import VersionedEntry
from saxaul.services.publish_catalog import WRITTEN_AGAIN_AFTER, CatalogPublishing, Publication
from saxaul.services.search import LiveIndex
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.objects import ObjectError
from saxaul.storage.snapshots import INDEXES, POINTER, Snapshots
from saxaul.storage.table import Key, Table
from tests.builders import NOON, make_action_type, make_suggestion
from tests.clocks import StoppedClock
from tests.proof.faults import Calls, Fault, Killed, Unreliable
from tests.proof.memory_dynamodb import MemoryDynamoDB, Name
from tests.proof.memory_services import MemoryObjects

DELAY = 60


class Site:
    """A catalog table, a bucket and a clock. Each worker that is made starts cold."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls = Calls()
        self.memory = MemoryDynamoDB()
        client = Unreliable(self.memory, self.calls)
        patch.setattr("saxaul.storage.table.dynamodb", lambda: client)
        self.clock = StoppedClock(NOON)
        self.bucket = MemoryObjects(patch, self.calls, self.clock)
        self.table = Table("Catalog", self.clock)
        self.operator = CatalogStore(self.table, DELAY)

    def worker(self, release: str = "") -> CatalogStore:
        return CatalogStore(self.table, DELAY, Snapshots("bucket"), release)

    def publisher(self, release: str = "") -> CatalogPublishing:
        return CatalogPublishing(CatalogStore(self.table, DELAY, release=release), Snapshots("bucket"), self.clock)

    def publish(self) -> Publication:
        return self.publisher().publish()

    def repair(self) -> Publication:
        return self.publisher().repair()

    def write(self, points: str, *, suggestion: str = "") -> None:
        """Write the next version of ``bus_ride``, which takes effect after the delay; and a new suggestion."""
        now = self.clock.now()
        stored = self.operator.latest("action-types", "bus_ride")
        entity = make_action_type(points=points)
        effective_at = now + DELAY if stored.version else now
        self.operator.put("action-types", "bus_ride", stored.followed_by(entity, effective_at, now, "operator"))
        if suggestion:
            entry = VersionedEntry(make_suggestion(suggestion), 1, now, "operator", now)
            self.operator.put("suggestions", suggestion, entry)

    def expected(self) -> Catalog:
        return self.operator.read().timeline.catalog(self.clock.now())

    def points(self, worker: CatalogStore) -> int:
        reward = worker.catalog().action_types["bus_ride"].points
        assert reward
        return int(reward.value)

    @property
    def pointer(self) -> Snapshot:
        return Snapshot.unpacked(self.bucket.objects[POINTER].body)

    def queries(self, work: Callable[[], object]) -> int:
        """Return how many queries of the table a piece of work makes."""
        before = len(self.calls.operations)
        work()
        return self.calls.operations[before:].count("query")

    def check(self) -> None:
        """Check that what is published is complete, and that workers find in it exactly what is in effect."""
        assert self.pointer.version == self.operator.head()
        assert self.pointer.indexed_until is None
        for ahead in (0, DELAY):
            self.clock.instant += ahead
            worker, searching = self.worker(), LiveIndex(self.worker(), self.clock)
            assert self.queries(lambda: self.points(worker)) == 0  # noqa: B023 - called at once
            assert self.queries(searching.current) == 0
            catalog, expected = worker.catalog(), self.expected()
            assert catalog.action_types == expected.action_types
            assert catalog.versions == expected.versions
            assert searching.current().catalog.suggestions == expected.suggestions
            assert searching.current().catalog.action_types == expected.action_types
            self.clock.instant -= ahead


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(monkeypatch)
    made.write("80", suggestion="bus")
    return made


def test_workers_read_the_snapshot_and_no_partition_of_the_table(site: Site) -> None:
    site.publish()
    site.write("90", suggestion="coach")

    assert site.publish() == Publication(version=4, snapshots=3, indexes=2)
    site.check()
    assert site.publish() == site.repair() == Publication(version=4)


def test_a_worker_that_has_confirmed_its_copy_reads_one_item_and_no_object(site: Site) -> None:
    site.publish()
    worker = site.worker()
    worker.catalog()
    site.calls.operations.clear()

    site.clock.instant += 31
    worker.catalog()

    assert site.calls.operations == ["get_item"]


def test_a_worker_finds_a_new_entry_before_and_after_its_publication(site: Site) -> None:
    site.publish()
    worker = site.worker()
    assert set(worker.catalog().action_types) == {"bus_ride"}
    site.operator.put("action-types", "metro_ride", VersionedEntry(make_action_type(), 1, NOON, "", NOON))

    site.clock.instant += 6
    assert set(worker.catalog(max_age=5).action_types) == {"bus_ride", "metro_ride"}
    site.publish()
    assert set(site.worker().catalog().action_types) == {"bus_ride", "metro_ride"}


def test_entries_of_a_snapshot_are_read_when_they_are_needed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        entity = make_action_type().model_copy({"unit": f"unit {number}"})
        entry = VersionedEntry(entity, 1, NOON, "", NOON)
        site.operator.put("action-types", f"type_{number}", entry)
    site.publish()
    units: list[str] = []

    def read(kind: Kind, document: str) -> Entity:
        units.append(json.loads(document)["unit"])
        return recorded_entry(kind, document)

    monkeypatch.setattr("saxaul.storage.catalog.recorded_entry", read)

    assert "type_3" in site.worker().catalog().action_types

    assert units == ["unit 3"]


CRASHES = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.FAILED, Fault.LOST, Fault.TIMED_OUT, Fault.THROTTLED]


@pytest.mark.parametrize("fault", CRASHES)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_run_that_ends_at_any_call_is_completed_by_the_next_one(site: Site, fault: Fault, is_first: bool) -> None:
    if not is_first:
        site.publish()
        site.write("90", suggestion="coach")
    start = dict(site.bucket.objects), {name: dict(items) for name, items in site.memory.tables.items()}
    with site.calls.undisturbed():
        began = len(site.calls.operations)
        site.publish()
        calls = len(site.calls.operations) - began
    for call in range(calls):
        site.bucket.objects, tables = dict(start[0]), start[1]
        site.memory.tables.update({name: dict(items) for name, items in tables.items()})
        site.bucket.versions.clear()
        site.calls.arm(fault, after=call)
        try:
            site.publish()
        except (Killed, Exception):  # noqa: BLE001 - whatever ends the run
            site.calls.revive()
        with site.calls.undisturbed():
            assert site.points(site.worker()) == 80
        site.repair()
        if site.calls.armed:  # the fault did not apply to any further call of this run
            break
        site.check()
        assert site.bucket.versions == sorted(site.bucket.versions)


@pytest.mark.parametrize("call", range(14))
def test_runs_and_writes_that_overlap_never_publish_an_older_catalog_after_a_newer_one(site: Site, call: int) -> None:
    site.publish()
    site.write("90", suggestion="coach")

    def rival() -> None:
        site.write("95", suggestion="tram")
        site.publish()
        site.write("99")

    site.calls.rival = rival
    site.calls.arm(Fault.OVERTAKEN, after=call)

    site.publish()
    site.publish()

    assert site.bucket.versions == sorted(site.bucket.versions)
    site.check()


_NAME_AND_FORMAT = b"saxaul-catalog %d " % SNAPSHOT_FORMAT


def resealed(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    """Return a change of the JSON of a snapshot that also corrects its hash."""

    def changed(packed: bytes) -> bytes:
        fields = json.loads(packed.partition(b"\n")[2])
        body = json.dumps(change(fields) or fields).encode()
        return _NAME_AND_FORMAT + sha256(body).hexdigest().encode() + b"\n" + body

    return changed


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda packed: packed[:-7],
    "a flipped bit": lambda packed: packed[:300] + bytes([packed[300] ^ 1]) + packed[301:],
    "another format": lambda packed: packed.replace(_NAME_AND_FORMAT, b"saxaul-catalog 1 "),
    "not JSON": lambda _: _NAME_AND_FORMAT + sha256(b"{").hexdigest().encode() + b"\n{",
    "a list": resealed(lambda _: [1]),
    "nested too deeply": lambda _: (
        _NAME_AND_FORMAT + sha256(b"[" * 90_000).hexdigest().encode() + b"\n" + b"[" * 90_000
    ),
    "without entries": resealed(lambda fields: fields.pop("items") and None),
    "a kind is missing": resealed(lambda fields: fields["items"].pop("campaigns") and None),
    "an item is a text": resealed(lambda fields: fields["items"]["action-types"].update(bus_ride="x")),
    "a version is a text": resealed(lambda fields: fields.update(version="2")),
    "a version that no head can have": resealed(lambda fields: fields.update(version=10**40)),
    "an index is a number": resealed(lambda fields: fields.update(indexes=[7])),
    "an index without a name": resealed(lambda fields: fields.update(indexes=[[0, None, ""]])),
    "an instant is a text": resealed(lambda fields: fields.update(changes=["soon"])),
    "the release is a number": resealed(lambda fields: fields.update(release=7)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_snapshot_is_not_used_and_is_replaced(site: Site, name: str) -> None:
    site.publish()
    site.bucket.put(POINTER, BROKEN[name](site.bucket.objects[POINTER].body))

    worker = site.worker()
    assert site.queries(lambda: site.points(worker)) > 0
    assert LiveIndex(site.worker(), site.clock).current().catalog.suggestions == site.expected().suggestions
    site.repair()
    site.check()


def test_a_snapshot_without_an_index_is_repaired(site: Site) -> None:
    site.publish()
    forged = resealed(lambda fields: fields.update(indexes=[]))
    site.bucket.put(POINTER, forged(site.bucket.objects[POINTER].body))

    site.repair()

    site.check()


def test_a_broken_entry_in_a_snapshot_is_left_out_and_everything_else_works(site: Site) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    site.publish()
    broken = resealed(lambda fields: fields["items"]["action-types"]["walking"].update(document="{}", before="x"))
    site.bucket.put(POINTER, broken(site.bucket.objects[POINTER].body))

    assert set(site.worker().catalog().action_types) == {"bus_ride"}


def in_walking(change: dict[str, Any]) -> Callable[[bytes], bytes]:
    """Return a change of fields in the document of ``walking`` in a snapshot."""

    def changed(fields: Any) -> None:  # noqa: ANN401 - any JSON
        item = fields["items"]["action-types"]["walking"]
        item["document"] = json.dumps(json.loads(item["document"]) | change)

    return resealed(changed)


WRONG_TYPES: tuple[dict[str, Any], ...] = (
    {"unit": 5},
    {"unit": None},
    {"names": "x"},
    {"names": {"en": 1, "zh": "x"}},
    {"category": ["travel"]},
    {"points": []},
    {"points": {"value": "many"}},
    {"points": {"value": "NaN"}},
    {"points": {"value": "5", "per": 1}},
    {"caps": "day"},
    {"caps": [{"window": 1}]},
    {"caps": [7]},
    {"min_quantity": {}},
    {"retired_from": 20260605},
)


@pytest.mark.parametrize("change", WRONG_TYPES, ids=str)
def test_an_entry_with_a_value_of_the_wrong_type_is_broken_alone(site: Site, change: dict[str, Any]) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    site.publish()
    site.bucket.put(POINTER, in_walking(change)(site.bucket.objects[POINTER].body))

    worker = site.worker()

    assert set(worker.catalog().action_types) == {"bus_ride"}
    assert worker.timeline().entries["action-types"]["walking"].is_broken
    assert worker.rules([("walking", 1)]), "accrual reads the versions of action types from the table"


def test_a_field_of_a_newer_release_makes_an_entry_broken_for_an_older_one(site: Site) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    site.publisher("newer").publish()
    site.bucket.put(POINTER, in_walking({"only_on_sundays": True})(site.bucket.objects[POINTER].body))

    assert set(site.worker("older").catalog().action_types) == {"bus_ride"}
    assert set(site.worker("newer").catalog().action_types) == {"bus_ride", "walking"}


def test_a_value_that_only_a_newer_release_allows_makes_an_entry_broken_for_an_older_one(site: Site) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    site.publisher("newer").publish()
    site.bucket.put(POINTER, in_walking({"actor": "team"})(site.bucket.objects[POINTER].body))

    assert set(site.worker("older").catalog().action_types) == {"bus_ride"}
    assert set(site.worker("newer").catalog().action_types) == {"bus_ride", "walking"}


def test_a_worker_of_another_release_reads_the_snapshot_and_no_partition_of_the_table(site: Site) -> None:
    site.publisher("newer").publish()
    worker = site.worker("older")

    assert site.queries(lambda: site.points(worker)) == 0


def test_the_first_repair_of_a_release_publishes_the_snapshot_again_with_the_same_indexes(site: Site) -> None:
    site.publisher("older").publish()

    assert site.publisher("newer").repair() == Publication(site.operator.head(), snapshots=1)
    assert site.pointer.release == "newer"
    assert site.publisher("newer").repair() == Publication(site.operator.head())


HAND_WRITTEN: tuple[Any, ...] = (7, 10**30, b"7", ["x"], {"x": 1}, True, None, "x")


@pytest.mark.parametrize("value", HAND_WRITTEN, ids=repr)
@pytest.mark.parametrize("field", ["v", "changed_at", "changed_by", "effective_at", "document", "before", "broken"])
def test_an_item_with_any_value_in_any_field_does_not_stop_the_publication(site: Site, field: str, value: Any) -> None:  # noqa: ANN401
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    item = site.table.get(Key("action-types", "walking"))
    assert item
    site.table.replace(item | {field: value})

    site.publish()

    worker = site.worker()
    assert site.queries(lambda: site.points(worker)) == 0
    assert site.points(worker) == 80
    assert dict(worker.timeline().entries["action-types"]) == site.operator.read().timeline.entries["action-types"]


SETS: tuple[Any, ...] = ({"SS": ["b", "a"]}, {"NS": ["1", "2"]}, {"BS": [b"a"]}, {"M": {"x": {"SS": ["a"]}}})


@pytest.mark.parametrize("attribute", SETS, ids=repr)
@pytest.mark.parametrize("field", ["v", "changed_at", "changed_by", "effective_at", "document", "before", "tags"])
def test_an_item_with_a_set_in_any_field_stops_neither_the_publication_nor_a_read(
    site: Site,
    field: str,
    attribute: Any,  # noqa: ANN401 - in the notation of DynamoDB
) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    item = site.memory.tables["Catalog"][Name("action-types", "walking")]
    site.memory.tables["Catalog"][Name("action-types", "walking")] = {**item, field: attribute}

    assert site.points(site.worker()) == 80, "from the table"
    site.publish()
    assert site.points(site.worker()) == 80, "from the snapshot"
    assert site.publish().snapshots == 0, "the hash of the entries is the same"


@pytest.mark.parametrize("version", [HIGHEST_HEAD - 1, HIGHEST_HEAD])
def test_a_snapshot_with_a_forged_version_is_replaced_and_the_head_stays(site: Site, version: int) -> None:
    site.publish()
    head = site.operator.head()
    site.bucket.put(POINTER, resealed(lambda fields: fields.update(version=version))(site.bucket.objects[POINTER].body))

    site.repair()

    assert site.operator.head() <= head + 1
    site.check()
    site.write("90")
    site.publish()
    site.check()


HEADS: tuple[Any, ...] = (
    {"S": "abc"}, {"NULL": True}, {"L": []}, {"N": "352.5"}, {"N": "-7"}, {"N": "0"}, {"N": "1e30"}, None,
)  # fmt: skip


@pytest.mark.parametrize("damaged", HEADS, ids=repr)
def test_a_damaged_head_stops_no_read_and_the_next_run_repairs_it(site: Site, damaged: Any) -> None:  # noqa: ANN401
    site.publish()
    item = {
        name: value for name, value in site.memory.tables["Catalog"][Name("catalog", "head")].items() if name != "v"
    }
    site.memory.tables["Catalog"][Name("catalog", "head")] = item | ({"v": damaged} if damaged else {})

    assert site.points(site.worker()) == 80
    site.repair()
    site.check()
    site.write("90")
    site.publish()
    site.check()


def test_a_version_that_the_publisher_cannot_read_is_broken_for_workers_too(site: Site) -> None:
    site.operator.put("action-types", "walking", VersionedEntry(make_action_type(), 1, NOON, "", NOON))
    site.table.replace({**site.table.get(Key("action-types", "walking")), "document": '{"unit": ""}'})  # type: ignore[dict-item] # it exists
    site.publish()

    walking = site.worker().timeline().entries["action-types"]["walking"]
    assert (walking.entity, walking.version, walking.is_broken) == (None, 1, True)


def test_workers_read_from_a_snapshot_what_the_publisher_read_from_the_table(site: Site) -> None:
    for kind, found in load().items():
        for name, entity in found.items():
            stored = site.operator.latest(kind, name)
            site.operator.put(kind, name, stored.followed_by(entity, NOON + DELAY, NOON, "operator"))
    site.publish()

    read = site.operator.read().timeline.entries
    assert {kind: dict(found) for kind, found in site.worker().timeline().entries.items()} == {
        kind: read[kind] for kind in CORE_KINDS
    }


def spoil_index(site: Site, change: Callable[[bytes], bytes | None]) -> None:
    for key in [key for key in site.bucket.objects if key.startswith(INDEXES)]:
        body = change(site.bucket.objects[key].body)
        if body is None:
            del site.bucket.objects[key]
        else:
            site.bucket.put(key, body)


@pytest.mark.parametrize(
    "change",
    [lambda _: None, lambda body: body[:-1], lambda body: body[:50] + bytes([body[50] ^ 8]) + body[51:]],
    ids=["missing", "cut", "flipped"],
)
def test_without_a_sound_index_the_search_builds_its_own_and_a_repair_publishes_it_again(
    site: Site, change: Callable[[bytes], bytes | None]
) -> None:
    site.publish()
    spoil_index(site, change)

    assert LiveIndex(site.worker(), site.clock).current().catalog.suggestions == site.expected().suggestions
    assert site.repair().indexes == 1
    site.check()


def test_an_index_of_another_release_is_built_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.publish()
    monkeypatch.setattr("saxaul.services.publish_catalog.code_hash", lambda: "another release")

    assert site.repair().indexes == 1
    site.check()
    assert site.repair() == Publication(version=site.operator.head())


def test_an_older_snapshot_that_somebody_put_back_is_not_used(site: Site) -> None:
    site.publish()
    older = site.bucket.objects[POINTER].body
    site.write("90")
    site.publish()
    site.bucket.put(POINTER, older)
    site.clock.instant += DELAY

    assert site.points(site.worker()) == 90
    site.repair()
    site.check()


def test_a_snapshot_that_is_newer_than_a_restored_table_is_not_used_and_the_next_run_corrects_it(site: Site) -> None:
    backup = dict(site.memory.tables["Catalog"])
    site.write("90", suggestion="coach")
    site.publish()
    site.memory.tables["Catalog"] = backup

    site.clock.instant += DELAY
    assert site.points(site.worker()) == 80
    before = site.pointer.version
    site.repair()
    assert site.pointer.version == before + 1
    assert site.points(site.worker()) == 80
    site.check()


def test_an_entry_that_was_written_without_the_head_is_published_with_a_higher_head(site: Site) -> None:
    site.publish()
    worker = site.worker()
    worker.catalog()
    item = site.table.get(Key("action-types", "bus_ride"))
    assert item
    site.table.put(item | {"document": item["document"].replace("80", "70"), "changed_at": NOON + 1}, int(item["v"]))

    site.publish()
    site.clock.instant += 31

    assert site.points(worker) == 70
    site.check()


def test_a_table_without_a_head_gets_one(site: Site) -> None:
    del site.memory.tables["Catalog"][next(name for name in site.memory.tables["Catalog"] if name.sk == "head")]

    assert site.points(site.worker()) == 80
    assert site.repair().version == 1
    site.check()


@pytest.mark.parametrize("operations", [("get_object",), ("get_object", "put_object")])
def test_without_s3_workers_read_the_table(site: Site, operations: tuple[str, ...]) -> None:
    site.publish()
    site.write("90", suggestion="coach")
    site.calls.refused = lambda operation, _: operation in operations
    site.clock.instant += DELAY

    assert site.points(site.worker()) == 90
    assert LiveIndex(site.worker(), site.clock).current().catalog.suggestions == site.expected().suggestions
    with pytest.raises(ObjectError):
        site.publish()


def test_a_search_that_waits_for_a_late_publication_keeps_its_index_until_that_is_too_old(site: Site) -> None:
    site.publish()
    search = LiveIndex(site.worker(), site.clock)
    index = search.current()
    site.write("90")
    site.clock.instant += 31
    assert search.current() is index
    assert search.thread
    search.thread.join()

    site.clock.instant += 13
    assert search.current() is index
    assert search.thread
    search.thread.join()
    site.clock.instant += 2
    assert search.current() is not index, "after 45 seconds, the worker builds the index itself"
    assert search.current().catalog.action_types == site.expected().action_types


def test_while_the_index_with_a_new_entry_is_built_the_last_one_is_published(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish()
    site.clock.instant += 1
    site.write("90", suggestion="coach")
    monkeypatch.setattr("saxaul.search.packing.pack", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        site.publish()

    assert site.pointer.version == site.operator.head()
    assert set(LiveIndex(site.worker(), site.clock).current().catalog.suggestions) == {"bus"}
    site.clock.instant += DELAY
    search = LiveIndex(site.worker(), site.clock)
    assert site.queries(search.current) > 0
    assert search.current().catalog.suggestions == site.expected().suggestions


def test_an_index_of_now_that_lacks_a_change_in_effect_is_never_published(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish()
    site.write("90", suggestion="coach")
    site.clock.instant += DELAY
    monkeypatch.setattr("saxaul.search.packing.pack", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        site.publish()

    assert (site.pointer.indexes, site.pointer.indexed_until) == ((), 0)


def test_a_search_that_has_seen_half_a_publication_finds_the_other_half(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish()
    site.write("90")
    with monkeypatch.context() as broken:
        broken.setattr("saxaul.search.packing.pack", _fail_to_pack)
        with pytest.raises(MemoryError):
            site.publish()
    searching = LiveIndex(site.worker(), site.clock)
    searching.current()
    site.publish()

    site.clock.instant += DELAY

    assert site.queries(searching.current) == 0
    assert searching.current().catalog.action_types == site.expected().action_types


def _fail_to_pack(_: object) -> bytes:
    raise MemoryError


def test_indexes_that_are_in_use_are_written_again_before_the_bucket_deletes_them(site: Site) -> None:
    site.publish()
    assert site.repair().indexes == 0
    site.clock.instant += WRITTEN_AGAIN_AFTER + 1

    assert site.repair() == Publication(site.operator.head(), 0, 1)


def test_a_snapshot_names_the_index_of_each_instant_and_none_after_the_last_that_is_published() -> None:
    indexes = (PublishedIndex(0, "a", ""), PublishedIndex(100, "b", ""))
    snapshot = Snapshot(1, "", "", (), {}, indexes, 200)
    named = [snapshot.index_at(instant) for instant in (-5, 99, 100, 199, 200)]

    assert [index and index.sha256 for index in named] == ["a", "a", "b", "b", None]
    assert [snapshot.index_until(instant) for instant in (0, 100, 200)] == [100, 200, float("inf")]
    assert snapshot._replace(indexed_until=None).index_at(10**9) == indexes[1]
