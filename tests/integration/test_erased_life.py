"""A whole life is erased: the numbers of the receipt are those of the export, and nothing names the person any more."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from operations.ledger_reading import scan
from operations.recount import recount
from saxaul.people.erasures import ErasureReceipt
from saxaul.people.kinds import EXPORTED, ITEM_KINDS, key_of_item, kinds_of
from saxaul.storage.clients import s3
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import Table
from tests.integration.policies import RESOURCES
from tests.integration.public_log import PublishedFiles
from tests.integration.stack import Stack, certificate
from tests.integration.test_certified_life import checked
from tests.integration.test_export import CALENDAR, export, lines_of
from tests.integration.whole_life import (
    DEDICATION,
    PERSON,
    TICKET,
    Life,
    erase,
    live,
    run_until_erased,
    store_an_export,
)
from tests.stored_texts import texts_in

TABLES = ("Ledger", "Activity", "Catalog")


@pytest.fixture
def life(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Life:
    return live(stack, monkeypatch)


@pytest.fixture
def exported(life: Life) -> Counter[str]:
    """How many lines of each kind the export had."""
    assert life
    store_an_export(PERSON)
    return Counter(line["kind"] for line in lines_of(export().body))


@pytest.fixture
def receipt(stack: Stack, life: Life, exported: Counter[str]) -> ErasureReceipt:
    """The receipt of the erasure of the person."""
    assert exported
    erasure = erase(PERSON)
    run_until_erased(stack, life.stream)
    found = Erasures(stack.ledger).receipt(erasure["erasure_id"])
    assert found
    return found


def everything(stack: Stack) -> Iterator[tuple[str, Any]]:
    """Yield everything that is stored, with its kind."""
    for name in TABLES:
        for item in scan(Table(name, stack.clock)):
            yield kind_of(RESOURCES[name], key_of_item(item["pk"], item["sk"])), item
    for bucket in s3().list_buckets()["Buckets"]:
        for found in s3().list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = s3().get_object(Bucket=bucket["Name"], Key=found["Key"])["Body"].read()
            yield kind_of(RESOURCES[bucket["Name"]], found["Key"]), (found["Key"], body)


def kind_of(place: str, key: str) -> str:
    [kind] = kinds_of(place, key)
    return kind.name


def named_in(stack: Stack, *secrets: str) -> set[tuple[str, str]]:
    """Return what names any of these, with its kind."""
    texts = ((kind, text) for kind, found in everything(stack) for text in texts_in(found))
    return {(kind, secret) for kind, text in texts for secret in secrets if secret in text}


SECRETS = (PERSON, DEDICATION, "grandmother", TICKET, "ride-49", "few-14", "bike-1", "never")
"""The person, the dedication, an evidence, and ids of actions."""


def test_everything_of_the_person_is_found_before_the_erasure(stack: Stack, exported: Counter[str]) -> None:
    assert exported
    assert {secret for _, secret in named_in(stack, *SECRETS)} == set(SECRETS)


def test_the_numbers_of_the_receipt_are_those_of_the_export(receipt: ErasureReceipt, exported: Counter[str]) -> None:
    assert receipt.state == "erased"
    assert {**receipt.erased} == exported
    assert exported.keys() == set(EXPORTED)


def test_nothing_names_the_person_any_more(stack: Stack, receipt: ErasureReceipt) -> None:
    assert receipt.state == "erased"
    # The facility's own reversal of an action that never came has the same id.
    assert named_in(stack, *SECRETS) == {("early_reversal_of_facility", "never")}
    left = {kind for kind, _ in everything(stack)}
    assert {kind.name for kind in ITEM_KINDS if kind.whose == "person" and kind.name in left} == {"certificate"}
    assert {"redemption_of_nobody", "nameless_day", "nameless_run"} <= left
    assert export().body == ""


def test_every_certificate_still_verifies_and_says_that_the_dedication_was_erased(
    stack: Stack, receipt: ErasureReceipt
) -> None:
    assert receipt.state == "erased"
    log = PublishedFiles(stack.clock)
    log.publish()
    numbers = [item["pk"].removeprefix("CERT#") for item in scan(stack.ledger) if item["sk"] == "CERT"]
    shown = {number: certificate(number) for number in numbers}

    assert {response.status for response in shown.values()} == {200}
    for number in numbers:
        if shown[number].body["proofs"]:
            assert checked(number, log).document["dedication"] is None
    assert any(response.body["proofs"] for response in shown.values())


def test_the_ledger_reconciles_and_the_totals_need_no_correction(stack: Stack, receipt: ErasureReceipt) -> None:
    assert receipt.state == "erased"
    assert stack.faults() == []
    said: list[str] = []
    report = recount(stack.ledger, CALENDAR, said.append, mend=False)
    assert report.is_complete, said
    assert said == []
