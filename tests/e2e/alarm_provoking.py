"""Brings about on a laptop stack what the alarms watch, as docs/alarms.md tells, and takes it back."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import boto3

from local.deployment import LAPTOP_STACK, client_arguments
from local.invoking import lambda_client
from local.versions import LIVE
from saxaul.ledger.receipts import ReceiptPart
from saxaul.storage.leaves import StoredLeaf, leaf_key, pending_list, to_item
from saxaul.storage.table import raw
from tests.e2e.journeys import crashing_function, put_receipt

REDELIVERED_AFTER = 1
"""Seconds until a queue delivers a message again that failed. After five deliveries, it is a dead letter."""

AN_HOUR = 3600


class Provoking:
    """Provokes conditions on a stack. ``stack`` is the file of the laptop stack."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        arguments = client_arguments(stack["endpoint_url"])
        self._stack = stack
        self._sqs = boto3.client("sqs", **arguments)
        self._events = boto3.client("events", **arguments)
        self._kms = boto3.client("kms", **arguments)
        self._dynamodb = boto3.client("dynamodb", **arguments)
        self._lambda = lambda_client(stack, 60, connections=8)

    def send_poison(self, url: str) -> None:
        """Send a message that no function can read."""
        once = secrets.token_hex(8)
        of_fifo: Any = {"MessageDeduplicationId": once} if url.endswith(".fifo") else {}
        self._sqs.send_message(QueueUrl=url, MessageBody=f"no JSON {once}", MessageGroupId="poison", **of_fifo)

    def empty(self, url: str) -> None:
        self._sqs.purge_queue(QueueUrl=url)

    @contextmanager
    def quick_redelivery(self, urls: Sequence[str]) -> Iterator[None]:
        """Let queues deliver a message again soon inside this block, instead of after minutes."""
        before = {
            url: self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
            for url in urls
        }
        for url in urls:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(REDELIVERED_AFTER)})
        try:
            yield
        finally:
            for url, attributes in before.items():
                self._sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    @contextmanager
    def crashing(self, functions: Sequence[str]) -> Iterator[None]:
        """Let functions crash inside this block. Those that read a stream give up a change after a second.

        On AWS, they give it up after 20 attempts. The emulator knows only an age as a reason to give up.
        """
        with ExitStack() as crashes:
            for function in functions:
                crashes.enter_context(crashing_function(self._stack, function))
            streams = [uuid for name in functions for uuid in self._streams_of(name)]
            for uuid in streams:
                self._lambda.update_event_source_mapping(UUID=uuid, MaximumRecordAgeInSeconds=1)
            try:
                yield
            finally:
                for uuid in streams:
                    self._lambda.update_event_source_mapping(UUID=uuid, MaximumRecordAgeInSeconds=-1)

    def _streams_of(self, function: str) -> list[str]:
        name = self._stack["functions"][function]
        mappings = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        return [
            mapping["UUID"]
            for mapping in mappings
            if mapping["FunctionArn"].split(":")[6] == name and "/stream/" in mapping["EventSourceArn"]
        ]

    def invoke(self, function: str, event: object = None, qualifier: str = LIVE) -> bool:
        """Invoke a function, and return whether Lambda started it and it did not crash."""
        try:
            answered = self._lambda.invoke(
                FunctionName=self._stack["functions"][function],
                Qualifier=qualifier,
                Payload=json.dumps(event or {}).encode(),
            )
        except self._lambda.exceptions.TooManyRequestsException:
            return False
        return "FunctionError" not in answered

    def start_by_schedule(self, function: str) -> None:
        """Start a function as its schedule does: through its alias, and nobody waits for its answer."""
        name = self._stack["functions"][function]
        self._lambda.invoke(FunctionName=name, Qualifier=LIVE, InvocationType="Event", Payload=b"{}")

    @contextmanager
    def throttled(self, functions: Sequence[str]) -> Iterator[None]:
        """Let Lambda start none of these functions inside this block."""
        for function in functions:
            self._lambda.put_function_concurrency(
                FunctionName=self._stack["functions"][function], ReservedConcurrentExecutions=0
            )
        try:
            yield
        finally:
            for function in functions:
                self._lambda.delete_function_concurrency(FunctionName=self._stack["functions"][function])

    def write_late_receipt(self) -> str:
        """Write the receipt of a batch that was accepted an hour ago, and whose message is in no queue."""
        receipt_id = secrets.token_hex(8)
        part = ReceiptPart(receipt_id, 0, 1, "alipay", "actions", int(time.time()) - AN_HOUR, "w")
        put_receipt(self._stack, part)
        return receipt_id

    @contextmanager
    def late_leaf(self) -> Iterator[None]:
        """Write a statement that has waited for an hour, and that the log refuses, because nobody could read it."""
        leaf = StoredLeaf(f"alarms-{secrets.token_hex(6)}", 1, b"{}")
        pending = {
            "list_name": pending_list(0),
            "list_order": f"{int(time.time()) - AN_HOUR:012d}#{leaf.ref.text}",
        }
        ledger, key = self._stack["tables"]["ledger"], raw(leaf_key(leaf.ref)._asdict())
        self._dynamodb.put_item(TableName=ledger, Item=raw(to_item(leaf) | pending))
        try:
            yield
        finally:
            self._dynamodb.delete_item(TableName=ledger, Key=key)

    def matches_the_rule(self, rule: str, event: Mapping[str, Any]) -> bool:
        """Return whether a rule of EventBridge would take an event. ``rule`` is its logical id."""
        [found] = [each for each in self._events.list_rules()["Rules"] if f"-{rule}-" in each["Name"]]
        return bool(
            self._events.test_event_pattern(EventPattern=found["EventPattern"], Event=json.dumps(event))["Result"]
        )

    def signing_key(self) -> str:
        """Return the ARN of the key that signs the log."""
        aliases = [alias for page in self._kms.get_paginator("list_aliases").paginate() for alias in page["Aliases"]]
        [key] = [alias["TargetKeyId"] for alias in aliases if alias["AliasName"] == f"alias/{LAPTOP_STACK}-log"]
        return self._kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
