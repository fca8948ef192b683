"""A worker that fails for a while: the batches that wait are named with their age, and afterwards all is posted."""

import re
import time
from typing import Any

from tests.e2e.calling import Client
from tests.e2e.journeys import (
    IS_LONG,
    eventually,
    failing_function,
    make_action,
    new_user,
    run_operation,
    short_visibility_timeout,
    wait_for_empty_queue,
    wallet_of,
)

CALLS = 3
ACTIONS = 2
"""How many actions each call reports."""

FAILING_SECONDS = 300
"""How long the worker fails in the long profile. In the short one, until the messages are dead letters."""

VISIBILITY = 100 if IS_LONG else 2
"""Seconds until SQS redelivers a message. After five deliveries, it is a dead letter: not in the long profile."""

PATIENCE = 600
_ROW = re.compile(r"^(\S{16}) +alipay +(\d+) +(\d+ (?:s|min)) +(waiting|late|dead|lost) *$", re.MULTILINE)


def named(output: str) -> dict[str, tuple[int, str, str]]:
    """Return the batches of alipay that the command names: how many items, their age and their state."""
    return {receipt_id: (int(items), age, state) for receipt_id, items, age, state in _ROW.findall(output)}


def seconds_of(age: str) -> int:
    """Return an age in seconds, rounded down to the unit in which it is shown."""
    number, unit = age.split()
    return int(number) * (60 if unit == "min" else 1)


def test_batches_wait_while_the_worker_fails_and_are_named_until_they_are_posted(
    stack: dict[str, Any], alipay: Client
) -> None:
    wait_for_empty_queue(PATIENCE)
    users = [new_user() for _ in range(CALLS)]
    began = time.monotonic()

    with short_visibility_timeout(stack, "actions", VISIBILITY):
        with failing_function(stack, "AccruePoints"):
            receipts = [
                alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user) for _ in range(ACTIONS)]})[
                    "receipt_id"
                ]
                for user in users
            ]
            waiting = eventually(
                lambda: run_operation("reconcile"), lambda done: is_known_as(done.stdout, receipts), PATIENCE
            )
            if IS_LONG:
                time.sleep(max(0, FAILING_SECONDS - (time.monotonic() - began)))
                waiting = run_operation("reconcile")
            longest = time.monotonic() - began
            statuses = {
                item["status"]
                for receipt_id in receipts
                for item in alipay.call_or_exit("GET", f"/receipts/{receipt_id}")["items"]
            }
        redriven = run_operation("dead_letters", "redrive")
        wallets = [wallet_of(alipay, user, earned=80 * ACTIONS)["earned"] for user in users]
        wait_for_empty_queue(PATIENCE)
        clean = run_operation("reconcile")

    ages = [seconds_of(age) for _, age, _ in named(waiting.stdout).values()]
    assert waiting.returncode == 1
    assert {receipt_id: items for receipt_id, (items, _, _) in named(waiting.stdout).items()} == dict.fromkeys(
        receipts, ACTIONS
    )
    assert statuses == {"waiting"}
    assert min(ages) >= (FAILING_SECONDS - 60 if IS_LONG else 2)
    assert max(ages) <= longest
    assert redriven.returncode == 0, redriven.stdout + redriven.stderr
    assert wallets == [80 * ACTIONS] * CALLS
    assert (clean.returncode, named(clean.stdout)) == (0, {}), clean.stdout + clean.stderr
    for receipt_id in receipts:
        counts = alipay.call_or_exit("GET", f"/receipts/{receipt_id}")["counts"]
        assert counts["posted"] == ACTIONS


def is_known_as(output: str, receipts: list[str]) -> bool:
    """Return whether the command calls each of the batches late or, in the short profile, dead."""
    right = "late" if IS_LONG else "dead"
    return {receipt_id for receipt_id, (_, _, state) in named(output).items() if state == right} >= set(receipts)
