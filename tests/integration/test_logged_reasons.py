"""The script of the handbook that prints who read persons, and why, with log lines of every kind."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.sam import ROOT

GROUP = "/saxaul/test"
LINES = (
    {"message": "GET /users/{user_id}/wallet", "operator": "operator", "reason": "ticket 4711"},
    {"message": "GET /users/{user_id}/wallet", "reason": "no operator has written this"},
    {"message": "GET /users/{user_id}/wallet", "operator": "operator", "code": "reason_required"},
    {"message": "the published index cannot be used", "error": "for some reason"},
    {"message": "GET /users/{user_id}/wallet", "operator": "operator", "reason": "after a deployment", "check": True},
    {"message": "an operator runs app-actions", "operator": "arn:aws:iam::1:user/li", "reason": "complaint 17"},
)


def script() -> str:
    """Return the Python lines of the section about who read persons."""
    page = (ROOT / "docs/operators.md").read_text("utf-8")
    section = page.partition("### Who read persons, and why\n")[2].partition("\n## ")[0]
    [found] = re.findall(r"python - <<'END'\n(.*?)\nEND\n", section, re.DOTALL)
    return str(found)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder with the file of a stack whose log group has the lines."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    known = {"endpoint_url": None, "region": "cn-north-1", "log_group": GROUP}
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/stack.json").write_text(json.dumps(known))
    with mock_aws():
        logs = boto3.client("logs", region_name="cn-north-1", aws_access_key_id="t", aws_secret_access_key="t")
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        now = int(time.time() * 1000)  # CloudWatch refuses old lines
        events: list[Any] = [{"timestamp": now + at, "message": json.dumps(line)} for at, line in enumerate(LINES)]
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)
        yield tmp_path


@pytest.mark.usefixtures("folder")
def test_the_script_prints_every_reason_of_an_operator_and_stops_at_no_other_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec(script(), {})  # noqa: S102 - our document

    printed = [line.split("  ")[1:] for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        ["operator", "GET /users/{user_id}/wallet", "ticket 4711"],
        ["arn:aws:iam::1:user/li", "an operator runs app-actions", "complaint 17"],
    ]
