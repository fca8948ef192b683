"""Saxaul's design, periods, for the benchmark: the handlers of the deployed functions, with all code behind them.

Before a call is measured, ``prepare`` writes the periods of the call's users as they would be at that time of the day.
The rules of ``saxaul.ledger`` compute these periods without a table, and the meter does not count the writes. So the
benchmark can measure any call of the day without running all earlier calls. After the call, ``check`` compares the
periods in the table with the computed ones.
"""

import json
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from time import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from benchmarks.day import Call, Day, Reported
from benchmarks.metering import unmarked
from functions.accrue_points import handler as accrue_points
from functions.ingest_actions.handler import handler as ingest_actions
from local.sam import ROOT
from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Action
from saxaul.ledger.fates import mark_of
from saxaul.ledger.periods import Period, PeriodKey, period_of, post
from saxaul.ledger.screening import screen
from saxaul.messages.events import QueueRecord
from saxaul.services.accrue import _WRITERS as WRITERS
from saxaul.services.accrue import accrual
from saxaul.services.post_together import Stores
from saxaul.settings import settings
from saxaul.storage.batches import Outcome, Write
from saxaul.storage.clients import dynamodb
from saxaul.storage.periods import Periods, to_item
from saxaul.storage.table import ItemMovedError, Table
from saxaul.storage.wire import HANDLERS

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

APP = "alipay"
CONTEXT = cast(
    "LambdaContext",
    SimpleNamespace(aws_request_id="benchmark", function_name="benchmark", get_remaining_time_in_millis=lambda: 15_000),
)


class PeriodsWay:
    """Reads the periods of a call in one batch, and then writes each of them once."""

    name = "periods"
    fair = True

    def __init__(self, day: Day, catalog: Catalog) -> None:
        self._table = Table(settings().ledger_table, SYSTEM_CLOCK)
        self._expected = ExpectedPeriods(day, catalog)
        self._versions = catalog.versions
        self._event = json.loads((ROOT / "events" / "ingest_actions.json").read_text())

    def prepare(self, call: Call, arrived: Mapping[int, int]) -> None:
        """Write the periods of a call's users as before the call. ``arrived`` counts the earlier actions by user.

        Also let the worker read the versions of action types, which it keeps. So a call is measured with a warm worker.
        """
        accrual().catalog_store.rules(self._versions.items())
        periods = [period for user in users_of(call) for period in self._expected.after(user, arrived[user])]
        self._table.put_all([{**to_item(period), "v": period.version} for period in periods])

    def report(self, reported: Sequence[Reported]) -> None:
        answer = ingest_actions(self._event | {"body": json.dumps({"actions": reported})}, CONTEXT)
        if json.loads(answer["body"])["accepted"] != len(reported):
            raise RuntimeError(f"the API did not accept every action: {answer['body']}")

    def accrue(self, records: Sequence[QueueRecord]) -> None:
        if failed := accrue_points.handler({"Records": list(records)}, CONTEXT)["batchItemFailures"]:
            raise RuntimeError(f"{len(failed)} messages failed")

    def check(self, call: Call, arrived: Mapping[int, int]) -> None:
        """Compare the periods in the table with those that the rules compute. ``arrived`` counts all actions by user.

        Raises:
            RuntimeError: a period differs.
        """
        expected = [period for user in users_of(call) for period in self._expected.after(user, arrived[user])]
        found = Periods(self._table).get_many([period.key for period in expected], consistent=True)
        for period in expected:
            if _without_times(found[period.key]) != _without_times(period):
                raise RuntimeError(f"{period.key} differs from the period that the rules compute")

    @staticmethod
    def round_trips(used: Counter[str]) -> float:
        """Return the number of responses that the functions wait for in sequence. Batches are written in parallel.

        Each message has a receipt, which is written when the call is accepted, and again when it is posted.
        """
        receipts = used["SendMessage"] + used["BatchWriteItem"]
        written = used["BatchExecuteStatement"] + used["PutItem"] - used["SendMessage"]
        return used["SendMessage"] + used["BatchGetItem"] + receipts + written / WRITERS


