"""The shell commands in the documents work in a folder with an installed environment and a running stack."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import pytest

from local.sam import ROOT
from tests.e2e.calling import Client
from tests.e2e.journeys import make_rich, new_planting, new_user, order_with, redeem, run_planting_batch
from tests.e2e.test_planting import PROJECT


def make_clone(folder: Path, state_folder: Path) -> Path:
    """Let a folder look like a clone in which ``make up`` has run."""
    (folder / ".local").symlink_to(state_folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "layers").symlink_to(ROOT / "layers")
    (folder / "docs").symlink_to(ROOT / "docs")
    return folder


@pytest.fixture
def folder(stack: dict[str, Any], state_folder: Path, tmp_path: Path) -> Path:
    assert stack
    return make_clone(tmp_path, state_folder)


@pytest.fixture(scope="module", autouse=True)
def page_for_app_teams(
    stack: dict[str, Any], state_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Iterator[str]]:
    """Paste the commands of the page for app teams, each block in a shell of its own, while the other tests run.

    The shells wait for a planting order, which the schedule places once a minute. Yields what each prints.
    """
    assert stack
    folder = make_clone(tmp_path_factory.mktemp("app-team"), state_folder)
    [script] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/integrate.md").read_text("utf-8"), re.DOTALL)
    (folder / "plant_a_tree.py").write_text(script)
    with ThreadPoolExecutor() as shells:
        yield shells.map(lambda block: "\n".join(paste([block], folder)), commands("docs/integrate.md"))


def commands(document: str) -> list[str]:
    """Return the shell blocks of a document without those that call make, sam or pytest, which other tests run."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    return [block for block in blocks if not re.search(r"^make |^AWS_| -m pytest ", block, re.MULTILINE)]


