"""Plans how the actions, reversals and withdrawals of one owner change its items. Nothing is written here.

Most actions change one period. These change more items, which must be written together:

- an action with evidence: the period, the claims to the evidence, and the period of the claim that counted until now;
- a reversal of an action that has not arrived: the early reversals of its app, and the periods that may get the action;
- a change of a period that the wallet may have closed: the wallet.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.ledger.awards import Terms, grams_alone, worth_alone
from saxaul.ledger.claims import Claim, EvidenceClaims
from saxaul.ledger.early import EarlyReversals, may_still_arrive
from saxaul.ledger.entries import Entry, entry_name
from saxaul.ledger.fates import fate_of_action, fate_of_reversal
from saxaul.ledger.periods import Period, PeriodDraft, PeriodKey, period_of
from saxaul.ledger.shares import is_sum_id
from saxaul.races import LostRaceError
from saxaul.storage.claims import Claims
from saxaul.storage.periods import Periods
from saxaul.storage.wallets import Wallets

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_RECONSIDERED = 50
"""How many contested evidences one attempt decides again although their claims have not changed."""

_LAST_WRITES = 90
"""An attempt decides no contested evidence again after its changes may write more items than this."""

_IN_PAIRS = 6
"""If an attempt decides at most this many evidences, it also decides each two of them together."""

_MOST_WRITES = 80
"""An attempt starts no further change after its changes write this many items.

A transaction accepts 100 writes. A reversal may write nine items: the periods of the day, the month and the year, if
the app has used the id in all three; and if each of these actions has evidence, then also the claims to it, and the
period of the claim that counts instead. The wallet is one more item.
"""

_CLAIMS_READ = 80
"""How many actions ahead the claims to their evidence are read together."""

_OF_REVERSALS = ("reversed", "redelivered", "replayed", "summed")
"""The outcomes of a reversal of a known action. If it has several, in the periods that it may change, the first counts.
"""

_FIRST = frozenset({"posted", "raised", "summed", "reversed"})
"""The outcomes that a change has only when it is posted first. With another one, its receipt may be complete."""

Postable = Action | Reversal | Withdrawal


class Origin(NamedTuple):
    """Where a change comes from: the id of its message, and its place in the call; None if it comes from no call."""

    message_id: str
    place: int | None = None


@dataclass
class Work:
    """What to post for one owner, in this order, and where each of it comes from.

    ``place`` is the period that all of the work belongs to; None if it must be found for each change.
    """

    owner: Owner
    changes: list[Postable] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    place: PeriodKey | None = None

    @property
    def message_ids(self) -> set[str]:
        return {origin.message_id for origin in self.origins}

    def add(self, change: Postable, origin: Origin) -> None:
        self.changes.append(change)
        self.origins.append(origin)

    def drop(self, number: int) -> None:
        """Forget the first changes, which are posted."""
        del self.changes[:number]
        del self.origins[:number]

    def possible_periods(self, terms: Terms) -> Iterator[PeriodKey]:
        """Yield the keys of the periods that this work may change. A reversal does not name the type of its action.

        Raises:
            KeyError: the version of the type of an action cannot be read.
        """
        for change in self.changes:
            match change:
                case Action():
                    yield self.place or place_of(change, terms)
                case Reversal():
                    windows = terms.calendar.windows_of(change.occurred_at)
                    yield from (PeriodKey(self.owner, window) for window in windows)
                case Withdrawal():
                    yield PeriodKey(self.owner, change.window)


def place_of(action: Action, terms: Terms) -> PeriodKey:
    """Return the period that an action belongs to.

    Raises:
        KeyError: the version of its type, under which it was accepted, cannot be read.
    """
    return period_of(action, terms.rule(action.type, action.rule), terms.calendar)


class Stores(NamedTuple):
    """The stores that hold an owner's items."""

    periods: Periods
    wallets: Wallets
    claims: Claims