class SingleWritesWay(PeriodsWay):
    """The same worker as before decision 33: a PutItem for each period, and botocore's general code."""

    name = "periods, single writes"

    def accrue(self, records: Sequence[QueueRecord]) -> None:
        usual = accrual()
        with ThreadPoolExecutor(WRITERS) as threads:
            stores = Stores(SingleWrites(self._table, threads), usual.stores.wallets, usual.stores.claims)
            with patch.object(accrue_points, "accrual", lambda: usual._replace(stores=stores)), _general_code():
                super().accrue(records)


@contextmanager
def _general_code() -> Iterator[None]:
    """Let botocore render and parse what is read, as without ``storage/wire.py``."""
    events: Any = dynamodb().meta.events
    for event, handle in HANDLERS.items():
        events.unregister(event, handle)
    yield
    for event, handle in HANDLERS.items():
        events.register(event, handle)


class SingleWrites(Periods):
    """Writes each period of a batch with a request of its own, in parallel."""

    def __init__(self, table: Table, threads: ThreadPoolExecutor) -> None:
        super().__init__(table)
        self._ledger = table
        self._threads = threads

    def write(self, batch: Sequence[Write]) -> list[Outcome]:
        return list(self._threads.map(self._write_alone, batch))

    def _write_alone(self, write: Write) -> Outcome:
        try:
            self._ledger.put(write.item, write.version)
        except ItemMovedError as moved:
            return moved
        return None


class ExpectedPeriods:
    """The periods that users have in the course of the day, computed by the ledger's rules without a table."""

    def __init__(self, day: Day, catalog: Catalog) -> None:
        self._day = day
        self._catalog = catalog
        self._calendar = settings().calendar
        self._now = int(time())
        self._monthly = [name for name, rule in catalog.action_types.items() if rule.window != "day"]
        self._todo: dict[int, list[Action]] = {}
        self._done: Counter[int] = Counter()
        self._periods: defaultdict[int, dict[PeriodKey, Period]] = defaultdict(dict)

    def after(self, user: int, count: int) -> list[Period]:
        """Return a user's periods after the first ``count`` actions of the day."""
        if user not in self._todo:
            before = self._screened(self._day.reported_before(user, self._monthly))
            self._post(user, [_marked(act, f"{user}/before/{number}") for number, act in enumerate(before)])
            marks = self._day.calls_of(user)
            acts = self._screened(self._day.reported(user))
            self._todo[user] = [_marked(act, f"{user}/{mark}") for act, mark in zip(acts, marks, strict=True)]
        self._post(user, self._todo[user][self._done[user] : count])
        self._done[user] = max(count, self._done[user])
        return list(self._periods[user].values())

    def _post(self, user: int, actions: Iterable[Action]) -> None:
        periods = self._periods[user]
        for action in actions:
            key = period_of(action, self._catalog.action_types[action.type], self._calendar)
            period = periods.get(key, Period(key, version=1))
            periods[key] = post(period, [action], self._catalog, self._calendar, self._now).period

    def _screened(self, reported: Sequence[Reported]) -> list[Action]:
        a_month = self._calendar._replace(acceptance_days=62)  # so that earlier days of the month are accepted
        accepted, refused, _ = screen(APP, reported, self._catalog, a_month, self._now)
        if refused:
            raise RuntimeError(f"screening refused an action of the simulated day: {refused[0]}")
        return accepted


def _marked(action: Action, call: str) -> Action:
    """Return an action with the mark of the receipt of a call. Each call has a random mark of its own."""
    receipt_id = urlsafe_b64encode(sha256(call.encode()).digest()).decode()
    return action._replace(receipt=mark_of(receipt_id))


def users_of(call: Call) -> list[int]:
    return list(dict.fromkeys(arrival.user for arrival in call))


def _without_times(period: Period) -> Any:  # noqa: ANN401 - any type that can be compared
    """Return the content of a period without the times of posting and the receipts, which differ between runs."""
    entries = {key: replace(unmarked(entry), recorded_at=0) for key, entry in period.entries.items()}
    return entries, period.digests
