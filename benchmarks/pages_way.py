"""Our way, as it is deployed: the functions' own handlers, the services and the storage behind them.

A call is measured in the state that its users' pages have at that moment of the day. That state is made beforehand,
by the rules alone and without being measured; so any call of the day can be measured, and need not be the first.
After the call, what stands in the table must be what the rules say.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from time import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from benchmarks.day import Call, Day, Reported
from functions.accrue_points.handler import handler as accrue_points
from functions.ingest_actions.handler import handler as ingest_actions
from local.sam import ROOT
from saxaul.actions import Action, screen
from saxaul.catalog import Catalogue
from saxaul.pages import Page, PageKey, page_of, post
from saxaul.queue_events import QueueRecord
from saxaul.services.accrual import _WRITERS as WRITERS
from saxaul.settings import settings
from saxaul.storage.pages import Pages, to_item
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

APP = "alipay"
CONTEXT = cast("LambdaContext", SimpleNamespace(aws_request_id="benchmark"))


class PagesWay:
    """Pages, read together and written once each."""

    name = "pages"
    fair = True

    def __init__(self, day: Day, catalogue: Catalogue) -> None:
        self._table = Table(settings().ledger_table)
        self._standing = Standing(day, catalogue)
        self._event = json.loads((ROOT / "events" / "ingest_actions.json").read_text())

    def prepare(self, call: Call, arrived: Mapping[int, int]) -> None:
        """Write the pages of a call's users as they stand before it."""
        pages = [page for user in users_of(call) for page in self._standing.after(user, arrived[user])]
        self._table.put_all([{**to_item(page), "v": page.version} for page in pages])

    def report(self, reported: Sequence[Reported]) -> None:
        answer = ingest_actions(self._event | {"body": json.dumps({"actions": reported})}, CONTEXT)
        if json.loads(answer["body"])["accepted"] != len(reported):
            raise RuntimeError(f"not all was accepted: {answer['body']}")

    def accrue(self, records: Sequence[QueueRecord]) -> None:
        if failed := accrue_points({"Records": list(records)}, CONTEXT)["batchItemFailures"]:
            raise RuntimeError(f"{len(failed)} messages failed")

    def check(self, call: Call, arrived: Mapping[int, int]) -> None:
        """Hold what stands in the table to what the rules say.

        Raises:
            RuntimeError: a page is not what it should be.
        """
        expected = [page for user in users_of(call) for page in self._standing.after(user, arrived[user])]
        found = Pages(self._table).get_many([page.key for page in expected], consistent=True)
        for page in expected:
            if _essence(found[page.key]) != _essence(page):
                raise RuntimeError(f"{page.key} is not what the rules say")

    @staticmethod
    def round_trips(used: Counter[str]) -> float:
        """Answers that the functions wait for one after the other: pages are written side by side."""
        return used["SendMessage"] + used["BatchGetItem"] + used["PutItem"] / WRITERS


class Standing:
    """The pages of users by the rules alone, as they grow over the day."""

    def __init__(self, day: Day, catalogue: Catalogue) -> None:
        self._day = day
        self._catalogue = catalogue
        self._calendar = settings().calendar
        self._now = int(time())
        self._monthly = [name for name, rule in catalogue.action_types.items() if rule.window != "day"]
        self._todo: dict[int, list[Action]] = {}
        self._done: Counter[int] = Counter()
        self._pages: defaultdict[int, dict[PageKey, Page]] = defaultdict(dict)

    def after(self, user: int, count: int) -> list[Page]:
        """The pages that a user has after so many of the day's acts."""
        if user not in self._todo:
            self._post(user, self._screened(self._day.reported_before(user, self._monthly)))
            self._todo[user] = self._screened(self._day.reported(user))
        self._post(user, self._todo[user][self._done[user] : count])
        self._done[user] = max(count, self._done[user])
        return list(self._pages[user].values())

    def _post(self, user: int, actions: Iterable[Action]) -> None:
        pages = self._pages[user]
        for action in actions:
            key = page_of(action, self._catalogue.action_types[action.type], self._calendar)
            page = pages.get(key, Page(key, version=1))
            pages[key] = post(page, [action], self._catalogue, self._calendar, self._now).page

    def _screened(self, reported: Sequence[Reported]) -> list[Action]:
        a_month = replace(self._calendar, acceptance_days=62)  # the earlier days were reported in time, when they were
        accepted, refused = screen(APP, reported, self._catalogue, a_month, self._now)
        if refused:
            raise RuntimeError(f"the simulated day breaks a rule: {refused[0]}")
        return accepted


def users_of(call: Call) -> list[int]:
    return list(dict.fromkeys(arrival.user for arrival in call))


def _essence(page: Page) -> Any:  # noqa: ANN401 - anything that can be compared
    """A page without the time of posting, which differs."""
    return {key: replace(entry, recorded_at=0) for key, entry in page.entries.items()}, page.overflow
