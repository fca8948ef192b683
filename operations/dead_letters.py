"""Looks into a dead-letter queue, sends what lies there back, or drops it.

python -m operations.dead_letters list                                    what lies there, and what is in it
python -m operations.dead_letters redrive [--id ID [--body-file FILE]]    back to its queue: all, or one, also mended
python -m operations.dead_letters drop --id ID | --all --yes              delete one, or all, after showing it
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from rich.markup import escape

from local.client import session_to, stack
from local.console import console, give_up
from operations.dead_letter_queue import AbsentMessageError, DeadLetters
from saxaul.messages.bodies import ActionMessage, PlantingMessage, RedemptionMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_ABSENT = {"InvalidAction", "UnknownOperation", "UnknownOperationException"}
"""The codes of an endpoint that does not know an operation at all."""

_SHOWN = 120
"""Characters of a body that is not a message of ours."""


class Queues(NamedTuple):
    """A queue, its dead-letter queue, and what their messages are."""

    kind: str
    source_url: str
    dead_letter_url: str


def show_all(client: "SQSClient", queues: Queues, limit: int) -> None:
    """Tell of each message; it stays where it is."""
    shown = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        total = letters.count()
        for message in letters:
            _show(message, queues.kind)
            shown += 1
            if shown == limit:
                break
    console.print(f"{shown} of about {max(total, shown)} messages in {escape(queues.dead_letter_url)}")


def redrive_all(client: "SQSClient", queues: Queues) -> None:
    """Have SQS move all messages back, or move them one by one where the endpoint has no such operation."""
    names = client.get_queue_attributes(QueueUrl=queues.dead_letter_url, AttributeNames=["QueueArn"])
    try:
        client.start_message_move_task(SourceArn=names["Attributes"]["QueueArn"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT:
            raise
    else:
        console.print("[green]✓[/] SQS moves them all back, and goes on by itself")
        return
    moved = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        for message in letters:
            letters.move(message, queues.source_url, message["Body"])
            moved += 1
    console.print(f"[green]✓[/] moved {moved} messages back to {escape(queues.source_url)}")


def redrive_one(client: "SQSClient", queues: Queues, message_id: str, body: str | None) -> None:
    """Move one message back, with its own body or a mended one."""
    with DeadLetters(client, queues.dead_letter_url) as letters:
        message = letters.find(message_id)
        letters.move(message, queues.source_url, message["Body"] if body is None else body)
    console.print(
        f"[green]✓[/] moved {message_id} back to {escape(queues.source_url)}{' with its new body' * bool(body)}"
    )


def drop(client: "SQSClient", queues: Queues, message_id: str | None) -> None:
    """Delete one message, or all of them, each after showing it whole."""
    dropped = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        for message in [letters.find(message_id)] if message_id else letters:
            _show(message, queues.kind)
            console.print(message["Body"], markup=False)
            letters.delete(message)
            dropped += 1
    console.print(f"[green]✓[/] dropped {dropped} messages")


def summary(body: str, kind: str) -> str:
    """A message in a few words, or the fault for which no function can read it."""
    try:
        if kind == "redemptions":
            redemption = RedemptionMessage.model_validate_json(body)
            return f"redemption {redemption.redemption_id} of {redemption.user_id} for {redemption.project_id}"
        if kind == "planting":
            return f"an order for {PlantingMessage.model_validate_json(body).project_id}"
        message = ActionMessage.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        return f"unreadable ({': '.join(filter(None, (place, fault['msg'])))}): {body[:_SHOWN]}"
    types = ", ".join(sorted({action.type for action in message.unpacked()}))
    actions = f"{len(message.actions)} actions ({types})" if message.actions else "no actions"
    return f"{message.app}: {actions}, {len(message.reversals)} reversals"


def _show(message: "MessageTypeDef", kind: str) -> None:
    attributes = message["Attributes"]
    minutes = max(0, time.time() - int(attributes["SentTimestamp"]) / 1000) / 60
    age = f"{minutes / 1440:.1f} days" if minutes >= 1440 else f"{minutes:.0f} min"  # noqa: PLR2004 - minutes of a day
    console.print(
        f"[bold]{message['MessageId']}[/] {kind}, {age} old, received {attributes['ApproximateReceiveCount']} times\n"
        f"    {escape(summary(message['Body'], kind))}"
    )


def _mended(file: Path, kind: str) -> str:
    """A body from a file, refused where the function would refuse it too."""
    try:
        body = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        give_up(f"{file} cannot be read: {error}")
    if (told := summary(body, kind)).startswith("unreadable"):
        give_up(f"{file} is no message for the {kind} queue: {told}")
    return body


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m operations.dead_letters", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["list", "redrive", "drop"])
    parser.add_argument("--queue", choices=["actions", "redemptions", "planting"], default="actions")
    parser.add_argument("--id", help="one message alone")
    parser.add_argument("--all", action="store_true", help="drop: every message")
    parser.add_argument("--yes", action="store_true", help="drop --all: do it")
    parser.add_argument("--body-file", type=Path, help="redrive --id: send this body instead")
    parser.add_argument("--limit", type=int, default=100, help="list: the most messages to show")
    parser.add_argument("--source-url", help="the queue on AWS")
    parser.add_argument("--dead-letter-url", help="its dead-letter queue on AWS")
    chosen = parser.parse_args()
    if chosen.id == "":  # a variable of somebody's shell was empty, and all was not meant
        parser.error("--id needs a message id")
    if bool(chosen.source_url) != bool(chosen.dead_letter_url):
        parser.error("--source-url and --dead-letter-url go together")
    if chosen.body_file and not (chosen.command == "redrive" and chosen.id):
        parser.error("--body-file goes with redrive --id")
    if chosen.command == "drop" and bool(chosen.id) == (chosen.all and chosen.yes):
        parser.error("drop takes --id MESSAGE_ID, or --all --yes")
    return chosen


def main() -> None:
    chosen = _arguments()
    session: dict[str, Any] = {}
    if chosen.dead_letter_url:
        queues = Queues(chosen.queue, chosen.source_url, chosen.dead_letter_url)
    else:
        known = stack()
        session = session_to(known)
        queues = Queues(chosen.queue, known["queues"][chosen.queue], known["queues"][f"{chosen.queue}_dead_letter"])
    try:
        client = boto3.client("sqs", **session)
        match chosen.command:
            case "list":
                show_all(client, queues, chosen.limit)
            case "redrive" if chosen.id:
                redrive_one(client, queues, chosen.id, chosen.body_file and _mended(chosen.body_file, chosen.queue))
            case "redrive":
                redrive_all(client, queues)
            case _:
                drop(client, queues, chosen.id)
    except AbsentMessageError as absent:
        give_up(str(absent))
    except (BotoCoreError, ClientError) as error:
        give_up(f"{queues.dead_letter_url} could not be served: {error}")


if __name__ == "__main__":
    main()
