"""Proof on a deployed stack: certificate, log and key are public, and people check them with the command saxaul-log."""

import json
import subprocess
import sys
from collections.abc import Callable
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
from tests.e2e.journeys import logged_certificate, plant, public_log, time_from_now

PATIENCE = 60
"""The timeout of a request in seconds. A first request has a cold start, and the machine may be busy."""


@pytest.fixture(scope="module")
def planted(alipay: Client, partner: Client, stack: dict[str, Any]) -> tuple[str, str]:
    """Return the certificate number of a planted tree, and the path of its order."""
    return plant(stack, alipay, partner)


@pytest.fixture(scope="module")
def number(planted: tuple[str, str]) -> str:
    return planted[0]


def fetch(stack: dict[str, Any], path: str, **headers: str) -> httpx.Response:
    return httpx.get(stack["api_url"] + path, headers=headers, timeout=PATIENCE).raise_for_status()


@pytest.fixture
def run(stack: dict[str, Any]) -> Callable[..., str]:
    """Return a function that runs saxaul-log with the stack's key, and returns the last line of its output."""

    def checked(*arguments: Path | str) -> str:
        command = [sys.executable, "-m", "saxaul.log", *map(str, arguments), "--vkey", stack["log_vkey"]]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        line = ran.stdout.splitlines()[-1]
        codes = {"VERIFIED": 0, "OK": 0, "FORGED:": 1, "MORE": 3, "NOT": 4}
        assert ran.returncode == codes[line.split()[0]], ran.stdout + ran.stderr
        return line

    return checked


def report_death(partner: Client, planted: tuple[str, str]) -> None:
    number, path = planted
    dead = {"certificate": number, "state": "dead", "inspected_at": time_from_now(60), "inspector": "Forestry Bureau"}
    assert partner.call_or_exit("POST", f"{path}/inspections", {"inspections": [dead]})["accepted"] == 1


def without_the_latest(certificate: bytes) -> bytes:
    """Return a certificate that shows all but its newest event, as a forger would make it who has an older one."""
    shown = json.loads(certificate)
    del shown["proofs"][-1], shown["history"][-1]
    shown["state"] = shown["history"][-1]["state"]
    return json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_a_certificate_is_verified_and_a_changed_one_or_one_that_hides_a_death_is_refused(
    stack: dict[str, Any], partner: Client, planted: tuple[str, str], run: Callable[..., str], tmp_path: Path
) -> None:
    certificate, changed, older, hiding, state = (tmp_path / name for name in ("c", "changed", "older", "hiding", "s"))
    log = stack["log_url"]
    certificate.write_bytes(logged_certificate(stack, planted[0], 1))
    changed.write_bytes(certificate.read_bytes().replace(b"ALXA-", b"ALXB-"))
    older.write_bytes(certificate.read_bytes())

    assert run("verify", certificate).startswith("VERIFIED AS OF ")
    assert run("verify", certificate, "--log", log).startswith("VERIFIED AS OF ")
    assert run("verify", changed).startswith("FORGED: ")
    assert run("monitor", log, "--state", state).startswith("OK ")
    assert run("verify", certificate, "--state", state).startswith("VERIFIED AS OF ")

    report_death(partner, planted)
    certificate.write_bytes(logged_certificate(stack, planted[0], 2))
    hiding.write_bytes(without_the_latest(certificate.read_bytes()))

    assert run("verify", certificate, "--log", log).startswith("VERIFIED AS OF ")
    assert run("verify", certificate, "--state", state).startswith("MORE TO FETCH: ")
    assert run("monitor", log, "--state", state).startswith("OK ")
    assert run("verify", certificate, "--state", state).startswith("VERIFIED AS OF ")
    for file in (older, hiding):
        assert run("verify", file).startswith("VERIFIED AS OF "), "offline, nobody can see what came later"
        assert run("verify", file, "--log", log).startswith("FORGED: the certificate hides")
        assert run("verify", file, "--state", state).startswith("FORGED: the certificate hides")


def test_the_api_the_impact_page_and_a_stranger_who_counts_again_have_the_same_number(
    stack: dict[str, Any], number: str, run: Callable[..., str], tmp_path: Path
) -> None:
    logged_certificate(stack, number, 2)
    line = run("monitor", stack["log_url"], "--state", tmp_path / "state")
    said = public_log(stack)
    numbers = (said["planted"], said["dead"], said["standing"])

    assert (said["url"], said["vkey"]) == (stack["log_url"], stack["log_vkey"])
    assert line.endswith(": {} planted, {} dead, {} standing".format(*numbers))
    counted = fetch(stack, "/impact").json()["tree_counts"]
    assert (counted["planted"], counted["dead"], counted["alive"]) == numbers


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
