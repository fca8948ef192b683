"""The table of kinds covers everything that a stack stores, and docs/privacy.md prints it."""

import re

import pytest

from local.sam import ROOT
from saxaul.people.kinds import EXPORTED, ITEM_KINDS, ItemKind, key_of_item, kinds_of
from tests.template.reading import resources
from tests.unit.test_documentation import quoted, tables

PRIVACY = (ROOT / "docs/privacy.md").read_text("utf-8")
DATA_MODEL = (ROOT / "docs/data-model.md").read_text("utf-8")
STORING = (
    *("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"),
    *("AWS::Events::EventBus", "AWS::Logs::LogGroup", "AWS::Cognito::UserPool"),
    "AWS::Backup::BackupVault",
)
"""The types of resources that keep something of what a program writes."""


def row_of(kind: ItemKind) -> list[str]:
    place = ", ".join(f"`{name}`" for name in kind.where)
    key = f": `{kind.key}`" if kind.key else ""
    part = f", in `{kind.part}`" if kind.part else ""
    exported = "yes" if kind.is_exported else ""
    return [f"`{kind.name}`", kind.about, f"{place}{key}{part}", kind.whose, exported, kind.erased, kind.stays]


def test_the_page_on_privacy_prints_the_table() -> None:
    [rows] = [rows for titles, rows in tables(PRIVACY) if titles[0] == "kind" and "whose" in titles]

    assert rows == [row_of(kind) for kind in ITEM_KINDS]


def test_no_two_kinds_have_the_same_name() -> None:
    assert len({kind.name for kind in ITEM_KINDS}) == len(ITEM_KINDS)


def test_the_exported_kinds_come_first_are_erased_and_are_a_persons() -> None:
    first = ITEM_KINDS[: len(EXPORTED)]

    assert tuple(kind.name for kind in first) == EXPORTED
    assert all(kind.erased and kind.whose == "person" for kind in first)
    assert not [kind.name for kind in ITEM_KINDS[len(EXPORTED) :] if kind.is_exported]


def test_the_table_says_of_everything_what_becomes_of_it() -> None:
    assert not [kind.name for kind in ITEM_KINDS if not (kind.erased or kind.stays)]


def test_every_table_bucket_queue_bus_pool_and_log_of_the_template_has_a_kind_and_no_other_is_named() -> None:
    storing = {name for type_ in STORING for name in resources(type_)}
    streams = {
        f"{name}.Stream" for name, table in resources("AWS::DynamoDB::Table").items() if "StreamSpecification" in table
    }

    assert {place for kind in ITEM_KINDS for place in kind.where} - {"LedgerTable.Backup"} == storing | streams


def test_the_data_model_has_the_same_partitions() -> None:
    listed = [row[0] for titles, rows in tables(DATA_MODEL) if titles[:2] == ["pk", "sk"] for row in rows]
    keys = [kind.key.partition(" / ")[0] for kind in ITEM_KINDS if " / " in kind.key]

    assert {without_names(key) for key in quoted(listed)} == {without_names(key) for key in keys}


def without_names(key: str) -> str:
    """Return a partition key without the names in it, which each document chooses as it needs."""
    return re.sub("<[^>]*>", "<>", re.sub("(tag|place|photo)#<.*", "<>", key))


@pytest.mark.parametrize(
    ("place", "key", "name"),
    [
        ("LedgerTable", key_of_item("USER#mei@example.com", "PAGE#2026-06"), "period"),
        ("LedgerTable", key_of_item("USER#EVIDENCE", "EVIDENCE#12306:E1"), "evidence"),
        ("LedgerTable", key_of_item("EVIDENCE#tag#a # b / c", "EVIDENCE"), "tree_evidence"),
        ("LedgerTable", key_of_item("IMPACT#2026-06#3", "DAY#2026-06-05#15"), "tally_of_day"),
        ("LedgerTable", key_of_item("IMPACT#RUN#earth-hour@2026-03-28", "RUN"), "corrected_tally_of_run"),
        ("LedgerTable", key_of_item("NOBODY#7K3M-9QPD-2FHW-C", "TREE#r-1"), "redemption_of_nobody"),
        ("CatalogTable", key_of_item("action-types/bus_ride", "00000001"), "entry_version"),
        ("CatalogTable", key_of_item("overlaps", "000001780632#bikes"), "overlap"),
        ("FilesBucket", "log/tile/0/000.p/7", "log_file"),
        ("ExportBucket", f"exports/{'ab' * 32}/{'0' * 64}.jsonl", "export_file"),
    ],
)
def test_an_item_or_object_is_of_one_kind(place: str, key: str, name: str) -> None:
    assert [kind.name for kind in kinds_of(place, key)] == [name]


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("LedgerTable", key_of_item("USER#mei", "PHOTO#1")),
        ("LedgerTable", key_of_item("USER#mei#x", "WALLET")),
        ("ActivityTable", key_of_item("USER#mei", "WALLET")),
        ("CatalogTable", key_of_item("users", "mei")),
        ("FilesBucket", "exports/mei.jsonl"),
    ],
)
def test_what_the_table_does_not_list_is_of_no_kind(place: str, key: str) -> None:
    assert kinds_of(place, key) == []
