"""The entries of the catalog: action types, campaigns, tree projects, suggestions and synonyms.

Points are a reward that an operator sets. Avoided grams are an amount of CO2e that a named source states.
The two are separate fields, each with its source, and neither is ever computed from the other.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, get_args

from dateutil.rrule import rrulestr
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from saxaul.catalog.calendar import WindowLength

Kind = Literal["action-types", "campaigns", "tree-projects", "suggestions", "synonyms"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of entries, in the order in which they must be written: later kinds refer to earlier ones."""

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

RECURRENCE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a rule recurs on days of the programme, without a zone
_HTTP_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


def _checked_link(link: str) -> str:
    _HTTP_URL.validate_python(link)
    return link


_YEARLY = re.compile(
    r"FREQ=YEARLY(;(INTERVAL|COUNT)=[1-9]\d{0,3}|;UNTIL=\d{8}|;BY(MONTH|MONTHDAY|YEARDAY|WEEKNO|DAY|SETPOS)=[-+,0-9A-Z]+)*"
)


def _checked_recurrence(rule: str) -> str:
    if not _YEARLY.fullmatch(rule):
        raise ValueError("this must be a yearly rule of days, such as FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5")
    if not any(rrulestr(rule, dtstart=RECURRENCE_EPOCH)):
        raise ValueError("this rule does not match any day")
    return rule


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
AMOUNT_DIGITS, AMOUNT_DECIMALS = 15, 6
"""The most digits of an amount: in total, and after the decimal point.

An amount is a quantity, a number of points per unit, or a number of grams per unit.
"""

