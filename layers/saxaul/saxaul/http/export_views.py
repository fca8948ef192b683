"""The lines of an export: everything that is stored about a person, one JSON object for each item.

A line shows what is stored, and nothing that depends on the time or on the catalog. So the same state gives the same
bytes. What it leaves out of an item can be computed from the rest, or has nothing to do with the person; ``LEFT_OUT``
lists it.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.models import Described
from saxaul.http.exported_tree_views import ExportedTreeView, exported_tree
from saxaul.http.grant_views import GrantView, grant_view
from saxaul.http.views import DayText, NonNegative, Timestamp, known
from saxaul.impact.totals import Participation, Tally
from saxaul.ledger.claims import EvidenceClaims
from saxaul.ledger.early import EarlyReversals
from saxaul.ledger.entries import Entry
from saxaul.ledger.grants import Grant
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.people.exports import CertificateLink, PersonalData, TreeInOrder
from saxaul.people.kinds import ExportedKind
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State

StoredWindow = Annotated[str, Described({"pattern": "^[0-9]{4}(-[0-9]{2}){0,2}$"})]
"""A day, a month or a year, such as ``2026-06-05``, ``2026-06`` or ``2026``."""

StoredVersion = NonNegative
"""How often the item was written."""


class WalletLineView(TypedDict):
    """The wallet of the person. A person who has harvested nothing has none."""

    kind: Literal["wallet"]
    """The kind of the line."""
    user_id: str
    """The person."""
    balance: int
    """The points that can be spent. They can be negative after a reversal."""
    spent: int
    """The points that redemptions cost, without what was refunded."""
    harvested: dict[StoredWindow, int]
    """The points that were harvested from each period that is not closed, by its window."""
    closed_through: DayText | None
    """Periods that ended on this day or before are closed; null before the first harvest."""
    closed_avoided_g: float
    """Grams of CO2e avoided in the closed periods."""
    version: StoredVersion
    """How often the wallet was written."""


class ExportedEntryView(TypedDict):
    """An action in a period, or a sum of actions."""

    app_id: str
    """The app that reported the action."""
    action_id: str
    """The id that the app chose. That of a sum says what the sum adds up."""
    action_type: str
    """The id of the action type."""
    rule_version: NonNegative
    """The version of the action type that applied; 0 if it is unknown."""
    quantity: float
    """What the app reported."""
    mode: Literal["single", "total"]
    """`total` if the quantity is a running total of the day, and otherwise `single`."""
    evidence_id: str | None
    """What proves the action; null if nothing does."""
    occurred_at: Timestamp
    """When the action happened; for a sum, when its first action happened."""
    recorded_at: Timestamp
    """When the action was posted; for a sum, when its first action was posted."""
    summed: NonNegative
    """How many actions a sum adds up; 0 if this is one action."""
    wanted_units: float
    """For a sum, how many units would earn points without caps."""
    points: int
    """What the entry adds to the points of its day."""
    units: float
    """How many units earn points."""
    counted: float
    """How much of the quantity counts toward grams."""
    avoided_g: float
    """Grams of CO2e avoided. They are not rounded to three decimals."""
    run: str | None
    """The run of the campaign that multiplied the points; null if none did."""
    multiplier: float
    """What the campaign multiplied the points by; 1 without one."""
    plausible_a_day: float | None
    """Null for a person."""
    reason: str | None
    """Why the entry earns fewer points than its quantity is worth; null if it earns all of them."""
    void: str | None
    """Why the entry does not count; null if it does."""
    reversal: str | None
    """Why the action was reversed, in the words of the app or of an operator; null if it was not."""
    conflicted: bool
    """Whether the app sent the same action again with other content."""
    contested: bool
    """Whether actions that use other caps claim the same evidence."""
    receipt: str | None
    """The beginning of the id of the receipt under which the entry came; null for a sum."""
    raised_by: str | None
    """The same, of the receipt that last raised a running total; null if that is the same one."""
    reversed_by: str | None
    """The same, of the receipt that reversed the action; null if none did."""


class PeriodLineView(TypedDict):
    """What the person did in a day, a month or a year."""

    kind: Literal["period"]
    """The kind of the line."""
    user_id: str
    """The person."""
    window: StoredWindow
    """The day, the month or the year."""
    entries: list[ExportedEntryView]
    """The actions, in the order in which they are stored."""
    summed_actions: dict[str, str]
    """By app, four bytes of the hash of each action that a sum contains, as base64."""
    full_apps: list[str]
    """The apps that reported an action that found no room."""
    awaited_apps: list[str]
    """The apps that reversed an action of this window before it arrived."""
    version: StoredVersion
    """How often the period was written."""


class ExportedClaimView(TypedDict):
    """An action that claims an evidence."""

    app_id: str
    """The app that reported the action."""
    action_id: str
    """The id that the app chose."""
    window: StoredWindow
    """The window of the period that has the action."""


class EvidenceLineView(TypedDict):
    """The actions that claim the same evidence, such as a ticket."""

    kind: Literal["evidence"]
    """The kind of the line."""
    user_id: str
    """The person."""
    evidence_id: str
    """The evidence, as apps report it."""
    claims: list[ExportedClaimView]
    """The actions that claim it."""
    version: StoredVersion
    """How often the item was written."""


class ExportedReversalView(TypedDict):
    """A reversal whose action has not arrived."""

    action_id: str
    """The id of the action."""
    reason: str
    """Why it is reversed, in the words of the app."""
    occurred_at: Timestamp
    """When the action happened, as the reversal says."""
    receipt: str
    """The beginning of the id of the receipt of the reversal."""


class EarlyReversalLineView(TypedDict):
    """The reversals of an app that came before their actions."""

    kind: Literal["early_reversal"]
    """The kind of the line."""
    user_id: str
    """The person."""
    app_id: str
    """The app."""
    reversals: list[ExportedReversalView]
    """The reversals, sorted by action id."""
    version: StoredVersion
    """How often the item was written."""


class GrantLineView(GrantView):
    """What the person allows a third-party app to do."""

    kind: Literal["grant"]
    """The kind of the line."""


class ParticipationLineView(TypedDict):
    """That the person took part in a run of a campaign."""

    kind: Literal["participation"]
    """The kind of the line."""
    user_id: str
    """The person."""
    run: str
    """The campaign and the first day of the run, such as ``earth-hour@2026-03-28``."""
    periods: NonNegative
    """How many periods of the person have an action that counts and that the run multiplied."""
    version: StoredVersion
    """How often the item was written."""


class RedemptionLineView(TypedDict):
    """A request for trees, and what became of each tree."""

    kind: Literal["redemption"]
    """The kind of the line."""
    user_id: str
    """The person."""
    redemption_id: str
    """The id of the redemption."""
    app_id: str
    """The app that requested the trees."""
    project_id: str
    """The tree project."""
    state: Annotated[str, known(*State)]
    """The state of the redemption: that of its trees, once they are ordered."""
    reason: str | None
    """Why the request was rejected; else null."""
    points: NonNegative
    """The price of all trees together, in points."""
    max_points: NonNegative | None
    """The most points that the app let the trees cost; null if it set no limit."""
    dedication: str
    """The text on the certificates; empty if the app gave none."""
    requested_at: Timestamp
    """When the trees were requested."""
    reserved_at: Timestamp | None
    """When the trees were reserved; null if they were not."""
    trees: list[ExportedTreeView]
    """The trees."""
    version: StoredVersion
    """How often the redemption was written."""


class CertificateLineView(TypedDict):
    """That a certificate belongs to a redemption of the person."""

    kind: Literal["certificate"]
    """The kind of the line."""
    user_id: str
    """The person."""
    certificate: str
    """The number of the certificate."""
    redemption_id: str
    """The redemption."""


class OrderedTreeLineView(TypedDict):
    """That a planting order has a tree of the person. The partner does not see whose it is."""

    kind: Literal["ordered_tree"]
    """The kind of the line."""
    user_id: str
    """The person."""
    order_id: str
    """The planting order."""
    certificate: str
    """The number of the certificate of the tree."""
    redemption_id: str
    """The redemption."""


ExportLineView = (
    WalletLineView
    | PeriodLineView
    | EvidenceLineView
    | EarlyReversalLineView
    | GrantLineView
    | ParticipationLineView
    | RedemptionLineView
    | CertificateLineView
    | OrderedTreeLineView
)
"""A line of an export. ``kind`` says which of these it is."""

LEFT_OUT: Mapping[ExportedKind, Mapping[str, str]] = {
    "wallet": {"mark": "a random value of the last harvest, with which it recognises its own write"},
    "period": {"sums": "what `entries` add up to"},
    "participation": {"marks": "how far the stream of the table is counted; the places in it are not a person's"},
    "redemption": {
        "forest_order": "the place in the index: `state`, `requested_at` and `redemption_id`",
        "list_name": "the list in the index that the redemption waits in, by its state and project",
        "list_order": "the place in that list, by `requested_at` or `reserved_at`",
    },
    "ordered_tree": dict.fromkeys(
        (
            *("project_id", "partner", "species", "latin", "place", "ordered_at", "announced_at", "reach", "area"),
            *("list_name", "list_order", "v"),
        ),
        "of the order, which is not a person's",
    ),
}
"""The attributes of stored items that are in no line, and what they are."""


def export_lines(held: PersonalData, calendar: Calendar) -> Iterator[ExportLineView]:
    """Yield the lines of an export, in the order of the kinds and then of the keys."""
    yield from map(_wallet, held.wallets)
    yield from (_period(period, calendar) for period in held.periods)
    yield from map(_evidence, held.evidence)
    yield from (_early_reversal(early, calendar) for early in held.early_reversals)
    yield from (_grant(grant, calendar) for grant in held.grants)
    yield from (_participation(held.user_id, tally) for tally in held.participations)
    yield from (_redemption(redemption, calendar) for redemption in held.redemptions)
    yield from map(_certificate, held.certificates)
    yield from map(_ordered_tree, held.ordered_trees)


def export_text(held: PersonalData, calendar: Calendar) -> str:
    """Return an export as JSON Lines. The same state gives the same text."""
    lines = (json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in export_lines(held, calendar))
    return "".join(f"{line}\n" for line in lines)


def _wallet(wallet: Wallet) -> WalletLineView:
    return {
        "kind": "wallet",
        "user_id": wallet.user_id,
        "balance": wallet.balance,
        "spent": wallet.spent,
        "harvested": dict(sorted(wallet.credited.items())),
        "closed_through": wallet.closed_through.isoformat() if wallet.closed_through else None,
        "closed_avoided_g": float(wallet.closed_g),
        "version": wallet.version,
    }


def _period(period: Period, calendar: Calendar) -> PeriodLineView:
    return {
        "kind": "period",
        "user_id": period.key.owner.id,
        "window": period.key.window,
        "entries": [_entry(name, entry, calendar) for name, entry in period.entries.items()],
        "summed_actions": {app: b64encode(digests).decode() for app, digests in sorted(period.digests.items())},
        "full_apps": sorted(period.full),
        "awaited_apps": sorted(period.awaited),
        "version": period.version,
    }


def _entry(name: str, entry: Entry, calendar: Calendar) -> ExportedEntryView:
    app, _, action_id = name.partition(":")
    return {
        "app_id": app,
        "action_id": action_id,
        "action_type": entry.type,
        "rule_version": entry.rule,
        "quantity": float(entry.quantity),
        "mode": "total" if entry.is_total else "single",
        "evidence_id": entry.evidence_id or None,
        "occurred_at": calendar.rfc3339(entry.occurred_at),
        "recorded_at": calendar.rfc3339(entry.recorded_at),
        "summed": entry.summed,
        "wanted_units": float(entry.wanted),
        "points": entry.points,
        "units": float(entry.units),
        "counted": float(entry.counted),
        "avoided_g": float(entry.avoided_g),
        "run": entry.run or None,
        "multiplier": float(entry.multiplier),
        "plausible_a_day": _optional(entry.plausible),
        "reason": entry.reason or None,
        "void": entry.void or None,
        "reversal": entry.reversal or None,
        "conflicted": entry.conflicted,
        "contested": entry.contested,
        "receipt": entry.receipt or None,
        "raised_by": entry.raised_by or None,
        "reversed_by": entry.reversed_by or None,
    }


def _optional(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _evidence(evidence: EvidenceClaims) -> EvidenceLineView:
    names = [(*claim.name.partition(":")[::2], claim.window) for claim in evidence.claims]
    return {
        "kind": "evidence",
        "user_id": evidence.owner.id,
        "evidence_id": evidence.evidence_id,
        "claims": [{"app_id": app, "action_id": action_id, "window": window} for app, action_id, window in names],
        "version": evidence.version,
    }


def _early_reversal(early: EarlyReversals, calendar: Calendar) -> EarlyReversalLineView:
    return {
        "kind": "early_reversal",
        "user_id": early.owner.id,
        "app_id": early.app,
        "reversals": [
            {
                "action_id": action_id,
                "reason": reversal.reason,
                "occurred_at": calendar.rfc3339(reversal.occurred_at),
                "receipt": reversal.receipt,
            }
            for action_id, reversal in sorted(early.reversals.items())
        ],
        "version": early.version,
    }


def _grant(grant: Grant, calendar: Calendar) -> GrantLineView:
    return {"kind": "grant", **grant_view(grant, calendar)}


def _participation(user_id: str, tally: Tally) -> ParticipationLineView:
    subject = tally.subject
    return {
        "kind": "participation",
        "user_id": user_id,
        "run": str(subject.run) if isinstance(subject, Participation) else "",
        "periods": tally.impact.periods,
        "version": tally.version,
    }


def _redemption(redemption: Redemption, calendar: Calendar) -> RedemptionLineView:
    return {
        "kind": "redemption",
        "user_id": redemption.user_id,
        "redemption_id": redemption.redemption_id,
        "app_id": redemption.app,
        "project_id": redemption.project_id,
        "state": redemption.state,
        "reason": redemption.reason or None,
        "points": redemption.points,
        "max_points": redemption.max_points,
        "dedication": redemption.dedication,
        "requested_at": calendar.rfc3339(redemption.requested_at),
        "reserved_at": calendar.rfc3339(redemption.reserved_at) if redemption.reserved_at else None,
        "trees": [exported_tree(tree, calendar) for tree in redemption.trees],
        "version": redemption.version,
    }


def _certificate(link: CertificateLink) -> CertificateLineView:
    return {
        "kind": "certificate",
        "user_id": link.user_id,
        "certificate": link.number,
        "redemption_id": link.redemption_id,
    }


def _ordered_tree(ordered: TreeInOrder) -> OrderedTreeLineView:
    tree = ordered.tree
    return {
        "kind": "ordered_tree",
        "user_id": tree.user_id,
        "order_id": ordered.order_id,
        "certificate": tree.number,
        "redemption_id": tree.redemption_id,
    }
