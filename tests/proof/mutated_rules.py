"""Mutations of the domain's rules. Each docstring says which rule the function breaks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType
from saxaul.ledger import periods, wallets
from saxaul.ledger.actions import Action, Reversal, Withdrawal
from saxaul.ledger.awards import Award, Terms, Usage, in_award_order, with_award
from saxaul.ledger.claims import Claim, EvidenceClaims
from saxaul.ledger.early import EarlyReversal
from saxaul.ledger.entries import ZERO, Entry, app_of, entry_name
from saxaul.ledger.periods import Period, PeriodDraft
from saxaul.ledger.shares import Share, sum_name
from saxaul.ledger.wallets import Harvest, Wallet
from saxaul.messages.bodies import ActionMessage
from saxaul.services.accrue import Accrual, Accrued
from saxaul.services.post_together import Attempt
from saxaul.services.redeem import Redeeming
from saxaul.storage.catalog import CatalogStore
from saxaul.trees import redemptions
from saxaul.trees.redemptions import Redemption, Settlement
from saxaul.trees.stock import Stock
from tests.proof.mutations import Mutations
from tests.proof.twin import HONEST

RULES = Mutations()
WITHHELD = "a reversal pays what a cap withheld"
CLAIMED = "evidence is claimed by two apps and reversed"
SQUATTED = "an app claims evidence with a type whose cap is used up"
EARLY = "reversals arrive before their actions"
RAISED = "running totals are raised"
OVERFLOWED = "a share overflows"
TAKEN_BACK = "sums are taken back"
FACILITY = "a facility reports more than is plausible"
REPEATED = "an id is reported with other dates"


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A repeated action is counted again."""
    post = PeriodDraft.post

    def mutant(self: PeriodDraft, action: Action, early: EarlyReversal | None = None) -> str:
        is_known = entry_name(action.app, action.action_id) in self.entries
        return post(self, action._replace(action_id=f"{action.action_id}-again") if is_known else action, early)

    patch.setattr(PeriodDraft, "post", mutant)


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A repeated action with different content replaces the first one."""
    post = PeriodDraft.post

    def mutant(self: PeriodDraft, action: Action, early: EarlyReversal | None = None) -> str:
        name = entry_name(action.app, action.action_id)
        if name in self.entries and not self.entries[name].matches(action):
            del self._entries[name]
        return post(self, action, early)

    patch.setattr(PeriodDraft, "post", mutant)


def _changing_rules(patch: pytest.MonkeyPatch, change: Callable[[ActionType], ActionType]) -> None:
    rule = Terms.rule
    patch.setattr(Terms, "rule", lambda self, name, version: change(rule(self, name, version)))


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """Caps are ignored."""
    _changing_rules(patch, lambda rule: rule.model_copy(update={"caps": ()}))


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A cap reduces the avoided grams as well as the points."""
    award = Usage.award

    def mutant(self: Usage, entry: Entry) -> Award:
        awarded = award(self, entry)
        return awarded._replace(counted=awarded.counted * awarded.units / entry.quantity)

    patch.setattr(Usage, "award", mutant)


@RULES.caught_by("a batch is accrued")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversed action keeps its points."""
    patch.setattr(Entry, "without_award", lambda entry: replace(entry, units=ZERO, counted=ZERO, avoided_g=ZERO))


@RULES.caught_by(WITHHELD)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversed action still counts toward its cap."""

    def mutant(entries: Iterable[Entry], terms: Terms) -> Iterator[Entry]:
        usage = Usage(terms)
        for entry in entries:
            award = usage.award(entry)
            usage.add(award)
            yield with_award(entry, award, terms) if entry.counts else entry.without_award()

    patch.setattr("saxaul.ledger.periods.award_in_order", mutant)


@RULES.caught_by("small actions add up")
def _(patch: pytest.MonkeyPatch) -> None:
    """The points of each action are rounded down, instead of their sum over the day."""
    add = Usage.add

    def mutant(self: Usage, awarded: Award) -> None:
        add(self, awarded)
        self._worth.clear()

    patch.setattr(Usage, "add", mutant)


@RULES.caught_by("small actions add up")
def _(patch: pytest.MonkeyPatch) -> None:
    """An action that is too small to earn points earns them."""

    def lower(rule: ActionType) -> ActionType:
        return rule.model_copy(update={"points": rule.points and rule.points.model_copy(update={"at_least": ZERO})})

    _changing_rules(patch, lower)


@RULES.caught_by("small actions add up")
def _(patch: pytest.MonkeyPatch) -> None:
    """Grams are counted beyond the quantity that is plausible for one day."""
    patch.setattr(ActionType, "plausible_quantity", None)


