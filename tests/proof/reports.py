"""The reports of all apps as the model sees them: one list of lines in recorded order, and sums computed from it.

There are no periods, no versions and no transactions here. What a line earns is computed from all lines each time, with
exact fractions. This module is written from the rules of the ledger, and imports none of the code that it is to check.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import count
from math import floor
from typing import NamedTuple

from saxaul.catalog.entries import ActionType, Cap, Catalog
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from tests.builders import DAY, SHANGHAI

ACTION_FATES = {
    "conflicted": ("conflicted", ""),
    "summed": ("posted", "summed"),
    "unrecorded": ("withheld", "no_room"),
}
REVERSAL_FATES = {
    "reversed": ("reversed", ""),
    "redelivered": ("reversed", ""),
    "replayed": ("replayed", ""),
    "summed": ("nothing_to_reverse", "summed"),
    "kept": ("nothing_to_reverse", "kept"),
    "unrecorded": ("nothing_to_reverse", "not_kept"),
}
"""What a receipt says of an action or a reversal with an outcome, if the outcome says it."""

LENGTHS = {"day": 10, "month": 7, "year": 4}
ZERO = Fraction(0)
UNREACHED = 10**9
ARRIVES_WITHIN = (7 + 1 + 30) * DAY
"""How long after an action its report may arrive: the days of acceptance, one more, and the days in queues."""


class Limits(NamedTuple):
    """The limits of the share of one app: in bytes, in entries, or in numbers of claims and reversals."""

    entry_bytes: int = 17 * 1024
    reserved_bytes: int = 2 * 1024
    sum_bytes: int = 3 * 1024
    digest_bytes: int = 4 * 1024
    withheld: int = 20
    claims: int = 4
    early: int = 500


DEPLOYED = Limits()
FIELDS_BYTES = 90
"""What an entry takes of its app's share, without its ids, its marks and its reversal reason."""
MARK_BYTES = 5
"""What a mark of a receipt takes. An entry may get two of them, and a running total three."""
RUN_BYTES = 8
"""What the run of a campaign takes."""


class Share(NamedTuple):
    """The part of one period that one app may use."""

    user_id: str
    window: str
    app: str


class Award(NamedTuple):
    """What a line earns. ``worth`` is the points of the paid units before rounding and before caps in points."""

    points: int = 0
    units: Fraction = ZERO
    counted: Fraction = ZERO
    grams: Fraction = ZERO
    withheld: bool = False
    reason: str = ""


Fate = tuple[str, str]
"""What a receipt says of an action or a reversal: the status, and the reason or nothing."""


@dataclass
class Line:
    """A recorded action.

    Attributes:
        sum_id: if the app's share had no room, what names the sum that the action was added to; else empty.
        claims: the place of the line among the kept claims to its evidence, from 1 on; 0 if it is not kept.
        receipt, raised_by, reversed_by: the marks of the receipts under which it first came, last grew, and ended.
    """

    share: Share
    action_id: str
    type: str
    quantity: Fraction
    occurred_at: int
    recorded_at: int
    rule: ActionType
    version: int
    run: str
    multiplier: Fraction
    is_total: bool
    evidence_id: str
    reversal: str = ""
    void: str = ""
    conflicted: bool = False
    claims: int = 0
    sum_id: str = ""
    receipt: str = ""
    raised_by: str = ""
    reversed_by: str = ""

    @property
    def counts(self) -> bool:
        return not self.reversal and not self.void

    @property
    def day(self) -> str:
        return day_of(self.occurred_at).isoformat()

    @property
    def kind(self) -> tuple[object, ...]:
        """What two lines share that use the same caps and earn the same for each unit."""
        return self.type, self.day, self.version, self.multiplier

    @property
    def bytes(self) -> int:
        marks = MARK_BYTES * (3 if self.is_total else 2)
        run = RUN_BYTES if self.run else 0
        return FIELDS_BYTES + marks + run + len(f":{self.action_id}") + len(self.evidence_id) + len(self.reversal)

    @property
    def needs_an_entry(self) -> bool:
        return self.is_total or bool(self.evidence_id)

    @property
    def is_too_small(self) -> bool:
        reward = self.rule.points
        return reward is not None and reward.per == "action" and self.quantity < Fraction(reward.at_least)

    @property
    def wanted(self) -> Fraction:
        """The units that would earn points if there were no caps."""
        if self.rule.points is None or self.is_too_small:
            return ZERO
        return self.quantity if self.rule.points.per == "unit" else Fraction(1)

    def worth(self, units: Fraction) -> Fraction:
        return units * Fraction(self.rule.points.value) * self.multiplier if self.rule.points else ZERO

    @property
    def plausible(self) -> Fraction:
        """The most of the quantity of one day that counts."""
        return Fraction(self.rule.plausible_a_day.value if self.rule.plausible_a_day else self.rule.max_quantity)

    @property
    def grams_alone(self) -> Fraction:
        """The grams of the line as if it were the only one."""
        return min(self.quantity, self.plausible) * Fraction(self.rule.avoided_g.value)

    @property
    def worth_alone(self) -> tuple[Fraction, Fraction]:
        """The exact points without caps, and the grams, of the line as if it were the only one."""
        return self.worth(self.wanted), self.grams_alone


