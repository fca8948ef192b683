"""Photos from the form to the published file: what is hashed, what is refused, and a worker that stops in between."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

import pytest

from saxaul.storage import objects
from saxaul.storage.clients import s3
from saxaul.storage.photos import Photos
from saxaul.storage.published_photos import PublishedPhotos
from saxaul.storage.table import Key
from saxaul.storage.uploads import Uploads
from tests.builders import make_redemption
from tests.integration.log_lines import Lines
from tests.integration.moto_objects import Requests
from tests.integration.stack import Response, Stack, call, invoke
from tests.photos import JPEG, PHOTO, WEBP, declared, png

PAGE = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture
def order_id(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(objects, "_session", lambda _: Requests())
    stack.seed_catalog()
    stack.redemptions.add(make_redemption("r-1").reserved(stack.clock.instant))
    [placed] = stack.run_planting_batch()
    return placed


def ask(order_id: str, *photos: dict[str, Any], client: str = "partner-client") -> Response:
    path = {"order_id": order_id}
    body = {"photos": list(photos)}
    return call("take_reports", "POST", "/planting-orders/{order_id}/photos", path=path, body=body, client=client)


def state_of(order_id: str, photo: dict[str, Any]) -> str:
    [found] = ask(order_id, photo).body["photos"]
    return str(found["state"])


def uploaded(order_id: str, photo: dict[str, Any], body: bytes) -> str:
    """Write a file where the form of a photo would, as S3 does, and return its key. moto checks no forms."""
    fields = ask(order_id, photo).body["photos"][0]["upload"]["fields"]
    s3().put_object(Bucket="uploads", Key=fields["key"], Body=body, ContentType=fields["Content-Type"])
    return str(fields["key"])


def message(key: str, message_id: str = "m-1") -> dict[str, Any]:
    return {"messageId": message_id, "body": json.dumps({"Records": [{"s3": {"object": {"key": quote_plus(key)}}}]})}


def hash_uploads(*keys: str) -> list[str]:
    """Deliver a message for each key. Return those of the messages that the queue must deliver again."""
    answer = invoke("hash_photos", {"Records": [message(key, key) for key in keys]})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def kept(bucket: str) -> list[str]:
    return [found["Key"] for found in s3().list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_form_allows_one_key_one_type_and_one_size_for_15_minutes(order_id: str) -> None:
    photo = declared(PHOTO)
    [found] = ask(order_id, photo).body["photos"]

    fields, policy = found["upload"]["fields"], json.loads(b64decode(found["upload"]["fields"]["policy"]))
    assert (found["sha256"], found["state"]) == (photo["sha256"], "awaited")
    assert found["upload"]["url"] == "https://uploads.s3.cn-north-1.amazonaws.com.cn/"
    assert found["upload"]["expires_at"] == "2026-06-05T12:15:00+08:00"
    assert policy["expiration"] == "2026-06-05T04:15:00Z"
    assert fields["key"].startswith(f"uploads/{photo['sha256']}/")
    for condition in (
        {"bucket": "uploads"},
        {"key": fields["key"]},
        {"Content-Type": "image/png"},
        ["content-length-range", len(PHOTO), len(PHOTO)],
    ):
        assert condition in policy["conditions"]
    assert ask(order_id, photo).body["photos"][0]["upload"]["fields"]["key"] != fields["key"]


def test_only_the_partner_of_an_order_gets_forms(order_id: str) -> None:
    assert ask(order_id, declared(PHOTO), client="other-partner-client").code == "unknown_order"
    assert ask("no-such-order", declared(PHOTO)).code == "unknown_order"


@pytest.mark.parametrize(("body", "media_type"), [(JPEG, "image/jpeg"), (PHOTO, "image/png"), (WEBP, "image/webp")])
def test_an_uploaded_photo_is_published_as_it_is_and_is_hashed_from_then_on(
    stack: Stack, order_id: str, body: bytes, media_type: str
) -> None:
    photo = declared(body)
    key = uploaded(order_id, photo, body)

    assert hash_uploads(key) == []

    shown = {"sha256": photo["sha256"], "state": "hashed", "upload": None, "refused": None}
    assert ask(order_id, photo).body["photos"] == [shown]
    published = s3().get_object(Bucket="files", Key=f"photos/{photo['sha256']}")
    assert (published["Body"].read(), published["ContentType"]) == (body, media_type)
    assert published["CacheControl"] == "public, max-age=31536000, immutable"
    item = stack.ledger.get(Key(f"PHOTO#{photo['sha256']}", "PHOTO"))
    assert item is not None
    assert (item["bytes"], item["type"], item["hashed_at"]) == (len(body), media_type, stack.clock.instant)
    assert kept("uploads") == []


WRONG = {
    "other bytes": (declared(PHOTO), png(1), "other_bytes"),
    "a page": (declared(PAGE, "image/jpeg"), PAGE, "not_a_photo"),
    "another type": (declared(PHOTO, "image/jpeg"), PHOTO, "other_type"),
    "too many bytes": (declared(PHOTO), PHOTO + bytes(15_000_001), "too_large"),
}


@pytest.mark.parametrize(("photo", "body", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_not_the_declared_photo_is_deleted_with_its_reason_and_stops_no_other(
    order_id: str, photo: dict[str, Any], body: bytes, reason: str, lines: Lines
) -> None:
    wrong = uploaded(order_id, photo, body)
    right = uploaded(order_id, declared(png(7)), png(7))
    lines.taken()

    assert hash_uploads(wrong, right) == []

    refused, hashed = map(json.loads, lines.taken())
    assert (refused["message"], refused["reason"], refused["key"]) == ("upload refused", reason, wrong)
    assert hashed["message"] == "photo hashed"
    assert state_of(order_id, declared(png(7))) == "hashed"
    assert kept("uploads") == []
    [found] = ask(order_id, photo).body["photos"]
    said = {"key": wrong, "code": reason, "refused_at": "2026-06-05T12:00:00+08:00"}
    assert (found["state"], found["refused"]) == ("refused", said)
    assert found["upload"]["fields"]["key"] != wrong
    assert kept("files") == [f"photos/{declared(png(7))['sha256']}"]


def test_a_refused_upload_does_not_stop_the_right_photo(order_id: str) -> None:
    photo = declared(PHOTO)
    first, second = uploaded(order_id, photo, png(1)), uploaded(order_id, photo, PAGE)
    assert hash_uploads(first, second) == []
    [found] = ask(order_id, photo).body["photos"]
    assert found["refused"]["key"] == second, "the last refusal is shown"

    assert hash_uploads(uploaded(order_id, photo, PHOTO)) == []
    [found] = ask(order_id, photo).body["photos"]
    assert (found["state"], found["upload"], found["refused"]) == ("hashed", None, None)


def test_a_message_that_cannot_be_read_is_delivered_again_and_stops_no_other(order_id: str) -> None:
    right = uploaded(order_id, declared(PHOTO), PHOTO)
    broken = {"messageId": "broken", "body": "{}"}

    answer = invoke("hash_photos", {"Records": [broken, message(right), message("uploads/x/y", "other")]})

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["broken", "other"]
    assert state_of(order_id, declared(PHOTO)) == "hashed"


def test_a_test_of_s3_and_a_repeated_message_change_nothing(order_id: str, lines: Lines) -> None:
    key = uploaded(order_id, declared(PHOTO), PHOTO)
    testing = {"messageId": "test", "body": '{"Service": "Amazon S3", "Event": "s3:TestEvent"}'}
    assert invoke("hash_photos", {"Records": [testing]}) == {"batchItemFailures": []}

    assert hash_uploads(key) == []
    lines.taken()
    assert hash_uploads(key) == []

    [line] = map(json.loads, lines.taken())
    assert (line["message"], line["key"]) == ("the upload is gone", key)
    assert state_of(order_id, declared(PHOTO)) == "hashed"


class KilledError(BaseException):
    """The worker is killed. No code of the product catches it."""


CALLS: list[tuple[type, str]] = [
    (Uploads, "get"),
    (PublishedPhotos, "put"),
    (Photos, "put"),
    (Uploads, "delete"),
]
"""What a worker does for a photo, in this order."""


@contextmanager
def killing(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool) -> Iterator[None]:
    made: Callable[..., Any] = getattr(owner, name)

    def killed(*arguments: Any) -> None:  # noqa: ANN401 - any arguments
        if after:
            made(*arguments)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        yield


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), CALLS, ids=[f"{owner.__name__}.{name}" for owner, name in CALLS])
def test_a_worker_that_is_killed_at_any_call_leaves_what_the_next_one_completes(
    stack: Stack, order_id: str, owner: type, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    photo = declared(PHOTO)
    key = uploaded(order_id, photo, PHOTO)
    with killing(monkeypatch, owner, name, after=after), pytest.raises(KilledError):
        hash_uploads(key)
    is_published = kept("files") == [f"photos/{photo['sha256']}"]
    assert is_published or Photos(stack.ledger).known([photo["sha256"]]) == set(), "a photo counts and is not public"

    assert hash_uploads(key) == []
    assert state_of(order_id, photo) == "hashed"
    assert kept("files") == [f"photos/{photo['sha256']}"]
    assert kept("uploads") == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), [(Photos, "put_refused"), (Uploads, "delete")], ids=["note", "delete"])
def test_a_worker_that_is_killed_while_it_refuses_a_photo_leaves_what_the_next_one_completes(
    order_id: str, owner: type, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    photo = declared(PHOTO)
    key = uploaded(order_id, photo, PAGE)
    with killing(monkeypatch, owner, name, after=after), pytest.raises(KilledError):
        hash_uploads(key)
    assert kept("uploads") == [key] or state_of(order_id, photo) == "refused", "an upload vanished without a reason"

    assert hash_uploads(key) == []
    assert (state_of(order_id, photo), kept("uploads")) == ("refused", [])


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_bucket_that_refuses_or_fails_loses_no_upload(
    order_id: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = uploaded(order_id, declared(PHOTO), PHOTO)
    with monkeypatch.context() as patch:
        patch.setattr(objects, "_send", lambda *_, **__: (status, {}, b""))
        assert hash_uploads(key) == [key]

    assert hash_uploads(key) == []
    assert state_of(order_id, declared(PHOTO)) == "hashed"
