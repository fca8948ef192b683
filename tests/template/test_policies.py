"""The check of the template by checkov: which findings fail it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import pytest
import yaml

from tests.template.policies import ACCEPTED, Accepted, Finding, PoliciesError, check, faults

TEMPLATE = {"Resources": {"Uploads": {"Type": "AWS::S3::Bucket"}}}
FOUND = {"check_id": "CKV_AWS_18", "check_name": "No access log", "resource": "AWS::S3::Bucket.Uploads"}
FINDING = Finding("CKV_AWS_18", "AWS::S3::Bucket.Uploads", "No access log")


def make_checkov(folder: Path, printed: object, errors: str = "") -> Path:
    """Return a fake checkov that prints a document, and these errors."""
    script = f"import sys; print({json.dumps(printed)!r}); sys.exit({errors!r} or 1)"
    file = folder / "checkov"
    file.write_text(f"#!/bin/sh\nexec {quote(sys.executable)} -c {quote(script)}\n")
    file.chmod(0o755)
    return file


def report(failed: list[Any], count: int = 1, errors: int = 0) -> Mapping[str, Any]:
    return {"summary": {"parsing_errors": errors, "resource_count": count}, "results": {"failed_checks": failed}}


def test_the_findings_of_checkov_are_read(tmp_path: Path) -> None:
    assert check(TEMPLATE, make_checkov(tmp_path, report([FOUND]))) == [FINDING]


@pytest.mark.parametrize("printed", [report([], count=0), report([], errors=1), {"passed": 0}, []])
def test_a_template_that_checkov_did_not_read_is_no_success(tmp_path: Path, printed: object) -> None:
    with pytest.raises(PoliciesError):
        check(TEMPLATE, make_checkov(tmp_path, printed))


def test_a_checkov_that_fails_is_named_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(PoliciesError, match="checkov failed: no such option"):
        check(TEMPLATE, make_checkov(tmp_path, None, errors="usage\nno such option\n"))


@pytest.mark.parametrize(
    ("rule", "resources", "expected"),
    [
        ("CKV_AWS_18", ["AWS::S3::Bucket.Uploads"], []),
        ("CKV_AWS_18", ["AWS::S3::Bucket.*"], []),
        (
            "CKV_AWS_18",
            ["AWS::S3::Bucket.*", "AWS::S3::Bucket.Old"],
            ["CKV_AWS_18 is accepted for AWS::S3::Bucket.Old, but nothing is found there"],
        ),
        (
            "CKV_AWS_19",
            ["AWS::S3::Bucket.Uploads"],
            [
                "AWS::S3::Bucket.Uploads: CKV_AWS_18 No access log",
                "CKV_AWS_19 is accepted for AWS::S3::Bucket.Uploads, but nothing is found there",
            ],
        ),
    ],
)
def test_a_finding_passes_only_if_it_is_accepted_and_what_is_accepted_must_be_found(
    rule: str, resources: list[str], expected: list[str]
) -> None:
    assert faults([FINDING], [Accepted(rule, resources, "a reason")]) == expected


def test_each_accepted_rule_is_named_once_and_has_a_reason() -> None:
    accepted = [Accepted(**each) for each in yaml.safe_load(ACCEPTED.read_text("utf-8"))]

    assert len({each.rule for each in accepted}) == len(accepted)
    assert all(len(each.why) > 20 for each in accepted)
