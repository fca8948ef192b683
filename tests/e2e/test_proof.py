"""Proof on a deployed stack: certificate, log and key are public, and the verifier checks them without the stack."""

import secrets
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import resvg_py
import zxingcpp
from PIL import Image

from local.sam import ROOT
from tests.e2e.calling import Client
from tests.e2e.journeys import make_rich, new_user, order_with, redeem, run_planting_batch

PATIENCE = 60
"""The timeout of a request in seconds. A first request has a cold start, and the machine may be busy."""


@pytest.fixture(scope="module")
def number(alipay: Client, partner: Client, stack: dict[str, Any]) -> str:
    """Return the certificate number of a planted tree."""
    user = new_user()
    make_rich(alipay, user)
    [certificate] = redeem(alipay, user, "saxaul-alxa")["certificates"]
    run_planting_batch(stack)
    order = order_with(partner, certificate)
    details = {"certificate": certificate, "tag": f"ALXA-{secrets.token_hex(4)}", "lat": 38.8512, "lon": 105.7287}
    planted = details | {"planted_at": datetime.now(UTC).isoformat(timespec="seconds")}
    path = f"/planting-orders/{order['order_id']}/confirmations"
    assert partner.call_or_exit("POST", path, {"confirmations": [planted]})["accepted"] == 1
    return str(certificate)


def fetch(stack: dict[str, Any], path: str, **headers: str) -> httpx.Response:
    return httpx.get(stack["api_url"] + path, headers=headers, timeout=PATIENCE).raise_for_status()


def log_pages(stack: dict[str, Any]) -> list[bytes]:
    """Return the raw pages of the log, up to and including the empty page at its end."""
    pages: list[bytes] = []
    after = 0
    while True:
        page = fetch(stack, f"/log?after={after}&limit=5")
        pages.append(page.content)
        if not page.json()["entries"]:
            return pages
        after = page.json()["entries"][-1]["sequence"]


def verify(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "saxaul.log.verify", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_a_certificate_is_verified_offline_and_refused_after_a_change(
    stack: dict[str, Any], number: str, tmp_path: Path
) -> None:
    certificate, log, key = (tmp_path / name for name in ("certificate.json", "log.json", "key.pem"))
    for file, path in ((certificate, f"/certificates/{number}"), (key, "/log/key")):
        file.write_bytes(fetch(stack, path).content)
    pages = log_pages(stack)
    log.write_bytes(b"\n".join(pages))

    accepted = verify(certificate, "--log", log, "--key", key)
    certificate.write_bytes(certificate.read_bytes().replace(b"ALXA-", b"ALXB-", 1))
    refused = verify(certificate, "--log", log, "--key", key)
    log.write_bytes(b"\n".join(pages[:-1]))
    incomplete = verify("--log", log, "--key", key)

    assert (accepted.returncode, accepted.stdout.splitlines()[-1]) == (0, "VERIFIED"), accepted.stdout + accepted.stderr
    assert (incomplete.returncode, incomplete.stdout.splitlines()[-1].split()[0]) == (3, "INCOMPLETE:"), (
        incomplete.stdout + incomplete.stderr
    )
    assert (refused.returncode, refused.stdout.splitlines()[-1].split()[0]) == (1, "REFUSED:"), (
        refused.stdout + refused.stderr
    )


def test_the_qr_code_on_the_picture_leads_to_the_page_of_the_certificate(stack: dict[str, Any], number: str) -> None:
    picture = fetch(stack, f"/certificates/{number}.svg")
    pixels = resvg_py.svg_to_bytes(svg_string=picture.text, width=780, skip_system_fonts=True)
    with Image.open(BytesIO(bytes(pixels))) as image:
        [code] = zxingcpp.read_barcodes(image)

    page = httpx.get(code.text, headers={"accept": "text/html"}, timeout=PATIENCE)

    assert picture.headers["content-type"] == "image/svg+xml"
    assert code.text == f"{stack['api_url']}/certificates/{number}"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert number in page.text


def test_a_picture_with_an_unchanged_etag_is_304(stack: dict[str, Any], number: str) -> None:
    first = fetch(stack, f"/certificates/{number}.svg")
    kept = {"if-none-match": first.headers["etag"]}
    again = httpx.get(f"{stack['api_url']}/certificates/{number}.svg", headers=kept, timeout=PATIENCE)

    assert (again.status_code, again.content) == (304, b"")
