"""A person lives a whole life on a deployed stack and is erased while workers post. Then nothing names the person."""

import json
import re
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from local.deployment import client_arguments
from local.sam import ROOT
from saxaul.log.certificates import check_certificate, parse_certificate
from saxaul.log.notes import VerifierKey
from saxaul.storage.table import python
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    logged_certificate,
    make_action,
    make_rich,
    new_planting,
    new_user,
    order_with,
    public_log,
    run_operation,
    run_planting_batch,
    settled_redemption,
    wait_for_empty_queue,
)
from tests.e2e.test_photos import bucket_named, new_photo, upload
from tests.photos import declared
from tests.stored_texts import texts_in

REASON = "?reason=ticket%204711"
INDEXES = {"ledger": ("Listing", "Forest"), "activity": ("Waiting",), "catalog": ()}
BUCKETS = ("CatalogBucket", "FilesBucket", "ManifestBucket", "UploadBucket", "ExportBucket")
CALLS = 20
"""How many calls with 50 actions each are still queued when the erasure is requested."""


class Person(NamedTuple):
    """A person, and every text that only belongs to this person."""

    user_id: str
    planted: str
    secrets: tuple[str, ...]


class Erased(NamedTuple):
    """An erased person, with the lines of the export by kind and the receipt of the erasure."""

    person: Person
    exported: Counter[str]
    receipt: dict[str, Any]
    late: list[str]


