"""Checks the template against the rules of checkov for secure and reliable stacks: `make check`.

    python -m tests.template.policies

The rules are applied to the resources that CloudFormation creates, so also to the roles and permissions that SAM adds.
accepted.yaml has the findings that are accepted, with their reasons. Each other finding fails the command, and so
does an entry of that file that no finding needs.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from local.command import command_parser, run_command
from local.console import console, exit_with
from local.sam import ROOT
from tests.template.reading import made_resources, template

CHECKOV = ROOT / ".local" / "policies" / "bin" / "checkov"

ACCEPTED = Path(__file__).with_name("accepted.yaml")

_SECONDS = 300
"""How long checkov may take; about 10 on an idle machine."""


class Finding(NamedTuple):
    """A resource that does not follow a rule."""

    rule: str
    resource: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.rule} {self.name}"


class Accepted(NamedTuple):
    """A rule that some resources need not follow.

    Attributes:
        rule: the identifier of the rule.
        resources: the resources, as checkov names them: type and logical id. ``*`` stands for any logical id.
        why: the reason.
    """

    rule: str
    resources: Sequence[str]
    why: str

    def covers(self, finding: Finding, pattern: str | None = None) -> bool:
        """Return whether a finding is accepted, by one pattern of the resources or by any."""
        patterns = self.resources if pattern is None else [pattern]
        return finding.rule == self.rule and any(fnmatchcase(finding.resource, each) for each in patterns)


class PoliciesError(Exception):
    """checkov failed, or read no resources."""


def check(template: Mapping[str, Any], program: Path = CHECKOV) -> list[Finding]:
    """Return what checkov finds in a template.

    Raises:
        PoliciesError: checkov failed, or could not read the template.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(template, default=str), "utf-8")
        without_service = {"BC_SKIP_MAPPING": "TRUE"}  # it would ask for texts about the rules, and wait for them
        command = [
            str(program),
            "--file",
            str(file),
            "--framework",
            "cloudformation",
            "--skip-download",
            "--output",
            "json",
        ]
        done = subprocess.run(  # noqa: S603 - the program of our own environment
            command,
            env={**os.environ, **without_service},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    try:
        found = json.loads(done.stdout)
        summary, failed = found["summary"], found["results"]["failed_checks"]
    except (ValueError, LookupError, TypeError):
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["it printed nothing"]
        raise PoliciesError(f"checkov failed: {said[-1]}") from None
    if summary["parsing_errors"] or summary["resource_count"] < len(template["Resources"]):
        raise PoliciesError(f"checkov read {summary['resource_count']} of {len(template['Resources'])} resources.")
    return [Finding(each["check_id"], each["resource"], each["check_name"]) for each in failed]


def faults(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[str]:
    """Return what is wrong: each finding that is not accepted, and each accepted resource that has no finding."""
    unexplained = [str(found) for found in findings if not any(each.covers(found) for each in accepted)]
    unneeded = [
        f"{each.rule} is accepted for {pattern}, but nothing is found there"
        for each in accepted
        for pattern in each.resources
        if not any(each.covers(found, pattern) for found in findings)
    ]
    return unexplained + unneeded


def main() -> None:
    command_parser("tests.template.policies", __doc__).parse_args()
    sections = ("AWSTemplateFormatVersion", "Parameters", "Conditions")
    translated = {**{name: template()[name] for name in sections}, "Resources": made_resources()}
    accepted = [Accepted(**each) for each in yaml.safe_load(ACCEPTED.read_text("utf-8"))]
    try:
        findings = check(translated)
    except (PoliciesError, subprocess.TimeoutExpired) as error:
        exit_with(str(error))
    if wrong := faults(findings, accepted):
        exit_with(f"The template breaks these rules, or {ACCEPTED.relative_to(ROOT)} has too much:", wrong)
    resources = len(translated["Resources"])
    console.print(
        f"[green]✓[/] checkov: {resources} resources, {len(findings)} findings accepted with {len(accepted)} reasons"
    )


if __name__ == "__main__":
    run_command(main)