def day_of(instant: int) -> date:
    return datetime.fromtimestamp(instant, SHANGHAI).date()


def award(lines: Iterable[Line]) -> Iterator[Award]:
    """Yield what each line of one user and type earns. ``lines`` are in the order of the award."""
    units: defaultdict[str, Fraction] = defaultdict(Fraction)
    points: defaultdict[str, int] = defaultdict(int)
    worth: defaultdict[str, Fraction] = defaultdict(Fraction)
    counted: defaultdict[str, Fraction] = defaultdict(Fraction)
    for line in lines:
        if not line.counts:
            yield Award()
            continue
        rule, day = line.rule, line.day
        plain = min(line.quantity, max(ZERO, line.plausible - counted[day]))
        left = [max(ZERO, Fraction(c.units) - units[_window(day, c.window)]) for c in rule.caps if c.units is not None]
        paid = min([line.wanted, *left])
        gained = floor(worth[day] + line.worth(paid)) - floor(worth[day])
        room = [max(0, c.points - points[_window(day, c.window)]) for c in rule.caps if c.points is not None]
        earned = min([gained, *room])
        reason = "too_small_to_earn" if line.is_too_small else ""
        reason = "over_units_cap" if paid < line.wanted else reason
        reason = "over_points_cap" if earned < gained else reason
        yield Award(earned, paid, plain, plain * Fraction(rule.avoided_g.value), bool(reason) and not earned, reason)
        worth[day] += line.worth(paid)
        counted[day] += plain
        for length in LENGTHS:
            units[_window(day, length)] += paid
            points[_window(day, length)] += earned


def _window(day: str, length: str) -> str:
    return day[: LENGTHS[length]]


