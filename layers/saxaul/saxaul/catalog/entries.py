"""The entries of the catalog: action types, facilities, campaigns, tree projects, initiatives, suggestions, synonyms.

Points are a reward that an operator sets. Avoided grams are an amount of CO2e that a named source states.
The two are separate fields, each with its source, and neither is ever computed from the other.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeGuard, get_args

from saxaul.catalog.areas import Area, farthest_km, in_units, json_number
from saxaul.catalog.calendar import WindowLength
from saxaul.catalog.faults import error_text
from saxaul.catalog.models import (
    AfterValidator,
    BeforeValidator,
    Described,
    Field,
    Model,
    TypeAdapter,
    Url,
    ValidationError,
    ValidationInfo,
    exactly_one,
    field_validator,
    model_validator,
)
from saxaul.catalog.on_demand import OnDemand
from saxaul.catalog.recurrences import FIRST_YEAR, LAST_YEAR, checked_rule, earliest_from, latest_by

Kind = Literal["action-types", "facilities", "campaigns", "tree-projects", "initiatives", "suggestions", "synonyms"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of entries, in the order in which they must be written: later kinds refer to earlier ones."""

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

MAX_ENTRY_BYTES = 64 * 1024
"""The most bytes of an entry as JSON in UTF-8."""

_REFUSED_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, line separators, characters that reverse or embed the direction of text, and characters that
neither UTF-8 nor XML can contain. The marks of direction that ordinary text needs (U+200E, U+200F) are allowed, and so
are joiners."""


def _checked_text(text: str) -> str:
    if found := _REFUSED_CHARACTERS.search(text):
        raise ValueError(f"the character U+{ord(found[0]):04X} is not allowed")
    return text


def checked_phrase(text: str) -> str:
    if not any(unicodedata.category(character)[0] not in "ZC" for character in _checked_text(text)):
        raise ValueError("this must have a character that can be seen")
    return text


def checked_link(link: str) -> str:
    if any(character.isspace() for character in _checked_text(link)) or not _HTTP.match(link):
        raise ValueError("this must be a link that begins with http:// or https:// and has no spaces")
    try:
        _LINK.validate_python(link)
    except ValidationError as error:
        raise ValueError(error_text(error.errors()[0])) from None
    return link


_HTTP = re.compile("https?://", re.IGNORECASE)
_LINK = TypeAdapter[Url](Url)

_PLAIN_DIGITS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_NUMBER_OR_DIGITS = Described({"type": ["number", "string"], "pattern": f"^{_PLAIN_DIGITS.pattern}$"})

_MAX_EXPONENT = 20
"""The largest power of ten that a number in JSON may have, so that no number takes long to convert."""


def _plain_number(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Refuse a boolean, a text that is not plain digits, and a number that is too long to convert.

    Other values are left to the field's own type.
    """
    if isinstance(value, str) and not _PLAIN_DIGITS.fullmatch(value):
        raise ValueError("this must be a number, or its digits as text, such as 12.5")
    if isinstance(value, bool):
        raise ValueError("this must be a number, not a boolean")  # noqa: TRY004 - pydantic reports this one
    if isinstance(value, Decimal) and value.is_finite():
        if value == 0:
            return Decimal(0)
        if abs(value.adjusted()) > _MAX_EXPONENT:
            raise ValueError("this number is too large or too small")
    return value


def _plain_decimal(value: Decimal) -> Decimal:
    """Return an amount without an exponent and without the sign of a negative zero."""
    if value == 0:
        return Decimal(0)
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else value


def _day_text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DAY.fullmatch(value)):
        return value
    raise ValueError("this must be a day, such as 2026-06-05")


_ISO_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

_IDENTIFIER = re.compile("[a-z0-9][a-z0-9_-]{0,63}")
Identifier = Annotated[str, Field(pattern=f"^{_IDENTIFIER.pattern}$")]


