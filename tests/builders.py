"""Builders of test objects. By default they use Asia/Shanghai, 5 June 2026, and the user u-42."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32
from zoneinfo import ZoneInfo

from local.apps import load_apps
from local.seed import FOLDER
from saxaul.catalog.apps import App
from saxaul.catalog.calendar import Calendar
from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.entries import (
    ActionType,
    Campaign,
    Cap,
    Catalog,
    Evidence,
    Facility,
    Initiative,
    Place,
    Plausible,
    Reward,
    Suggestion,
    Text,
    TreeProject,
)
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.receipts import ReceiptKind, ReceiptPart
from saxaul.ledger.wallets import Wallet
from saxaul.messages.bodies import Call, pack, pack_reversals
from saxaul.trees.evidence import KnownEvidence
from saxaul.trees.numbers import new_number
from saxaul.trees.orders import OrderedProject, OrderedTree, PlantingOrder
from saxaul.trees.outcomes import Reported
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.report_rules import ReportRequest
from saxaul.trees.reports import named_photo

if TYPE_CHECKING:
    from saxaul.trees.report_rules import ApplyReports

SHANGHAI = ZoneInfo("Asia/Shanghai")
USER = Owner("user", "u-42")
FACILITY = Owner("facility", "dc-zhangbei")
APP = "alipay"
DAY = 86_400


def at(text: str) -> int:
    """Return the instant of a local time in Shanghai such as ``2026-06-05T08:30``, in seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


NOON = at("2026-06-05T12:00")


_RECEIPTS = count()


def new_receipt() -> str:
    """Return the id of a receipt that no other test has, as long and as mixed as those of intake."""
    return urlsafe_b64encode(sha256(str(next(_RECEIPTS)).encode()).digest()[:12]).decode()


def action_bodies(app: str, accepted_at: int, actions: Sequence[Action], receipt_id: str | None = None) -> list[str]:
    """Return the message bodies of a call that has just these actions. By default, it has a receipt of its own."""
    call = Call(app, accepted_at, new_receipt() if receipt_id is None else receipt_id, len(actions))
    return [packed.body for packed in pack(call, actions, range(len(actions)))]


def reversal_bodies(
    app: str, accepted_at: int, reversals: Sequence[Reversal], receipt_id: str | None = None
) -> list[str]:
    """Return the message bodies of a call that has just these reversals, like ``action_bodies``."""
    call = Call(app, accepted_at, new_receipt() if receipt_id is None else receipt_id, len(reversals))
    return [packed.body for packed in pack_reversals(call, reversals, range(len(reversals)))]


def make_calendar(
    acceptance_days: int = 7, harvest_time: time | None = time(7), zone: str = "Asia/Shanghai"
) -> Calendar:
    return Calendar(ZoneInfo(zone), acceptance_days, harvest_time)


RECEIPT = "Kp3-x_Qz81LmNw0v"
"""The id of a receipt."""


def make_receipt_part(
    outcomes: str = "w",
    receipt_id: str = RECEIPT,
    *,
    part: int = 0,
    parts: int = 1,
    app: str = APP,
    kind: ReceiptKind = "actions",
    accepted_at: int = NOON,
) -> ReceiptPart:
    return ReceiptPart(receipt_id, part, parts, app, kind, accepted_at, outcomes)


def make_text(en: str = "Take the bus", zh: str = "公交出行") -> Text:
    return Text(en=en, zh=zh)


def make_action_type(
    *,
    points: str | None = "80",
    per: str = "unit",
    caps: tuple[Cap, ...] = (),
    avoided_g: str = "212.5",
    actor: str = "person",
    min_quantity: str = "0.000001",
    max_quantity: str = "1000",
    at_least: str = "0",
    plausible_a_day: str | None = None,
) -> ActionType:
    return ActionType.model_validate(
        {
            "names": make_text(),
            "unit": "ride",
            "actor": actor,
            "points": None
            if points is None
            else Reward(value=Decimal(points), per="unit" if per == "unit" else "action", at_least=Decimal(at_least)),
            "caps": caps,
            "avoided_g": Evidence(value=Decimal(avoided_g), confidence="B", source="China Daily"),
            "min_quantity": Decimal(min_quantity),
            "max_quantity": Decimal(max_quantity),
            "plausible_a_day": None if plausible_a_day is None else Plausible(value=Decimal(plausible_a_day)),
        }
    )


def make_facility(app: str = APP, **plausible_a_day: str) -> Facility:
    """Make a facility. ``plausible_a_day`` has the plausible quantity of each action type that its app may report."""
    quantities = plausible_a_day or {"solar_warehouse": "1000"}
    return Facility(
        names=make_text("Solar warehouse", "光伏仓"),
        kind="warehouse",
        place=Place(names=make_text("Hangzhou", "杭州"), lat=30.27, lon=120.15),
        app=app,
        plausible_a_day={name: Plausible(value=Decimal(value)) for name, value in quantities.items()},
    )


