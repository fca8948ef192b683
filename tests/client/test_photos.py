"""Uploading a photo: it is declared, sent with its form, and waited for, and the token goes to the API only."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from saxaul.trees.photos import MAX_PHOTO_BYTES
from saxaul_client import AnswerError, NotHashedError, PartnerClient, Problem
from saxaul_client.photos import MAX_BYTES
from tests.client.fake_api import API, SECRET, TOKEN_URL, FakeApi, StillClock, ok
from tests.photos import JPEG, PHOTO, WEBP, declared

S3 = "https://uploads.s3.test/"


def partner(api: FakeApi, clock: StillClock | None = None) -> PartnerClient:
    transport = httpx.MockTransport(api)
    return PartnerClient(API, TOKEN_URL, "partner-id", SECRET, transport=transport, clock=clock or StillClock())


def answer(body: bytes, state: str = "hashed", url: str = S3) -> httpx.Response:
    form = {"url": url, "fields": {"key": "uploads/1", "policy": "p"}, "expires_at": "2027-01-01T00:15:00Z"}
    name = sha256(body).hexdigest()
    return ok({"photos": [{"sha256": name, "state": state, "upload": None if state == "hashed" else form}]})


STORED = httpx.Response(204)


@pytest.mark.parametrize("body", [JPEG, PHOTO, WEBP])
def test_a_photo_is_declared_uploaded_and_waited_for(body: bytes, tmp_path: Path) -> None:
    api, clock = FakeApi(*(answer(body, "awaited"), STORED, answer(body, "awaited"), answer(body))), StillClock()
    (tmp_path / "tree").write_bytes(body)

    assert partner(api, clock).upload_photo("o-1", tmp_path / "tree") == sha256(body).hexdigest()

    asked, uploaded, *others = api.requests
    assert str(asked.url) == f"{API}/planting-orders/o-1/photos"
    assert json.loads(asked.content) == {"photos": [declared(body)]}
    assert str(uploaded.url) == S3
    assert (
        uploaded.content.index(b"uploads/1") < uploaded.content.index(b'name="policy"') < uploaded.content.index(body)
    )
    assert "authorization" not in uploaded.headers
    assert [json.loads(again.content) for again in others] == [json.loads(asked.content)] * 2
    assert clock.pauses == [0.5]


def test_a_photo_that_is_hashed_already_is_not_uploaded() -> None:
    api = FakeApi(answer(PHOTO))

    assert partner(api).upload_photo("o-1", PHOTO) == sha256(PHOTO).hexdigest()
    assert len(api.requests) == 1


def test_a_photo_that_is_never_hashed_is_an_error_after_the_patience() -> None:
    api, clock = FakeApi(answer(PHOTO, "awaited"), STORED, answer(PHOTO, "awaited")), StillClock()

    with pytest.raises(NotHashedError, match="not hashed within 20 seconds"):
        partner(api, clock).upload_photo("o-1", PHOTO, patience=20)
    assert sum(clock.pauses) <= 20


def refusing(body: bytes, key: str) -> httpx.Response:
    document = json.loads(answer(body, "refused").content)
    document["photos"][0]["refused"] = {"key": key, "code": "other_bytes", "refused_at": "2027-01-01T00:00:00Z"}
    return ok(document)


def test_a_refused_upload_is_an_error_at_once_and_an_earlier_refusal_is_none() -> None:
    with pytest.raises(NotHashedError, match="refused: other_bytes"):
        partner(FakeApi(answer(PHOTO, "awaited"), STORED, refusing(PHOTO, "uploads/1"))).upload_photo("o-1", PHOTO)

    earlier = refusing(PHOTO, "uploads/0")
    assert partner(FakeApi(earlier, STORED, earlier, answer(PHOTO))).upload_photo("o-1", PHOTO)


def test_an_upload_is_repeated_if_s3_is_busy_and_a_refused_one_is_a_problem() -> None:
    busy, refused = httpx.Response(503), httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>")
    api = FakeApi(answer(PHOTO, "awaited"), busy, STORED, answer(PHOTO))
    assert partner(api).upload_photo("o-1", PHOTO)

    with pytest.raises(Problem) as raised:
        partner(FakeApi(answer(PHOTO, "awaited"), refused)).upload_photo("o-1", PHOTO)
    assert (raised.value.status, raised.value.route) == (403, "POST of a form to S3")


def test_a_form_leads_to_no_unprotected_address_and_to_no_other_photo() -> None:
    with pytest.raises(AnswerError, match="https"):
        partner(FakeApi(answer(PHOTO, "awaited", "http://uploads.test/"))).upload_photo("o-1", PHOTO)
    with pytest.raises(AnswerError, match="other photos"):
        partner(FakeApi(answer(JPEG))).upload_photo("o-1", PHOTO)
    with pytest.raises(AnswerError):
        partner(FakeApi(ok({"photos": []}))).upload_photo("o-1", PHOTO)


@pytest.mark.parametrize("body", [b"", b"<html>", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES)])
def test_what_is_no_photo_is_not_declared(body: bytes, tmp_path: Path) -> None:
    api: Any = FakeApi(answer(PHOTO))
    (tmp_path / "tree").write_bytes(body)

    for photo in (body, str(tmp_path / "tree")):
        with pytest.raises(ValueError, match="a photo must"):
            partner(api).upload_photo("o-1", photo)
    assert api.requests == []


def test_the_largest_photo_of_the_client_is_that_of_the_api() -> None:
    assert MAX_BYTES == MAX_PHOTO_BYTES
