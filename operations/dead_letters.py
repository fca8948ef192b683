"""Lists the messages of a dead-letter queue, moves them back to the queue that they came from, or deletes them.

python -m operations.dead_letters list                           list the messages and their contents
python -m operations.dead_letters redrive                        move the messages back, except those that would fail:
                                                                 they cannot be read, or came back after a redrive
python -m operations.dead_letters redrive --again                also move back those that came back after a redrive
python -m operations.dead_letters redrive --id ID                move one message back
python -m operations.dead_letters redrive --id ID --body-file F  move one message back, with the body in file F,
                                                                 which must have all items of the message
python -m operations.dead_letters drop --id ID                   print and delete one message
python -m operations.dead_letters drop --all --yes               print and delete all messages
python -m operations.dead_letters drop --receipt ID              give up what waits of a batch whose message is gone

Before a message of actions is deleted, what waits in its receipt is marked as dropped, so that the app can see it.
Some queues only say that a run failed, and the next run does the same work. Their messages can be listed and deleted,
not moved.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, client_arguments_of_stack, stack, stack_clock, use_stack
from local.command import add_json, command_parser, non_empty, path, run_command, whole_number
from local.console import console, exit_with, print_json, shown, watching
from operations.ages import age_text
from operations.dead_letter_queue import AbsentMessageError, DeadLetters
from operations.dead_letter_receipts import part_named_in
from operations.failure_records import described as described_failure
from saxaul.catalog.models import ValidationError
from saxaul.catalog.sentences import counted
from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import UnansweredError
from saxaul.messages.bodies import ActionMessage, PlantingMessage, RedemptionMessage
from saxaul.messages.uploads import uploaded_keys
from saxaul.races import ContendedError
from saxaul.storage.receipts import Receipts
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOVABLE = ("actions", "redemptions", "planting", "photos")
ONLY_FAILURES = ("log", "checkpoints", "erasures", "totals", "repeats", "publication", "schedules")
"""The queues whose messages only say that a run failed."""

_KEPT = "Correct its rows, and keep app, accepted_at, receipt, part, parts, size and the places, one for each row."

_UNREADABLE = "unreadable"
"""How the summary of a message begins that cannot be parsed."""

_NEXT = (
    'Correct what cannot be read: DO="redrive --id ID --body-file fixed.json", or delete it: DO="drop --id ID".',
    'When you have fixed why the others came back: DO="redrive --id ID", or DO="redrive --again" for all of them.',
)
"""What to do with messages that a redrive left."""

_SHOWN_CHARACTERS = 120
"""How many characters to show of a message body that cannot be parsed."""


class Queues(NamedTuple):
    """A queue, its dead-letter queue, and the kind of their messages. A queue of failures has no ``source_url``."""

    kind: str
    source_url: str
    dead_letter_url: str


def show_all(client: "SQSClient", queues: Queues, limit: int, *, as_json: bool = False) -> None:
    """Print each message, at most ``limit`` of them, or all of them as JSON. The messages stay in the queue."""
    with DeadLetters(client, queues.dead_letter_url) as letters:
        total = letters.count()
        described = []
        for message in islice(letters, limit):
            described.append(_described(message, queues.kind))
            if not as_json:
                _print_message(described[-1])
    about = max(total, len(described))
    if as_json:
        print_json({"queue": queues.kind, "url": queues.dead_letter_url, "about": about, "messages": described})
    elif about:
        console.print(f"{len(described):,} of about {about:,} messages in {shown(queues.dead_letter_url)}")
    else:
        console.print(
            f"[green]✓[/] no dead letters of {shown(queues.kind)}\n  {shown(queues.dead_letter_url)} is empty"
        )


def redrive_all(client: "SQSClient", queues: Queues, *, again: bool) -> None:
    """Move the messages back one by one, and name those that stay: a redrive would only fail with them again.

    A message stays if it cannot be read, or if it came back after an earlier redrive, unless ``again``. SQS itself can
    move all messages at once, but without a choice.
    """
    moved, stay = 0, dict[str, str]()
    with DeadLetters(client, queues.dead_letter_url) as letters, _watching(letters) as tell:
        for message in letters:
            tell(moved + len(stay))
            described = summary(message["Body"], queues.kind)
            if described.startswith(_UNREADABLE):
                stay[message["MessageId"]] = described
            elif DeadLetters.was_redriven(message) and not again:
                stay[message["MessageId"]] = f"came back after a redrive: {described}"
            else:
                letters.move(message, queues.source_url, message["Body"])
                moved += 1
    if not moved and not stay:
        console.print(f"[green]✓[/] nothing to move\n  {shown(queues.dead_letter_url)} is empty")
        return
    console.print(f"[green]✓[/] moved {moved:,} messages back to {shown(queues.source_url)}")
    if stay:
        console.print(f"[yellow]·[/] {shown(counted(len(stay), 'message'))} stayed, because a redrive would not help:")
        for message_id, why in stay.items():
            console.print(f"    [bold]{shown(message_id)}[/] {shown(why)}")
        for sentence in _NEXT:
            console.print(f"  {shown(sentence)}")


def _watching(letters: DeadLetters) -> AbstractContextManager[Callable[[int], None]]:
    about = letters.count()
    return watching("going through the dead letters", "messages", about)


def redrive_one(client: "SQSClient", queues: Queues, message_id: str, body: str | None) -> None:
    """Move one message back to its queue, with the given body, or with its own if ``body`` is None.

    Ends the program if the new body belongs to another part of a receipt, or leaves out items of its part. Posting
    would write a receipt that does not have them, so it would call them refused.
    """
    with DeadLetters(client, queues.dead_letter_url) as letters:
        message = letters.find(message_id)
        if body and (part := part_named_in(message["Body"])) and part_named_in(body) != part:
            exit_with(f"The new body must keep the items of the receipt {part.receipt_id}. {_KEPT}")
        letters.move(message, queues.source_url, message["Body"] if body is None else body)
    moved = f"moved {message_id} back to {queues.source_url}{' with its new body' * bool(body)}"
    console.print(f"[green]✓[/] {shown(moved)}")


def drop(client: "SQSClient", queues: Queues, receipts: Receipts | None, message_id: str | None) -> None:
    """Delete the message with this id, or all messages if there is no id. Each message is first printed in full.

    What waits in the receipt of a message is marked as dropped before the message is deleted. So if the command ends in
    between, the message is still there, and the next run marks nothing more. Only messages of actions have
    ``receipts``.
    """
    dropped = marked = 0
    with DeadLetters(client, queues.dead_letter_url) as letters:
        for message in [letters.find(message_id)] if message_id else letters:
            _print_message(_described(message, queues.kind))
            console.print(shown(message["Body"]))
            part = part_named_in(message["Body"])
            marked += receipts.drop(part) if receipts and part else 0
            letters.delete(message)
            dropped += 1
    in_receipts = f", and marked {marked:,} items of receipts as dropped" if receipts else ""
    console.print(f"[green]✓[/] dropped {dropped:,} messages{shown(in_receipts)}")


def drop_receipt(receipts: Receipts, receipt_id: str) -> None:
    """Mark what waits in a receipt as dropped. If its message turns up after all, its items are posted.

    Ends the program if there is no such receipt.
    """
    parts = receipts.parts_of(receipt_id)
    if not parts:
        exit_with(f"There is no receipt {receipt_id}.")
    marked = sum(map(receipts.drop, parts))
    console.print(f"[green]✓[/] marked {marked:,} items of the receipt {shown(receipt_id)} as dropped")


def summary(body: str, kind: str) -> str:
    """Return a short description of a message body, or why it cannot be parsed, as ``unreadable (…): …``."""
    try:
        if kind == "redemptions":
            redemption = RedemptionMessage.model_validate_json(body)
            return f"redemption {redemption.redemption_id} of {redemption.user_id} for {redemption.project_id}"
        if kind == "planting":
            return f"an order for {PlantingMessage.model_validate_json(body).project_id}"
        if kind == "photos":
            return _uploads_in(body)
        if kind in ONLY_FAILURES:
            return described_failure(body)
        message = ActionMessage.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        return f"{_UNREADABLE} ({': '.join(filter(None, (place, fault['msg'])))}): {body[:_SHOWN_CHARACTERS]}"
    types = ", ".join(sorted({action.type for action in message.unpacked()}))
    actions = f"{len(message.actions)} actions ({types})" if message.actions else "no actions"
    withdrawals = f", {len(message.withdrawals)} withdrawals" if message.withdrawals else ""
    return f"{message.app}: {actions}, {len(message.reversals)} reversals{withdrawals}"


def _uploads_in(body: str) -> str:
    """Return which uploads a message of S3 is about, or why it cannot be parsed."""
    try:
        keys = uploaded_keys(body)
    except ValueError as error:
        return f"{_UNREADABLE} ({error}): {body[:_SHOWN_CHARACTERS]}"
    return f"the upload {', '.join(keys)}" if keys else "a test of S3"


def _described(message: "MessageTypeDef", kind: str) -> dict[str, Any]:
    """Return what the list shows of a message. The receipt and its app are null if the message names none."""
    attributes = message["Attributes"]
    part = part_named_in(message["Body"]) if kind == "actions" else None
    return {
        "id": message["MessageId"],
        "kind": kind,
        # Queues keep the time of the machine, also if the clock of the laptop stack is ahead of it.
        "age_s": round(time.time() - int(attributes["SentTimestamp"]) / 1000),
        "received": int(attributes["ApproximateReceiveCount"]),
        "was_redriven": DeadLetters.was_redriven(message),
        "receipt_id": part.receipt_id if part else None,
        "app_id": part.app if part else None,
        "summary": summary(message["Body"], kind),
    }


def _print_message(found: Mapping[str, Any]) -> None:
    """Print what ``_described`` returned."""
    redriven = ", redriven before" * found["was_redriven"]
    receipt = f", receipt {found['receipt_id']} of {found['app_id']}" if found["receipt_id"] else ""
    console.print(
        f"[bold]{shown(found['id'])}[/] {shown(found['kind'])}, {shown(age_text(found['age_s']))} old, "
        f"received {found['received']:,} times{shown(redriven)}{shown(receipt)}\n"
        f"    {shown(found['summary'])}"
    )


def _corrected_body(file: Path, kind: str) -> str:
    """Return the message body in a file. End the program if it cannot be parsed as a message for this queue."""
    try:
        body = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        exit_with(f"{file} cannot be read: {error}")
    if (described := summary(body, kind)).startswith(_UNREADABLE):
        exit_with(f"{file} is not a message for the {kind} queue: {described}")
    return body


def _arguments() -> argparse.Namespace:
    parser = command_parser("operations.dead_letters", __doc__, is_whole=True)
    parser.add_argument("command", choices=["list", "redrive", "drop"], help="what to do; the lines above say it")
    parser.add_argument("--queue", choices=[*MOVABLE, *ONLY_FAILURES], default="actions", help="whose messages")
    parser.add_argument("--id", type=non_empty, help="redrive, drop: only this message")
    parser.add_argument("--all", action="store_true", help="drop: every message")
    parser.add_argument("--receipt", type=non_empty, help="drop: the id of a receipt whose message is in no queue")
    parser.add_argument("--again", action="store_true", help="redrive: also what came back after a redrive")
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
    parser.add_argument(
        "--activity", type=non_empty, help="drop: the table of receipts; needed with --dead-letter-url for actions"
    )
    add_json(parser)
    chosen = parser.parse_args()
    if chosen.json and chosen.command != "list":
        parser.error("--json belongs to list")
    if bool(chosen.source_url) != bool(chosen.dead_letter_url):
        parser.error("--source-url and --dead-letter-url must be given together")
    if chosen.body_file and not (chosen.command == "redrive" and chosen.id):
        parser.error("--body-file needs redrive --id")
    if chosen.again and (chosen.command != "redrive" or chosen.id):
        parser.error("--again belongs to redrive without --id")
    if chosen.command == "drop" and [bool(chosen.id), chosen.all and chosen.yes, bool(chosen.receipt)].count(True) != 1:
        parser.error("drop needs one of --id MESSAGE_ID, --all --yes, or --receipt RECEIPT_ID")
    if chosen.command == "drop" and chosen.queue == "actions" and bool(chosen.activity) != bool(chosen.dead_letter_url):
        parser.error("drop with --dead-letter-url needs --activity, and only then")
    if chosen.command == "redrive" and chosen.queue in ONLY_FAILURES:
        parser.error(f"the messages of {chosen.queue} cannot be moved: the next run does the same work; drop them")
    if chosen.receipt and chosen.queue != "actions":
        parser.error("only batches of actions and reversals have receipts")
    return chosen


def _drop(client: "SQSClient", queues: Queues, chosen: argparse.Namespace) -> None:
    receipts = _receipts_of(chosen)
    if receipts and chosen.receipt:
        drop_receipt(receipts, chosen.receipt)
    else:
        drop(client, queues, receipts, chosen.id)


def _receipts_of(chosen: argparse.Namespace) -> Receipts | None:
    """Return the receipts of the batches in the queue; None if it is not the queue of actions."""
    if chosen.queue != "actions":
        return None
    if chosen.activity:
        return Receipts(Table(chosen.activity, SYSTEM_CLOCK))
    known = stack()
    use_stack(known)
    return Receipts(Table(known["tables"]["activity"], stack_clock()))


def main() -> None:
    chosen = _arguments()
    client_arguments: dict[str, Any] = {}
    if chosen.dead_letter_url:
        queues = Queues(chosen.queue, chosen.source_url, chosen.dead_letter_url)
    else:
        known = stack()
        client_arguments = client_arguments_of_stack(known)
        source = known["queues"][chosen.queue] if chosen.queue in MOVABLE else ""
        queues = Queues(chosen.queue, source, known["queues"][f"{chosen.queue}_dead_letter"])
    try:
        client = boto3.client("sqs", **client_arguments)
        match chosen.command:
            case "list":
                show_all(client, queues, chosen.limit, as_json=chosen.json)
            case "redrive" if chosen.id:
                redrive_one(
                    client,
                    queues,
                    chosen.id,
                    chosen.body_file and _corrected_body(chosen.body_file, chosen.queue),
                )
            case "redrive":
                redrive_all(client, queues, again=chosen.again)
            case _:
                _drop(client, queues, chosen)
    except AbsentMessageError as absent:
        exit_with(str(absent))
    except (BotoCoreError, ClientError, ContendedError, UnansweredError) as error:
        exit_with(aws_failure(f"An AWS call for {queues.dead_letter_url} failed", error))


if __name__ == "__main__":
    run_command(main)
