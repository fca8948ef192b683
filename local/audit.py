"""Asks a database whether a package that ships has a known vulnerability: `make check`.

    python -m local.audit

pip-audit asks the database of OSV about each package of the lock. A vulnerability makes the command fail, unless
ACCEPTED has it with a reason. If the database does not answer, the command says that nothing was audited,
and does not fail: an outage elsewhere must not stop the work here.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from local.command import command_parser, run_command
from local.console import console, exit_with, shown
from local.dependencies import LOCK

SERVICE = "https://api.osv.dev/v1/query"

ACCEPTED: Mapping[str, str] = {}
"""The vulnerabilities that may ship, by the identifier that the command prints, each with its reason."""

_ANSWER_SECONDS = 5
"""How long pip-audit waits for an answer about one package."""

_ALL_SECONDS = 40
"""How long all packages may take. A slow database would otherwise hold up the other checks."""

_OUTAGE = re.compile(r"requests\.exceptions\.|ServiceError|ConnectionError|your network may be blocking")
"""What pip-audit prints if the database does not answer, or if the answer is not that of the database."""


class Vulnerability(NamedTuple):
    """A known vulnerability of a package, by the identifier of the database, and the releases without it."""

    package: str
    id: str
    fixed_in: Sequence[str]

    def __str__(self) -> str:
        fix = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no release fixes it"
        return f"{self.package} has {self.id}; {fix}"


class Audit(NamedTuple):
    """What the database said.

    Attributes:
        vulnerabilities: what is known of the packages.
        audited: the number of packages that it knows.
        unanswered: why it did not answer about all packages; empty if it did.
    """

    vulnerabilities: Sequence[Vulnerability]
    audited: int
    unanswered: str = ""


class AuditError(Exception):
    """pip-audit failed for another reason than a database that does not answer."""


def audit(lock: Path = LOCK, service: str = SERVICE, seconds: float = _ALL_SECONDS) -> Audit:
    """Ask the database at the address ``service`` about each package of a lock.

    Raises:
        AuditError: pip-audit failed, for example because it cannot read the lock.
    """
    host = urlsplit(service).netloc
    asking = [f"--requirement={lock}", "--disable-pip", "--vulnerability-service=osv", f"--osv-url={service}"]
    telling = ["--format=json", "--progress-spinner=off", f"--timeout={_ANSWER_SECONDS}"]
    command = [sys.executable, "-m", "pip_audit", *asking, *telling]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return Audit([], 0, f"{host} took more than {seconds:.0f} s")
    try:
        return _read(json.loads(done.stdout)["dependencies"])
    except (ValueError, LookupError):
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it printed nothing"]
        if not _OUTAGE.search(done.stderr):
            raise AuditError(f"pip-audit failed: {said[-1]}") from None
    return Audit([], 0, f"no answer from {host}")


def _read(dependencies: Sequence[Mapping[str, object]]) -> Audit:
    """Read the document of pip-audit."""
    found, skipped = [], []
    for each in dependencies:
        name = f"{each['name']} {each.get('version', '')}".strip()
        vulnerabilities = each.get("vulns")
        if not isinstance(vulnerabilities, list):
            skipped.append(name)
            continue
        found += [Vulnerability(name, known["id"], known["fix_versions"]) for known in vulnerabilities]
    return Audit(found, len(dependencies) - len(skipped), f"no answer about {', '.join(skipped)}" if skipped else "")


def judge(result: Audit, accepted: Mapping[str, str]) -> None:
    """Print what the database said. End with 1 if a vulnerability is not accepted, or is accepted in vain."""
    known = {each.id for each in result.vulnerabilities}
    faults = [str(each) for each in result.vulnerabilities if each.id not in accepted]
    if not result.unanswered:
        faults += [f"{id_} is accepted, but no package has it" for id_ in sorted(accepted.keys() - known)]
    if faults:
        exit_with("What ships has known vulnerabilities, or local/audit.py accepts too many:", faults)
    if result.unanswered:
        console.print(f"[yellow]·[/] Not audited: {shown(result.unanswered)}.")
    if result.audited:
        known_of = f"known vulnerabilities of {result.audited} packages that ship"
        console.print(f"[green]✓[/] {known_of}: {f'{len(known)}, all accepted' if known else 'none'}")


def main() -> None:
    command_parser("local.audit", __doc__).parse_args()
    try:
        judge(audit(), ACCEPTED)
    except AuditError as error:
        exit_with(str(error))


if __name__ == "__main__":
    run_command(main)