@RULES.caught_by(WITHHELD)
def _(patch: pytest.MonkeyPatch) -> None:
    """After a reversal, the actions that a cap had withheld are not awarded again."""
    settle = PeriodDraft._settle

    def mutant(self: PeriodDraft) -> None:
        before = dict(self._entries)
        settle(self)
        self._entries.update({name: entry for name, entry in before.items() if entry.counts and not entry.summed})

    patch.setattr(PeriodDraft, "_settle", mutant)


@RULES.caught_by(WITHHELD)
def _(patch: pytest.MonkeyPatch) -> None:
    """Entries are awarded again by the current version of their action type."""
    patch.setattr(CatalogStore, "rule", lambda self, name, _: self.catalog().action_types[name])


@RULES.caught_by(OVERFLOWED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Sums are awarded before the entries."""

    def mutant(entries: Mapping[str, Entry], action_type: str) -> list[tuple[str, Entry]]:
        return sorted(in_award_order(entries, action_type), key=lambda line: line[1].summed == 0)

    patch.setattr("saxaul.ledger.periods.in_award_order", mutant)


@RULES.caught_by(OVERFLOWED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The actions of one app use the share of another."""

    def mutant(self: PeriodDraft, _: str) -> Share:
        share = Share()
        for name, entry in self.entries.items():
            share.add(name, entry)
        return share

    patch.setattr(PeriodDraft, "_share_of", mutant)


@RULES.caught_by(OVERFLOWED)
def _(patch: pytest.MonkeyPatch) -> None:
    """An app can use more than its share."""
    patch.setattr(Share, "has_room_for", lambda *_: True)


@RULES.caught_by(OVERFLOWED)
def _(patch: pytest.MonkeyPatch) -> None:
    """An action that was added to a sum is counted again when it is repeated."""
    patch.setattr(PeriodDraft, "sums_up", lambda *_: False)


@RULES.caught_by(OVERFLOWED)
def _(patch: pytest.MonkeyPatch) -> None:
    """An action that finds no room in its app's share is lost, instead of being added to a sum."""
    patch.setattr(PeriodDraft, "_add_to_sum", lambda self, name, _: self._leave_out(app_of(name)))


@RULES.caught_by(TAKEN_BACK)
def _(patch: pytest.MonkeyPatch) -> None:
    """Later actions are added to a sum that was reversed."""
    patch.setattr(periods, "open_sum_name", lambda app, day, entry, _: sum_name(app, day, entry))


@RULES.caught_by(TAKEN_BACK)
def _(patch: pytest.MonkeyPatch) -> None:
    """A sum that was reversed counts again when a later action is added to it."""
    summed = PeriodDraft._summed

    def mutant(self: PeriodDraft, so_far: Entry | None, entry: Entry) -> Entry:
        return replace(summed(self, so_far, entry), reversal="", reversed_by="")

    patch.setattr(PeriodDraft, "_summed", mutant)
    patch.setattr(periods, "open_sum_name", lambda app, day, entry, _: sum_name(app, day, entry))


@RULES.caught_by(TAKEN_BACK)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal of a sum that is delivered again takes the next sum too."""
    reverse = PeriodDraft.reverse

    def mutant(self: PeriodDraft, reversal: Reversal) -> str:
        names = [reversal.action_id, f"{reversal.action_id}~2"]
        found = [reverse(self, reversal._replace(action_id=name)) for name in names]
        return "reversed" if "reversed" in found else found[0]

    patch.setattr(PeriodDraft, "reverse", mutant)


@RULES.caught_by(TAKEN_BACK)
def _(patch: pytest.MonkeyPatch) -> None:
    """The reversal of a sum that does not exist is kept for later."""
    patch.setattr("saxaul.services.post_together.is_sum_id", lambda _: False)


def _raising(
    patch: pytest.MonkeyPatch, known: Callable[[Entry], Entry], quantity: Callable[[Entry, Action], Any]
) -> None:
    raise_total = PeriodDraft._raise_total

    def mutant(self: PeriodDraft, name: str, entry: Entry, action: Action) -> str:
        return raise_total(self, name, known(entry), action._replace(quantity=quantity(entry, action)))

    patch.setattr(PeriodDraft, "_raise_total", mutant)


@RULES.caught_by(RAISED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The reports of a running total are added up."""
    _raising(patch, lambda entry: entry, lambda entry, action: entry.quantity + action.quantity)


@RULES.caught_by(RAISED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A lower running total replaces a higher one."""
    _raising(patch, lambda entry: replace(entry, quantity=ZERO), lambda _, action: action.quantity)


@RULES.caught_by(RAISED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A running total that was raised is awarded before actions that were recorded earlier."""
    raise_total = PeriodDraft._raise_total

    def mutant(self: PeriodDraft, name: str, entry: Entry, action: Action) -> str:
        order = list(self._entries)
        outcome = raise_total(self, name, entry, action)
        self._entries = {known: self._entries[known] for known in order}
        return outcome

    patch.setattr(PeriodDraft, "_raise_total", mutant)


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Evidence is paid as often as it is claimed."""
    patch.setattr(Attempt, "_claim", lambda *_: None)


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The first claim to evidence counts, even if another one is worth more."""
    patch.setattr(Attempt, "_best_of", lambda _, claims: next(iter(claims), None))


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Of several claims that are worth the same, the last one counts."""
    best_of = Attempt._best_of
    patch.setattr(Attempt, "_best_of", lambda self, claims: best_of(self, claims[::-1]))


@RULES.caught_by(SQUATTED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Claims are compared by what they are worth alone, even if a cap cuts them."""
    patch.setattr(Attempt, "_share_caps", lambda *_: True)


@RULES.caught_by(SQUATTED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The claims to evidence are not compared again when a cap cuts the one that counts."""
    patch.setattr(Attempt, "_reconsidered", lambda _: set())


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """After the claim that counted was reversed, no other claim counts."""
    patch.setattr(Attempt, "_unclaim", lambda *_: None)


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """An app can keep any number of claims to the same evidence."""

    def mutant(evidence: EvidenceClaims, claim: Claim) -> EvidenceClaims:
        return evidence._replace(claims=(*evidence.claims, claim))

    patch.setattr(EvidenceClaims, "with_claim", mutant)


@RULES.caught_by("a reversal frees a cap for a claim")
def _(patch: pytest.MonkeyPatch) -> None:
    """A claim that does not count stays void although a reversal has freed its cap."""
    contested_evidence = PeriodDraft.contested_evidence

    def mutant(self: PeriodDraft) -> set[str]:
        self._freed.clear()
        return contested_evidence(self)

    patch.setattr(PeriodDraft, "contested_evidence", mutant)


@RULES.caught_by("two evidences need the same cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """The claims to each evidence are decided alone, although two evidences need the same cap."""
    patch.setattr(Attempt, "_decide_pair", lambda *_: None)


@RULES.caught_by(CLAIMED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A claim that was not kept never counts, although the app has reversed those that were kept."""
    patch.setattr(PeriodDraft, "unkept_claims", lambda *_: [])


@RULES.caught_by(SQUATTED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A claim that does not count still avoids grams."""
    without_award = Entry.without_award
    kept = {"points": 0, "units": ZERO, "reason": ""}
    patch.setattr(
        Entry,
        "without_award",
        lambda entry: replace(entry, **kept) if entry.void else without_award(entry),
    )


@RULES.caught_by(EARLY)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal that arrives before its action is forgotten."""
    patch.setattr(Attempt, "_keep", lambda *_: "unrecorded")


@RULES.caught_by(EARLY)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal that arrives before its action is noted in only one of the periods that may get the action."""
    await_action = PeriodDraft.await_action

    def mutant(self: PeriodDraft, app: str) -> None:
        if len(self.key.window) == len("2026-06-05"):
            await_action(self, app)

    patch.setattr(PeriodDraft, "await_action", mutant)


@RULES.caught_by(EARLY)
def _(patch: pytest.MonkeyPatch) -> None:
    """An early reversal drops those that are kept, although their actions may still arrive."""
    patch.setattr("saxaul.ledger.early.may_still_arrive", lambda *_: False)


@RULES.caught_by(EARLY)
def _(patch: pytest.MonkeyPatch) -> None:
    """An early reversal reverses the action of another app with the same id."""
    early_of = Attempt._early_of
    patch.setattr(Attempt, "_early_of", lambda self, _: early_of(self, HONEST))
    patch.setattr(PeriodDraft, "awaits", lambda self, _: bool(self._awaited))


@RULES.caught_by("an action, and its reversal")
def _(patch: pytest.MonkeyPatch) -> None:
    """An early reversal is kept without a new version of a period that awaits other actions of the app."""
    await_action = PeriodDraft.await_action

    def mutant(self: PeriodDraft, app: str) -> None:
        is_known = self.awaits(app)
        await_action(self, app)
        self._must_write = not is_known

    patch.setattr(PeriodDraft, "await_action", mutant)


@RULES.caught_by(REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """An action whose id was reported before with another date counts although it was withdrawn."""
    patch.setattr(Attempt, "_withdraw", lambda *_: "withdrawn")


@RULES.caught_by(REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A withdrawn action keeps its claim to evidence, so that no other claim counts."""
    withdraw = Attempt._withdraw

    def mutant(self: Attempt, withdrawal: Withdrawal) -> str:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(Attempt, "_unclaim", lambda *_: None)
            return withdraw(self, withdrawal)

    patch.setattr(Attempt, "_withdraw", mutant)


@RULES.caught_by(REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A withdrawn action does not count again when the action that was recorded before it is reversed."""
    withdraw = Attempt._withdraw

    def mutant(self: Attempt, withdrawal: Withdrawal) -> str:
        return "lifted" if withdrawal.is_lifted else withdraw(self, withdrawal)

    patch.setattr(Attempt, "_withdraw", mutant)


@RULES.caught_by(REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A withdrawn action that counts again does not claim its evidence, so that another claim counts too."""
    withdraw = Attempt._withdraw

    def mutant(self: Attempt, withdrawal: Withdrawal) -> str:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(Attempt, "_claim", lambda *_: None)
            return withdraw(self, withdrawal)

    patch.setattr(Attempt, "_withdraw", mutant)


def _harvesting(patch: pytest.MonkeyPatch, mutant: Any) -> None:
    patch.setattr("saxaul.services.harvest.harvest", mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest moves the same points a second time."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        return wallets.harvest(wallet._replace(credited={}), found, calendar, now)

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest moves points that are not ripe yet."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        return wallets.harvest(wallet, found, calendar._replace(harvest_time=None), now)

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest does not add the grams of the periods that it closes."""

    def mutant(wallet: Wallet, found: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
        harvested = wallets.harvest(wallet, found, calendar, now)
        return harvested._replace(wallet=harvested.wallet._replace(closed_g=wallet.closed_g))

    _harvesting(patch, mutant)


@RULES.caught_by("points are harvested and periods are closed")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is closed while apps may still report actions for it."""

    def mutant(calendar: Calendar, now: int) -> date:
        return calendar.day_of(now) - timedelta(days=2)

    patch.setattr(Calendar, "closed_through", mutant)


@RULES.caught_by("types change while actions are queued")
def _(patch: pytest.MonkeyPatch) -> None:
    """An action is paid by the version of its type when it is posted, instead of when it was accepted."""
    post, unpacked = Accrual.post, ActionMessage.unpacked

    def mutant(self: Accrual, messages: Mapping[str, ActionMessage]) -> Accrued:
        catalog = self.catalog_store.catalog()
        with pytest.MonkeyPatch.context() as inner:
            now = lambda message: (action.on_terms_of(catalog, self.calendar) for action in unpacked(message))  # noqa: E731
            inner.setattr(ActionMessage, "unpacked", now)
            return post(self, messages)

    patch.setattr(Accrual, "post", mutant)


@RULES.caught_by(FACILITY)
def _(patch: pytest.MonkeyPatch) -> None:
    """The plausible quantity of a facility is ignored."""
    patch.setattr("saxaul.ledger.awards.plausible_of", lambda *_: None)


@RULES.caught_by(FACILITY)
def _(patch: pytest.MonkeyPatch) -> None:
    """An app may report for the facility of another app."""
    patch.setattr("saxaul.ledger.screening._facility_refusal", lambda *_: None)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """A late action does not reopen its closed period."""
    patch.setattr(Calendar, "may_be_closed", lambda *_: False)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """A reopened period is treated as never harvested."""

    def mutant(wallet: Wallet, period: Period) -> Wallet:
        return wallet._replace(credited={**wallet.credited, period.key.window: 0})

    patch.setattr(Wallet, "reopened", mutant)


@RULES.caught_by("late messages reopen closed periods")
def _(patch: pytest.MonkeyPatch) -> None:
    """Reopening a period does not subtract its grams from the wallet."""
    reopened = Wallet.reopened
    patch.setattr(
        Wallet, "reopened", lambda wallet, period: reopened(wallet, period)._replace(closed_g=wallet.closed_g)
    )


@RULES.caught_by("trees are requested")
def _(patch: pytest.MonkeyPatch) -> None:
    """A request is accepted although its trees cost more than its max_points."""
    patch.setattr(Redeeming, "_within_limit", lambda _, __, new: new)


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
        rich = {user_id: wallet._replace(balance=2 * wallet.balance) for user_id, wallet in held.items()}
        return redemptions.settle(requests, rich, stock, now)

    _settling(patch, mutant)
