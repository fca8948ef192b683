"""Photos on a deployed stack: uploaded with a form, hashed within seconds, public for anyone; and what is refused."""

import secrets
from hashlib import sha256
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import client_arguments
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_rich, new_user, order_with, redeem, run_planting_batch
from tests.photos import declared, png

PROJECT = "saxaul-alxa"
SOON = 20
"""Seconds within which a photo is hashed on a busy machine. Usually it takes two."""


@pytest.fixture(scope="module")
def path(alipay: Client, partner: Client, stack: dict[str, Any]) -> str:
    """The path at which photos of an order are declared."""
    user = new_user()
    make_rich(alipay, user)
    [number] = redeem(alipay, user, PROJECT)["certificates"]
    run_planting_batch(stack)
    return f"/planting-orders/{order_with(partner, number)['order_id']}/photos"


def new_photo() -> bytes:
    """Return a photo that no other test uploads, because it has a text of its own."""
    return png(0, (b"tEXt", b"Comment\0" + secrets.token_hex(8).encode()))


def ask(partner: Client, path: str, photo: dict[str, Any]) -> dict[str, Any]:
    [answer] = partner.call_or_exit("POST", path, {"photos": [photo]})["photos"]
    found: dict[str, Any] = answer
    return found


def upload(form: dict[str, Any], body: bytes, **changes: str) -> httpx.Response:
    """Send a form with a file, as a browser would. It needs no token."""
    fields = form["fields"] | {name.replace("_", "-"): value for name, value in changes.items()}
    return httpx.post(form["url"], data=fields, files={"file": ("tree", body)}, timeout=30)


def bucket_named(stack: dict[str, Any], name: str) -> str:
    cloudformation = boto3.client("cloudformation", **client_arguments(stack["endpoint_url"]))
    [deployed] = [found["StackName"] for found in cloudformation.describe_stacks()["Stacks"]]
    resource = cloudformation.describe_stack_resource(StackName=deployed, LogicalResourceId=name)
    return resource["StackResourceDetail"]["PhysicalResourceId"]


def uploads_left(stack: dict[str, Any]) -> list[str]:
    s3 = boto3.client("s3", **client_arguments(stack["endpoint_url"]))
    found = s3.list_objects_v2(Bucket=bucket_named(stack, "UploadBucket"))
    return [upload["Key"] for upload in found.get("Contents", [])]


def public_photo(stack: dict[str, Any], name: str) -> httpx.Response:
    return httpx.get(f"{stack['endpoint_url']}/{bucket_named(stack, 'FilesBucket')}/photos/{name}", timeout=30)


def test_an_uploaded_photo_is_hashed_within_seconds_and_anyone_can_read_it(
    partner: Client, stack: dict[str, Any], path: str
) -> None:
    photo = new_photo()
    asked = ask(partner, path, declared(photo))
    assert asked["state"] == "awaited"

    assert upload(asked["upload"], photo).status_code == 204
    found = eventually(lambda: ask(partner, path, declared(photo)), lambda shown: shown["state"] == "hashed", SOON)

    assert (found["state"], found["upload"]) == ("hashed", None)
    shown = public_photo(stack, sha256(photo).hexdigest())
    assert (shown.status_code, shown.content) == (200, photo)
    assert shown.headers["content-type"] == "image/png"
    assert "immutable" in shown.headers["cache-control"]
    assert upload(asked["upload"], photo).status_code == 204, "the form was sent again"
    assert eventually(lambda: uploads_left(stack), lambda left: left == [], SOON) == []


def test_s3_refuses_another_size_type_or_key_and_a_changed_form(partner: Client, path: str) -> None:
    photo = new_photo()
    form = ask(partner, path, declared(photo))["upload"]
    key = form["fields"]["key"]

    assert upload(form, photo + b"more").status_code in (400, 403)
    assert upload(form, photo[:-1]).status_code in (400, 403)
    assert upload(form, photo, Content_Type="text/html").status_code in (400, 403)
    assert upload(form, photo, key=key.replace("uploads/", "photos/")).status_code in (400, 403)
    assert upload(form, photo, policy=form["fields"]["policy"][:-4] + "AAAA").status_code in (400, 403)
    assert upload(form, photo, x_amz_signature="0" * 64).status_code in (400, 403)
    assert ask(partner, path, declared(photo))["state"] == "awaited"


def test_other_bytes_and_a_page_are_deleted_and_the_photo_is_refused_with_a_reason(
    partner: Client, stack: dict[str, Any], path: str
) -> None:
    photo, page = new_photo(), b"<!doctype html><script>alert(1)</script>" + secrets.token_hex(8).encode()
    other = photo[:-1] + b"\0"
    wrong = [(declared(photo), other, "other_bytes"), (declared(page, "image/jpeg"), page, "not_a_photo")]

    for said, body, _ in wrong:
        assert upload(ask(partner, path, said)["upload"], body).status_code == 204
    assert eventually(lambda: uploads_left(stack), lambda left: left == [], SOON) == []

    for said, _, code in wrong:
        found = ask(partner, path, said)
        assert (found["state"], found["refused"]["code"]) == ("refused", code)
        assert public_photo(stack, said["sha256"]).status_code in (403, 404)
    assert upload(ask(partner, path, declared(photo))["upload"], photo).status_code == 204
    state = eventually(lambda: ask(partner, path, declared(photo))["state"], lambda shown: shown == "hashed", SOON)
    assert state == "hashed", "a wrong upload stopped the right one"


def test_nobody_can_read_or_list_uploads(partner: Client, path: str) -> None:
    form = ask(partner, path, declared(new_photo()))["upload"]

    for address in (form["url"], form["url"] + form["fields"]["key"]):
        assert httpx.get(address, timeout=30).status_code in (403, 404)


def test_the_largest_photo_is_hashed(partner: Client, path: str) -> None:
    filled = new_photo()
    photo = filled + bytes(15_000_000 - len(filled))
    form = ask(partner, path, declared(photo))["upload"]

    assert upload(form, photo).status_code == 204
    state = eventually(lambda: ask(partner, path, declared(photo))["state"], lambda shown: shown == "hashed", SOON)
    assert state == "hashed"
