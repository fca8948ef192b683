"""The function ``publish_catalog`` and the readers of what it publishes, with the DynamoDB and the S3 of moto."""

import pytest

from saxaul.settings import settings
from saxaul.storage import clients, objects
from saxaul.storage.snapshots import INDEXES
from saxaul.storage.table import Table
from tests.builders import make_suggestion
from tests.integration.conftest import clear_worker_caches
from tests.integration.moto_objects import Requests
from tests.integration.stack import Stack, call, event_of, invoke, put_entry

BUCKET = "published"


@pytest.fixture
def published(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A seeded stack whose catalog the function has published."""
    monkeypatch.setenv("CATALOG_BUCKET", BUCKET)
    monkeypatch.setattr(objects, "_session", lambda _: Requests())
    clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    settings.cache_clear()
    stack.seed_catalog()
    stack.seed("suggestions", bus=make_suggestion())
    assert invoke("publish_catalog", event_of("publish_catalog")) == {"version": 3, "snapshots": 2, "indexes": 1}
    return stack


READERS = [("suggest_campaigns", "/suggestions", "suggestions"), ("view_forest", "/tree-projects", "projects")]


@pytest.mark.parametrize(("function", "path", "field"), READERS)
@pytest.mark.usefixtures("published")
def test_a_cold_start_reads_no_partition_of_the_table(
    monkeypatch: pytest.MonkeyPatch, function: str, path: str, field: str
) -> None:
    clear_worker_caches()
    monkeypatch.setattr(Table, "query", lambda *_, **__: 1 / 0)

    response = call(function, "GET", path)

    assert response.status == 200
    assert response.body[field]


@pytest.mark.usefixtures("published")
def test_an_event_of_the_stream_publishes_a_change() -> None:
    put_entry("synonyms", "bus", {"words": ["bus", "omnibus"]})

    assert invoke("publish_catalog", {"Records": []}) == {"version": 4, "snapshots": 2, "indexes": 1}
    assert invoke("publish_catalog", {"Records": []}) == {"version": 4, "snapshots": 0, "indexes": 0}


def test_a_preview_of_the_search_uses_the_published_index_of_that_day_or_builds_it(
    published: Stack,
) -> None:
    renamed = make_suggestion("Ride the bus home", "坐公交回家").model_dump(mode="json", exclude_defaults=True)
    put_entry("suggestions", "bus", renamed | {"effective_at": "2026-08-01T00:00:00+08:00"})
    invoke("publish_catalog", {"Records": []})
    clear_worker_caches()

    def titles() -> list[str]:
        query = {"q": "bus", "on": "2026-08-01"}
        found = call("suggest_campaigns", "GET", "/suggestions", client="operator-client", query=query).body
        return [result["title"] for result in found["suggestions"] if result["kind"] == "action"]

    assert titles() == ["Ride the bus home"]
    for found in clients.s3().list_objects_v2(Bucket=BUCKET, Prefix=INDEXES)["Contents"]:
        clients.s3().delete_object(Bucket=BUCKET, Key=found["Key"])
    assert titles() == ["Ride the bus home"]
    assert published
