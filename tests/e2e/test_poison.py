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


def body_of(user_id: str) -> str:
    """Return the message of one bus ride, as the API queues it."""
    ride = ReportedAction.model_validate(make_action(user_id))
    occurred_at = int(ride.occurred_at.timestamp())
    action = Action("alipay", Owner("user", user_id), ride.action_id, "bus_ride", ride.quantity, occurred_at, rule=1)
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
    assert "0 of about 0" in run_operation("dead_letters", "list").stdout
