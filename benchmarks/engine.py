"""An emulator of AWS with the tables and queues of template.yaml. The functions are not deployed to it.

The benchmarks run the functions in their own process.
"""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import current_thread, main_thread

import boto3

from local.deployment import ADMIN, REGION
from local.sam import ROOT
from local.seed import load
from local.stack import down, running, start
from local.template import resources, template
from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.entries import Kind
from saxaul.catalog.versions import VersionedEntry
from saxaul.clock import SYSTEM_CLOCK
from saxaul.services.publish_catalog import CatalogPublishing, Publication
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore, entry_item
from saxaul.storage.erasures import Erasures
from saxaul.storage.registry import to_item
from saxaul.storage.snapshots import Snapshots
from saxaul.storage.table import Item, Table

FOLDER = ROOT / ".local" / "bench"
CLIENTS_OF_EVENTS = {
    "alipay-client": RegisteredClient(name="alipay", role="app", trust="first_party"),
    "partner-client": RegisteredClient(name="partner", role="partner", partners=("Alxa SEE Foundation",)),
    "operator-client": RegisteredClient(name="operator", role="operator"),
    "third-party-client": RegisteredClient(name="citybike", role="app", trust="third_party"),
}
"""The Cognito clients that send the requests in ``events/``, and the app to which the event of a grant refers."""

LEDGER, CATALOG, ACTIVITY, PLAIN = "Ledger", "Catalog", "Activity", "Plain"
"""The template's three tables, and one without an index, for the usual design."""

_DECLARED = {LEDGER: "LedgerTable", ACTIVITY: "ActivityTable"}
"""The resource in the template of which a table is a copy. The others are copies of the catalog's table."""

PUBLISHED = "published"
"""The bucket of the published catalog."""


def stop_if_terminated() -> None:
    """Let a SIGTERM end the benchmark like an error, so that it stops its emulators."""
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))


@contextmanager
def engine() -> Iterator[str]:
    """Start the emulator on a free port, yield the URL of the action queue, and stop the emulator afterwards.

    Meanwhile, the AWS clients of this process use the emulator, and the process has the environment variables that the
    template gives the functions.
    """
    stop_if_terminated()
    before = dict(os.environ)
    os.environ["SAXAUL_STATE"] = str(FOLDER)
    if running():
        down()
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        start(port)
        endpoint = f"http://localhost:{port}"
        os.environ.update(ADMIN, AWS_ENDPOINT_URL=endpoint, **_function_environment())
        settings.cache_clear()
        make_tables(LEDGER, CATALOG, ACTIVITY, PLAIN)
        sqs = boto3.client("sqs")
        queue = sqs.create_queue(QueueName="ActionQueue")["QueueUrl"]
        redemptions = sqs.create_queue(QueueName="RedemptionQueue.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        os.environ.update(ACTION_QUEUE_URL=queue, REDEMPTION_QUEUE_URL=redemptions)
        _seed()
        boto3.client("s3").create_bucket(Bucket=PUBLISHED, CreateBucketConfiguration={"LocationConstraint": REGION})
        publish_catalog()
        yield queue
    finally:
        down()
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def function_memory(logical_id: str) -> int:
    """Return the memory of a function in the template, in megabytes."""
    own = resources("AWS::Serverless::Function")[logical_id]
    return int({**template()["Globals"]["Function"], **own}["MemorySize"])


def _function_environment() -> dict[str, str]:
    defaults = {name: str(parameter["Default"]) for name, parameter in template()["Parameters"].items()}
    return {
        "TIME_ZONE": defaults["TimeZone"],
        "ACCEPTANCE_DAYS": defaults["AcceptanceDays"],
        "HARVEST_TIME": defaults["HarvestTime"],
        "LEDGER_TABLE": LEDGER,
        "CATALOG_TABLE": CATALOG,
        "ACTIVITY_TABLE": ACTIVITY,
        "CATALOG_BUCKET": PUBLISHED,
    }


def make_tables(*names: str) -> None:
    """Create tables as the template declares them. An existing table is deleted and created again.

    The ledger is one of which somebody was erased. Since the first erasure, workers look up which persons were.
    """
    client = boto3.client("dynamodb")
    copied = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    for name in names:
        declared = resources("AWS::DynamoDB::Table")[_DECLARED.get(name, "CatalogTable")]
        if name in client.list_tables()["TableNames"]:
            client.delete_table(TableName=name)
        client.create_table(TableName=name, **{key: declared[key] for key in copied if key in declared})
    if LEDGER in names:
        Erasures(Table(LEDGER, SYSTEM_CLOCK)).name_of("somebody")


def _seed() -> None:
    """Write the default catalog and the clients of the events directly to the table, not through the API."""
    table = Table(CATALOG, SYSTEM_CLOCK)
    for client_id, client in CLIENTS_OF_EVENTS.items():
        table.replace(to_item(client_id, client))
    store = CatalogStore(table)
    for kind, found in load().items():
        for identifier, entity in found.items():
            store.put(kind, identifier, VersionedEntry(entity, 1))


class _WrittenCatalog(CatalogStore):
    """A store that does not read what was just written: the emulator needs seconds for a page of 50,000 items."""

    def __init__(self, table: Table, written: Mapping[Kind, Mapping[str, Item]]) -> None:
        super().__init__(table)
        self._written = written

    def _items(self, kind: Kind) -> dict[str, Item]:
        return dict(self._written[kind]) if kind in self._written else super()._items(kind)


def publish_catalog(suggestions: int = 0) -> Publication:
    """Publish the catalog of the emulator, as the function ``publish_catalog`` does.

    If ``suggestions`` is given, first write so many suggestions: those of the default catalog and further ones, which
    consist of words of the default catalog (``suggestions.enlarged_catalog``). They are written to the table directly
    and in batches, without their versions, which no other function reads.
    """
    table, written = Table(CATALOG, SYSTEM_CLOCK), dict[Kind, dict[str, Item]]()
    if suggestions:
        from benchmarks.suggestions import enlarged_catalog  # noqa: PLC0415 - it imports other search engines

        grown = enlarged_catalog(suggestions).suggestions
        written["suggestions"] = {
            name: entry_item("suggestions", name, VersionedEntry(entity, 1)) for name, entity in sorted(grown.items())
        }
        table.put_all([*written["suggestions"].values()])
    return CatalogPublishing(_WrittenCatalog(table, written), Snapshots(PUBLISHED), SYSTEM_CLOCK).publish()
