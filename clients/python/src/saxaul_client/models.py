"""What the API returns, and the actions that an app reports. docs/api.md describes each field.

Points are ``int``. Grams of CO2e and quantities are ``Decimal``, with exactly the digits that the API sent. Times are
aware ``datetime``. A state, a reason and a code are texts, because a later release may add one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list. ``cursor`` begins the next page; None on the last one."""

    items: tuple[Item, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action to report. Exactly one of ``user_id`` and ``facility_id`` names its owner.

    Attributes:
        action_id: an id that the app chooses. An action that is reported again with it does not count twice.
        quantity: in the unit of the action type.
        occurred_at: with a time zone.
        mode: ``total`` if the quantity is the running total of the day.
        evidence_id: what proves the action, such as ``12306:E123456``.

    Raises:
        ValueError: the time has no zone, or the quantity is not a finite number of at least 0.
    """

    action_id: str
    type: str
    quantity: Decimal | int | float
    occurred_at: datetime
    user_id: str | None = None
    facility_id: str | None = None
    mode: str | None = None
    evidence_id: str | None = None

    def __post_init__(self) -> None:
        _check_time(self.occurred_at)
        _check_quantity(self.quantity)

    def document(self) -> JsonObject:
        """Return the action as the API takes it. A decimal quantity is a text, which keeps all of its digits."""
        quantity = f"{self.quantity:f}" if isinstance(self.quantity, Decimal) else self.quantity
        return _present(self, {"quantity": quantity, "occurred_at": self.occurred_at.isoformat()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """An action to reverse, named as it was reported, and the reason.

    Raises:
        ValueError: the time has no zone.
    """

    action_id: str
    occurred_at: datetime
    reason: str
    user_id: str | None = None
    facility_id: str | None = None

    def __post_init__(self) -> None:
        _check_time(self.occurred_at)

    def document(self) -> JsonObject:
        return _present(self, {"occurred_at": self.occurred_at.isoformat()})


def _check_time(occurred_at: object) -> None:
    if not isinstance(occurred_at, datetime) or occurred_at.utcoffset() is None:
        raise ValueError("occurred_at is not a datetime with a time zone")


def _check_quantity(quantity: object) -> None:
    """Refuse what is not a number. A text is refused too: Python takes ``1_0`` for a number, and the API does not."""
    if isinstance(quantity, bool) or not isinstance(quantity, Decimal | int | float):
        raise ValueError("quantity is not a number")  # noqa: TRY004 - like any other wrong value of a field
    if not Decimal(quantity).is_finite():
        raise ValueError("quantity is not a finite number")
    if quantity < 0:
        raise ValueError("quantity is negative")


def _present(record: Action | Reversal, replaced: dict[str, object]) -> JsonObject:
    """Return the fields of a record that are not None, with some of them replaced."""
    named = {name: getattr(record, name) for name in record.__slots__}
    return {name: value for name, value in (named | replaced).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item was refused or, among the flagged ones, counts only in part. Its ``index`` is that in the list.

    An action or a reversal has an ``action_id``, and a partner's report has a ``certificate``.
    """

    index: int
    code: str
    detail: str
    action_id: str | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class CallReceipt:
    """The receipt of one call of a report. Its item of index 0 is the one of index ``first`` in the whole list."""

    receipt_id: str
    first: int = 0


@dataclass(frozen=True, slots=True)
class Reported:
    """How many items were accepted, and which were refused. A flagged action is accepted too.

    ``receipts`` are those of the calls in which anything was accepted, in their order. Reports of partners have none.
    """

    accepted: int
    refused: tuple[Refusal, ...] = ()
    flagged: tuple[Refusal, ...] = ()
    receipts: tuple[CallReceipt, ...] = ()

    @property
    def receipt_ids(self) -> tuple[str, ...]:
        """The ids for ``AppClient.receipt``."""
        return tuple(receipt.receipt_id for receipt in self.receipts)


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """What became of an item of a call. ``index`` is its place in the call, from 0.

    Attributes:
        status: such as ``waiting``, ``posted`` or ``withheld``. docs/api.md explains each.
        reason: why, if the status does not say it, such as ``over_points_cap``.
    """

    index: int
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the items of one call of ``kind`` ``actions`` or ``reversals``.

    Attributes:
        expires_at: the receipt is deleted then.
        accepted: how many items of the call were accepted.
        counts: how many items have each status.
    """

    receipt_id: str
    kind: str
    accepted_at: datetime
    expires_at: datetime
    accepted: int
    counts: Mapping[str, int]
    items: tuple[ReceiptItem, ...]

    @property
    def is_waiting(self) -> bool:
        """Whether it is not known yet of each item what became of it."""
        return any(item.status == "waiting" for item in self.items)


@dataclass(frozen=True, slots=True)
class Sourced:
    """A number, and who says so. ``confidence`` is ``none`` if the operator chose the number."""

    value: Decimal
    confidence: str = "none"
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Reward(Sourced):
    """Points ``per`` unit or per action, for a quantity of ``at_least``."""

    per: str = "unit"
    at_least: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Avoided(Sourced):
    """The grams of CO2e that one unit avoids, and where and for which year that holds."""

    region: str | None = None
    year: int | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """The most ``units`` that earn points, or the most ``points``, of a person in each ``window``."""

    window: str
    units: Decimal | None = None
    points: int | None = None


@dataclass(frozen=True, slots=True)
class ActionType:
    """What an app can report. ``action_type`` is the ``type`` of an action.

    Attributes:
        actor: ``person``, or ``facility``; only the app of a facility can report for it.
        min_quantity, max_quantity: of one action, in ``unit``.
        plausible_a_day: the most of one person's quantity of a day that counts toward grams; None if not stated.
        retired_from: actions of this day or later are refused.
        version: the version that is in effect; ``factor`` is its public address.
    """

    action_type: str
    version: int
    name: str
    actor: str
    unit: str
    avoided_g: Avoided
    min_quantity: Decimal
    max_quantity: Decimal
    factor: str
    points: Reward | None = None
    caps: tuple[Limit, ...] = ()
    plausible_a_day: Sourced | None = None
    category: str | None = None
    retired_from: date | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    user_id: str
    earned: int
    ripening: int
    harvestable: int
    spendable: int
    spent: int
    avoided_g: Decimal


@dataclass(frozen=True, slots=True)
class Harvest:
    """``moved`` points became spendable; now ``spendable`` points are."""

    user_id: str
    moved: int
    spendable: int


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap of an action type, and how much of it a person has used in a day, a month or a year.

    ``cut`` says whether it cut the points of the line.
    """

    window: str
    period: str
    used: Decimal
    left: Decimal
    cut: bool
    resets_at: datetime
    points: int | None = None
    units: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """An entry of a person's ledger. ``action_id`` is None if the line is the sum of ``summed`` actions."""

    action_id: str | None
    app_id: str
    action_type: str
    quantity: Decimal
    points: int
    avoided_g: Decimal
    occurred_at: datetime
    recorded_at: datetime
    state: str
    reason: str | None = None
    unit: str | None = None
    mode: str = "single"
    evidence_id: str | None = None
    summed: int | None = None
    avoided_g_reason: str | None = None
    avoided_g_source: str | None = None
    caps: tuple[Cap, ...] = ()
    at_least: Decimal | None = None
    rule: str | None = None
    factor: str | None = None
    campaign_id: str | None = None
    conflicted: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """What the actions of one type add up to."""

    action_type: str
    actions: int
    quantity: Decimal
    points: int
    avoided_g: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """The sums of a month, such as ``2026-06``. ``full_apps`` are those with actions that found no room."""

    user_id: str
    month: str
    points: int
    avoided_g: Decimal
    totals: tuple[Total, ...]
    full_apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlantedTree:
    """A tree in the ground. ``lat`` and ``lon`` are degrees (WGS 84), with at most seven decimals.

    ``photo`` is the SHA-256 of the photo that the partner uploaded. ``photo_url`` is a link, which is no evidence.
    """

    tag: str
    lat: Decimal
    lon: Decimal
    photo_url: str | None = None
    photo: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of a tree."""

    state: str
    at: datetime
    recorded_at: datetime
    order_id: str | None = None
    reason: str | None = None
    inspector: str | None = None
    evidence_url: str | None = None
    photo: str | None = None
    is_correction: bool = False
    statement: int | None = None
    tree: PlantedTree | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """A tree of a redemption, and what happened to it."""

    certificate: str
    state: str
    history: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Redemption:
    """A request for trees.

    Attributes:
        state: ``requested`` until it is settled.
        reason: why it was rejected, such as ``sold_out``.
        trees: how many trees.
        certificates: their certificate numbers.
        replay: whether the response repeats that of an earlier request with the same Idempotency-Key.
    """

    redemption_id: str
    user_id: str
    state: str
    project_id: str
    trees: int
    points: int
    certificates: tuple[str, ...]
    requested_at: datetime
    reason: str | None = None
    refunded_points: int = 0
    dedication: str | None = None
    lives: tuple[Life, ...] = ()
    replay: bool = False


@dataclass(frozen=True, slots=True)
class ForestTree:
    """A tree of a person. ``certificate`` is the number of its certificate."""

    certificate: str
    state: str
    project_id: str
    redemption_id: str
    requested_at: datetime
    species: str | None = None
    latin: str | None = None
    place: str | None = None
    partner: str | None = None
    dedication: str | None = None
    planted_at: datetime | None = None
    tree: PlantedTree | None = None
    history: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateLinks:
    """The public addresses of a certificate: a page for browsers, a picture, and JSON with the proof."""

    page: str
    picture: str
    json: str


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo that a certificate shows. ``sha256`` is the hash of its bytes; it is public at ``url``."""

    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class CertifiedTree:
    """The tree of a certificate, in the ground or dead. ``lat`` and ``lon`` are degrees, with at most seven decimals.

    ``link`` is a link that the partner gave for its planting. It is no evidence.
    """

    tag: str
    lat: Decimal
    lon: Decimal
    photo: ShownPhoto | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class CertifiedEvent:
    """An event that the public log has, and the ``state`` of the tree after it. ``link`` is no evidence."""

    event: str
    state: str
    at: datetime
    recorded_at: datetime
    photo: ShownPhoto | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The public facts of a tree. ``certificate`` is the number; ``members`` has the whole document with its proofs."""

    certificate: str
    state: str
    project_id: str
    requested_at: datetime
    species: str | None = None
    latin: str | None = None
    place: str | None = None
    partner: str | None = None
    dedication: str | None = None
    planted_at: datetime | None = None
    tree: CertifiedTree | None = None
    history: tuple[CertifiedEvent, ...] = ()
    etag: str | None = None
    members: Any = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Release:
    at: datetime
    saplings: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where trees must be planted: in a circle, with its centre in degrees (WGS 84), or in an ``area``.

    ``area`` is a polygon of GeoJSON, whose positions are ``[lon, lat]``; None if it is the circle. With an area,
    ``radius_km`` is the distance from the centre to its farthest position.
    """

    lat: Decimal
    lon: Decimal
    radius_km: Decimal
    area: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TreeProject:
    project_id: str
    price_points: int
    available: int
    closed: bool
    species: str
    place: str
    partner: str
    next_release: Release | None = None
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A result of the search. ``members`` has the whole result, with the fields of its ``kind``."""

    kind: str
    id: str
    title: str
    text: str
    points: Decimal | None = None
    link: str | None = None
    pays_again_at: datetime | None = None
    members: Any = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class NextTree:
    project_id: str
    price_points: int
    points_missing: int
    text: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The results of a search. ``etag`` is None in a search for one person."""

    query: str
    fallback: bool
    suggestions: tuple[Suggestion, ...]
    next_tree: NextTree | None = None
    personal: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure of a person. It does not name the person.

    Attributes:
        state: ``erasing``, and then ``erased``.
        reason: why, in the words of the operator; None if an app requested it.
        erased: how many items of each kind were erased so far.
        last_trace_at: until when backups can have what was erased; None while the state is ``erasing``.
    """

    erasure_id: str
    state: str
    requested_at: datetime
    requested_by: str
    erased: Mapping[str, int]
    reason: str | None = None
    finished_at: datetime | None = None
    last_trace_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allows a third-party app: ``report``, ``read`` and ``spend``."""

    app_id: str
    covers: tuple[str, ...]
    granted_at: datetime
    granted_by: str


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A planting order of a list.

    Attributes:
        state: ``open`` until each tree is confirmed or reported as failed, and then ``closed``.
        trees: how many trees.
        open_trees: how many of them are still to be planted.
    """

    order_id: str
    project_id: str
    partner: str
    ordered_at: datetime
    state: str
    trees: int
    open_trees: int


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form that uploads one photo. ``fields`` come before the file, and the upload must begin before it expires."""

    url: str
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedUpload:
    """An upload that was refused: the ``key`` of its form, and a ``code`` such as ``other_bytes``."""

    key: str
    code: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class Photo:
    """Whether a photo is ``hashed``; if not, the form that uploads it, and the last upload that was ``refused``."""

    sha256: str
    state: str
    upload: UploadForm | None = None
    refused: RefusedUpload | None = None


@dataclass(frozen=True, slots=True)
class OrderedTree:
    certificate: str
    redemption_id: str
    state: str


@dataclass(frozen=True, slots=True)
class ManifestLinks:
    """Links to the manifest that need no token, until ``expires_at``."""

    csv: str
    json: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A planting order with its trees. The first fields are those of ``OrderSummary``."""

    order_id: str
    project_id: str
    partner: str
    ordered_at: datetime
    state: str
    trees: int
    open_trees: int
    ordered_trees: tuple[OrderedTree, ...]
    site: Site | None = None
    manifest: ManifestLinks | None = None


@dataclass(frozen=True, slots=True)
class PublicLog:
    """The public log: the address of its files, its verifier key, and the leaves and trees of the published tree."""

    url: str
    vkey: str
    size: int
    planted: int
    dead: int
    standing: int


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A catalog entry as the API shows it. Send ``etag`` as ``if_match`` to replace exactly this version."""

    id: str
    document: JsonObject
    etag: str | None


@dataclass(frozen=True, slots=True)
class AppLimits:
    """What an app may use. None of a planting partner, which reports no actions."""

    calls_per_second: int
    actions_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class AppSecret:
    """A secret of an app, without its value. ``ends_at`` is None if no other one replaces it."""

    secret_id: str
    created_at: datetime
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class App:
    """A registered app or planting partner.

    Attributes:
        kind: ``first_party``, ``third_party`` or ``partner``.
        state: ``active``, ``suspended`` or ``ended``.
        scopes: those that it may use, without ``saxaul/``.
        partners: the planting partners whose orders a client of the kind ``partner`` sees.
        version: of what the operator registered. A change of the state or of the secrets does not change it.
        client_secret: only in the answer to the registration; None in all others.
        etag: send it as ``if_match`` to replace exactly this version; None after a change of the state or of a secret.
    """

    app_id: str
    name: str
    kind: str
    state: str
    client_id: str
    scopes: tuple[str, ...]
    limits: AppLimits
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str
    partners: tuple[str, ...] = ()
    link_pattern: str | None = None
    secrets: tuple[AppSecret, ...] = ()
    client_secret: str | None = field(default=None, repr=False)
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A new secret of the client of an app. The old one works until ``old_ends_at``."""

    app_id: str
    client_id: str
    secret_id: str
    client_secret: str = field(repr=False)
    old_ends_at: datetime