def _each_once(identifiers: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for identifier in identifiers:
        if identifier in seen:
            raise ValueError(f"{identifier!r} must not be listed more than once")
        seen.add(identifier)
    return identifiers


Identifiers = Annotated[tuple[Identifier, ...], AfterValidator(_each_once)]
"""A list of identifiers, each of which is in it once."""

AMOUNT_DIGITS, AMOUNT_DECIMALS = 15, 6
"""The most digits of an amount: in total, and after the decimal point. So there are at most 9 before it.

An amount is a quantity, a number of points per unit, or a number of grams per unit.
"""

MAX_AMOUNT = Decimal("999999999.999999")
"""The largest amount. A queue message with a larger quantity could not be read."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    Field(ge=0, le=MAX_AMOUNT, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS),
    AfterValidator(_plain_decimal),
    _NUMBER_OR_DIGITS,
]
Multiplier = Annotated[
    Decimal,
    BeforeValidator(_plain_number),
    Field(ge=1, le=100, decimal_places=AMOUNT_DECIMALS),
    AfterValidator(_plain_decimal),
    _NUMBER_OR_DIGITS,
]
"""How many times the points of an action type a campaign gives. Entries store it, so it has few digits."""

MAX_COUNT = 1_000_000_000
"""The most points, saplings or actions that a field can state. Sums and products of such numbers stay exact."""

_WHOLE_OR_DIGITS = Described({"type": ["integer", "string"], "pattern": r"^[0-9]{1,20}(\.0{1,20})?$"})
Count = Annotated[int, BeforeValidator(_plain_number), Field(ge=0, le=MAX_COUNT), _WHOLE_OR_DIGITS]


def _year_text(value: Any) -> Any:  # noqa: ANN401 - a key of a JSON object, or a number
    if isinstance(value, str) and not _YEAR.fullmatch(value):
        raise ValueError("this must be a year, such as 2026")
    return _plain_number(value)


_YEAR = re.compile("[0-9]{4}")
Year = Annotated[
    int, BeforeValidator(_year_text), Described({"type": ["integer", "string"], "pattern": f"^{_YEAR.pattern}$"})
]
AnyDay = Annotated[date, BeforeValidator(_day_text)]
CatalogDay = Annotated[AnyDay, Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31))]

MAX_PHRASE = 500
"""The most characters of a phrase."""

Phrase = Annotated[str, Field(min_length=1, max_length=MAX_PHRASE), AfterValidator(checked_phrase)]


_REFUSED = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
_INVISIBLE = r"\s\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2060-\u206f\ue000-\uf8ff\ufeff"
CHARACTERS_OF_A_PHRASE = Described({"pattern": f"^[^{_REFUSED}]*[^{_REFUSED}{_INVISIBLE}][^{_REFUSED}]*$"})
"""What the document of the API says of the characters of a phrase: it has one that can be seen."""


def is_phrase(value: object) -> TypeGuard[str]:
    """Return whether a value is valid as a ``Phrase``."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PHRASE:
        return False
    try:
        checked_phrase(value)
    except ValueError:
        return False
    return True


Keyword = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(checked_phrase)]
Note = Annotated[str, Field(max_length=500), AfterValidator(_checked_text)]
"""A text that may be empty."""

MAX_KEYWORDS, MAX_MULTIPLIERS, MAX_LINKS, MAX_CAPS, MAX_TYPES_OF_A_FACILITY = 50, 100, 50, 6, 50
MAX_FACILITIES, MAX_TYPES_OF_AN_INITIATIVE, MAX_ENDS = 50, 10, 100
"""The most of each in one entry. An action type has at most one cap of each window and kind."""