Amount = Annotated[Decimal, Field(ge=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]
Multiplier = Annotated[Decimal, Field(ge=1, le=100, decimal_places=AMOUNT_DECIMALS)]
"""How many times the points of an action type a campaign gives. Entries store it, so it has few digits."""

Phrase = Annotated[str, Field(min_length=1, max_length=500)]
AppLink = Annotated[str, Field(max_length=500), AfterValidator(_checked_link)]
Recurrence = Annotated[str, Field(max_length=200), AfterValidator(_checked_recurrence)]


class _Strict(BaseModel):
    """A frozen model that refuses unknown fields.

    A rule about several fields is a validator of the last of these fields, so that its error is reported together with
    the errors of other fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Strict):
    """A text in each language of the programme."""

    en: Phrase
    zh: Phrase

    def in_language(self, language: Language) -> str:
        return self.en if language == "en" else self.zh


class Sourced(_Strict):
    """The source of a number.

    ``confidence`` is A for a primary or peer-reviewed source, B for the press, and C for a how-to page or a copy of a
    source. It is ``none`` if the operator chose the number.
    """

    confidence: Literal["A", "B", "C", "none"] = "none"
    source: str = Field(default="", max_length=500, validate_default=True)

    @field_validator("source")
    @classmethod
    def _claims_need_a_source(cls, source: str, info: ValidationInfo) -> str:
        if info.data.get("confidence", "none") != "none" and not source:
            raise ValueError("a confidence of A, B or C requires a source")
        return source


class Reward(Sourced):
    """Points for an action: ``value`` points per unit of its quantity, or per action if ``per`` is ``action``.

    ``at_least`` is the smallest quantity of an action that earns points, such as the shortest trip. Only a reward per
    action can have it. With a reward per unit, a small quantity earns few points anyway.
    """

    value: Amount
    per: Literal["unit", "action"] = "unit"
    at_least: Amount = Decimal(0)

    @field_validator("at_least")
    @classmethod
    def _only_per_action(cls, at_least: Decimal, info: ValidationInfo) -> Decimal:
        if at_least and info.data.get("per") == "unit":
            raise ValueError("this is only allowed with per: action")
        return at_least


class Evidence(Sourced):
    """Grams of CO2e that one unit of the action avoids; zero if no saving is claimed."""

    value: Amount
    region: str = Field(default="", max_length=100)
    year: int | None = Field(default=None, ge=1900, le=2100)
    method: str = Field(default="", max_length=500)


class Plausible(Sourced):
    """The most of the quantity of one person and day that counts toward the avoided grams and the public totals."""

    value: Amount = Field(gt=0)


class Cap(_Strict):
    """A limit for one person and action type in each window: on the ``units`` that earn points, or on ``points``."""

    window: WindowLength
    units: Amount | None = None
    points: int | None = Field(default=None, ge=0, validate_default=True)

    @field_validator("points")
    @classmethod
    def _one_limit(cls, points: int | None, info: ValidationInfo) -> int | None:
        if "units" in info.data and (info.data["units"] is None) == (points is None):
            raise ValueError("a cap must have either units or points, not both")
        return points


class ActionType(_Strict):
    """A kind of action. An action of a person may earn points; an action of a facility earns none.

    The quantity of one action is from ``min_quantity`` to ``max_quantity``, in the type's unit. ``plausible_a_day``
    limits what counts of all quantities of one person and day. An action that occurred on ``retired_from`` or later is
    refused. Earlier actions are not affected.
    """

    names: Text
    unit: Phrase
    actor: Literal["person", "facility"] = "person"
    points: Reward | None = None
    caps: tuple[Cap, ...] = ()
    avoided_g: Evidence
    min_quantity: Amount = Field(default=Decimal("0.01"), gt=0)
    max_quantity: Amount = Field(default=Decimal(1000), validate_default=True)
    plausible_a_day: Plausible | None = None
    retired_from: date | None = None

    @field_validator("points", "caps")
    @classmethod
    def _facilities_earn_nothing(cls, reward: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - either of two types
        if info.data.get("actor") == "facility" and reward:
            raise ValueError("the actions of a facility earn no points, so their type cannot have points or caps")
        return reward

    @field_validator("max_quantity")
    @classmethod
    def _some_quantity_is_allowed(cls, max_quantity: Decimal, info: ValidationInfo) -> Decimal:
        if "min_quantity" in info.data and max_quantity < info.data["min_quantity"]:
            raise ValueError("this must not be less than min_quantity")
        return max_quantity

    @field_validator("plausible_a_day")
    @classmethod
    def _a_day_of_a_person(cls, plausible: Plausible | None, info: ValidationInfo) -> Plausible | None:
        if info.data.get("actor") == "facility" and plausible:
            raise ValueError("this limits the actions of persons, so a type of facilities cannot have it")
        return plausible

    @property
    def plausible_quantity(self) -> Decimal | None:
        """The most of the quantity of one owner and day that counts, in the type's unit.

        If ``plausible_a_day`` is not stated, it is ``max_quantity`` for a person, and None (no limit) for a facility.
        """
        if self.plausible_a_day:
            return self.plausible_a_day.value
        return self.max_quantity if self.actor == "person" else None

    @property
    def window(self) -> WindowLength:
        """The window of the periods that hold this type's entries: the longest window of its caps, or else a day."""
        return _longest_window(self.caps)

    def is_retired_on(self, day: date) -> bool:
        return self.retired_from is not None and day >= self.retired_from

    def forbidden_changes(self, document: Any) -> Iterator[str]:  # noqa: ANN401 - an operator's input, not checked yet
        """Yield a message for each change that is not allowed, because periods may hold entries of this type.

        ``document`` is the new version of this type. It may have other errors; fields that cannot be read are skipped.
        """
        if not isinstance(document, dict):
            return
        if document.get("actor", "person") in {"person", "facility"} - {self.actor}:
            yield f"actor: this must stay {self.actor}; create a new action type instead"
        try:
            caps = _CAPS.validate_python(document.get("caps", ()))
        except ValidationError:
            return
        if _longest_window(caps) != self.window:
            yield (
                f"caps: the longest window must stay a {self.window}, because the entries of this type are in periods "
                f"of that length; create a new action type instead"
            )


_CAPS: TypeAdapter[tuple[Cap, ...]] = TypeAdapter(tuple[Cap, ...])


def _longest_window(caps: tuple[Cap, ...]) -> WindowLength:
    lengths = {cap.window for cap in caps}
    return "year" if "year" in lengths else "month" if "month" in lengths else "day"


class CampaignEdition(_Strict):
    """The details of a campaign in one year."""

    host: Text | None = None
    theme: Text | None = None


class Goal(_Strict):
    """The goal that all people in a campaign share: a number of actions or a number of trees."""

    counts: Literal["actions", "trees"]
    target: int = Field(gt=0)


class Campaign(_Strict):
    """A campaign that runs for ``days`` days. ``recurs`` is the RFC 5545 rule for the first day of each run.

    All days are days in the programme's time zone.
    """

    names: Text
    texts: Text
    recurs: Recurrence
    days: int = Field(default=1, ge=1, le=366)
    keywords: tuple[Phrase, ...] = ()
    multipliers: dict[Identifier, Multiplier] = {}
    goal: Goal | None = None
    editions: dict[int, CampaignEdition] = {}

    def runs_on(self, day: date) -> bool:
        """Return whether the campaign runs on a day."""
        return _recurs_within(self.recurs, day - timedelta(days=self.days - 1), day)

    def begins_on(self, day: date) -> bool:
        """Return whether a day is the first day of a run of the campaign."""
        return _recurs_within(self.recurs, day, day)


@lru_cache(maxsize=1024)
def _recurs_within(rule: str, first: date, last: date) -> bool:
    occurrences = rrulestr(rule, dtstart=RECURRENCE_EPOCH)
    return bool(occurrences.between(datetime.combine(first, time()), datetime.combine(last, time()), inc=True))


def _json_number(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("this must be a JSON number, not a string or a boolean")  # noqa: TRY004 - pydantic reports this one
    return value


Latitude = Annotated[float, BeforeValidator(_json_number), Field(ge=-90, le=90)]
Longitude = Annotated[float, BeforeValidator(_json_number), Field(ge=-180, le=180)]
"""Degrees of WGS 84."""

DEFAULT_RADIUS_KM = 50.0
"""The default covers a county and its surroundings, because a partner plants where it finds land."""

MIN_RADIUS_KM, MAX_RADIUS_KM = 0.1, 500.0
"""The limits of a radius. A phone's position under trees can be wrong by as much as the minimum. The maximum is the
extent of the largest prefectures in the Chinese desert; a larger radius would say nothing about where a tree is."""

Radius = Annotated[float, BeforeValidator(_json_number), Field(ge=MIN_RADIUS_KM, le=MAX_RADIUS_KM)]


class Place(_Strict):
    """Where trees are planted: the land within ``radius_km`` kilometres of a point in degrees (WGS 84)."""

    names: Text
    lat: Latitude
    lon: Longitude
    radius_km: Radius = DEFAULT_RADIUS_KM


class ReleaseSchedule(_Strict):
    """The release of ``daily`` saplings each day, at a time of day in the programme's time zone.

    Releases begin on ``first_day``; days before the schedule was written are skipped. ``total`` limits the saplings
    that all schedules of the project release together, including its earlier schedules.
    """

    daily: int = Field(ge=1, le=1_000_000)
    at: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    first_day: date = Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))
    last_day: date | None = Field(default=None, le=date(2999, 12, 31))
    total: int | None = Field(default=None, ge=1)

    @field_validator("last_day")
    @classmethod
    def _ends_after_it_begins(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        if last_day and "first_day" in info.data and last_day < info.data["first_day"]:
            raise ValueError("this must not be before first_day")
        return last_day


class TreeProject(_Strict):
    """A species that a partner plants in one place.

    ``saplings`` is the total number released by hand; an operator raises it to release more. A closed project accepts
    no redemption requests.
    """

    species: Text
    latin: str = Field(default="", max_length=200)
    place: Place
    partner: Phrase
    price_points: int = Field(gt=0)
    price_source: Sourced = Sourced()
    saplings: int = Field(default=0, ge=0)
    schedule: ReleaseSchedule | None = None
    closed: bool = False
    note: str = Field(default="", max_length=500)


class Suggestion(_Strict):
    """One thing that a person can do, as the search shows it. ``links`` has a link into each app that offers it."""

    titles: Text
    texts: Text
    keywords: tuple[Phrase, ...] = ()
    action_type: Identifier
    campaign: Identifier | None = None
    links: dict[Identifier, AppLink] = Field(min_length=1)


class Synonyms(_Strict):
    """Words that people use interchangeably, in either language. Each word also finds suggestions with the others."""

    words: tuple[Phrase, ...] = Field(min_length=2, max_length=50)


Entity = ActionType | Campaign | TreeProject | Suggestion | Synonyms
MODELS: Mapping[Kind, type[Entity]] = {
    "action-types": ActionType,
    "campaigns": Campaign,
    "tree-projects": TreeProject,
    "suggestions": Suggestion,
    "synonyms": Synonyms,
}


@dataclass(frozen=True)
class Catalog:
    """All entries of the catalog, by identifier. ``versions`` has the version of each action type."""

    action_types: Mapping[str, ActionType] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tree_projects: Mapping[str, TreeProject] = field(default_factory=dict)
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    synonyms: Mapping[str, Synonyms] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)

    def best_multiplier(self, action_type: str, day: date) -> tuple[Decimal, str]:
        """Return the highest multiplier of an action type on a day, and the identifier of its campaign.

        The multipliers of several campaigns are not combined. Without a campaign, return 1 and an empty text.
        """
        multipliers = [
            (campaign.multipliers[action_type], identifier)
            for identifier, campaign in self.campaigns.items()
            if action_type in campaign.multipliers and campaign.runs_on(day)
        ]
        return max(multipliers, default=(Decimal(1), ""))

    def broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        """Yield a message for each reference of an entry to another entry that is not in the catalog."""
        known: Mapping[Kind, Mapping[str, Entity]] = {
            "action-types": self.action_types,
            "campaigns": self.campaigns,
        }
        for reference in references_in(kind, document):
            if reference.identifier not in known[reference.kind]:
                yield reference.broken_message

    def all_broken_references(self) -> Iterator[str]:
        """Yield a message for each broken reference in the catalog, starting with the id of the referring entry."""
        referring: Mapping[Kind, Mapping[str, Entity]] = {"campaigns": self.campaigns, "suggestions": self.suggestions}
        for kind, entities in referring.items():
            for identifier, entity in entities.items():
                messages = self.broken_references(kind, entity.model_dump())
                yield from (f"{identifier}: {message}" for message in messages)

    def referring_to(self, kind: Kind, identifier: str) -> list[str]:
        """Return the entries that refer to this entry, as ``<kind>/<id>``. Deleting this entry would break them."""
        match kind:
            case "action-types":
                campaigns = [
                    f"campaigns/{key}" for key, campaign in self.campaigns.items() if identifier in campaign.multipliers
                ]
                return campaigns + self.suggestions_of(identifier)
            case "campaigns":
                return [
                    f"suggestions/{key}"
                    for key, suggestion in self.suggestions.items()
                    if suggestion.campaign == identifier
                ]
            case _:
                return []

    def suggestions_of(self, action_type: str) -> list[str]:
        """Return the suggestions of an action type, as ``suggestions/<id>``."""
        return [
            f"suggestions/{key}"
            for key, suggestion in self.suggestions.items()
            if suggestion.action_type == action_type
        ]


class Reference(NamedTuple):
    """A field of an entry that refers to another entry."""

    field: str
    kind: Kind
    identifier: str

    @property
    def broken_message(self) -> str:
        return f"{self.field}: there is no {self.kind.removesuffix('s').replace('-', ' ')} {self.identifier!r}"


def references_in(kind: Kind, document: object) -> Iterator[Reference]:
    """Yield the references of an entry. The entry may have errors; fields that cannot be read are skipped."""
    match kind, document:
        case "campaigns", {"multipliers": dict(multipliers)}:
            yield from (
                Reference("multipliers", "action-types", identifier)
                for identifier in multipliers
                if isinstance(identifier, str)
            )
        case "suggestions", dict():
            for field, referred in _SUGGESTION_REFERENCES.items():
                if isinstance(identifier := document.get(field), str):
                    yield Reference(field, referred, identifier)


_SUGGESTION_REFERENCES: Mapping[str, Kind] = {"action_type": "action-types", "campaign": "campaigns"}