def paste(blocks: Sequence[str], folder: Path) -> list[str]:
    """Run the blocks in one shell, and return the lines that they print. A command that fails ends the shell."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAXAUL_")}
    script = "\n".join(["set -e", *blocks])
    done = subprocess.run(  # noqa: S603 - our documents
        ["/bin/bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("document", ["README.md", "docs/proof.md"])
def test_the_commands_that_check_a_certificate_verify_it(
    document: str, folder: Path, stack: dict[str, Any], alipay: Client, partner: Client
) -> None:
    user = new_user()
    make_rich(alipay, user)
    [number] = redeem(alipay, user, PROJECT)["certificates"]
    run_planting_batch(stack)
    order = order_with(partner, number)
    confirmation = {"certificate": number} | new_planting()
    partner.call_or_exit(
        "POST", f"/planting-orders/{order['order_id']}/confirmations", {"confirmations": [confirmation]}
    )

    wait_until_logged(stack, number)
    blocks = [block for block in commands(document) if "$log" in block and "go run" not in block]

    printed = paste(blocks, folder)

    assert any(line.startswith("VERIFIED AS OF ") for line in printed)
    assert any(line.startswith("OK ") for line in printed)


def wait_until_logged(stack: dict[str, Any], number: str) -> None:
    """Wait until the certificate has proofs, which is a few seconds after its tree was planted."""
    for _ in range(240):
        with urlopen(f"{stack['api_url']}/certificates/{number}") as answer:  # noqa: S310 - our own stack
            if json.load(answer)["proofs"]:
                return
        time.sleep(0.25)
    raise AssertionError(f"{number} is not in the log after a minute")


def test_the_commands_of_the_api_guide_report_a_ride_and_show_its_points(folder: Path) -> None:
    printed = "\n".join(paste(commands("docs/api.md"), folder))

    assert '"accepted":1' in printed
    assert '"code":"unknown_type"' in printed
    assert '"harvestable"' in printed
    assert '"code":"insufficient_points"' in printed, printed
    assert '"words":["gongjiao"]' in printed
    assert '"action_type":"bus_ride","version":1' in printed


def section(document: str, title: str) -> str:
    """Return a section of a document, from its title to the next one of the same size."""
    [found] = re.findall(rf"^{title}\n.*?(?=^## |\Z)", (ROOT / document).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_handbook_of_operators_explains_a_withheld_point_and_shows_who_read_the_person(folder: Path) -> None:
    text = section("docs/operators.md", "## Explaining points")
    [script] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (folder / "explain.py").write_text(script)
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if not block.startswith("AWS_")]

    printed = "\n".join(paste(blocks, folder))

    assert printed.count('"accepted":1') == 5
    [cut, shown] = re.findall(
        r'"cut": true,|leave_the_car withheld over_units_cap\n  [0-9-]+: 4\.0 used, 0\.0 left', printed
    )
    assert (cut, shown.split()[0]) == ('"cut": true,', "leave_the_car")
    assert "5840 points earned" in printed
    documented = re.findall(r'^ *"(\w+)":', re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0], re.MULTILINE)
    assert set(documented) <= set(re.findall(r'^ *"(\w+)":', printed, re.MULTILINE))
    read = re.findall(r"operator  GET /users/{user_id}/(ledger|wallet)  ticket 4711$", printed, re.MULTILINE)
    assert read[-3:] == ["ledger", "wallet", "ledger"]


@contextmanager
def planting_batches(stack: dict[str, Any]) -> Iterator[None]:
    """Start a planting batch every few seconds inside this block, so that nobody waits for the schedule."""
    is_over = Event()

    def start_batches() -> None:
        while not is_over.wait(3):
            run_planting_batch(stack)

    with ThreadPoolExecutor() as aside:
        batches = aside.submit(start_batches)
        try:
            yield
        finally:
            is_over.set()
        batches.result()


def test_the_page_for_partners_leads_from_an_order_to_an_inspected_tree(folder: Path, stack: dict[str, Any]) -> None:
    page = (ROOT / "docs/partners.md").read_text("utf-8")
    [script] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (folder / "plant_trees.py").write_text(script)

    with planting_batches(stack):
        printed = paste(commands("docs/partners.md"), folder)

    number, failed, again, hashed, *rest = printed
    assert re.fullmatch("hashed: [0-9a-f]{64}", hashed)
    assert failed.startswith("failed in the order ")
    assert again.startswith("ordered again as ")
    assert failed.split()[-1] not in again
    assert rest[:6] == [
        *("refused: out_of_reach", "confirmed: 1", "refused: already_planted"),
        *("corrected: 1", "inspected: 1", "alive"),
    ]
    curl = "\n".join(rest[6:])
    for said in (
        "'radius_km'",
        "'state': 'hashed'",
        ",saxaul-alxa,",
        '{"accepted":1,"refused":[]}',
        '"code":"already_planted"',
    ):
        assert said in curl, curl
    assert curl.endswith("alive")
    assert number not in curl


def test_the_page_for_app_teams_leads_to_a_planted_tree_with_the_client_and_with_curl(
    page_for_app_teams: Iterator[str],
) -> None:
    page = (ROOT / "docs/integrate.md").read_text("utf-8")
    client, curl = page_for_app_teams

    documented = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    lines = client.splitlines()
    assert documented[1:5] == [
        *("7 actions accepted", "refused flight: unknown_type"),
        *("clothes_recycling posted", "leave_the_car withheld over_units_cap"),
    ]
    assert set(documented[1:5]) <= {line.strip() for line in lines}, client
    assert re.fullmatch(r"rides-\w+ may use actions\.write .*grants\.write", lines[0])
    assert "more than the max_points of" in client
    assert re.fullmatch(r"planted http\S+/certificates/\S+", lines[-1]), client
    for said in ('"accepted":4', '"code":"unknown_type"', '"posted":3', '"withheld":1', '"reason":"over_units_cap"'):
        assert said in curl, curl
    for said in ('"code":"price_changed"', '"accepted":1', "Saxaul planted", '"state":"ended"'):
        assert said in curl, curl
