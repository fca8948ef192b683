"""A message that cannot be processed does not block other messages. It is kept, and posted after its correction."""

from pathlib import Path
from typing import Any

import boto3

from local.deployment import client_arguments
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.screening import ReportedAction
from tests.builders import action_bodies
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, new_user, run_operation, short_visibility_timeout, wallet_of

VISIBILITY = 3
"""Seconds until SQS redelivers the message. After five deliveries, it goes to the dead-letter queue."""


def body_of(user_id: str, rule: int = 1) -> str:
    """Return the message of one bus ride, as the API queues it. ``rule`` is the version of the action type."""
    ride = ReportedAction.model_validate(make_action(user_id))
    occurred_at = int(ride.occurred_at.timestamp())
    action = Action("alipay", Owner("user", user_id), ride.action_id, "bus_ride", ride.quantity, occurred_at, rule=rule)
    (body,) = action_bodies("alipay", occurred_at, [action])
    return body


def test_a_poison_message_does_not_block_others_and_is_posted_after_correction(
    stack: dict[str, Any], alipay: Client, tmp_path: Path
) -> None:
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    before, poisoned, after = new_user(), new_user(), new_user()
    mended = body_of(poisoned)
    bodies = [body_of(before), mended.replace('"bus_ride",', '"bus_ride",,'), body_of(after)]
    entries: Any = [
        {"Id": str(number), "MessageBody": body, "MessageGroupId": "alipay"} for number, body in enumerate(bodies)
    ]

    with short_visibility_timeout(stack, "actions", VISIBILITY):
        sent = sqs.send_message_batch(QueueUrl=stack["queues"]["actions"], Entries=entries)
        neighbours = [wallet_of(alipay, user, earned=80)["earned"] for user in (before, after)]
        listed = eventually(
            lambda: run_operation("dead_letters", "list").stdout, lambda listing: "unreadable" in listing, 120
        )
    poison = {entry["Id"]: entry["MessageId"] for entry in sent["Successful"]}["1"]
    (tmp_path / "mended.json").write_text(mended)
    redriven = run_operation("dead_letters", "redrive", "--id", poison, "--body-file", str(tmp_path / "mended.json"))

    assert neighbours == [80, 80]
    assert poison in listed
    assert redriven.returncode == 0, redriven.stdout + redriven.stderr
    assert wallet_of(alipay, poisoned, earned=80)["earned"] == 80
    assert "no dead letters of actions" in run_operation("dead_letters", "list").stdout


def test_a_redrive_moves_what_is_good_and_leaves_poison_and_what_came_back(
    stack: dict[str, Any], alipay: Client
) -> None:
    """A message that names a version of an action type that does not exist can be read, and fails each time."""
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    users = [new_user() for _ in range(12)]
    failing, poison = body_of(new_user(), rule=9_999), "no JSON"
    bodies = [*map(body_of, users[:6]), poison, failing, *map(body_of, users[6:])]
    dead = stack["queues"]["actions_dead_letter"]
    for body in bodies:
        sqs.send_message(QueueUrl=dead, MessageBody=body, MessageGroupId="alipay")

    with short_visibility_timeout(stack, "actions", VISIBILITY):
        first = run_operation("dead_letters", "redrive").stdout
        earned = [wallet_of(alipay, user, earned=80)["earned"] for user in users]
        listed = eventually(
            lambda: run_operation("dead_letters", "list").stdout, lambda listing: "redriven before" in listing, 120
        )
        second = run_operation("dead_letters", "redrive").stdout

    assert "moved 13 messages" in first
    assert "1 message stayed" in first
    assert earned == [80] * 12
    assert "2 of about 2 messages" in listed
    assert "moved 0 messages" in second
    assert "unreadable" in second
    assert "came back after a redrive: alipay: 1 actions (bus_ride)" in second
    assert "dropped 2 messages" in run_operation("dead_letters", "drop", "--all", "--yes").stdout
