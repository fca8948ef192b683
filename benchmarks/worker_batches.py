"""The full batches of the workers, for ``benchmarks/workers.py``: prepared, and then handled by their functions."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from time import time
from typing import Any, NamedTuple

import boto3

from benchmarks.engine import ACTIVITY, LEDGER, make_tables, publish_catalog
from benchmarks.periods_way import APP, CONTEXT
from benchmarks.reporting import SHAPES, Partner
from benchmarks.scale_gauge import mapping
from benchmarks.scale_trees import PROJECT
from functions.accrue_points.handler import handler as accrue_points
from functions.find_repeats.handler import handler as find_repeats
from functions.hash_photos.handler import handler as hash_photos
from functions.ingest_actions.handler import handler as ingest_actions
from functions.place_orders.handler import handler as place_orders
from functions.sequence_log.handler import handler as sequence_log
from functions.settle_redemptions.handler import handler as settle_redemptions
from functions.sweep_redemptions.handler import handler as sweep_redemptions
from functions.tally_impact.handler import handler as tally_impact
from local.sam import ROOT
from saxaul.catalog.entries import run_name
from saxaul.clock import SYSTEM_CLOCK
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.wallets import Wallet
from saxaul.messages.bodies import Call, RedemptionMessage, pack
from saxaul.messages.events import QueueRecord
from saxaul.services.sweep import MAX_SWEPT
from saxaul.settings import settings
from saxaul.storage import leaves, periods, redemptions, wallets
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.sequence import MAX_LEAVES
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, transact
from saxaul.trees.numbers import new_number
from saxaul.trees.orders import MAX_TREES_PER_ORDER
from saxaul.trees.photos import MAX_PHOTO_BYTES, photo_key, upload_key
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION
from tests.builders import make_redemption
from tests.photos import JPEG
from tests.tree_leaves import make_tree_leaf

SUGGESTIONS = 2000
SHARD = "shardId-00000001780632000000-f55eea83"
"""The name of a shard is as long as this one."""

_numbers = count(10**27)


def nothing() -> None:
    """Check nothing: the handler has failed already if the batch did."""


class Batch(NamedTuple):
    """A batch that is prepared.

    ``handle`` lets the function handle it, and fails if a message fails. ``check`` fails if what the function should
    have made is not there.
    """

    function: str
    about: str
    handle: Callable[[], object]
    check: Callable[[], object] = nothing


def batches() -> Iterator[Batch]:
    """Prepare the full batch of each worker. Each must be handled before the next one is prepared."""
    yield _report()
    yield _accrual()
    yield from _stream()
    yield _settlement(_ledger())
    yield _order(_ledger())
    yield _confirmation()
    yield _photo()
    yield _leaves(_ledger())
    yield _sweep(_ledger())
    yield Batch("PublishCatalog", f"{SUGGESTIONS:,} suggestions are new", lambda: publish_catalog(SUGGESTIONS))


def whole(answer: Any) -> None:  # noqa: ANN401 - the answer of a handler
    """Fail if a message of the batch failed."""
    if answer and answer.get("batchItemFailures"):
        raise RuntimeError(f"failed: {answer['batchItemFailures'][:3]}")


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise RuntimeError(f"there is {found}, and not {expected}")


def _ledger() -> Table:
    make_tables(LEDGER, ACTIVITY)
    return Table(LEDGER, SYSTEM_CLOCK)


def _rides(first: int, rides: int, *, run: bool = False) -> list[Action]:
    """Return one ride of each of so many persons, of this hour, or of a run of a campaign."""
    at = int(datetime.now(UTC).replace(minute=0, second=0, microsecond=0).timestamp())
    name = run_name("campaign", settings().calendar.day_of(at)) if run else ""
    return [
        Action(
            *(APP, Owner("user", f"person-{first + number:06}"), f"ride-{next(_numbers)}", "bus_ride", Decimal(1), at),
            rule=1,
            run=name,
            multiplier=Decimal(2 if run else 1),
        )
        for number in range(rides)
    ]


def _records(rides: list[Action]) -> list[QueueRecord]:
    """Return the messages of calls with 500 rides each."""
    bodies = []
    for start in range(0, len(rides), MAX_ACTIONS):
        call = rides[start : start + MAX_ACTIONS]
        bodies += [
            found.body for found in pack(Call(APP, int(time()), f"{start:016}", len(call)), call, range(len(call)))
        ]
    return [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]


def _report() -> Batch:
    event = json.loads((ROOT / "events" / "ingest_actions.json").read_text())
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds")
    ride = {"type": "bus_ride", "quantity": 1, "occurred_at": at}
    rides = [{"action_id": f"r-{number}", "user_id": f"p-{number}", **ride} for number in range(MAX_ACTIONS)]
    event["body"] = json.dumps({"actions": rides})

    def handle() -> None:
        answer: Any = ingest_actions(event, CONTEXT)
        _expect(json.loads(answer["body"])["accepted"], MAX_ACTIONS)

    return Batch("IngestActions", f"a call of {MAX_ACTIONS} actions", handle)


def _accrual() -> Batch:
    _ledger()
    messages = int(mapping("ActionsToAccruePoints")["BatchSize"])
    whole(accrue_points({"Records": _records(_rides(0, messages * MAX_ACTIONS))}, CONTEXT))  # they begin the periods
    records = _records(_rides(0, messages * MAX_ACTIONS))
    about = f"{messages} messages of {MAX_ACTIONS} actions of different persons, who have a period"
    return Batch("AccruePoints", about, lambda: whole(accrue_points({"Records": records}, CONTEXT)))


def _stream() -> Iterator[Batch]:
    """Yield the batches of the functions that read the stream of the ledger: of rides of a campaign."""
    _ledger()
    most = int(mapping("ChangesToTally")["BatchSize"])
    whole(accrue_points({"Records": _records(_rides(0, most, run=True))}, CONTEXT))
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=LEDGER)
    records: Any = [
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(next(_numbers)), "NewImage": item}}
        for page in pages
        for item in page["Items"]
        if item["sk"]["S"].startswith(periods.PERIOD_PREFIX)
    ]
    searched = int(mapping("ChangesToFindRepeats")["BatchSize"])
    yield Batch(
        *("FindRepeats", f"{searched} changes of different persons"),
        lambda: find_repeats({"Records": records[:searched]}, CONTEXT),
    )
    yield Batch(
        *("TallyImpact", f"{len(records):,} changes of different persons, in a campaign"),
        lambda: tally_impact({"Records": records, "shardId": SHARD}, CONTEXT),
    )


def _settlement(ledger: Table) -> Batch:
    size = int(mapping("RedemptionsToSettle")["BatchSize"])
    found = [
        make_redemption(f"r-{number}", trees=MAX_TREES_PER_REDEMPTION, user_id=f"u-{number}", project_id=PROJECT)
        for number in range(size)
    ]
    points = found[0].points
    items = [
        *map(redemptions.to_item, found),
        *(wallets.to_item(Wallet(each.user_id, balance=points)) for each in found),
    ]
    ledger.put_all([{**item, "v": 1} for item in items])
    project = CatalogStore(Table("Catalog", SYSTEM_CLOCK)).catalog().tree_projects[PROJECT]
    saplings = project.model_copy(update={"saplings": size * MAX_TREES_PER_REDEMPTION, "schedule": None})
    stocks, now = Stocks(ledger), int(time())
    transact([stocks.plan_write(stocks.get(PROJECT).planned(saplings, settings().calendar.zone, now), now)])
    records: list[QueueRecord] = [
        {
            "messageId": each.redemption_id,
            "body": RedemptionMessage(
                project_id=PROJECT, user_id=each.user_id, redemption_id=each.redemption_id
            ).model_dump_json(),
        }
        for each in found
    ]
    about = f"{size} redemptions of {MAX_TREES_PER_REDEMPTION} trees of one project"
    return Batch(
        *("SettleRedemptions", about, lambda: whole(settle_redemptions({"Records": records}, CONTEXT))),
        lambda: _expect(Stocks(ledger).get(PROJECT).reserved, size * MAX_TREES_PER_REDEMPTION),
    )


def _order(ledger: Table) -> Batch:
    shape, now = SHAPES["most redemptions"], int(time()) - 100
    waiting = [
        make_redemption(f"w-{number}", trees=trees, user_id=f"w-{number}", project_id=PROJECT).reserved(now)
        for number, trees in enumerate(shape)
    ]
    ledger.put_all([{**redemptions.to_item(each), "v": 1} for each in waiting])
    event: Any = {"Records": [{"messageId": "1", "body": json.dumps({"project_id": PROJECT})}]}
    about = f"an order of {MAX_TREES_PER_ORDER} trees of {len(shape)} redemptions"
    return Batch(
        *("PlaceOrders", about, lambda: whole(place_orders(event, CONTEXT))),
        lambda: _expect(Redemptions(ledger).has_listed(PROJECT), False),
    )


def _confirmation() -> Batch:
    partner = Partner()
    placed = partner.place(SHAPES["most redemptions"])
    numbers = [tree.number for tree in placed.order.trees]
    about = f"a call that confirms {len(numbers)} trees"
    return Batch("TakeReports", about, lambda: partner.confirm(placed.order, numbers))


def _photo() -> Batch:
    end = JPEG[-2:]
    body = JPEG[:-2] + bytes(MAX_PHOTO_BYTES - len(JPEG)) + end
    key = upload_key(sha256(body).hexdigest(), "nonce")
    bucket = os.environ["UPLOAD_BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
    message = json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})
    event: Any = {"Records": [{"messageId": "1", "body": message}]}
    files, name = os.environ["FILES_BUCKET"], photo_key(sha256(body).hexdigest())
    return Batch(
        *("HashPhotos", f"a photo of {MAX_PHOTO_BYTES / 1e6:.0f} MB", lambda: whole(hash_photos(event, CONTEXT))),
        lambda: _expect(boto3.client("s3").head_object(Bucket=files, Key=name)["ContentLength"], MAX_PHOTO_BYTES),
    )


def _leaves(ledger: Table) -> Batch:
    """Prepare as many statements as one batch of the sequencer takes. A run begins further ones for 30 seconds."""
    now = int(time())
    pending = []
    for number in range(MAX_LEAVES - leaves.PENDING_LISTS):
        name = new_number()
        text = make_tree_leaf(certificate=name, tag=f"T {name}", lat=f"38.{number:07}").text
        leaf = leaves.StoredLeaf(name, 1, text)
        pending.append({**leaves.to_item(leaf), **leaves._pending(leaf, now), "v": 1})  # noqa: SLF001 - as it is stored
    ledger.put_all(pending)
    about = f"{len(pending)} statements, which is one batch"
    return Batch("SequenceLog", about, lambda: _expect(sequence_log({}, CONTEXT)["leaves"], len(pending)))


def _sweep(ledger: Table) -> Batch:
    lost = [
        make_redemption(f"l-{number}", user_id=f"l-{number}", project_id=PROJECT, requested_at=int(time()) - 3600)
        for number in range(MAX_SWEPT)
    ]
    ledger.put_all([{**redemptions.to_item(each), "v": 1} for each in lost])
    swept = {"redemptions": MAX_SWEPT}
    return Batch(
        *("SweepRedemptions", f"{MAX_SWEPT} lost redemptions"),
        lambda: _expect(sweep_redemptions({}, CONTEXT), swept),
    )