@dataclass
class Reports:
    """All reports, and what they are worth.

    Attributes:
        lines: in recorded order. A running total that was raised moves to the end.
        digested: by share, the ids of the actions that have no line, or that were added to a sum.
        early: by user and app, the reversals that arrived before their action: the reason, the action's time, and the
            mark of the receipt.
        awaited: the shares that may get such an action.
        decided: users and evidence whose claims have changed in the present batch.
        full: the shares that had no room for an action.
        fates: what receipts say of each action and then of each reversal of the last batch, as soon as it is certain.
    """

    limits: Limits
    lines: list[Line] = field(default_factory=list)
    digested: dict[Share, list[str]] = field(default_factory=dict)
    early: dict[tuple[str, str], dict[str, tuple[str, int, str]]] = field(default_factory=dict)
    awaited: set[Share] = field(default_factory=set)
    full: set[Share] = field(default_factory=set)
    decided: set[tuple[str, str]] = field(default_factory=set, compare=False)
    fates: list[Callable[[], Fate]] = field(default_factory=list, compare=False)
    _known: dict[tuple[Share, str], Line] = field(default_factory=dict, compare=False)
    _awards: dict[tuple[str, str], list[tuple[Line, Award]]] = field(default_factory=dict, compare=False)
    _withheld: Counter[Share] = field(default_factory=Counter, compare=False)

    def copied(self) -> "Reports":
        lines = [replace(line) for line in self.lines]
        return Reports(
            self.limits,
            lines,
            {share: [*ids] for share, ids in self.digested.items()},
            {key: {**found} for key, found in self.early.items()},
            {*self.awaited},
            {*self.full},
            _known={(line.share, line.action_id): line for line in lines if not line.sum_id},
        )

    def arrive(
        self,
        actions: Iterable[tuple[Action, Catalog]],
        reversals: Iterable[Reversal],
        withdrawals: Iterable[Withdrawal],
        now: int,
    ) -> Counter[str]:
        """Apply a batch: first its plain actions, then those with evidence, the reversals, and the withdrawals.

        Each action comes with the catalog by which it was accepted.

        After that, decide which of the claims to each evidence counts. ``decided`` names the evidence whose claims have
        changed.
        """
        self.decided.clear()
        self._withheld = Counter(line.share for line, award in self.awarded() if award.withheld and not line.sum_id)
        told = dict(enumerate(actions))
        plain = {number: self._report(*one, now) for number, one in told.items() if not one[0].evidence_id}
        certain = {number: self._fate_of(*found) for number, found in plain.items()}
        proved = {number: self._report(*one, now) for number, one in told.items() if one[0].evidence_id}
        reported = plain | proved
        reversed_ = [self._reverse(reversal, now) for reversal in reversals]
        self.fates = [
            partial(certain.__getitem__, number) if number in certain else partial(self._fate_of, *proved[number])
            for number in told
        ]
        self.fates += [partial(REVERSAL_FATES.__getitem__, outcome) for outcome in reversed_]
        outcomes = [
            *(outcome for outcome, _ in reported.values()),
            *reversed_,
            *(self._withdraw(withdrawal) for withdrawal in withdrawals),
        ]
        for user_id, evidence_id in sorted(self.decided | self.contested()):
            self._choose_the_claim_that_counts(user_id, evidence_id)
        return Counter(outcomes)

    def contested(self) -> set[tuple[str, str]]:
        """Return the users and evidence with claims of several kinds."""
        kinds: defaultdict[tuple[str, str], set[tuple[object, ...]]] = defaultdict(set)
        for line in self.lines:
            if line.claims:
                kinds[line.share.user_id, line.evidence_id].add(line.kind)
        return {evidence for evidence, found in kinds.items() if len(found) > 1}

    def adopt_choices(self, user_id: str, void: AbstractSet[tuple[str, str]]) -> None:
        """Let those claims count that the system has chosen, for evidence with claims of several kinds.

        ``void`` has the windows and the names of the system's void entries.

        The system may decide such evidence in another order, and not again if no cap applies. ``check_choices`` checks
        what it has chosen. All other evidence is decided by the worth of the claims alone.
        """
        for evidence in self.contested():
            if evidence[0] == user_id:
                for line in self._claims(*evidence):
                    self._let_count(line, (line.share.window, f"{line.share.app}:{line.action_id}") not in void)

    def check_choices(self, user_id: str) -> None:
        """Check that one claim to each evidence counts, and that the person cannot earn more with another one.

        A decision for one evidence may change what another is worth. So what a person earns is only checked if there is
        one such decision. Rounding may move one point.
        """
        contested = [evidence for evidence in self.contested() if evidence[0] == user_id]
        for evidence in contested:
            claims = self._claims(*evidence)
            counting = [line for line in claims if line.counts]
            assert len(counting) == 1
            if len(contested) == 1:
                [chosen] = counting
                gains = {id(line): self._gain(line, claims) for line in claims}
                assert all(gain <= gains[id(chosen)] + 1 for gain in gains.values())
                self._let_only_count(chosen, claims)

    def _gain(self, line: Line, claims: Sequence[Line]) -> int:
        """Return the points that the person gains if this claim counts, and no other."""
        types = {claim.type for claim in claims}
        self._let_only_count(None, claims)
        without = sum(self._points(line.share.user_id, type_) for type_ in types)
        self._let_only_count(line, claims)
        return sum(self._points(line.share.user_id, type_) for type_ in types) - without

    def _points(self, user_id: str, type_: str) -> int:
        return sum(found.points for _, found in self.awarded_to(user_id, type_))

    def _let_only_count(self, chosen: Line | None, claims: Iterable[Line]) -> None:
        for line in claims:
            self._let_count(line, line is chosen)

    def _let_count(self, line: Line, counts: bool) -> None:
        line.void = "" if counts else "same_evidence"
        self._touch(line)

    def awarded(self) -> list[tuple[Line, Award]]:
        """Return all lines with what they earn, those of one user and type together, in the order of the award."""
        groups = dict.fromkeys((line.share.user_id, line.type) for line in self.lines)
        return [pair for group in groups for pair in self.awarded_to(*group)]

    def awarded_to(self, user_id: str, type_: str) -> list[tuple[Line, Award]]:
        if (user_id, type_) not in self._awards:
            lines = [line for line in self.lines if (line.share.user_id, line.type) == (user_id, type_)]
            sums: dict[tuple[Share, str], list[Line]] = {}
            for line in lines:
                if line.sum_id:
                    sums.setdefault((line.share, line.sum_id), []).append(line)
            ordered = [line for line in lines if not line.sum_id] + [line for found in sums.values() for line in found]
            self._awards[user_id, type_] = list(zip(ordered, award(ordered), strict=True))
        return self._awards[user_id, type_]

    def repeats(self) -> list[Withdrawal]:
        """Return what the repeat check must change. It withdraws all lines with one id that count, but not the first.

        If the first line that is not reversed was withdrawn, it counts again, unless a sum has the id.
        """
        by_id: defaultdict[tuple[str, str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            if not line.reversal and not line.sum_id:
                by_id[line.share.user_id, line.share.app, line.action_id].append(line)
        found: list[Withdrawal] = []
        for (user_id, app, action_id), lines in by_id.items():
            lines.sort(key=lambda line: (line.recorded_at, line.share.window))
            owner, counting = Owner("user", user_id), [line for line in lines if line.counts]
            found += [Withdrawal(app, owner, action_id, line.share.window) for line in counting[1:]]
            if lines[0].void == "repeated_id" and not self._is_digested(user_id, app, action_id):
                found.append(Withdrawal(app, owner, action_id, lines[0].share.window, is_lifted=True))
        return found

    def _is_digested(self, user_id: str, app: str, action_id: str) -> bool:
        digested = self.digested.items()
        return any(action_id in ids for share, ids in digested if (share.user_id, share.app) == (user_id, app))

    def _touch(self, line: Line) -> None:
        self._awards.pop((line.share.user_id, line.type), None)

    def _fate_of(self, outcome: str, line: Line | None) -> Fate:
        """Return what a receipt says of an action with this outcome, as its line is now."""
        if outcome in ACTION_FATES:
            return ACTION_FATES[outcome]
        if line is None:
            return ACTION_FATES["summed"]
        if outcome == "replayed":
            return "replayed", ""
        if not line.counts:
            return "withheld", "reversed" if line.reversal else line.void
        found = next(a for other, a in self.awarded_to(line.share.user_id, line.type) if other is line)
        if found.reason:
            return ("withheld" if found.withheld else "posted"), found.reason
        return "posted", "over_plausible_quantity" if found.counted < line.quantity else ""

    def fates_now(self, actions: Iterable[tuple[Action, Catalog]]) -> list[Fate | None]:
        """Return what a receipt would say of each action if it were delivered again now; None if it is not known."""
        found: list[Fate | None] = []
        for action, catalog in actions:
            window = _window(day_of(action.occurred_at).isoformat(), catalog.action_types[action.type].window)
            line = self._known.get((Share(action.owner.id, window, action.app), action.action_id))
            found.append(self._fate_of("redelivered", line) if line else None)
        return found

    def _report(self, action: Action, catalog: Catalog, now: int) -> tuple[str, Line | None]:
        """Apply an action. Return the outcome, and its line if it is not a part of a sum."""
        rule = catalog.action_types[action.type]
        day = day_of(action.occurred_at)
        share = Share(action.owner.id, _window(day.isoformat(), rule.window), action.app)
        quantity = Fraction(action.quantity)
        if known := self._known.get((share, action.action_id)):
            return self._report_again(known, action), known
        if action.action_id in self.digested.get(share, ()):
            return "replayed", None
        reason, _, mark = self.early.get((share.user_id, share.app), {}).get(action.action_id, ("", 0, ""))
        multiplier, run = _run(catalog, action.type, day)
        line = Line(
            share=share,
            action_id=action.action_id,
            type=action.type,
            quantity=quantity,
            occurred_at=action.occurred_at,
            recorded_at=now,
            rule=rule,
            version=catalog.versions[action.type],
            run=run,
            multiplier=multiplier,
            is_total=action.is_total,
            evidence_id=action.evidence_id,
            reversal=reason if share in self.awaited else "",
            reversed_by=mark if share in self.awaited else "",
            receipt=action.receipt,
        )
        if not self._has_room_for(line):
            return self._sum_up(line), None
        self._record(line)
        self._known[share, action.action_id] = line
        if line.evidence_id and not line.reversal:
            self._claim(line)
        return "posted", line

    def _claim(self, line: Line) -> None:
        line.void = "same_evidence" if self._claims(line.share.user_id, line.evidence_id) else ""
        self._keep_claim(line)
        self.decided.add((line.share.user_id, line.evidence_id))

    def _report_again(self, known: Line, action: Action) -> str:
        day = day_of(action.occurred_at).isoformat()
        if known.is_total and action.is_total and (known.type, known.day) == (action.type, day):
            if action.quantity <= known.quantity:
                return _repeated(known, action)
            self.lines = [line for line in self.lines if line is not known]
            known.quantity = Fraction(action.quantity)
            known.occurred_at = action.occurred_at
            known.raised_by = "" if action.receipt == known.receipt else action.receipt
            self._record(known)
            return "raised"
        told = (action.type, Fraction(action.quantity), action.occurred_at, action.is_total, action.evidence_id)
        if told == (known.type, known.quantity, known.occurred_at, known.is_total, known.evidence_id):
            return _repeated(known, action)
        known.conflicted = True
        return "conflicted"

    def _record(self, line: Line) -> None:
        self.lines.append(line)
        self._touch(line)

    def _has_room_for(self, line: Line) -> bool:
        limit = self.limits.entry_bytes - (0 if line.needs_an_entry else self.limits.reserved_bytes)
        if self._bytes(line.share) + line.bytes > limit:
            return False
        before = [other for other, _ in self.awarded_to(line.share.user_id, line.type) if not other.sum_id]
        *_, found = award([*before, line])
        if not line.needs_an_entry and found.withheld and self._withheld[line.share] >= self.limits.withheld:
            return False
        self._withheld[line.share] += found.withheld
        return True

    def _bytes(self, share: Share) -> int:
        return sum(line.bytes for line in self.lines if line.share == share and not line.sum_id)

    def _sum_up(self, line: Line) -> str:
        """Add an action to a sum. Its id is kept, so that a repeat is recognised."""
        digested = self.digested.setdefault(line.share, [])
        if line.needs_an_entry or 4 * (len(digested) + 1) > self.limits.digest_bytes:
            return self._leave_out(line.share)
        if line.counts:
            line.sum_id = self._open_sum(line)
            is_there = any(other.sum_id == line.sum_id for other in self._sums(line.share))
            if not is_there and self._sum_bytes(line.share) + FIELDS_BYTES > self.limits.sum_bytes:
                return self._leave_out(line.share)
            line.receipt = ""
            self._record(line)
        digested.append(line.action_id)
        return "summed"

    def _open_sum(self, line: Line) -> str:
        """Return the first sum for such an action that is not reversed."""
        multiplier = format(Decimal(line.multiplier.numerator) / line.multiplier.denominator, "f")
        first = f"{line.day}/{line.type}/{line.version}/{line.run}/{multiplier}"
        reversed_ = {other.sum_id for other in self._sums(line.share) if other.reversal}
        numbered = (first if number == 1 else f"{first}~{number}" for number in count(1))
        return next(sum_id for sum_id in numbered if sum_id not in reversed_)

    def _sums(self, share: Share) -> list[Line]:
        return [line for line in self.lines if line.share == share and line.sum_id]

    def _sum_bytes(self, share: Share) -> int:
        reasons = {line.sum_id: len(line.reversal) for line in self._sums(share)}
        return sum(FIELDS_BYTES + reason for reason in reasons.values())

    def _leave_out(self, share: Share) -> str:
        self.full.add(share)
        return "unrecorded"

    def _claims(self, user_id: str, evidence_id: str) -> list[Line]:
        """Return the kept claims to an evidence, in recorded order. Withdrawn lines that count again come last."""
        wanted = (user_id, evidence_id)
        found = [line for line in self.lines if line.claims and (line.share.user_id, line.evidence_id) == wanted]
        return sorted(found, key=lambda line: line.claims)

    def _keep_claim(self, line: Line) -> None:
        """Keep a claim, unless its app has as many claims to the evidence as are kept."""
        kept = self._claims(line.share.user_id, line.evidence_id)
        if sum(other.share.app == line.share.app for other in kept) < self.limits.claims:
            line.claims = max((other.claims for other in kept), default=0) + 1

    def _choose_the_claim_that_counts(self, user_id: str, evidence_id: str) -> None:
        """Let the claim count with which the person earns most: points, then grams; of several the first.

        Claims of one kind use the same caps. Then the one that is worth most alone gives most.
        """
        claims = self._claims(user_id, evidence_id)
        if len({line.kind for line in claims}) > 1:
            self._let_only_count(max(claims, key=lambda line: (self._gain(line, claims), line.grams_alone)), claims)
        else:
            self._let_only_count(max(claims, key=lambda line: line.worth_alone, default=None), claims)

    def _reverse(self, reversal: Reversal, now: int) -> str:
        day = day_of(reversal.occurred_at).isoformat()
        shares = [Share(reversal.owner.id, _window(day, length), reversal.app) for length in LENGTHS]
        reverse = self._reverse_sum if "/" in reversal.action_id else self._reverse_in
        outcomes = {reverse(share, reversal) for share in shares}
        _, _, mark = self.early.get((reversal.owner.id, reversal.app), {}).get(reversal.action_id, ("", 0, ""))
        for outcome in ("reversed", "redelivered", "replayed", "summed"):
            if outcome == "summed" in outcomes and mark and mark == reversal.receipt:
                return "kept"
            if outcome in outcomes:
                return outcome
        return "unrecorded" if "/" in reversal.action_id else self._keep(reversal, shares, now)

    def _reverse_sum(self, share: Share, reversal: Reversal) -> str:
        """Reverse all actions of a sum. Later actions are added to another sum."""
        lines = [line for line in self._sums(share) if line.sum_id == reversal.action_id]
        if not lines:
            return "unknown"
        if lines[0].reversal:
            return "redelivered" if reversal.receipt and reversal.receipt == lines[0].reversed_by else "replayed"
        fits = self._sum_bytes(share) + len(reversal.reason) <= self.limits.sum_bytes
        for line in lines:
            line.reversal, line.reversed_by = reversal.reason if fits else "reversed", reversal.receipt
        self._touch(lines[0])
        return "reversed"

    def _reverse_in(self, share: Share, reversal: Reversal) -> str:
        line = self._known.get((share, reversal.action_id))
        if line is None:
            return "summed" if reversal.action_id in self.digested.get(share, ()) else "unknown"
        if line.reversal:
            return "redelivered" if reversal.receipt and reversal.receipt == line.reversed_by else "replayed"
        line.reversed_by = reversal.receipt
        fits = self._bytes(share) + len(reversal.reason) <= self.limits.entry_bytes
        line.reversal = reversal.reason if fits else "reversed"
        self._give_up_claim(line)
        return "reversed"

    def _give_up_claim(self, line: Line) -> None:
        self._touch(line)
        if line.claims:
            line.claims = 0
            self.decided.add((line.share.user_id, line.evidence_id))
            for other in self.lines:
                same = (other.share.user_id, other.share.window, other.evidence_id) == (
                    *line.share[:2],
                    line.evidence_id,
                )
                is_unkept = not other.claims and not other.reversal and other.void == "same_evidence"
                if same and is_unkept and other is not line:
                    self._keep_claim(other)

    def _keep(self, reversal: Reversal, shares: Sequence[Share], now: int) -> str:
        owner = (reversal.owner.id, reversal.app)
        known = self.early.get(owner, {})
        if reversal.occurred_at < now - ARRIVES_WITHIN:
            return "unrecorded"
        _, occurred_at, mark = known.get(reversal.action_id, ("", -1, ""))
        if occurred_at >= reversal.occurred_at and self.awaited.issuperset(shares):
            return "kept" if mark and mark == reversal.receipt else "replayed"
        kept = {name: found for name, found in known.items() if found[1] >= now - ARRIVES_WITHIN}
        if len(kept) >= self.limits.early and reversal.action_id not in kept:
            return "unrecorded"
        if occurred_at < reversal.occurred_at:
            kept[reversal.action_id] = (reversal.reason, reversal.occurred_at, reversal.receipt)
        self.early[owner] = kept
        self.awaited.update(shares)
        return "kept" if kept[reversal.action_id][2] == reversal.receipt else "replayed"

    def _withdraw(self, withdrawal: Withdrawal) -> str:
        line = self._known.get((Share(withdrawal.owner.id, withdrawal.window, withdrawal.app), withdrawal.action_id))
        if line is None or line.reversal or (line.void == "repeated_id") != withdrawal.is_lifted:
            return "replayed"
        if withdrawal.is_lifted:
            self._lift(line)
            return "lifted"
        line.void = "repeated_id"
        self._give_up_claim(line)
        return "withdrawn"

    def _lift(self, line: Line) -> None:
        """End the withdrawal of a line. If it has evidence, it claims the evidence again, after all other claims."""
        line.void = ""
        self._touch(line)
        if line.evidence_id:
            self._claim(line)


def _repeated(known: Line, action: Action) -> str:
    """Return the outcome of a report that changes nothing. By its mark, a receipt recognises its own one."""
    return "redelivered" if action.receipt and action.receipt in {known.receipt, known.raised_by} else "replayed"


def _run(catalog: Catalog, type_: str, day: date) -> tuple[Fraction, str]:
    """Return the multiplier and the run of its campaign.

    The only campaign is World Environment Day, which lasts one day.
    """
    if day.strftime("%m-%d") == "06-05":
        for name, campaign in catalog.campaigns.items():
            if type_ in campaign.multipliers:
                return Fraction(campaign.multipliers[type_]), f"{name}@{day}"
    return Fraction(1), ""


def uncapped(catalog: Catalog) -> Catalog:
    """Return the catalog with caps that are never reached. They keep their windows, so the shares stay the same."""
    types = {
        name: rule.model_copy(update={"caps": tuple(Cap(window=cap.window, points=UNREACHED) for cap in rule.caps)})
        for name, rule in catalog.action_types.items()
    }
    return replace(catalog, action_types=types)
