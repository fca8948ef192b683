"""Runs the operators' commands about an app's reports in this process, against the functions and tables of a test."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.console import console
from local.credentials import write_stack
from operations import app_actions, selection, take_back
from saxaul_client import OperatorClient
from tests.integration.stack import Stack, call

API = "https://api.test/v1"
LOG_GROUP = "/saxaul/test"
COMMANDS = {"app-actions": app_actions, "take-back": take_back}
SPAN = ("--from", "2026-06-01", "--to", "2026-07-01")


class Ran:
    """What a command printed, and its exit code."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"Ran({self.code!r}, {self.out!r}, {self.err!r})"


class Commands:
    """Runs commands against a stack whose workers post what is queued as soon as a receipt is read.

    Attributes:
        state: the folder of the files of the commands.
        calls: the methods and paths of the requests to the API, without those for tokens.
    """

    def __init__(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path
    ) -> None:
        self._stack, self._patch, self._capsys, self.state = stack, monkeypatch, capsys, state
        self.calls: list[tuple[str, str]] = []
        for name in ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, "cn-north-1")  # so that monkeypatch restores what a command sets
        monkeypatch.setenv("SAXAUL_STATE", str(state))
        monkeypatch.delenv("SAXAUL_STACK", raising=False)
        self.write_stack()
        for module in (selection, take_back):
            monkeypatch.setattr(module, "open_client", self._open)
        for module in (selection, take_back, app_actions):
            monkeypatch.setattr(module, "stack_clock", lambda: stack.clock)
        monkeypatch.setattr("operations.app_scan.SEGMENTS", 1)  # moto does not know segments
        boto3.client("logs").create_log_group(logGroupName=LOG_GROUP)

    def write_stack(self, **changes: object) -> None:
        known: dict[str, Any] = {
            "api_url": API,
            "token_url": "https://api.test/token",
            "endpoint_url": None,
            "region": "cn-north-1",
            "time_zone": "Asia/Shanghai",
            "tables": {"ledger": "Ledger", "catalog": "Catalog", "activity": "Activity"},
            "log_group": LOG_GROUP,
            "clients": {"operator": {"client_id": "o", "client_secret": "s"}},
        }
        write_stack(self.state / "stack.json", {**known, **changes})

    def run(self, command: str, *arguments: str, app: str = "bikes", reason: str = "invented rides") -> Ran:
        given = ["--app", app, "--reason", reason, *(() if "--from" in arguments else SPAN), *arguments]
        self._patch.setattr(sys, "argv", [command, *given])
        console.stderr = False  # as in a new process
        code: object = 0
        try:
            COMMANDS[command].main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines that the commands wrote to the log."""
        logs = boto3.client("logs")
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
        events = [
            event
            for stream in streams
            for event in logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"])["events"]
        ]
        return [json.loads(event["message"]) for event in events]

    def _open(self, kind: type[OperatorClient], name: str) -> OperatorClient:
        return kind(API, "https://api.test/token", name, "secret", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        path = request.url.path.removeprefix("/v1")
        self.calls.append((request.method, path))
        match path.strip("/").split("/"):
            case ["apps"]:
                function, resource, found = "manage_apps", "/apps", {}
            case ["apps", app_id, "reversals"]:
                function, resource, found = "ingest_actions", "/apps/{app_id}/reversals", {"app_id": app_id}
            case ["receipts", receipt_id]:
                self._stack.deliver_reported()
                function, resource, found = "ingest_actions", "/receipts/{receipt_id}", {"receipt_id": receipt_id}
            case _:
                raise AssertionError(path)
        response = call(
            *(function, request.method, resource),
            client="operator-client",
            path=found,
            query=dict(request.url.params),
            body=request.content.decode() or None,
        )
        return httpx.Response(response.status, headers=response.headers, json=response.body)
