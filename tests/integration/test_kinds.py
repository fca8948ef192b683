"""Everything that a whole life stores is in the table of kinds, and everything in the table is stored by it."""

from collections.abc import Iterator

import pytest

from operations.ledger_reading import scan
from saxaul.people.kinds import ITEM_KINDS, ItemKind, key_of_item, kinds_of
from saxaul.storage.clients import s3
from saxaul.storage.table import Table
from tests.integration.policies import RESOURCES
from tests.integration.stack import Stack
from tests.integration.whole_life import PERSON, erase, live, run_the_programme, run_until_erased, store_an_export

TABLES = ("Ledger", "Activity", "Catalog")


def stored(stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield the place and the key of each item and each object."""
    for name in TABLES:
        for item in scan(Table(name, stack.clock)):
            yield RESOURCES[name], key_of_item(item["pk"], item["sk"])
    for bucket in s3().list_buckets()["Buckets"]:
        for found in s3().list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            yield RESOURCES[bucket["Name"]], found["Key"]


@pytest.fixture
def kinds(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[ItemKind]]:
    """The kinds of everything that is stored after a whole life, and of what an erasure stores then."""
    life = live(stack, monkeypatch)
    run_the_programme(stack)
    store_an_export(PERSON)
    before = [*stored(stack)]
    erase(PERSON)
    run_until_erased(stack, life.stream)
    return {(place, key): kinds_of(place, key) for place, key in (*before, *stored(stack))}


def test_every_item_and_object_is_of_exactly_one_kind(kinds: dict[tuple[str, str], list[ItemKind]]) -> None:
    assert {place: [kind.name for kind in found] for place, found in kinds.items() if len(found) != 1} == {}


def test_a_whole_life_stores_items_and_objects_of_each_kind(kinds: dict[tuple[str, str], list[ItemKind]]) -> None:
    written = {kind.name for found in kinds.values() for kind in found}
    has_keys = {kind.name for kind in ITEM_KINDS if kind.key and not kind.part}

    assert has_keys - written == set()
