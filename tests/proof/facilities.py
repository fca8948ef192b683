"""A plain model of what a facility reports: a list of lines, and what of them counts on each day.

It is written from the rules, and imports none of the code that it is to check. The limit of a day is the plausible
quantity of the facility when the line was accepted.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from saxaul.catalog.entries import Catalog, Facility
from saxaul.catalog.versions import VersionedEntry
from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import Period
from saxaul.ledger.screening import screen, screen_reversals
from tests.builders import make_action_type, make_facility
from tests.proof.twin import APPS, HONEST, Message
from tests.proof.world import CALENDAR, World

ROOF = Owner("facility", "roof")
SOLAR = make_action_type(points=None, actor="facility", avoided_g="536.6", max_quantity="999999999")
BILLION = 999_999_999
"""The largest quantity that the catalog allows. It is one less than a billion."""


@dataclass
class _Line:
    quantity: Fraction
    day: str
    limit: Fraction
    is_total: bool
    is_reversed: bool = False


@dataclass
class FacilityModel:
    """The lines of one facility and type, by action id, in recorded order."""

    app: str
    limit: Fraction
    lines: dict[str, _Line] = field(default_factory=dict)

    def report(self, app: str, action_id: str, quantity: str, day: str, *, is_total: bool = False) -> None:
        if app != self.app:
            return
        line = self.lines.get(action_id)
        if line is None:
            self.lines[action_id] = _Line(Fraction(quantity), day, self.limit, is_total)
        elif line.is_total and is_total and line.day == day and Fraction(quantity) > line.quantity:
            self.lines[action_id] = self.lines.pop(action_id)  # it moves to the end
            line.quantity = Fraction(quantity)

    def reverse(self, app: str, action_id: str) -> None:
        if app == self.app and action_id in self.lines:
            self.lines[action_id].is_reversed = True

    @property
    def counted(self) -> Mapping[str, Fraction]:
        """What counts of each day, by day. A day of which nothing counts is left out."""
        used: defaultdict[str, Fraction] = defaultdict(Fraction)
        for line in self.lines.values():
            if not line.is_reversed:
                used[line.day] += min(line.quantity, max(Fraction(), line.limit - used[line.day]))
        return {day: quantity for day, quantity in used.items() if quantity}


def register(world: World, limit: str, app: str = HONEST, version: int = 1) -> Catalog:
    """Write the facility, and its action type with the first version. Returns the catalog."""
    if version == 1:
        world.catalog_store.put("action-types", "solar", VersionedEntry(SOLAR, 1))
    facility: Facility = make_facility(app, solar=limit)
    world.catalog_store.put("facilities", ROOF.id, VersionedEntry(facility, version))
    return world.catalog_store.catalog(max_age=0)


def told(action_id: str, quantity: str, occurred_at: int, *, is_total: bool = False) -> dict[str, object]:
    """Return an action of the facility, as an app sends it."""
    return {
        "action_id": action_id,
        "facility_id": ROOF.id,
        "type": "solar",
        "quantity": quantity,
        "occurred_at": CALENDAR.rfc3339(occurred_at),
        "mode": "total" if is_total else "single",
    }


def accepted(world: World, catalog: Catalog, app: str, *reported: dict[str, object]) -> list[Message]:
    """Screen actions as the API does, and return the message with those that it accepts, if there are any."""
    actions = screen(app, reported, catalog, CALENDAR, world.now).accepted
    return [Message(app, tuple(actions), catalog=catalog)] if actions else []


def taken_back(world: World, catalog: Catalog, app: str, action_id: str, occurred_at: int) -> list[Message]:
    """Screen a reversal as the API does, and return its message, if it is accepted."""
    reported = {
        "action_id": action_id,
        "facility_id": ROOF.id,
        "occurred_at": CALENDAR.rfc3339(occurred_at),
        "reason": "meter",
    }
    reversals, _ = screen_reversals(app, [reported], world.now, facilities=catalog.facilities)
    return [Message(app, (), tuple(reversals))] if reversals else []


def assert_agrees(periods: list[Period], model: FacilityModel) -> None:
    """Compare what counts of each day, and its grams."""
    counted = {period.key.window: sum(Fraction(e.counted) for e in period.entries.values()) for period in periods}
    assert {window: quantity for window, quantity in counted.items() if quantity} == model.counted
    for period in periods:
        assert Fraction(period.avoided_g) == model.counted.get(period.key.window, 0) * Fraction("536.6")
        assert all(name.partition(":")[0] in APPS for name in period.entries)
