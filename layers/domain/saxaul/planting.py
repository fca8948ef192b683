"""Planting orders: the reserved trees of a project that a batch hands to its partner, and what the partner confirms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError

from saxaul.actions import Moment, faults
from saxaul.calendar import CLOCK_SKEW
from saxaul.certificates import canonical
from saxaul.problems import InvalidRequest
from saxaul.redemptions import Planting, Redemption

MAX_REDEMPTIONS = 99
"""The most redemptions of one order: with the order itself they fill a transaction, so an order is whole or is not."""

MAX_CONFIRMATIONS = 500
"""The most confirmations of one call."""

_DEGREE_DIGITS = 7
"""Places are kept to a ten-millionth of a degree, about a centimetre."""


def _since_1970(moment: datetime) -> datetime:
    if moment.timestamp() < 0:
        raise ValueError("a time since 1970 is needed")
    return moment


class OrderedTree(NamedTuple):
    """A tree of an order, with the key of the redemption that holds it."""

    user_id: str
    redemption_id: str
    number: str


@dataclass(frozen=True)
class PlantingOrder:
    """What a partner is asked to plant. It never changes; how far it got is read from its trees."""

    order_id: str
    project_id: str
    partner: str
    ordered_at: int
    trees: tuple[OrderedTree, ...]


class Confirmation(BaseModel):
    """A partner's word that one tree is in the ground."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Annotated[str, Field(max_length=40)]
    tag: Annotated[str, Field(min_length=1, max_length=64)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    planted_at: Annotated[Moment, AfterValidator(_since_1970)]
    photo_url: HttpUrl | None = None

    @property
    def planting(self) -> Planting:
        return Planting(
            planted_at=int(self.planted_at.timestamp()),
            tag=self.tag,
            lat=round(self.lat, _DEGREE_DIGITS),
            lon=round(self.lon, _DEGREE_DIGITS),
            photo_url=str(self.photo_url) if self.photo_url else "",
        )


@dataclass(frozen=True, slots=True)
class RefusedConfirmation:
    """Why one confirmation of a call was not taken. ``code`` is stable."""

    index: int
    certificate: str | None
    code: str
    detail: str


def confirmations_of(body: object) -> Sequence[object]:
    """The list in a body of ``{"confirmations": [...]}``.

    Raises:
        InvalidRequest: the body has another shape, or too many confirmations.
    """
    match body:
        case {"confirmations": list(confirmations)} if 0 < len(confirmations) <= MAX_CONFIRMATIONS:
            return confirmations
        case _:
            raise InvalidRequest(
                "invalid_body",
                f'The body must be {{"confirmations": [...]}} with 1 to {MAX_CONFIRMATIONS} confirmations.',
            )


class Confirmed(NamedTuple):
    """What a call of confirmations came to: the redemptions it changed, how many trees it took, and the refused."""

    changed: Sequence[Redemption]
    confirmed: int
    refused: Sequence[RefusedConfirmation]


def confirm(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], reported: Sequence[object], now: int
) -> Confirmed:
    """Take each confirmation of a tree of this order. The same one again is taken and changes nothing.

    ``redemptions`` are those of the order, by redemption_id.
    """
    places = {tree.number: tree.redemption_id for tree in order.trees}
    current = dict(redemptions)
    refused: list[RefusedConfirmation] = []
    for index, candidate in enumerate(reported):
        refusal = _confirm_one(candidate, places, current, now)
        if refusal:
            certificate = candidate.get("certificate") if isinstance(candidate, dict) else None
            refused.append(RefusedConfirmation(index, certificate if isinstance(certificate, str) else None, *refusal))
    changed = [redemption for key, redemption in current.items() if redemption is not redemptions[key]]
    return Confirmed(changed, len(reported) - len(refused), refused)


def _confirm_one(
    candidate: object, places: Mapping[str, str], current: dict[str, Redemption], now: int
) -> tuple[str, str] | None:
    """Put one confirmed tree into its redemption; a code and a sentence where that cannot be."""
    try:
        confirmation = Confirmation.model_validate(candidate)
    except ValidationError as error:
        return "invalid_confirmation", "; ".join(faults(error))
    number = canonical(confirmation.certificate)
    if number is None or number not in places:
        return "not_in_order", "This order has no tree with that certificate."
    planting = confirmation.planting
    if planting.planted_at > now + CLOCK_SKEW:
        return "in_future", "A tree is confirmed after it is planted."
    redemption = current[places[number]]
    known = redemption.tree(number).planting
    if known == planting:
        return None
    if known:
        return "already_planted", "That tree was confirmed before, with other particulars."
    current[places[number]] = redemption.confirmed(number, planting)
    return None
