"""Lists the messages of a dead-letter queue, moves them back to the queue that they came from, or deletes them.

python -m operations.dead_letters list                           list the messages and their contents
python -m operations.dead_letters redrive                        move all messages back
python -m operations.dead_letters redrive --id ID                move one message back
python -m operations.dead_letters redrive --id ID --body-file F  move one message back, with the body in file F
python -m operations.dead_letters drop --id ID                   print and delete one message
python -m operations.dead_letters drop --all --yes               print and delete all messages
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.client import client_arguments_of_stack, stack
from local.command import command_parser, non_empty, path, run_command, whole_number
from local.console import console, exit_with, shown
from operations.dead_letter_queue import AbsentMessageError, DeadLetters
from saxaul.catalog.models import ValidationError
from saxaul.messages.bodies import ActionMessage, PlantingMessage, RedemptionMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_UNSUPPORTED = {"InvalidAction", "UnknownOperation", "UnknownOperationException"}
"""The error codes with which an endpoint says that it does not support an operation."""

_SHOWN_CHARACTERS = 120
"""How many characters to show of a message body that cannot be parsed."""


class Queues(NamedTuple):
    """A queue, its dead-letter queue, and the kind of their messages."""

    kind: str
    source_url: str
    dead_letter_url: str


def show_all(client: "SQSClient", queues: Queues, limit: int) -> None:
    """Print each message, at most ``limit`` of them. The messages stay in the queue."""
    count = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        total = letters.count()
        for message in letters:
            _print_message(message, queues.kind)
            count += 1
            if count == limit:
                break
    console.print(f"{count:,} of about {max(total, count):,} messages in {shown(queues.dead_letter_url)}")


def redrive_all(client: "SQSClient", queues: Queues) -> None:
    """Let SQS move all messages back. If the endpoint does not support this, move them one by one."""
    names = client.get_queue_attributes(QueueUrl=queues.dead_letter_url, AttributeNames=["QueueArn"])
    try:
        client.start_message_move_task(SourceArn=names["Attributes"]["QueueArn"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNSUPPORTED:
            raise
    else:
        console.print("[green]✓[/] SQS is moving all messages back in the background")
        return
    moved = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        for message in letters:
            letters.move(message, queues.source_url, message["Body"])
            moved += 1
    console.print(f"[green]✓[/] moved {moved:,} messages back to {shown(queues.source_url)}")


def redrive_one(client: "SQSClient", queues: Queues, message_id: str, body: str | None) -> None:
    """Move one message back to its queue, with the given body, or with its own if ``body`` is None."""
    with DeadLetters(client, queues.dead_letter_url) as letters:
        message = letters.find(message_id)
        letters.move(message, queues.source_url, message["Body"] if body is None else body)
    moved = f"moved {message_id} back to {queues.source_url}{' with its new body' * bool(body)}"
    console.print(f"[green]✓[/] {shown(moved)}")


def drop(client: "SQSClient", queues: Queues, message_id: str | None) -> None:
    """Delete the message with this id, or all messages if there is no id. Each message is first printed in full."""
    dropped = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        for message in [letters.find(message_id)] if message_id else letters:
            _print_message(message, queues.kind)
            console.print(shown(message["Body"]))
            letters.delete(message)
            dropped += 1
    console.print(f"[green]✓[/] dropped {dropped:,} messages")


def summary(body: str, kind: str) -> str:
    """Return a short description of a message body, or why it cannot be parsed, as ``unreadable (…): …``."""
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
        return f"unreadable ({': '.join(filter(None, (place, fault['msg'])))}): {body[:_SHOWN_CHARACTERS]}"
    types = ", ".join(sorted({action.type for action in message.unpacked()}))
    actions = f"{len(message.actions)} actions ({types})" if message.actions else "no actions"
    withdrawals = f", {len(message.withdrawals)} withdrawals" * bool(message.withdrawals)
    return f"{message.app}: {actions}, {len(message.reversals)} reversals{withdrawals}"


def _print_message(message: "MessageTypeDef", kind: str) -> None:
    attributes = message["Attributes"]
    minutes = max(0, time.time() - int(attributes["SentTimestamp"]) / 1000) / 60
    age = f"{minutes / 1440:.1f} days" if minutes >= 1440 else f"{minutes:.0f} min"  # noqa: PLR2004 - minutes of a day
    console.print(
        f"[bold]{shown(message['MessageId'])}[/] {shown(kind)}, {shown(age)} old, "
        f"received {shown(attributes['ApproximateReceiveCount'])} times\n"
        f"    {shown(summary(message['Body'], kind))}"
    )


def _corrected_body(file: Path, kind: str) -> str:
    """Return the message body in a file. End the program if it cannot be parsed as a message for this queue."""
    try:
        body = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        exit_with(f"{file} cannot be read: {error}")
    if (described := summary(body, kind)).startswith("unreadable"):
        exit_with(f"{file} is not a message for the {kind} queue: {described}")
    return body


def _arguments() -> argparse.Namespace:
    parser = command_parser("operations.dead_letters", __doc__, is_whole=True)
    parser.add_argument("command", choices=["list", "redrive", "drop"], help="what to do; the lines above say it")
    parser.add_argument(
        "--queue", choices=["actions", "redemptions", "planting"], default="actions", help="whose messages"
    )
    parser.add_argument("--id", type=non_empty, help="redrive, drop: only this message")
    parser.add_argument("--all", action="store_true", help="drop: every message")
    parser.add_argument("--yes", action="store_true", help="drop --all: confirm that every message is deleted")
    parser.add_argument("--body-file", type=path, help="redrive --id: send the content of this file as the body")
    parser.add_argument("--limit", type=whole_number(1), default=100, help="list: the most messages to show")
    parser.add_argument(
        "--source-url",
        type=non_empty,
        help="the URL of the queue; default: that of SAXAUL_STACK, or of the laptop stack",
    )
    parser.add_argument(
        "--dead-letter-url", type=non_empty, help="the URL of its dead-letter queue; both or neither must be given"
    )
    chosen = parser.parse_args()
    if bool(chosen.source_url) != bool(chosen.dead_letter_url):
        parser.error("--source-url and --dead-letter-url must be given together")
    if chosen.body_file and not (chosen.command == "redrive" and chosen.id):
        parser.error("--body-file needs redrive --id")
    if chosen.command == "drop" and bool(chosen.id) == (chosen.all and chosen.yes):
        parser.error("drop needs either --id MESSAGE_ID or --all --yes")
    return chosen


def main() -> None:
    chosen = _arguments()
    client_arguments: dict[str, Any] = {}
    if chosen.dead_letter_url:
        queues = Queues(chosen.queue, chosen.source_url, chosen.dead_letter_url)
    else:
        known = stack()
        client_arguments = client_arguments_of_stack(known)
        queues = Queues(chosen.queue, known["queues"][chosen.queue], known["queues"][f"{chosen.queue}_dead_letter"])
    try:
        client = boto3.client("sqs", **client_arguments)
        match chosen.command:
            case "list":
                show_all(client, queues, chosen.limit)
            case "redrive" if chosen.id:
                redrive_one(
                    client,
                    queues,
                    chosen.id,
                    chosen.body_file and _corrected_body(chosen.body_file, chosen.queue),
                )
            case "redrive":
                redrive_all(client, queues)
            case _:
                drop(client, queues, chosen.id)
    except AbsentMessageError as absent:
        exit_with(str(absent))
    except (BotoCoreError, ClientError) as error:
        exit_with(f"An AWS call for {queues.dead_letter_url} failed: {error}")


if __name__ == "__main__":
    run_command(main)