class Plan(NamedTuple):
    """What posts a part of the work of one owner. It is posted as soon as all changed items are written.

    Attributes:
        outcomes: how many actions, reversals and withdrawals had each outcome. For a facility,
            ``over_plausible_quantity`` also has how many entries became cut, because more is not plausible for a day.
        fates: for each change of the work that this plan posts, the character for its receipt; empty for withdrawals.
        repeats: for each of these changes, whether it may have been posted before, so that its receipt is complete.
        periods: the changed periods, with the version that was read.
        claims: the writes of the changed claims to evidence and early reversals.
        reopened: the periods, as they were read, that change although the person's wallet may have closed them.
        read: the periods that were read.
    """

    outcomes: Counter[str]
    fates: Sequence[str]
    repeats: Sequence[bool]
    periods: Sequence[Period]
    claims: Sequence["TransactWriteItemTypeDef"]
    reopened: Sequence[Period]
    read: Mapping[PeriodKey, Period]

    @property
    def is_one_period(self) -> bool:
        """Whether one period changes, and nothing else."""
        return len(self.periods) == 1 and not self.claims and not self.reopened

    @property
    def points(self) -> int:
        """The points that the plan adds to the periods. It is negative if the plan takes away more."""
        return sum(period.points - self.read[period.key].points for period in self.periods)

    def after(self) -> dict[PeriodKey, Period]:
        """Return the periods that were read, as they are stored after the plan was written."""
        return {**self.read, **{period.key: replace(period, version=period.version + 1) for period in self.periods}}


class _PostedOne(NamedTuple):
    """What became of a change: its outcome, and the character for its receipt.

    For an action, ``key`` and ``name`` say where its entry is. What became of it is known only with the whole plan.
    """

    outcome: str
    fate: str = ""
    key: PeriodKey | None = None
    name: str = ""


