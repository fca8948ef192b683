"""What a partner reports of the trees of an order: planted, failed, and what inspections found.

A call may report any part of an order. What cannot be is refused by itself, with a code, and the rest is taken;
a report that comes again is taken and changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from saxaul.actions import Moment, Refused, faults
from saxaul.calendar import CLOCK_SKEW
from saxaul.certificates import canonical
from saxaul.planting import PlantingOrder
from saxaul.problems import InvalidRequest
from saxaul.redemptions import MAX_TRIES, TREE_TRANSITIONS, Planting, Redemption, State, Step, Tree

MAX_REPORTS = 500
"""The most confirmations, or inspections, of one call."""

MAX_FAILURES = 50
"""The most failures of one call: each may change a redemption and a wallet, and together they fill a transaction."""

MAX_LINK = 500
"""The most characters of a link to a photo or to evidence."""

_DEGREE_DIGITS = 7
"""Places are kept to a ten-millionth of a degree, about a centimetre."""


def _since_1970(moment: datetime) -> datetime:
    if moment.timestamp() < 0:
        raise ValueError("a time since 1970 is needed")
    return moment


def _bounded_link(link: HttpUrl) -> HttpUrl:
    if len(str(link)) > MAX_LINK:
        raise ValueError(f"a link has at most {MAX_LINK} characters")
    return link


Link = Annotated[HttpUrl, AfterValidator(_bounded_link)]
Past = Annotated[Moment, AfterValidator(_since_1970)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Annotated[str, Field(max_length=40)]


class Confirmation(_Report):
    """One tree is in the ground."""

    tag: Tag
    lat: Latitude
    lon: Longitude
    planted_at: Past
    photo_url: Link | None = None

    @property
    def planting(self) -> Planting:
        return _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url)

    def step(self, now: int) -> Step:
        return Step(State.PLANTED, self.planting.planted_at, now, planting=self.planting)


class Failure(_Report):
    """One tree could not be planted."""

    reason: Annotated[str, Field(min_length=1, max_length=200)]

    def step(self, tree: Tree, order_id: str, now: int) -> Step:
        """Back to those that wait, or, after the last try, to its points."""
        state = State.RESERVED if len(tree.orders) < MAX_TRIES else State.REFUNDED
        return Step(state, now, now, order_id=order_id, reason=self.reason)


class Inspection(_Report):
    """How one tree was found. A replaced one has the particulars of what stands in its place."""

    state: Literal["alive", "dead", "replaced"]
    inspected_at: Past
    inspector: Annotated[str, Field(min_length=1, max_length=100)]
    evidence_url: Link | None = None
    tag: Tag | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    planted_at: Past | None = None
    photo_url: Link | None = None

    @model_validator(mode="after")
    def _says_what_replaces(self) -> Self:
        particulars = (self.tag, self.lat, self.lon, self.planted_at)
        if self.state != "replaced" and any(it is not None for it in (*particulars, self.photo_url)):
            raise ValueError("only a replaced tree has a tag, lat, lon, planted_at and photo_url")
        if self.state == "replaced" and any(it is None for it in particulars):
            raise ValueError("a replaced tree needs tag, lat, lon and planted_at")
        if self.planted_at and self.planted_at > self.inspected_at:
            raise ValueError("a tree is inspected after it is planted")
        return self

    def step(self, now: int) -> Step:
        planting = None
        if self.tag is not None and self.lat is not None and self.lon is not None and self.planted_at is not None:
            planting = _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url)
        return Step(
            State(self.state),
            int(self.inspected_at.timestamp()),
            now,
            inspector=self.inspector,
            evidence_url=str(self.evidence_url or ""),
            planting=planting,
        )


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """Why one report of a call was not taken. ``code`` is stable."""

    index: int
    certificate: str | None
    code: str
    detail: str


class News(NamedTuple):
    """A step that the public log is told of: whose it is, what it follows, and what stands, or stood, in the ground."""

    number: str
    redemption_id: str
    step: Step
    follows: State
    planting: Planting


class Reported(NamedTuple):
    """What a call came to.

    Attributes:
        changed: the redemptions that it takes on.
        refunds: the points that go back to wallets, by user.
        news: what the public log is told, in the order of its leaves.
        taken: how many reports were taken, those that changed nothing included.
    """

    changed: Sequence[Redemption]
    refunds: Mapping[str, int]
    news: Sequence[News]
    taken: int
    refused: Sequence[RefusedReport]


def reports_of(body: object, name: str, most: int) -> Sequence[object]:
    """The list in a body of ``{name: [...]}``.

    Raises:
        InvalidRequest: the body has another shape, or too many reports.
    """
    match body:
        case {**members} if members.keys() == {name}:
            reports = members[name]
            if isinstance(reports, list) and 0 < len(reports) <= most:
                return reports
    raise InvalidRequest("invalid_body", f'The body must be {{"{name}": [...]}} with 1 to {most} of them.')


def confirm(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], reported: Sequence[object], now: int
) -> Reported:
    """Take each confirmation of a tree of this order. ``redemptions`` are those of the order, by redemption_id."""
    call = _Call(order, redemptions, now)
    return call.outcome(
        [call.read(it, Confirmation, "invalid_confirmation", call.confirm) for it in reported], reported
    )


def fail(order: PlantingOrder, redemptions: Mapping[str, Redemption], reported: Sequence[object], now: int) -> Reported:
    """Take each failure: its tree waits for the next order, or its points go back to the wallet."""
    call = _Call(order, redemptions, now)
    return call.outcome([call.read(it, Failure, "invalid_failure", call.fail) for it in reported], reported)


def inspect(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], reported: Sequence[object], now: int
) -> Reported:
    """Take what each inspection found, in the order of their dates."""
    call = _Call(order, redemptions, now)
    return call.outcome([call.read(it, Inspection, "invalid_inspection", call.inspect) for it in reported], reported)


Report = TypeVar("Report", Confirmation, Failure, Inspection)


class _Call:
    """One call's reports on an order, each taken on top of those before it."""

    def __init__(self, order: PlantingOrder, redemptions: Mapping[str, Redemption], now: int) -> None:
        self._order = order
        self._now = now
        self._before = redemptions
        self._current = dict(redemptions)
        self._places = {tree.number: tree.redemption_id for tree in order.trees}
        self._news: list[News] = []

    def read(
        self, candidate: object, kind: type[Report], invalid: str, take: Callable[[Report, Tree], Refused | None]
    ) -> Refused | None:
        """Take one report of a tree of this order; why not, where that cannot be."""
        try:
            report = kind.model_validate(candidate)
        except ValidationError as error:
            return Refused(invalid, "; ".join(faults(error)))
        number = canonical(report.certificate)
        if number is None or number not in self._places:
            return Refused("not_in_order", "This order has no tree with that certificate.")
        return take(report, self._current[self._places[number]].tree(number))

    def confirm(self, report: Confirmation, tree: Tree) -> Refused | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return Refused("in_future", "A tree is confirmed after it is planted.")
        if tree.order_id != self._order.order_id:
            return Refused("already_failed", "That tree failed in this order before, and goes on without it.")
        if any(step.tells_the_same_as(known) for known in tree.history):
            return None
        if tree.state is not State.ORDERED:
            return Refused("already_planted", "That tree was confirmed before, with other particulars.")
        self._publish(tree, step, report.planting)
        return None

    def fail(self, report: Failure, tree: Tree) -> Refused | None:
        step = report.step(tree, self._order.order_id, self._now)
        known = [it for it in tree.history if it.reason and it.order_id == self._order.order_id]
        if known:
            same = known[0].reason == report.reason
            return None if same else Refused("already_failed", "That tree failed in this order before.")
        if tree.state is not State.ORDERED:
            return Refused("already_planted", "That tree was confirmed before; an inspection says what became of it.")
        self._take(tree, step)
        return None

    def inspect(self, report: Inspection, tree: Tree) -> Refused | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return Refused("in_future", "A tree is reported after it is inspected.")
        if tree.order_id != self._order.order_id or tree.planting is None:
            return Refused("not_planted", "That tree was not planted by this order.")
        if any(step.tells_the_same_as(known) for known in tree.history):
            return None
        if step.at < tree.history[-1].at:
            return Refused("out_of_order", "Something later is known of that tree.")
        if step.state not in TREE_TRANSITIONS[tree.state]:
            return _undrawn(tree.state)
        self._publish(tree, step, step.planting or tree.planting)
        return None

    def outcome(self, verdicts: Sequence[Refused | None], reported: Sequence[object]) -> Reported:
        refused = [
            RefusedReport(index, _certificate_of(reported[index]), *verdict)
            for index, verdict in enumerate(verdicts)
            if verdict
        ]
        changed = [it for key, it in self._current.items() if it is not self._before[key]]
        refunds: Counter[str] = Counter()
        for redemption in changed:
            before = self._before[redemption.redemption_id]
            refunds[redemption.user_id] += redemption.refunded_points - before.refunded_points
        return Reported(changed, +refunds, self._news, len(reported) - len(refused), refused)

    def _publish(self, tree: Tree, step: Step, planting: Planting) -> None:
        """Take a step that the public log is told of, and say which leaf it is there."""
        step = replace(step, leaf=len(self._news))
        self._take(tree, step)
        self._news.append(News(tree.number, self._places[tree.number], step, tree.state, planting))

    def _take(self, tree: Tree, step: Step) -> None:
        redemption_id = self._places[tree.number]
        self._current[redemption_id] = self._current[redemption_id].stepped({tree.number: step})


def _undrawn(state: State) -> Refused:
    if state is State.DEAD:
        return Refused("already_dead", "That tree was found dead; only what replaces it can be inspected.")
    return Refused("not_dead", "Only a tree that was found dead is replaced.")


def _certificate_of(candidate: object) -> str | None:
    certificate = candidate.get("certificate") if isinstance(candidate, dict) else None
    return certificate if isinstance(certificate, str) else None


def _planting(planted_at: datetime, tag: str, lat: float, lon: float, photo_url: HttpUrl | None) -> Planting:
    return Planting(
        planted_at=int(planted_at.timestamp()),
        tag=tag,
        lat=round(lat, _DEGREE_DIGITS),
        lon=round(lon, _DEGREE_DIGITS),
        photo_url=str(photo_url or ""),
    )
