"""The usual design for accruing points from a queue without counting an action twice: the baseline of the benchmark.

Each action is one message. For each message, this code

- writes an idempotency record with the state "in progress", as idempotency libraries do,
- reads the wallet, to see how much of the caps is left,
- writes the entry and the wallet in one transaction,
- marks the record as completed.

It handles the messages of a batch one after the other, as batch processors do. Like Saxaul, it uses ``screen`` to check
the reported actions. It sends, receives and deletes messages ten at a time.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from time import time

from benchmarks.day import Call, Day, Reported
from benchmarks.engine import PLAIN
from benchmarks.periods_way import APP
from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.screening import screen
from saxaul.messages.events import QueueRecord
from saxaul.settings import settings
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.table import Item, Key, Table, TransactionRefusedError, raw, transact

SEND_BATCH = 10
KEPT_FOR = 7 * 86_400
"""How long an idempotency record is kept, in seconds."""


class UsualWay:
    """An idempotency record for each action, then the entry and the wallet in one transaction."""

    name = "usual"
    fair = False

    def __init__(self, day: Day, catalog: Catalog) -> None:
        self._day = day
        self._catalog = catalog
        self._calendar = settings().calendar
        self._table = Table(PLAIN, SYSTEM_CLOCK)

    def prepare(self, call: Call, arrived: Mapping[int, int]) -> None:
        """Write completed records for the actions that the call repeats, unless they first arrive in this same call.

        ``arrived`` counts the earlier actions of each user.
        """
        records: list[Item] = []
        for arrival in call:
            before = range(arrival.first, min(arrival.first + arrival.acts, arrived[arrival.user]))
            if arrival.again and before:
                reported = self._day.reported(arrival.user)
                records += [
                    self._record(reported[number]["user_id"], reported[number]["action_id"]) for number in before
                ]
        self._table.put_all(records)

    def report(self, reported: Sequence[Reported]) -> None:
        accepted, refused, _ = screen(APP, reported, self._catalog, self._calendar, int(time()))
        if refused:
            raise RuntimeError(f"screening refused an action: {refused[0]}")
        bodies = [
            json.dumps([*action.owner, *action[2:4], str(action.quantity), action.occurred_at]) for action in accepted
        ]
        for start in range(0, len(bodies), SEND_BATCH):
            entries = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[start : start + SEND_BATCH])
            ]
            sqs().send_message_batch(QueueUrl=settings().action_queue_url, Entries=entries)  # type: ignore[arg-type]

    def accrue(self, records: Sequence[QueueRecord]) -> None:
        for record in records:
            kind, owner_id, action_id, action_type, quantity, occurred_at = json.loads(record["body"])
            self._accrue(Action(APP, Owner(kind, owner_id), action_id, action_type, Decimal(quantity), occurred_at))

    def check(self, call: Call, _: Mapping[int, int]) -> None:
        """Check that every action of the call has an entry.

        Raises:
            RuntimeError: an entry is missing.
        """
        reported = [
            self._day.reported(arrival.user)[number]
            for arrival in call
            if not arrival.again
            for number in range(arrival.first, arrival.first + arrival.acts)
        ]
        keys = [Key(f"USER#{act['user_id']}", f"ENTRY#{APP}:{act['action_id']}") for act in reported]
        if len(self._table.get_many(keys, consistent=True)) != len(keys):
            raise RuntimeError("some actions of the call have no entry")

    @staticmethod
    def round_trips(used: Counter[str]) -> float:
        names = ("SendMessageBatch", "PutItem", "GetItem", "TransactWriteItems", "UpdateItem")
        return sum(used[name] for name in names)

    def _accrue(self, action: Action) -> None:
        if not self._begin(action):
            return
        while True:
            wallet = self._table.get(Key(f"USER#{action.owner.id}", "WALLET")) or {"balance": 0, "used": {}, "v": 0}
            points, counter, used = self._award(action, wallet["used"])
            entry = {
                "pk": f"USER#{action.owner.id}",
                "sk": f"ENTRY#{APP}:{action.action_id}",
                "type": action.type,
                "quantity": action.quantity,
                "occurred_at": action.occurred_at,
                "points": points,
                "avoided_g": action.quantity * self._catalog.action_types[action.type].avoided_g.value,
                "rule": self._catalog.versions[action.type],
            }
            changed = {
                "pk": f"USER#{action.owner.id}",
                "sk": "WALLET",
                "balance": wallet["balance"] + points,
                "used": wallet["used"] | {counter: used},
            }
            try:
                transact([self._table.put_write(entry, 0), self._table.put_write(changed, int(wallet["v"]))])
            except TransactionRefusedError:
                continue
            break
        self._complete(action, points)

    def _award(self, action: Action, used: Mapping[str, Decimal]) -> tuple[int, str, Decimal]:
        """Return the points, and the name and new value of the counter for the action type's first cap."""
        rule = self._catalog.action_types[action.type]
        cap, reward = rule.caps[0], rule.points
        if reward is None:
            raise RuntimeError(f"{action.type} earns nothing")
        counter = f"{action.type}#{self._calendar.window_of(action.occurred_at, cap.window)}"
        so_far = used.get(counter, Decimal(0))
        units = action.quantity if reward.per == "unit" else Decimal(1)
        if cap.units is not None:
            units = min(units, max(Decimal(0), cap.units - so_far))
        points = int((units * reward.value).to_integral_value(ROUND_FLOOR))
        if cap.points is not None:
            points = min(points, max(0, cap.points - int(so_far)))
        return points, counter, so_far + (points if cap.units is None else units)

    def _record(self, user_id: str, action_id: str) -> Item:
        return {"pk": f"DONE#{APP}:{user_id}:{action_id}", "sk": "DONE", "state": "COMPLETED", "v": 2}

    def _begin(self, action: Action) -> bool:
        """Write an idempotency record that is in progress. Return False if the action already has a record."""
        client = dynamodb()
        record = self._record(action.owner.id, action.action_id)
        try:
            client.put_item(
                TableName=PLAIN,
                Item=raw({**record, "state": "INPROGRESS", "expires": int(time()) + KEPT_FOR}),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _complete(self, action: Action, points: int) -> None:
        record = self._record(action.owner.id, action.action_id)
        dynamodb().update_item(
            TableName=PLAIN,
            Key=raw({"pk": record["pk"], "sk": record["sk"]}),
            UpdateExpression="SET #state = :completed, points = :points",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=raw({":completed": "COMPLETED", ":points": points}),
        )