class Attempt:
    """One attempt to plan the work of one owner, based on the items as they are now.

    Items that were not read in advance are read consistently when they are first needed. The plan has as much of the
    work as one transaction can write.
    """

    def __init__(self, stores: Stores, terms: Terms, work: Work, read: Mapping[PeriodKey, Period], now: int) -> None:
        self._stores = stores
        self._terms = terms
        self._work = work
        self._now = now
        self._periods = dict(read)
        self._drafts: dict[PeriodKey, PeriodDraft] = {}
        self._evidence: dict[str, EvidenceClaims] = {}
        self._read_evidence: dict[str, EvidenceClaims] = {}
        self._early: dict[str, EarlyReversals] = {}
        self._changed_evidence: set[str] = set()
        self._changed_early: set[str] = set()
        self._outcomes: Counter[str] = Counter()
        self._posted: list[_PostedOne] = []

    def plan(self) -> Plan:
        """Plan the work, as far as one transaction can write it.

        Raises:
            LostRaceError: a concurrent write changed one of the items while they were read.
        """
        for number, change in enumerate(self._work.changes):
            if self._writes() > _MOST_WRITES:
                break
            if number % _CLAIMS_READ == 0:
                ahead = self._work.changes[number : number + _CLAIMS_READ]
                self._read_claims({found.evidence_id for found in ahead if isinstance(found, Action)} - {""})
            posted = self._post_one(change)
            self._outcomes[posted.outcome] += 1
            self._posted.append(posted)
        self._decide_claims()
        return self._planned()

    def _writes(self) -> int:
        """Return how many items the changes so far write at most. An evidence may write the period of another claim."""
        return len(self._drafts) + 2 * len(self._changed_evidence) + len(self._changed_early)

    def _post_one(self, change: Postable) -> "_PostedOne":
        match change:
            case Action():
                return self._post(change)
            case Reversal():
                outcome = self._reverse(change)
                return _PostedOne(outcome, fate_of_reversal(outcome))
            case Withdrawal():
                return _PostedOne(self._withdraw(change))

    def _post(self, action: Action) -> "_PostedOne":
        draft = self._draft(self._work.place or place_of(action, self._terms))
        name = entry_name(action.app, action.action_id)
        is_new = name not in draft.entries
        early = self._early_of(action.app).reversals.get(action.action_id) if draft.awaits(action.app) else None
        outcome = draft.post(action, early)
        if is_new and outcome == "posted" and action.evidence_id and not early:
            self._claim(draft, name)
        return _PostedOne(outcome, key=draft.key, name=name)

    def _claim(self, draft: PeriodDraft, name: str) -> None:
        """Add an entry to the claims to its evidence. Which of them counts is decided when all else is posted."""
        before = self._evidence_of(draft.entries[name].evidence_id)
        after = before.with_claim(Claim(name, draft.key.window))
        if before.claims:
            draft.void(name, "same_evidence")  # until the decision, so that it does not use caps before others decide
        if after is before:
            return
        self._change(after)
        if not self._share_caps(after.claims):
            for claim in after.claims:
                self._draft_of(claim).contest(claim.name)

    def _unclaim(self, draft: PeriodDraft, name: str, evidence_id: str) -> None:
        """Take an entry from the claims to its evidence."""
        before = self._evidence_of(evidence_id)
        after = before.without(Claim(name, draft.key.window))
        if after == before:
            return
        for unkept in draft.unkept_claims(evidence_id, {claim.name for claim in after.claims} | {name}):
            after = after.with_claim(Claim(unkept, draft.key.window))
        self._change(after)

    def _change(self, evidence: EvidenceClaims) -> None:
        self._evidence[evidence.evidence_id] = evidence
        self._changed_evidence.add(evidence.evidence_id)

    def _decide_claims(self) -> None:
        """Decide which claims count, for each evidence whose claims have changed, and for those that are contested."""
        contested: dict[str, Sequence[Claim]] = {}
        for evidence_id in [*sorted(self._changed_evidence), *self._reconsidered()]:
            if evidence_id not in self._changed_evidence and not self._may_write_more():
                break
            claims = self._checked_claims(evidence_id)
            self._let_count(self._best_of(claims), claims)
            if not self._share_caps(claims):
                contested[evidence_id] = claims
        if 0 < len(contested) <= _IN_PAIRS and self._may_write_more():
            contested |= self._related(contested)
            for first, second in combinations(contested.values(), 2):
                self._decide_pair(first, second)

    def _related(self, contested: Mapping[str, Sequence[Claim]]) -> dict[str, Sequence[Claim]]:
        """Return a few other contested evidences with claims of the same types.

        One whose claims are all gone is left out: only entries that found no room among the kept claims contest it.
        """
        claims = [claim for found in contested.values() for claim in found]
        types = {self._draft_of(claim).entries[claim.name].type for claim in claims}
        others = {name for draft in self._drafts.values() for name in draft.contested_of(types)} - contested.keys()
        related = sorted(others)[: _IN_PAIRS - len(contested)]
        found = {evidence_id: self._checked_claims(evidence_id) for evidence_id in related}
        return {evidence_id: of_one for evidence_id, of_one in found.items() if of_one}

    def _may_write_more(self) -> bool:
        """Return whether there is room in the transaction to decide one more evidence."""
        return len(self._drafts) + len(self._changed_evidence) + len(self._changed_early) <= _LAST_WRITES

    def _let_count(self, counting: Claim | None, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._draft_of(claim).void(claim.name, "" if claim == counting else "same_evidence")

    def _decide_pair(self, first: Sequence[Claim], second: Sequence[Claim]) -> None:
        """Change two choices together if this gives the person more points: two evidences may need the same cap."""
        both = [*first, *second]

        def points_with(chosen: tuple[Claim, Claim]) -> int:
            return sum(
                self._draft_of(of[0]).points_if(
                    {claim.name for claim in chosen if claim in of}, {claim.name for claim in of}
                )
                for of in ([claim for claim in both if claim.window == window] for window in {c.window for c in both})
            )

        counting = [claim for claim in both if not self._draft_of(claim).entries[claim.name].void]
        best = max(product(first, second), key=points_with)
        if points_with(best) > points_with((counting[0], counting[1])):
            self._let_count(best[0], first)
            self._let_count(best[1], second)

    def _checked_claims(self, evidence_id: str) -> Sequence[Claim]:
        """Return the claims to an evidence. They and their periods were read in the same state: one of them counts.

        Raises:
            LostRaceError: a concurrent write changed the choice between the two reads.
        """
        claims = self._evidence_of(evidence_id).claims
        stored = self._read_evidence[evidence_id].claims
        counting = [claim for claim in stored if self._stored_entry(claim).counts]
        if stored and len(counting) != 1:
            raise LostRaceError(f"of the claims to {evidence_id}, {len(counting)} count")
        return claims

    def _stored_entry(self, claim: Claim) -> Entry:
        self._draft_of(claim)
        return self._periods[PeriodKey(self._work.owner, claim.window)].entries[claim.name]

    def _reconsidered(self) -> list[str]:
        """Return contested evidence to decide again, because its claims may earn more or less than before.

        There is a limit, so that an app that contests many claims of another cannot delay the worker. The choice
        depends on the time, so that each contested evidence has its turn.
        """
        contested = {name for draft in self._drafts.values() for name in draft.contested_evidence()}
        ordered = sorted(contested - self._changed_evidence)
        first = self._now % max(1, len(ordered))
        return [*ordered[first:], *ordered[:first]][:_RECONSIDERED]

    def _best_of(self, claims: Sequence[Claim]) -> Claim | None:
        """Return the claim with which the person earns most points; if several give the same, the one with most grams.

        If these are the same too, return the first. If all claims use the same caps and earn the same for each unit,
        the one that is worth most alone gives most in any case.
        """
        if self._share_caps(claims):
            return max(claims, key=self._worth_of, default=None)
        names = {window: {name for name, of in claims if of == window} for _, window in claims}
        without = {window: self._draft_of(Claim(min(of), window)).points_if((), of) for window, of in names.items()}
        best, most = claims[0], (Decimal(-1), Decimal(-1))
        for claim in claims:
            worth, grams = self._worth_of(claim)
            if (worth.to_integral_value(ROUND_CEILING), grams) > most:
                gain = self._draft_of(claim).points_if({claim.name}, names[claim.window]) - without[claim.window]
                best, most = (claim, (Decimal(gain), grams)) if (gain, grams) > most else (best, most)
        return best

    def _share_caps(self, claims: Sequence[Claim]) -> bool:
        """Return whether all claims use the same caps, and earn the same for each unit."""
        entries = [self._draft_of(claim).entries[claim.name] for claim in claims]
        day_of = self._terms.calendar.day_of
        return len({(e.type, day_of(e.occurred_at), e.rule, e.multiplier, e.plausible) for e in entries}) <= 1

    def _worth_of(self, claim: Claim) -> tuple[Decimal, Decimal]:
        """Return the points and the grams of a claim as exact numbers, as if it were the only entry of its period."""
        entry = self._draft_of(claim).entries[claim.name]
        return worth_alone(entry, self._terms), grams_alone(entry, self._terms)

    def _reverse(self, reversal: Reversal) -> str:
        """Reverse an action in the period that holds it. If there is none, keep the reversal until the action arrives.

        A reversal names the date of its action, but not the type, which determines whether the action belongs to the
        period of its day, its month or its year. A reversal of a sum is not kept: whoever names a sum has seen it.
        """
        name = entry_name(reversal.app, reversal.action_id)
        candidates = [
            self._draft(PeriodKey(reversal.owner, window))
            for window in self._terms.calendar.windows_of(reversal.occurred_at)
        ]
        outcomes = []
        for draft in candidates:
            entry = draft.entries.get(name)
            outcomes.append(draft.reverse(reversal))
            if outcomes[-1] == "reversed" and entry and entry.evidence_id:
                self._unclaim(draft, name, entry.evidence_id)
        known = next((outcome for outcome in _OF_REVERSALS if outcome in outcomes), None)
        if known == "summed" and reversal.receipt and self._early_of(reversal.app).is_of(reversal):
            return "kept"  # when its action came, it did not count, and a full period keeps the id of such an action
        if known or is_sum_id(reversal.action_id):
            return known or "unrecorded"
        return self._keep(reversal, candidates)

    def _keep(self, reversal: Reversal, candidates: Sequence[PeriodDraft]) -> str:
        """Keep a reversal whose action has not arrived. The outcome is ``kept``, ``replayed`` or ``unrecorded``.

        It is ``kept`` also if the reversal was kept before under the same receipt. If another one of the action is
        kept, with the same date or a later one, it is ``replayed``.
        """
        if not may_still_arrive(reversal.occurred_at, self._terms.calendar, self._now):
            return "unrecorded"
        before = self._early_of(reversal.app)
        waiting = [draft for draft in candidates if draft.has_slot_for(reversal.app)]
        if before.knows(reversal) and all(draft.awaits(reversal.app) for draft in waiting):
            return "kept" if reversal.receipt and before.is_of(reversal) else "replayed"
        after = before.with_reversal(reversal, self._terms.calendar, self._now)
        if after is before or not waiting:
            return "unrecorded"
        self._early[reversal.app] = after
        self._changed_early.add(reversal.app)
        for draft in waiting:
            draft.await_action(reversal.app)
        return "kept" if after.is_of(reversal) else "replayed"

    def _withdraw(self, withdrawal: Withdrawal) -> str:
        """Let an entry not count, because its id was reported before with another date; or end such a withdrawal.

        If the withdrawal of an entry with evidence ends, the entry joins the claims to its evidence again.
        """
        draft = self._draft(PeriodKey(withdrawal.owner, withdrawal.window))
        name = entry_name(withdrawal.app, withdrawal.action_id)
        entry = draft.entries.get(name)
        if entry is None or entry.reversal or (entry.void == "repeated_id") != withdrawal.is_lifted:
            return "replayed"
        if withdrawal.is_lifted:
            draft.void(name, "")
            if entry.evidence_id:
                self._claim(draft, name)
            return "lifted"
        if entry.evidence_id:
            self._unclaim(draft, name, entry.evidence_id)
        draft.void(name, "repeated_id")
        return "withdrawn"

    def _draft(self, key: PeriodKey) -> PeriodDraft:
        if key not in self._drafts:
            if key not in self._periods:
                self._periods |= self._stores.periods.get_many([key], consistent=True)
            self._drafts[key] = PeriodDraft(self._periods[key], self._terms, self._now)
        return self._drafts[key]

    def _draft_of(self, claim: Claim) -> PeriodDraft:
        """Return the draft of the period that holds the entry of a claim.

        Raises:
            LostRaceError: the period was read before a concurrent write added the entry and the claim.
        """
        draft = self._draft(PeriodKey(self._work.owner, claim.window))
        if claim.name not in draft.entries:
            raise LostRaceError(f"the period {claim.window} has no {claim.name} yet")
        return draft

    def _evidence_of(self, evidence_id: str) -> EvidenceClaims:
        if evidence_id not in self._evidence:
            self._read_claims([evidence_id])
        return self._evidence[evidence_id]

    def _read_claims(self, evidence_ids: Collection[str]) -> None:
        """Read the claims to these evidences, except those that were read before."""
        unread = {*evidence_ids} - self._evidence.keys()
        if unread:
            read = self._stores.claims.evidence(self._work.owner, unread)
            self._evidence |= read
            self._read_evidence |= read

    def _early_of(self, app: str) -> EarlyReversals:
        if app not in self._early:
            self._early |= self._stores.claims.early(self._work.owner, [app])
        return self._early[app]

    def _planned(self) -> Plan:
        posted = {key: draft.posted() for key, draft in self._drafts.items()}
        changed = [period for key, period in posted.items() if period is not self._periods[key]]
        if self._work.owner.kind == "facility":
            cut = sum(len(period.over_plausible() - self._periods[period.key].over_plausible()) for period in changed)
            self._outcomes += Counter(over_plausible_quantity=cut)
        # A claim that was taken and given back is no change: a replay of both must write nothing.
        evidence = [self._evidence[name] for name in sorted(self._changed_evidence)]
        claims = [
            *(
                self._stores.claims.evidence_write(one)
                for one in evidence
                if one != self._read_evidence[one.evidence_id]
            ),
            *(self._stores.claims.early_write(self._early[app]) for app in sorted(self._changed_early)),
        ]
        fates = [self._fate_of(one, posted) for one in self._posted]
        repeats = [one.outcome not in _FIRST for one in self._posted]
        return Plan(self._outcomes, fates, repeats, changed, claims, self._reopened(changed), self._periods)

    def _fate_of(self, one: "_PostedOne", posted: Mapping[PeriodKey, Period]) -> str:
        """Return the character for a change. That of an action depends on what all changes made of its entry."""
        if one.key is None:
            return one.fate
        return fate_of_action(one.outcome, posted[one.key].entries.get(one.name))

    def _reopened(self, changed: Sequence[Period]) -> list[Period]:
        """Return the changed periods that the wallet may have closed, as they were before."""
        if self._work.owner.kind != "user":
            return []
        may_be_closed = self._terms.calendar.may_be_closed
        return [self._periods[period.key] for period in changed if may_be_closed(period.window, self._now)]