def make_campaign(
    recurs: str = "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5",
    days: int = 1,
    multipliers: Mapping[str, str] | None = None,
    keywords: tuple[str, ...] = (),
    names: Text | None = None,
    ends: Mapping[date, date] | None = None,
) -> Campaign:
    return Campaign(
        names=names or make_text("World Environment Day", "世界环境日"),
        texts=make_text("One green thing today.", "今天做一件绿色小事。"),
        recurs=recurs,
        days=days,
        keywords=keywords,
        multipliers={key: Decimal(value) for key, value in (multipliers or {}).items()},
        ends=dict(ends or {}),
    )


def make_suggestion(
    en: str = "Take the bus",
    zh: str = "坐公交去上班",
    *,
    action_type: str = "bus_ride",
    campaign: str | None = None,
    keywords: tuple[str, ...] = (),
    links: Mapping[str, str] | None = None,
    done_in: tuple[str, ...] = (),
) -> Suggestion:
    return Suggestion(
        titles=make_text(en, zh),
        texts=make_text("Pay with the ride code.", "出示乘车码。"),
        keywords=keywords,
        action_type=action_type,
        campaign=campaign,
        links=dict(links or {APP: "https://www.alipay.com/green/bus"}),
        done_in=done_in,
    )


def make_initiative(
    facilities: tuple[str, ...] = ("hangzhou",), action_types: tuple[str, ...] = ("solar_warehouse",)
) -> Initiative:
    return Initiative(
        titles=make_text("Solar roofs", "屋顶光伏"),
        texts=make_text("Roofs make power.", "屋顶发电。"),
        facilities=facilities,
        action_types=action_types,
    )


def make_tree_project(price_points: int = 160, saplings: int = 10, partner: str = "Alxa SEE Foundation") -> TreeProject:
    return TreeProject(
        species=make_text("Saxaul", "梭梭"),
        place=Place(names=make_text("Alxa, Inner Mongolia", "内蒙古阿拉善"), lat=38.85, lon=105.73),
        partner=partner,
        price_points=price_points,
        saplings=saplings,
    )


def make_catalog(
    action_types: Mapping[str, ActionType] | None = None,
    campaigns: Mapping[str, Campaign] | None = None,
    suggestions: Mapping[str, Suggestion] | None = None,
    versions: Mapping[str, int] | None = None,
    facilities: Mapping[str, Facility] | None = None,
) -> Catalog:
    """Make a catalog. By default its only action type is ``bus_ride``."""
    return Catalog(
        action_types=action_types or {"bus_ride": make_action_type()},
        facilities=facilities or {},
        campaigns=campaigns or {},
        tree_projects={"saxaul-alxa": make_tree_project()},
        suggestions=suggestions or {},
        versions=versions or {},
    )


def make_action(
    action_id: str = "ride-1",
    *,
    quantity: str = "1",
    type: str = "bus_ride",  # noqa: A002 - the field's own name
    occurred_at: int = NOON,
    owner: Owner = USER,
    app: str = APP,
    rule: int = 1,
) -> Action:
    return Action(app, owner, action_id, type, Decimal(quantity), occurred_at, rule=rule)


def reported(**changes: object) -> dict[str, Any]:
    """Return an action as an app sends it. A field that is set to None is left out."""
    action: dict[str, Any] = {
        "action_id": "ride-1",
        "user_id": USER.id,
        "type": "bus_ride",
        "quantity": 1,
        "occurred_at": "2026-06-05T08:30:00+08:00",
    }
    return {key: value for key, value in (action | changes).items() if value is not None}


def make_entry(points: int = 80, occurred_at: int = NOON, avoided_g: str = "212.5", **changes: Any) -> Entry:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "type": "bus_ride",
        "quantity": Decimal(1),
        "recorded_at": occurred_at + 1,
        "units": Decimal(1),
        "counted": Decimal(1),
    }
    return Entry(points=points, occurred_at=occurred_at, avoided_g=Decimal(avoided_g), **fields | changes)


def make_period(*entries: Entry, window: str = "2026-06-05", owner: Owner = USER, version: int = 1) -> Period:
    return Period(PeriodKey(owner, window), {f"{APP}:{n}": entry for n, entry in enumerate(entries)}, version)


def make_wallet(balance: int = 0, user_id: str = USER.id, **changes: Any) -> Wallet:  # noqa: ANN401 - any field
    return Wallet(user_id, balance, **changes)