Keywords = Annotated[tuple[Keyword, ...], Field(max_length=MAX_KEYWORDS)]
AppLink = Annotated[
    str,
    Field(max_length=500),
    AfterValidator(checked_link),
    Described({"format": "uri", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$"}),
]
Recurrence = Annotated[str, Field(max_length=200), AfterValidator(checked_rule)]


Flag = Annotated[bool, Field(strict=True)]


class Text(Model):
    """A text in each language of the programme."""

    en: Phrase
    """The text in English."""
    zh: Phrase
    """The text in Chinese."""

    def in_language(self, language: Language) -> str:
        return self.en if language == "en" else self.zh


class Sourced(Model):
    """The source of a number.

    ``confidence`` is A for a primary or peer-reviewed source, B for the press, and C for a how-to page or a copy of a
    source. It is ``none`` if the operator chose the number.
    """

    confidence: Literal["A", "B", "C", "none"] = "none"
    """How good the source is."""
    source: Note = Field(default="", validate_default=True)
    """The source of the number, in words. It is required if the confidence is A, B or C."""

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
    """How many points a unit of the quantity is worth, or one action."""
    per: Literal["unit", "action"] = "unit"
    """Whether the points are for each unit of the quantity, or for each action."""
    at_least: Amount = Decimal(0)
    """The smallest quantity of an action that earns points. It is allowed only for points per action."""

    @field_validator("at_least")
    @classmethod
    def _only_per_action(cls, at_least: Decimal, info: ValidationInfo) -> Decimal:
        if at_least and info.data.get("per") == "unit":
            raise ValueError("this is only allowed with per: action")
        return at_least


class Evidence(Sourced):
    """Grams of CO2e that one unit of the action avoids; zero if no saving is claimed."""

    value: Amount
    """Grams of CO2e that one unit avoids."""
    region: Note = Field(default="", max_length=100)
    """Where the number was determined."""
    year: Year | None = Field(default=None, ge=1900, le=LAST_YEAR)
    """The year for which the number was determined."""
    method: Note = ""
    """How the number was determined."""


class Plausible(Sourced):
    """The most of the quantity of one owner and day that counts toward the avoided grams and the public totals.

    The owner is a person, or a facility.
    """

    value: Amount = Field(gt=0)
    """The most of the quantity of one day that counts, in the unit of the action type."""


class Cap(Model):
    """A limit for one person and action type in each window: on the ``units`` that earn points, or on ``points``."""

    json_schema = exactly_one("units", "points")

    window: WindowLength
    """The window of the limit, in the programme's time zone."""
    units: Amount | None = None
    """The most of the quantity that earns points in a window."""
    points: Count | None = Field(default=None, validate_default=True)
    """The most points in a window."""

    @field_validator("points")
    @classmethod
    def _one_limit(cls, points: int | None, info: ValidationInfo) -> int | None:
        if "units" in info.data and (info.data["units"] is None) == (points is None):
            raise ValueError("a cap must have either units or points, not both")
        return points


def _one_of_each(caps: tuple[Cap, ...]) -> tuple[Cap, ...]:
    if len({(cap.window, cap.units is None) for cap in caps}) < len(caps):
        raise ValueError("there must be at most one cap in units and one in points for each window")
    return caps


Caps = Annotated[tuple[Cap, ...], Field(max_length=MAX_CAPS), AfterValidator(_one_of_each)]


Category = Literal["travel", "recycle", "reuse", "online", "drive"]
"""What an action type is about: rides and walks, what people recycle, what they use again or do without, what they do
online instead of on paper, and how they use a car less."""


class ActionType(Model):
    """A kind of action. An action of a person may earn points; an action of a facility earns none.

    The quantity of one action is from ``min_quantity`` to ``max_quantity``, in the type's unit. ``plausible_a_day``
    limits what counts of all quantities of one person and day. An action that occurred on ``retired_from`` or later is
    refused. Earlier actions are not affected. A broad search mixes suggestions of different categories; a type without
    a ``category`` counts as one of its own.
    """

    names: Text
    """The name of the action type."""
    unit: Phrase
    """The unit of a quantity, such as `ride` or `kg`."""
    category: Category | None = None
    """What the action type is about. A broad search mixes suggestions of different categories."""
    actor: Literal["person", "facility"] = "person"
    """Who does these actions. It cannot be changed."""
    points: Reward | None = None
    """The points for an action; null if it earns none."""
    caps: Caps = ()
    """The limits for one person: at most one in units and one in points for each window. The longest window cannot be
    changed."""
    avoided_g: Evidence
    """The grams of CO2e that an action avoids."""
    min_quantity: Amount = Field(default=Decimal("0.01"), gt=0)
    """The smallest quantity of one action."""
    max_quantity: Amount = Field(default=Decimal(1000), validate_default=True)
    """The largest quantity of one action."""
    plausible_a_day: Plausible | None = None
    """The most of one person's quantity of one day that counts toward the grams; null if it is `max_quantity`."""
    retired_from: CatalogDay | None = None
    """The first day whose actions are refused, in the programme's time zone; null if the action type is in use."""

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


_CAPS: TypeAdapter[tuple[Cap, ...]] = TypeAdapter(Caps)


def _longest_window(caps: tuple[Cap, ...]) -> WindowLength:
    lengths = {cap.window for cap in caps}
    return "year" if "year" in lengths else "month" if "month" in lengths else "day"


class CampaignEdition(Model):
    """The details of a campaign in one year."""

    host: Text | None = None
    """Who hosts the campaign in this year."""
    theme: Text | None = None
    """The theme of the campaign in this year."""


class Goal(Model):
    """The goal that all people in a campaign share: a number of actions or a number of trees."""

    counts: Literal["actions", "trees"]
    """What the goal counts."""
    target: Count = Field(gt=0)
    """How many actions or trees the goal is."""


class Campaign(Model):
    """A campaign that runs for ``days`` days. ``recurs`` is the RFC 5545 rule for the first day of each run.

    All days are days in the programme's time zone.
    """

    names: Text
    """The name of the campaign."""
    texts: Text
    """What the campaign is about."""
    recurs: Recurrence
    """The yearly rule for the first day of each run, in the notation of RFC 5545, such as
    `FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5`. It selects at most 53 days of a year."""
    days: Count = Field(default=1, ge=1, le=366)
    """How many days each run has."""
    keywords: Keywords = ()
    """Words by which the search finds the campaign."""
    multipliers: dict[Identifier, Multiplier] = Field(default={}, max_length=MAX_MULTIPLIERS)
    """How many times the points of each action type the campaign gives, by the id of the action type."""
    goal: Goal | None = None
    """The goal that all people share; null if there is none."""
    editions: dict[Annotated[Year, Field(ge=FIRST_YEAR, le=LAST_YEAR)], CampaignEdition] = Field(default={})
    """The details of the campaign by year."""
    ends: dict[Annotated[CatalogDay, Described({"pattern": f"^{_ISO_DAY.pattern}$"})], CatalogDay] = Field(
        default={}, max_length=MAX_ENDS
    )
    """The last day of each run that ends early, by the first day of the run. It is before the last day that the run has
    by `days`. If it is the day before the first day, the run has no days."""

    @field_validator("ends")
    @classmethod
    def _end_runs_early(cls, ends: dict[date, date], info: ValidationInfo) -> dict[date, date]:
        if "recurs" not in info.data or "days" not in info.data:
            return ends
        for first, last in ends.items():
            if latest_by(info.data["recurs"], first, first.year) != first:
                raise ValueError(f"no run begins on {first}")
            before, after = first - timedelta(days=1), first + timedelta(days=info.data["days"] - 1)
            if not before <= last < after:
                raise ValueError(f"the last day of the run from {first} must be from {before} on and before {after}")
        return ends

    def last_day_of(self, first: date) -> date:
        """Return the last day of the run that begins on a day. It is the day before if the run has no days."""
        return self.ends.get(first) or first + timedelta(days=self.days - 1)

    def begun_on(self, day: date) -> date | None:
        """Return the first day of the run that includes a day, or None. Of several runs, the one that begins last is
        meant. If that one has ended early, the campaign does not run.
        """
        begun = latest_by(self.recurs, day, day.year - 1)  # no run is longer than a year
        return begun if begun and day <= self.last_day_of(begun) else None

    def runs_on(self, day: date) -> bool:
        """Return whether the campaign runs on a day."""
        return self.begun_on(day) is not None

    def begins_on(self, day: date) -> bool:
        """Return whether a day is the first day of a run of the campaign."""
        return self.begun_on(day) == day

    def next_after(self, day: date) -> date | None:
        """Return the first day of the next run that begins after a day and has days. None if there is none."""
        found = earliest_from(self.recurs, day + timedelta(days=1))
        while found and self.last_day_of(found) < found:
            found = earliest_from(self.recurs, found + timedelta(days=1))
        return found


RUN_NAME = re.compile(f"{_IDENTIFIER.pattern}@[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}")
"""The name of a run of a campaign, as ``run_name`` makes it."""


def run_name(campaign_id: str, first: date) -> str:
    """Return the name of the run of a campaign that begins on a day, ``<campaign>@<first day>``."""
    return f"{campaign_id}@{first}"


def campaign_of(run: str) -> str:
    """Return the id of the campaign of a run; empty if the name of the run is."""
    return run.partition("@")[0]


Latitude = Annotated[float, BeforeValidator(json_number), Field(ge=-90, le=90)]
Longitude = Annotated[float, BeforeValidator(json_number), Field(ge=-180, le=180)]
"""Degrees of WGS 84."""

DEFAULT_RADIUS_KM = 50.0
"""The default covers a county and its surroundings, because a partner plants where it finds land."""

MIN_RADIUS_KM, MAX_RADIUS_KM = 0.1, 500.0
"""The limits of a radius. A phone's position under trees can be wrong by as much as the minimum. The maximum is the
extent of the largest prefectures in the Chinese desert; a larger radius would say nothing about where a tree is."""

Radius = Annotated[float, BeforeValidator(json_number), Field(ge=MIN_RADIUS_KM, le=MAX_RADIUS_KM)]


class Place(Model):
    """Where trees are planted: the land within ``radius_km`` kilometres of a point in degrees (WGS 84), or an ``area``.

    A place with an area has no radius. Its point is where maps show it.
    """

    json_schema = {  # noqa: RUF012 - a mapping that nobody changes
        "if": {"required": ["area"], "properties": {"area": {"not": {"type": "null"}}}},
        "then": {"not": {"required": ["radius_km"]}},
    }

    names: Text
    """The name of the place."""
    lat: Latitude
    """Degrees of latitude (WGS 84)."""
    lon: Longitude
    """Degrees of longitude (WGS 84)."""
    radius_km: Radius = DEFAULT_RADIUS_KM
    """How far from the point the place extends, in kilometres. Not allowed with an area."""
    area: Area | None = None
    """The land, instead of a radius; null if the radius says it. The point must be within the bounds of the area, and
    no position of the area further than 500 km from it."""

    @field_validator("area")
    @classmethod
    def _belongs_to_the_point(cls, area: Area | None, info: ValidationInfo) -> Area | None:
        if area is None or not {"lat", "lon"} <= info.data.keys():
            return area
        lat, lon = info.data["lat"], info.data["lon"]
        for place, axis in ((in_units(lon), 0), (in_units(lat), 1)):
            places = [position[axis] for position in area.rings[0]]
            if not min(places) <= place <= max(places):
                raise ValueError("lat and lon must be within the bounds of the area, whose positions have lon first")
        if farthest_km(area.rings, lat, lon) > MAX_RADIUS_KM:
            raise ValueError(f"no position may be more than {MAX_RADIUS_KM:g} km from lat and lon")
        return area

    @model_validator
    def _has_one_extent(self) -> Self:
        if self.area is not None and "radius_km" in self.__pydantic_fields_set__:
            raise ValueError("a place has either radius_km or area")
        return self


class Facility(Model):
    """A site of the programme whose actions one app reports, such as a data centre.

    ``place`` is where it is. ``plausible_a_day`` has, for each action type that the app may report for it, the most of
    the quantity of one day that counts. These are action types of facilities.
    """

    names: Text
    """The name of the facility."""
    kind: Identifier
    """What kind of site it is, such as `data-centre`."""
    place: Place
    """Where the facility is."""
    app: Identifier
    """The id of the app that reports the actions of the facility."""
    plausible_a_day: dict[Identifier, Plausible] = Field(min_length=1, max_length=MAX_TYPES_OF_A_FACILITY)
    """For each action type that the app may report, the most of the quantity of one day that counts, by the id of the
    action type."""


class ReleaseSchedule(Model):
    """The release of ``daily`` saplings each day, at a time of day in the programme's time zone.

    Releases begin on ``first_day``; days before the schedule was written are skipped. ``total`` limits the saplings
    that all schedules of the project release together, including its earlier schedules.
    """

    daily: Count = Field(ge=1, le=1_000_000)
    """How many saplings are released each day."""
    at: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """The time of day of each release, in the programme's time zone."""
    first_day: CatalogDay = Field(ge=date(2000, 1, 1))
    """The first day of releases."""
    last_day: CatalogDay | None = None
    """The last day of releases; null if there is none."""
    total: Count | None = Field(default=None, ge=1)
    """The most saplings that all schedules of the project release together; null if there is no limit."""

    @field_validator("last_day")
    @classmethod
    def _ends_after_it_begins(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        if last_day and "first_day" in info.data and last_day < info.data["first_day"]:
            raise ValueError("this must not be before first_day")
        return last_day


class TreeProject(Model):
    """A species that a partner plants in one place.

    ``saplings`` is the total number released by hand; an operator raises it to release more. A closed project accepts
    no redemption requests. The search finds a project by its species, its place, its partner and its ``keywords``.
    """

    species: Text
    """The species of the trees."""
    latin: Note = Field(default="", max_length=200)
    """The Latin name of the species."""
    place: Place
    """Where the trees are planted."""
    partner: Phrase
    """The name of the partner that plants the trees. It must be registered."""
    keywords: Keywords = ()
    """Words by which the search finds the project."""
    price_points: Count = Field(gt=0)
    """The price of one tree, in points."""
    price_source: Sourced = Sourced.model_construct()
    """The source of the price."""
    saplings: Count = 0
    """The total number of saplings that were released by hand."""
    schedule: ReleaseSchedule | None = None
    """The daily release of saplings; null if there is none."""
    closed: Flag = False
    """Whether the project accepts no redemption requests."""
    note: Note = ""
    """A note of the operators."""


class Initiative(Model):
    """What the business itself does, such as the cooling of data centres with lake water.

    It counts the actions of the ``action_types`` that its ``facilities`` report.
    """

    titles: Text
    """The title of the initiative."""
    texts: Text
    """What the business does."""
    keywords: Keywords = ()
    """Words by which the search finds the initiative."""
    facilities: Identifiers = Field(min_length=1, max_length=MAX_FACILITIES)
    """The ids of the facilities whose actions count."""
    action_types: Identifiers = Field(min_length=1, max_length=MAX_TYPES_OF_AN_INITIATIVE)
    """The ids of the action types of facilities that count."""
    link: AppLink | None = None
    """A link to more about the initiative; null if there is none."""


class Suggestion(Model):
    """One thing that a person can do, as the search shows it.

    ``links`` has a link into each app that offers it. ``done_in`` has the apps in which people do it, such as the app
    that pays for the ride; a search in these apps shows it before suggestions that only have a link. A ``featured``
    suggestion comes before others of its action type.
    """

    titles: Text
    """The title of the suggestion."""
    texts: Text
    """What a person can do, and how."""
    keywords: Keywords = ()
    """Words by which the search finds the suggestion."""
    action_type: Identifier
    """The id of the action type that counts what the person does."""
    campaign: Identifier | None = None
    """The id of the campaign that the suggestion belongs to; null if there is none."""
    links: dict[Identifier, AppLink] = Field(min_length=1, max_length=MAX_LINKS)
    """A link into each app that offers it, by the id of the app."""
    done_in: Identifiers = Field(default=(), max_length=MAX_LINKS)
    """The ids of the apps in which people do it. Each of them has a link too."""
    featured: Flag = False
    """Whether the suggestion comes before others of its action type."""

    @field_validator("done_in")
    @classmethod
    def _has_a_link(cls, apps: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if missing := [app for app in apps if app not in info.data.get("links", apps)]:
            raise ValueError(f"links must have a link into {missing[0]!r} too")
        return apps


class Synonyms(Model):
    """Words that people use interchangeably, in either language. Each word also finds suggestions with the others."""

    words: tuple[Keyword, ...] = Field(min_length=2, max_length=50)
    """The words, in either language."""


Entity = ActionType | Facility | Campaign | TreeProject | Initiative | Suggestion | Synonyms
MODELS: Mapping[Kind, type[Entity]] = {
    "action-types": ActionType,
    "facilities": Facility,
    "campaigns": Campaign,
    "tree-projects": TreeProject,
    "initiatives": Initiative,
    "suggestions": Suggestion,
    "synonyms": Synonyms,
}


@dataclass(frozen=True)
class Catalog:
    """All entries of the catalog, by identifier. ``versions`` has the version of each action type."""

    action_types: Mapping[str, ActionType] = field(default_factory=dict)
    facilities: Mapping[str, Facility] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tree_projects: Mapping[str, TreeProject] = field(default_factory=dict)
    initiatives: Mapping[str, Initiative] = field(default_factory=dict)
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    synonyms: Mapping[str, Synonyms] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    _multipliers: dict[tuple[str, date], tuple[Decimal, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def best_multiplier(self, action_type: str, day: date) -> tuple[Decimal, str]:
        """Return the highest multiplier of an action type on a day, and the name of the run of its campaign.

        The multipliers of several campaigns are not combined. Without a campaign, return 1 and an empty text. What was
        found is kept, because all actions of a type and a day have the same multiplier.
        """
        known = self._multipliers.get((action_type, day))
        if known is None:
            found = (
                (campaign.multipliers[action_type], identifier, first)
                for identifier, campaign in self.campaigns.items()
                if action_type in campaign.multipliers and (first := campaign.begun_on(day))
            )
            best = max(found, default=None)
            known = (best[0], run_name(*best[1:])) if best else (Decimal(1), "")
            self._multipliers[action_type, day] = known
        return known

    def without_dangling(self) -> "Catalog":
        """Return the catalog without references to entries that it does not have. ``dangling`` lists what is left out.

        Each entry is looked at when it is first needed.
        """
        return replace(
            self,
            campaigns=OnDemand(self.campaigns.keys(), self._sound_campaign),
            suggestions=OnDemand(self.suggestions.keys(), self._sound_suggestion),
            initiatives=OnDemand(self.initiatives.keys(), self._sound_initiative),
        )

    def dangling(self) -> list[str]:
        """Return what ``without_dangling`` leaves out, because an entry to which it refers is missing.

        A multiplier of a missing action type is left out of its campaign (``campaigns/<id>/multipliers/<type>``). If a
        campaign has no multiplier left, its goal is left out too (``campaigns/<id>/goal``), because it would count
        other actions. A suggestion with a missing action type or campaign is left out (``suggestions/<id>``). A missing
        facility or action type is left out of its initiative (``initiatives/<id>/facilities/<facility>``), and an
        initiative without any is left out.
        """
        sound = self.without_dangling()
        left_out: list[str] = []
        for name, campaign in self.campaigns.items():
            multipliers, goal = sound.campaigns[name].multipliers, sound.campaigns[name].goal
            left_out += [f"campaigns/{name}/multipliers/{of}" for of in campaign.multipliers if of not in multipliers]
            left_out += [f"campaigns/{name}/goal"] if campaign.goal != goal else []
        left_out += [f"suggestions/{name}" for name in self.suggestions if name not in sound.suggestions]
        for name, initiative in self.initiatives.items():
            kept = sound.initiatives.get(name)
            if kept is None:
                left_out.append(f"initiatives/{name}")
                continue
            for part, listed, known in (
                ("facilities", initiative.facilities, kept.facilities),
                ("action_types", initiative.action_types, kept.action_types),
            ):
                left_out += [f"initiatives/{name}/{part}/{missing}" for missing in listed if missing not in known]
        return left_out

    def _sound_campaign(self, identifier: str) -> Campaign:
        campaign = self.campaigns[identifier]
        known = {name: times for name, times in campaign.multipliers.items() if name in self.action_types}
        if len(known) == len(campaign.multipliers):
            return campaign
        return campaign.model_copy(update={"multipliers": known, "goal": campaign.goal if known else None})

    def _sound_suggestion(self, identifier: str) -> Suggestion | None:
        suggestion = self.suggestions[identifier]
        has_campaign = suggestion.campaign is None or suggestion.campaign in self.campaigns
        return suggestion if has_campaign and suggestion.action_type in self.action_types else None

    def _sound_initiative(self, identifier: str) -> Initiative | None:
        initiative = self.initiatives[identifier]
        facilities = tuple(name for name in initiative.facilities if name in self.facilities)
        action_types = tuple(name for name in initiative.action_types if name in self.action_types)
        if not (facilities and action_types):
            return None
        if (facilities, action_types) == (initiative.facilities, initiative.action_types):
            return initiative
        return initiative.model_copy(update={"facilities": facilities, "action_types": action_types})

    def broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        """Yield a message for each reference of an entry to another entry that is not in the catalog."""
        known: Mapping[Kind, Mapping[str, Entity]] = {
            "action-types": self.action_types,
            "facilities": self.facilities,
            "campaigns": self.campaigns,
        }
        for reference in references_in(kind, document):
            entity = known[reference.kind].get(reference.identifier)
            if entity is None:
                yield reference.broken_message
            elif wrong := reference.wrong_actor(kind, entity):
                yield wrong

    def all_broken_references(self) -> Iterator[str]:
        """Yield a message for each broken reference in the catalog, starting with the id of the referring entry."""
        referring: Mapping[Kind, Mapping[str, Entity]] = {
            "facilities": self.facilities,
            "campaigns": self.campaigns,
            "initiatives": self.initiatives,
            "suggestions": self.suggestions,
        }
        for kind, entities in referring.items():
            for identifier, entity in entities.items():
                messages = self.broken_references(kind, entity.model_dump())
                yield from (f"{identifier}: {message}" for message in messages)


class Reference(NamedTuple):
    """A field of an entry that refers to another entry."""

    field: str
    kind: Kind
    identifier: str

    @property
    def broken_message(self) -> str:
        kind = "facility" if self.kind == "facilities" else self.kind.removesuffix("s").replace("-", " ")
        return f"{self.field}: there is no {kind} {self.identifier!r}"

    def wrong_actor(self, referring: Kind, entity: Entity) -> str | None:
        """Return a message if a facility or an initiative refers to an action type of persons.

        ``entity`` is what is referred to.
        """
        if referring in ("facilities", "initiatives") and isinstance(entity, ActionType) and entity.actor != "facility":
            return f"{self.field}: {self.identifier!r} is an action type of persons"
        return None


def references_in(kind: Kind, document: object) -> Iterator[Reference]:
    """Yield the references of an entry, at most as many as a valid entry can have.

    The entry may have errors. Fields that cannot be read, and texts that cannot be identifiers, are skipped.
    """
    match kind, document:
        case "campaigns", {"multipliers": dict(multipliers)}:
            yield from _types_in("multipliers", multipliers, MAX_MULTIPLIERS)
        case "facilities", {"plausible_a_day": dict(quantities)}:
            yield from _types_in("plausible_a_day", quantities, MAX_TYPES_OF_A_FACILITY)
        case "initiatives", dict():
            yield from _listed_in(document, "facilities", "facilities", MAX_FACILITIES)
            yield from _listed_in(document, "action_types", "action-types", MAX_TYPES_OF_AN_INITIATIVE)
        case "suggestions", dict():
            for field, referred in _SUGGESTION_REFERENCES.items():
                if is_entry_identifier(identifier := document.get(field)):
                    yield Reference(field, referred, identifier)


def _types_in(field: str, by_type: Mapping[object, object], most: int) -> Iterator[Reference]:
    """Yield a reference for each of the first ``most`` action types that a field has a value for."""
    return (
        Reference(field, "action-types", identifier)
        for identifier in islice(by_type, most)
        if is_entry_identifier(identifier)
    )


def _listed_in(document: Mapping[object, object], field: str, kind: Kind, most: int) -> Iterator[Reference]:
    """Yield a reference for each of the first ``most`` identifiers in a list of an entry."""
    names = document.get(field)
    listed = names[:most] if isinstance(names, list | tuple) else ()
    return (Reference(field, kind, identifier) for identifier in listed if is_entry_identifier(identifier))


_SUGGESTION_REFERENCES: Mapping[str, Kind] = {"action_type": "action-types", "campaign": "campaigns"}


def is_entry_identifier(value: object) -> TypeGuard[str]:
    """Return whether a value is valid as an ``Identifier``."""
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None