@pytest.fixture(scope="module")
def person(stack: dict[str, Any], alipay: Client, partner: Client) -> Person:
    """Somebody who did everything that a person can do."""
    user, ticket, words = new_user(), f"12306:{secrets.token_hex(8)}", f"For {secrets.token_hex(8)}"
    path = f"/users/{user}"
    make_rich(alipay, user)
    ride = make_action(user) | {"evidence_id": ticket}
    alipay.call_or_exit("POST", "/actions", {"actions": [ride]})
    with Client("taobao") as taobao:
        taobao.call_or_exit("POST", "/actions", {"actions": [ride | {"action_id": secrets.token_hex(8)}]})
    early = {name: make_action(user)[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "mistake"}
    alipay.call_or_exit("POST", "/reversals", {"reversals": [early]})
    alipay.call_or_exit("PUT", f"{path}/grants/citybike", {"covers": ["read"]})
    wait_for_empty_queue(60)
    tree = {"project_id": "saxaul-alxa", "dedication": words}
    requested = alipay.call_or_exit("POST", f"{path}/redemptions", tree, idempotency_key="planted")
    settled_redemption(alipay, f"{path}/redemptions/{requested['redemption_id']}")
    [number] = requested["certificates"]
    run_planting_batch(stack)
    plant(partner, number)
    return Person(user, number, (user, ticket, words, ride["action_id"], early["action_id"]))


def plant(partner: Client, number: str) -> None:
    """Let the partner confirm a tree with a photo, find it alive, and correct its tag."""
    path = f"/planting-orders/{order_with(partner, number)['order_id']}"
    photo = new_photo()
    [asked] = partner.call_or_exit("POST", f"{path}/photos", {"photos": [declared(photo)]})["photos"]
    assert upload(asked["upload"], photo).is_success
    confirmation = {"certificate": number, "photo": declared(photo)["sha256"]} | new_planting()
    sent = {"confirmations": [confirmation]}
    eventually(lambda: partner.call("POST", f"{path}/confirmations", sent), lambda answer: answer.is_success, 20)
    corrected = {"certificate": number, "reason": "A typing error.", "tag": f"ALXA-{secrets.token_hex(4)}"}
    partner.call_or_exit("POST", f"{path}/corrections", {"corrections": [corrected]})


@pytest.fixture(scope="module")
def erased(stack: dict[str, Any], person: Person, alipay: Client, operator: Client) -> Erased:
    """The person after the erasure. Workers were posting when it was requested."""
    path = f"/users/{person.user_id}"
    logged_certificate(stack, person.planted, 2)
    exported = operator.call("GET", f"{path}/export{REASON}")
    late = [report(alipay, person.user_id) for _ in range(CALLS)]
    erasure = operator.call_or_exit("DELETE", path + REASON)
    put_export_file(stack, person.user_id)
    refused = alipay.call("POST", f"{path}/harvest")
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_in_progress")
    assert int(refused.headers["retry-after"]) > 0
    receipt = eventually(
        lambda: operator.call_or_exit("GET", f"/erasures/{erasure['erasure_id']}"),
        lambda shown: shown["state"] == "erased",
        90,
    )
    wait_for_empty_queue(60)
    lines = [json.loads(line) for line in exported.text.splitlines()]
    return Erased(person, Counter(line["kind"] for line in lines), receipt, late)


def report(alipay: Client, user: str) -> str:
    """Report 50 rides, and return the id of the receipt."""
    rides = [make_action(user) for _ in range(50)]
    return str(alipay.call_or_exit("POST", "/actions", {"actions": rides})["receipt_id"])


def put_export_file(stack: dict[str, Any], user: str) -> None:
    """Store a file as an export of more than 4 MB does."""
    [mark] = [item for item in items(stack, "ledger") if item["sk"] == "ERASURE" and item.get("user_id") == user]
    s3 = boto3.client("s3", **client_arguments(stack["endpoint_url"]))
    key = f"exports/{mark['pk'].removeprefix('ERASED#')}/{'0' * 64}.jsonl"
    s3.put_object(Bucket=bucket_named(stack, "ExportBucket"), Key=key, Body=f'{{"user_id":"{user}"}}\n'.encode())


def items(stack: dict[str, Any], table: str, **index: str) -> Iterator[dict[str, Any]]:
    dynamodb = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
    pages = dynamodb.get_paginator("scan").paginate(TableName=stack["tables"][table], **index)  # type: ignore[arg-type]
    for page in pages:
        yield from map(python, page["Items"])


def everything(stack: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield everything that the stack has stored, queued or logged, with its place."""
    for table, indexes in INDEXES.items():
        yield from ((table, item) for item in items(stack, table))
        for index in indexes:
            yield from ((index, item) for item in items(stack, table, IndexName=index))
    s3 = boto3.client("s3", **client_arguments(stack["endpoint_url"]))
    for name in BUCKETS:
        bucket = bucket_named(stack, name)
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for found in page.get("Versions", []):
                body = s3.get_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])["Body"].read()
                yield name, [found["Key"], body]
    yield from messages(stack)
    logs = boto3.client("logs", **client_arguments(stack["endpoint_url"]))
    for lines in logs.get_paginator("filter_log_events").paginate(logGroupName=stack["log_group"]):
        yield from (("log", event["message"]) for event in lines["events"])


def messages(stack: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the messages of every queue, which stay where they are."""
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    for url in sqs.list_queues().get("QueueUrls", []):
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        yield from ((url.rpartition("/")[2], message["Body"]) for message in found)


def places_of(stack: dict[str, Any], texts: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return where each of these texts is found."""
    found = ((place, text) for place, value in everything(stack) for text in texts_in(value))
    return {(place, text) for place, whole in found for text in texts if text in whole}


def test_before_the_erasure_the_search_finds_everything_in_the_ledger_and_its_index(
    stack: dict[str, Any], person: Person
) -> None:
    found = places_of(stack, person.secrets)

    assert {text for place, text in found if place == "ledger"} == set(person.secrets)
    assert ("Forest", person.user_id) in found
    assert "log" not in {place for place, _ in found}


def test_the_receipt_has_the_numbers_of_the_export_and_of_what_was_posted_meanwhile(erased: Erased) -> None:
    numbers = erased.receipt["erased"]

    assert erased.receipt["state"] == "erased"
    assert {"wallet", "period", "evidence", "early_reversal", "grant", "redemption", "certificate", "ordered_tree"} <= {
        *numbers
    }
    # The rides that were queued are of a day of which the person had a period, or they made one.
    assert numbers.pop("period") - erased.exported.pop("period") in (0, 1)
    assert numbers == dict(erased.exported)


def test_after_the_erasure_no_table_index_queue_bucket_or_log_names_the_person(
    stack: dict[str, Any], erased: Erased
) -> None:
    assert places_of(stack, erased.person.secrets) == set()


def test_what_was_queued_was_posted_before_or_is_dropped(alipay: Client, erased: Erased) -> None:
    fates = Counter[str]()
    for receipt_id in erased.late:
        shown = alipay.call_or_exit("GET", f"/receipts/{receipt_id}")
        fates.update(item["status"] for item in shown["items"])

    assert fates.total() == 50 * CALLS
    assert fates.keys() <= {"posted", "withheld", "dropped"}


def test_the_certificate_verifies_and_the_log_says_that_the_dedication_was_erased(
    stack: dict[str, Any], erased: Erased
) -> None:
    content = logged_certificate(stack, erased.person.planted, 3)

    checked = check_certificate(parse_certificate(content), VerifierKey.parse(public_log(stack)["vkey"]))

    assert [seen.leaf.event for seen in checked.shown] == ["planted", "corrected", "dedication_erased"]
    assert checked.document["dedication"] is None


def test_the_ledger_reconciles_and_the_totals_hold_nothing_else(erased: Erased) -> None:
    assert erased.receipt["state"] == "erased"
    reconciled, recounted = (run_operation(name) for name in ("reconcile", "recount"))

    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert recounted.returncode == 0, recounted.stdout + recounted.stderr


def test_the_lines_of_the_page_on_privacy_run(state_folder: Path, stack: dict[str, Any], tmp_path: Path) -> None:
    assert stack
    (tmp_path / ".local").symlink_to(state_folder)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    page = (ROOT / "docs/privacy.md").read_text("utf-8")
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", page.partition("### After restoring")[0], re.DOTALL))

    done = subprocess.run(  # noqa: S603 - our documents
        ["/bin/bash", "-c", f"set -e -o pipefail\n{lines}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for text in ('{"kind":"period",', "('erasing', ", "('erased', {'period': 1}, '2"):
        assert text in done.stdout, done.stdout + done.stderr