def make_redemption(
    redemption_id: str = "r-1",
    *,
    trees: int = 1,
    price_points: int = 160,
    **changes: Any,  # noqa: ANN401 - any field
) -> Redemption:
    fields: dict[str, Any] = {
        "user_id": USER.id,
        "app": APP,
        "project_id": "saxaul-alxa",
        "trees": tuple(Tree(new_number()) for _ in range(trees)),
        "points": price_points * trees,
        "requested_at": NOON,
    }
    return Redemption(redemption_id=redemption_id, **fields | changes)


def make_order(*redemptions: Redemption, order_id: str = "o-1", ordered_at: int = NOON) -> PlantingOrder:
    return PlantingOrder(
        order_id=order_id,
        project_id="saxaul-alxa",
        ordered_at=ordered_at,
        project=OrderedProject.of(make_tree_project()),
        trees=tuple(
            OrderedTree(redemption.user_id, redemption.redemption_id, tree.number)
            for redemption in redemptions
            for tree in redemption.trees
        ),
    )


ORDERED = make_redemption(trees=2).reserved(NOON).ordered("o-1", NOON)
"""A redemption of two trees, both ordered with ``ORDER``."""
ORDER = make_order(ORDERED)
FIRST, SECOND = (tree.number for tree in ORDERED.trees)
"""The certificate numbers of the two trees."""


def confirmation(certificate: str, **changes: object) -> dict[str, Any]:
    """Return a partner's confirmation that it planted a tree, as the partner sends it.

    By default, each certificate has its own tag and its own place near the centre of the site.
    """
    return {
        **label("AX", certificate),
        "certificate": certificate,
        "planted_at": "2026-06-05T10:00:00+08:00",
        "photo_url": "https://trees.example/ax-0001.jpg",
    } | changes


def label(prefix: str, certificate: str) -> dict[str, Any]:
    """Return a tag and a place that only this certificate has, with this prefix of the tag."""
    tag = f"{prefix}-{certificate[:20]}"
    lat, lon = crc32(tag.encode()) % 10_000, crc32(tag[::-1].encode()) % 10_000
    return {"tag": tag, "lat": round(38.8 + lat / 100_000, 5), "lon": round(105.7 + lon / 100_000, 5)}


def failure(certificate: str, **changes: object) -> dict[str, Any]:
    """Return a partner's report that it could not plant a tree."""
    return {"certificate": certificate, "reason": "frost"} | changes


def correction(certificate: str, **changes: object) -> dict[str, Any]:
    """Return a partner's correction of what it reported about a planted tree."""
    return {"certificate": certificate, "reason": "A typing error."} | changes


def inspection(certificate: str, state: str = "alive", **changes: object) -> dict[str, Any]:
    """Return an inspection report of 5 June, 11:00. For a replaced tree it also describes the new tree."""
    found: dict[str, Any] = {
        "certificate": certificate,
        "state": state,
        "inspected_at": "2026-06-05T11:00:00+08:00",
        "inspector": "Forestry Bureau",
        "evidence_url": "https://trees.example/inspections/1.jpg",
    }
    if state == "replaced":
        found |= {**label("BX", certificate), "planted_at": "2026-06-05T10:30:00+08:00"}
    return found | changes


def apply_reports(
    rule: "ApplyReports",
    *reports: object,
    redemption: Redemption = ORDERED,
    order: PlantingOrder = ORDER,
    now: int = NOON,
    known: KnownEvidence | None = None,
) -> Reported:
    """Apply a partner's reports. ``rule`` is a function of ``report_rules.py``, such as ``apply_confirmations``.

    If ``known`` is not given, each photo that the reports name is hashed, and all evidence is free.
    """
    if known is None:
        known = KnownEvidence(photos=frozenset(filter(None, map(named_photo, reports))))
    request = ReportRequest(order, {redemption.redemption_id: redemption}, now, make_calendar(), known)
    return rule(request, reports)


def redemption_after(
    rule: "ApplyReports", *reports: object, redemption: Redemption = ORDERED, now: int = NOON
) -> Redemption:
    """Apply a partner's reports, none of which may be refused, and return the redemption that they changed."""
    outcome = apply_reports(rule, *reports, redemption=redemption, now=now)
    assert not refusals(outcome)
    [change] = outcome.changes
    return change.redemption


def refusals(outcome: Reported) -> list[tuple[int, str]]:
    """Return the index and the code of each refused report."""
    return [
        (index, verdict.refusal.code) for index, verdict in enumerate(outcome.verdicts) if verdict and verdict.refusal
    ]


def accepted(outcome: Reported) -> int:
    """Return how many reports were accepted."""
    return sum(verdict is not None and verdict.refusal is None for verdict in outcome.verdicts)


def default_clients() -> dict[str, RegisteredClient]:
    """Return the clients of the default programme, and that of operators, as the registry has them, by name."""
    documents = load_apps(FOLDER)
    apps = {name: App.model_validate(document).client(name, is_suspended=False) for name, document in documents.items()}
    return {**apps, "operator": RegisteredClient(name="operator", role="operator")}
