"""Go's own packages verify the log of the running stack, and what a witness and the certificates say of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.sam import ROOT
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, logged_certificate, plant, time_from_now
from tests.interop.go_checker import build, check
from tests.witness import Witness

INSPECTIONS = 3


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def certificates(
    stack: dict[str, Any], alipay: Client, partner: Client, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Return the certificates of two trees in the log. One of them was inspected several times.

    Each tree is published before the next statement, so there are at least three checkpoints.
    """
    folder, planted = tmp_path_factory.mktemp("certificates"), []
    for _ in range(2):
        planted.append(plant(stack, alipay, partner))
        logged_certificate(stack, planted[-1][0], 1)
    number, path = planted[0]
    for seconds in range(INSPECTIONS):
        seen = {"certificate": number, "state": "alive", "inspected_at": time_from_now(60 + seconds), "inspector": "x"}
        assert partner.call_or_exit("POST", f"{path}/inspections", {"inspections": [seen]})["accepted"] == 1
    files = []
    for number, statements in ((planted[0][0], 1 + INSPECTIONS), (planted[1][0], 1)):
        file = folder / f"{number}.json"
        file.write_bytes(logged_certificate(stack, number, statements))
        files.append(file)
    return files


def cosigned_checkpoint(stack: dict[str, Any], witness: Witness) -> str:
    """Return the newest checkpoint once the witness has cosigned it."""

    def fetch() -> str:
        return httpx.get(f"{stack['log_url']}/checkpoint", timeout=30).raise_for_status().text

    found: str = eventually(fetch, lambda text: f"\n— {witness.key.name} " in text)
    return found


def test_go_verifies_each_leaf_each_two_checkpoints_and_each_proof_of_the_running_log(
    stack: dict[str, Any],
    witness: tuple[Witness, str],
    checkpoints: Path,
    certificates: list[Path],
    program: Path,
) -> None:
    newest = cosigned_checkpoint(stack, witness[0])
    ran = check(
        program,
        stack["log_url"],
        stack["log_vkey"],
        *certificates,
        witness=witness[0].vkey,
        checkpoints=checkpoints,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    checkpoint, leaves, consistency, *shown = ran.stdout.splitlines()
    assert f"{witness[0].key.name}" in checkpoint
    assert f"{stack['log_vkey'].split('+')[0]} has " in checkpoint
    assert int(checkpoint.split(" has ")[1].split()[0]) >= int(newest.split("\n")[1])
    assert leaves.endswith("is in its bundle, and is included")
    assert int(consistency.split()[1].rstrip(",")) > 2
    assert [line.split(":")[0] for line in shown] == [f"certificate {file.stem}" for file in certificates]
    assert f"{1 + INSPECTIONS} proofs" in shown[0]


def test_go_refuses_another_key_and_a_changed_certificate_of_the_running_log(
    stack: dict[str, Any], certificates: list[Path], program: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.json"
    document = json.loads(certificates[0].read_bytes())
    document["proofs"][0]["leaf"] = document["proofs"][0]["leaf"].replace("ALXA-", "ALXB-")
    forged.write_text(json.dumps(document))
    other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

    assert check(program, stack["log_url"], stack["log_vkey"], forged).stderr.startswith("WRONG: forged.json: proof 0")
    assert check(program, stack["log_url"], other).returncode == 1


def verified_with(policy: str, vkey: str, certificate: Path, file: Path) -> tuple[int, str]:
    """Return the exit code and the last line of a verification with a policy (C2SP tlog-policy)."""
    file.write_text(policy, "utf-8")
    command = [sys.executable, "-m", "saxaul.log", "verify", str(certificate), "--vkey", vkey, "--policy", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    return ran.returncode, (ran.stdout.splitlines() or [ran.stderr])[-1]


def test_a_certificate_has_the_cosignature_of_one_witness_and_lacks_that_of_a_second_one(
    stack: dict[str, Any], witness: tuple[Witness, str], certificates: list[Path], tmp_path: Path
) -> None:
    watching, log = witness[0], f"log {stack['log_vkey']}\n"
    one = f"{log}witness one {watching.vkey}\nquorum one\n"
    absent = Witness("absent.example/tests").vkey
    two = f"{log}witness one {watching.vkey}\nwitness two {absent}\ngroup both 2 one two\nquorum both\n"
    cosigned_checkpoint(stack, watching)
    address = f"{stack['api_url']}/certificates/{certificates[0].stem}.json"
    certificate = tmp_path / "certificate.json"

    def fetch() -> bytes:
        return httpx.get(address, timeout=30).raise_for_status().content

    certificate.write_bytes(eventually(fetch, lambda text: f"— {watching.key.name} ".encode() in text))
    code, line = verified_with(one, stack["log_vkey"], certificate, tmp_path / "one")
    assert (code, line[:14]) == (0, "VERIFIED AS OF"), line
    code, line = verified_with(two, stack["log_vkey"], certificate, tmp_path / "two")
    assert (code, line[:14]) == (3, "MORE TO FETCH:"), line


def test_the_witness_has_never_refused_a_checkpoint_of_the_log(witness: tuple[Witness, str]) -> None:
    statuses = {answer.status for answer in witness[0].answers}

    assert 200 in statuses
    assert statuses <= {200, 409}, "409 only says from which size the log must prove"
