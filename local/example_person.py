"""The person whom the example events are about on the laptop stack, and what each event needs that person to have.

The file events/person.json in the state folder has the person's id, so that what one command does, the next one shows.
A new person takes over if this one has no points for another tree: caps limit what a person earns in a week.
"""

import json
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any

from local.client import open_client, stack
from local.console import console, shown
from local.example_events import PERSON
from local.sam import state, write_private
from local.story import PROJECT, week_of
from local.telling import poll
from saxaul_client import AppClient, Redemption, Retries

_APP = "alipay"

_RETRIES = Retries(attempts=2)
"""A function that fails at each call takes seconds for each of them. Whoever invokes it wants to know that soon."""

_NEEDED_STATES = {
    "SettleRedemptions": ("requested", "reserved"),
    "ViewForest": ("requested", "reserved", "ordered", "planted"),
    "PlaceOrders": ("reserved",),
    "ScheduleOrders": ("reserved",),
}
"""The states in which a redemption of the person must be before these functions are invoked."""


class ExamplePerson:
    """The person of the example events. Each function that an event is for may need something first."""

    def __init__(self, alipay: AppClient, user_id: str) -> None:
        self._alipay = alipay
        self.user_id = user_id
        self.redemption: Redemption | None = None

    def get_ready_for(self, function: str) -> None:
        """Give the person what the event for a function needs, by calls of the API, and print what was done."""
        if function == "RedeemTrees":
            self._need_points()
        elif function in _NEEDED_STATES:
            self._need_redemption(_NEEDED_STATES[function])

    def _need_points(self) -> None:
        """Make a new person with a week of points, unless this one can pay for a tree."""
        wallet = self._alipay.wallet(self.user_id)
        if wallet.spendable + wallet.harvestable >= self._price():
            return
        self.user_id = f"mei-{secrets.token_hex(3)}@{PERSON.partition('@')[2]}"
        self.redemption = None
        _remember(self.user_id)
        reported = self._alipay.report_actions(week_of(self.user_id))
        [receipt_id] = reported.receipt_ids
        poll(lambda: self._alipay.receipt(receipt_id), lambda found: not found.is_waiting)
        earned = self._alipay.wallet(self.user_id).earned
        console.print(f"[dim]  {shown(self.user_id)} reported a week of actions: {earned:,} points[/]")

    def _need_redemption(self, states: Collection[str]) -> None:
        """Find the latest redemption of the person if it is in one of these states, or else request another one."""
        newest = next(iter(next(self._alipay.redemption_pages(self.user_id, limit=1)).items), None)
        self.redemption = newest if newest and newest.state in states else self._request_tree()

    def _request_tree(self) -> Redemption:
        self._need_points()
        asked = self._alipay.redeem(
            self.user_id, PROJECT, max_points=None, dedication="For the desert", idempotency_key=secrets.token_hex(8)
        )
        settled = poll(
            lambda: self._alipay.redemption(self.user_id, asked.redemption_id), lambda found: found.state != "requested"
        )
        console.print(f"[dim]  {shown(self.user_id)} asked for a tree: {shown(settled.state)}[/]")
        return settled

    def _price(self) -> int:
        """Return the points that a tree of the project costs, or 0 if there is no such project."""
        prices = {project.project_id: project.price_points for project in self._alipay.tree_projects()}
        return prices.get(PROJECT, 0)


def example_person() -> ExamplePerson:
    """Return the person of the laptop stack: the one who is remembered for it, or a new one without points.

    Ends the program if the stack has no credentials of the app that the person uses.
    """
    return ExamplePerson(open_client(AppClient, _APP, retries=_RETRIES), _remembered() or PERSON)


def _file() -> Path:
    return state() / "events" / "person.json"


def _remembered() -> str | None:
    """Return the id of the person of this stack, or None if the file is about another stack, or there is none."""
    try:
        known: Any = json.loads(_file().read_text("utf-8"))
        return str(known["user_id"]) if known["api_url"] == stack()["api_url"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(user_id: str) -> None:
    write_private(_file(), {"api_url": stack()["api_url"], "user_id": user_id})
