"""Mutations of the domain's rules. Each docstring says which rule the function breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from saxaul.catalog.calendar import Calendar
from saxaul.ledger import periods, wallets
from saxaul.ledger.actions import Action, Reversal
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Harvest, Wallet
from saxaul.trees import redemptions
from saxaul.trees.redemptions import Redemption, Settlement
from saxaul.trees.stock import Stock
from tests.proof.faults import Fault
from tests.proof.mutations import Mutations

RULES = Mutations()
_Draft: Any = periods._Draft
_Usage: Any = periods._Usage


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A repeated action is counted again."""
    post = _Draft.post

    def mutant(self: Any, action: Action) -> None:
        known = periods.entry_key(action.app, action.action_id) in self._entries
        post(self, action._replace(action_id=f"{action.action_id}-again") if known else action)

    patch.setattr(_Draft, "post", mutant)


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A repeated action with different content replaces the first one."""
    post = _Draft.post

    def mutant(self: Any, action: Action) -> None:
        known = self._entries.get(periods.entry_key(action.app, action.action_id))
        if known and not known.matches(action) and not known.is_tombstone:
            del self._entries[periods.entry_key(action.app, action.action_id)]
        post(self, action)

    patch.setattr(_Draft, "post", mutant)


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """Caps are ignored."""
    patch.setattr(_Usage, "_caps", lambda *_: iter(()))


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A cap reduces the avoided grams as well as the points."""
    award = _Usage.award

    def mutant(self: Any, action: Action, recorded_at: int) -> periods.Entry:
        entry: periods.Entry = award(self, action, recorded_at)
        return replace(entry, avoided_g=entry.avoided_g * entry.units / entry.quantity)

    patch.setattr(_Usage, "award", mutant)


def _reversing(patch: pytest.MonkeyPatch, *kept: str) -> None:
    reverse = _Draft.reverse

    def mutant(self: Any, reversal: Reversal) -> None:
        key = periods.entry_key(reversal.app, reversal.action_id)
        known = self._entries.get(key)
        reverse(self, reversal)
        if known and key in self._entries:
            self._entries[key] = replace(self._entries[key], **{name: getattr(known, name) for name in kept})

    patch.setattr(_Draft, "reverse", mutant)


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversed action keeps its points."""
    _reversing(patch, "points")


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversed action still counts toward its cap."""
    _reversing(patch, "units")


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal that arrives before its action is forgotten."""
    reverse = _Draft.reverse

    def mutant(self: Any, reversal: Reversal) -> None:
        if periods.entry_key(reversal.app, reversal.action_id) in self._entries:
            reverse(self, reversal)

    patch.setattr(_Draft, "reverse", mutant)


@RULES.caught_by("a batch is accrued", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal that arrives before its action is written to only one of the periods that may get the action."""
    patch.setattr(Period, "holds", lambda period, name: name in period.entries)


def _harvesting(patch: pytest.MonkeyPatch, mutant: Any) -> None:
    patch.setattr("saxaul.services.harvest.harvest", mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest moves the same points a second time."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        return wallets.harvest(replace(wallet, credited={}), found, calendar, now)

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest moves points that are not ripe yet."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        return wallets.harvest(wallet, found, replace(calendar, harvest_time=None), now)

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest does not add the grams of the periods that it closes."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        harvested = wallets.harvest(wallet, found, calendar, now)
        return harvested._replace(wallet=replace(harvested.wallet, closed_g=wallet.closed_g))

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is closed while apps may still report actions for it."""

    def mutant(calendar: Calendar, now: int) -> date:
        return calendar.day_of(now) - timedelta(days=2)

    patch.setattr(Calendar, "closed_through", mutant)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """A late action does not reopen its closed period."""
    patch.setattr(Calendar, "may_be_closed", lambda *_: False)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reopened period is treated as never harvested."""

    def mutant(wallet: Wallet, period: Period) -> Wallet:
        return replace(wallet, credited={**wallet.credited, period.key.window: 0})

    patch.setattr(Wallet, "reopened", mutant)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """Reopening a period does not subtract its grams from the wallet."""
    reopened = Wallet.reopened
    patch.setattr(
        Wallet, "reopened", lambda wallet, period: replace(reopened(wallet, period), closed_g=wallet.closed_g)
    )


def _settling(patch: pytest.MonkeyPatch, mutant: Any) -> None:
    patch.setattr("saxaul.services.settle.settle", mutant)


@RULES.caught_by("redemptions are settled")
def _(patch: pytest.MonkeyPatch) -> None:
    """Redemption requests are settled in reverse order."""

    def mutant(requests: Sequence[Redemption], held: Mapping[str, Wallet], stock: Stock, now: int) -> Settlement:
        return redemptions.settle(requests[::-1], held, stock, now)

    _settling(patch, mutant)


@RULES.caught_by("redemptions are settled")
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption reserves only one sapling, even if it has more trees."""

    def mutant(requests: Sequence[Redemption], held: Mapping[str, Wallet], stock: Stock, now: int) -> Settlement:
        settlement = redemptions.settle(requests, held, stock, now)
        return settlement._replace(saplings=sum(verdict.state == "reserved" for verdict in settlement.verdicts))

    _settling(patch, mutant)


@RULES.caught_by("redemptions are settled")
def _(patch: pytest.MonkeyPatch) -> None:
    """The redemptions of a batch can spend more points than the wallet has."""

    def mutant(requests: Sequence[Redemption], held: Mapping[str, Wallet], stock: Stock, now: int) -> Settlement:
        rich = {user_id: replace(wallet, balance=2 * wallet.balance) for user_id, wallet in held.items()}
        return redemptions.settle(requests, rich, stock, now)

    _settling(patch, mutant)
