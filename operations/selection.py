"""What the commands about an app's reports have in common: which of them are meant, in which stack, and why.

Before anything of a person is read, the reason is noted in the stack's log group (``access_line.py``). If this fails,
the command ends.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, exit_on_failure, open_client, stack_clock, stack_name, stack_with, use_stack
from local.command import non_empty
from local.console import exit_with
from local.failures import file_sentence
from local.sam import state
from local.stack_clock import UnfitTimeError, instant_in
from operations.access_line import NotNotedError, note_access
from operations.app_lines import Sought
from operations.json_lines import DamagedError, InUseError
from saxaul.catalog.clients import OPERATOR
from saxaul.deadline import UnansweredError
from saxaul.http.reasons import LONGEST, checked_reason, has_word
from saxaul.races import OverloadedError
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Table
from saxaul_client import App, OperatorClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select reports."""
    parser.add_argument("--app", type=non_empty, required=True, help="the id of the app")
    parser.add_argument(
        "--from", dest="first", metavar="FROM", type=non_empty, required=True, help="the first moment of posting"
    )
    parser.add_argument(
        "--to", dest="end", metavar="TO", type=non_empty, required=True, help="the moment after the last one"
    )
    parser.add_argument("--reason", type=non_empty, required=True, help="why; it is logged")
    parser.add_argument("--type", type=non_empty, help="only this action type")
    parser.add_argument("--user", type=non_empty, help="only this person")


class Selection(NamedTuple):
    """The reports that a command is about.

    Attributes:
        known: how to reach the stack.
        table_id: names the ledger's table, and no later one with the same name.
        items: about how many items the table has; DynamoDB counts them every six hours.
        app: as it is registered.
    """

    known: dict[str, Any]
    sought: Sought
    reason: str
    app: App
    table_id: str
    items: int

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.known["time_zone"])

    @property
    def table(self) -> Table:
        return Table(self.known["tables"]["ledger"], stack_clock())

    @property
    def about(self) -> dict[str, Any]:
        """What a file is about that a later run continues."""
        return {"table": self.table_id, **self.sought._asdict()}

    @property
    def span(self) -> tuple[str, str]:
        """The first moment and the moment after the last one as RFC 3339 texts."""
        first, end = (datetime.fromtimestamp(at, self.zone).isoformat() for at in (self.sought.first, self.sought.end))
        return first, end

    def file(self, folder: str) -> Path:
        """Return the file in which a command writes how far it is. Each stack and each selection has its own."""
        name = sha256(repr((stack_name(), *self.sought)).encode()).hexdigest()[:12]
        return state() / folder / f"{stack_name()}-{self.sought.app}-{name}.jsonl"


def require_place(file: Path | None) -> None:
    """End the program if a file cannot be written because it has no folder or is one. Nothing was read so far."""
    if file and (file.is_dir() or not file.parent.is_dir()):
        exit_with(f"OUT={file} must name a file in a folder that exists.")


def select(chosen: argparse.Namespace, command: str, longest_reason: int = LONGEST) -> Selection:
    """Find out what a command is about, and note in the stack's log who runs it and why.

    Ends the program if the app does not exist, the span is empty, or the reason is refused or cannot be noted.
    """
    require_place(chosen.out)
    try:
        checked_reason(chosen.reason, longest=longest_reason)
    except ValueError as error:
        exit_with(f"REASON: {error}.")
    known = stack_with("log_group")
    first, end = (_instant(text, ZoneInfo(known["time_zone"])) for text in (chosen.first, chosen.end))
    if first >= end:
        exit_with(f"FROM must be before TO, but {chosen.first} is not before {chosen.end}.")
    if chosen.user and has_word(chosen.reason, chosen.user):
        exit_with("The reason is logged, so it must not have the id of the person.")
    sought = Sought(chosen.app, first, end, chosen.type or "", chosen.user or "")
    app = _registered(chosen.app)
    use_stack(known)
    with exit_on_trouble(known):
        described = dynamodb().describe_table(TableName=known["tables"]["ledger"])["Table"]
        selection = Selection(
            known, sought, chosen.reason, app, described.get("TableId", ""), described.get("ItemCount", 0)
        )
        span = dict(zip(("from", "to"), selection.span, strict=True))
        about = {"reason": chosen.reason, "app": chosen.app, **span}
        about |= {"action_type": chosen.type} if chosen.type else {}
        note_access(known["log_group"], command, about)
    return selection


@contextmanager
def exit_on_trouble(known: dict[str, Any]) -> Iterator[None]:
    """End the program with one sentence if AWS refuses a call, or if a file is in use, damaged or cannot be written.

    What was done so far stays done, and a later run of the same command goes on there.
    """
    try:
        yield
    except (BotoCoreError, ClientError, OverloadedError, UnansweredError, NotNotedError) as error:
        exit_with(aws_failure(f"The stack at {known['api_url']} could not be used", error))
    except InUseError as error:
        exit_with(f"Another command uses this file: {error}.")
    except DamagedError as error:
        exit_with(f"{error}; delete it, and run the command again.")
    except OSError as error:
        exit_with(f"{file_sentence(error)} Run the command again; it goes on where it stopped.")


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        return instant_in(text, zone)
    except UnfitTimeError as error:
        exit_with(str(error))


def _registered(app_id: str) -> App:
    """Return an app, in any state. End the program if there is none, and name similar ones."""
    with exit_on_failure(), open_client(OperatorClient, OPERATOR) as operator:
        apps = {app.app_id: app for app in operator.apps()}
    if app_id not in apps:
        names = ", ".join(get_close_matches(app_id, apps))
        exit_with(f"No app {app_id} was ever registered.{f' Similar: {names}.' if names else ''}")
    return apps[app_id]
