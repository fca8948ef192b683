"""The JSON Schemas of the document say what the models accept, and describe every type of an answer."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import pytest

from functions.manage_grants.handler import GrantBody
from functions.redeem_trees.handler import RedemptionBody
from local.json_schemas import Schemas, closed, nullable
from saxaul.catalog.entries import (
    MODELS,
    ActionType,
    Campaign,
    Facility,
    Initiative,
    Suggestion,
    Synonyms,
    TreeProject,
)
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import Described, Field, Model, ValidationError, exactly_one
from saxaul.ledger.screening import ReportedAction, ReportedReversal
from saxaul.trees.reports import Confirmation, Correction, Failure, Inspection

TEXT = {"en": "Bus", "zh": "公交"}
PLACE = {"names": TEXT, "lat": 30.27, "lon": 120.15, "radius_km": 10}
REPLACED = {"tag": "A-2", "lat": 38.5, "lon": 105.5, "planted_at": "2026-06-05T12:00:00+08:00"}
ACTION = {
    "action_id": "ride-1",
    "user_id": "mei",
    "type": "bus_ride",
    "quantity": 1.5,
    "occurred_at": "2026-06-05T12:00:00Z",
    "mode": "single",
    "evidence_id": "12306:E1",
}
INSPECTION = {
    "certificate": "CN-1",
    "state": "replaced",
    "inspected_at": "2026-06-06T12:00:00+08:00",
    "inspector": "Li",
    "evidence_url": "https://example.org/report",
    "photo_url": "https://example.org/2.jpg",
    "photo": "0b" * 32,
}
DOCUMENTS: list[tuple[type[Model], dict[str, Any]]] = [
    (ReportedAction, ACTION),
    (ReportedAction, {"action_id": "meter-1", "facility_id": "dc", "type": "kwh", "quantity": "7", "mode": "total"}
     | {"occurred_at": "2026-06-05T12:00:00Z"}),
    (ReportedReversal, {"action_id": "a", "user_id": "mei", "occurred_at": "2026-06-05T12:00:00Z", "reason": "twice"}),
    (ReportedReversal, {"action_id": "a", "facility_id": "dc", "occurred_at": "2026-06-05T12:00:00Z", "reason": "x"}),
    (Confirmation, {"certificate": "CN-1", "photo_url": "https://example.org/1.jpg", "photo": "0a" * 32, **REPLACED}),
    (Correction, {"certificate": "CN-1", "reason": "typo", "alive": True, "photo": "0a" * 32, **REPLACED}
     | {"photo_url": "https://example.org/1.jpg"}),
    (Failure, {"certificate": "CN-1", "reason": "drought"}),
    (Inspection, INSPECTION | REPLACED),
    (Inspection, {**INSPECTION, "state": "dead", "photo_url": None}),
    (RedemptionBody, {"project_id": "saxaul-alxa", "trees": 2, "dedication": "For Mei", "max_points": 360}),
    (GrantBody, {"covers": ["report", "read"]}),
    (Synonyms, {"words": ["bus", "coach"]}),
    (Suggestion, {"titles": TEXT, "texts": TEXT, "keywords": ["bus"], "action_type": "bus_ride", "campaign": "day",
                  "links": {"alipay": "https://www.alipay.com/bus"}, "done_in": ["alipay"], "featured": True}),
    (Initiative, {"titles": TEXT, "texts": TEXT, "keywords": ["sun"], "facilities": ["hangzhou"],
                  "action_types": ["solar"], "link": "https://example.org"}),
    (TreeProject, {"species": TEXT, "latin": "Haloxylon", "place": PLACE, "partner": "Green", "keywords": ["tree"],
                   "price_points": 160, "price_source": {"confidence": "A", "source": "a paper"}, "saplings": 10,
                   "schedule": {"daily": 5, "at": "08:30", "first_day": "2026-06-05", "last_day": "2026-07-05",
                                "total": 100}, "closed": False, "note": "first"}),
    (Facility, {"names": TEXT, "kind": "warehouse", "place": PLACE, "app": "alipay",
                "plausible_a_day": {"solar": {"value": 1000, "confidence": "A", "source": "a meter"}}}),
    (Campaign, {"names": TEXT, "texts": TEXT, "recurs": "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5", "days": 2,
                "keywords": ["earth"], "multipliers": {"bus_ride": 2}, "goal": {"counts": "trees", "target": 10},
                "editions": {"2026": {"host": TEXT, "theme": TEXT}}, "ends": {"2026-06-05": "2026-06-05"}}),
    (ActionType, {"names": TEXT, "unit": "ride", "category": "travel", "actor": "person",
                  "points": {"value": 80, "per": "action", "at_least": 1, "confidence": "none", "source": ""},
                  "caps": [{"window": "day", "units": 3}, {"window": "month", "points": 900}],
                  "avoided_g": {"value": "212.5", "region": "China", "year": 2024, "method": "LCA",
                                "confidence": "B", "source": "China Daily"},
                  "min_quantity": 0.5, "max_quantity": 1000, "plausible_a_day": {"value": 20},
                  "retired_from": "2027-01-01"}),
]  # fmt: skip
"""For each model, documents that it accepts. Together they have every field."""

OTHER_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2.5,
        1e30,
        10**16,
        "",
        " ",
        "0",
        "1",
        "12.5",
        "1.0",
        "1e3",
        "-1",
        "+1",
        "\uff11\uff12",
    ),
    *("yes", "a", "a-b", ".", "..", "a b", "A", "\t", "x" * 65, "x" * 129, "x" * 501, "x" * 3000, "2026", "2026-06-05"),
    *("2026-13-45", "2026-06-05T12:00:00Z", "2026-06-05t12:00:00z", "2026-06-05 12:00:00Z", "2026-06-05T12:00:00"),
    *("http://a", "HTTPS://A.example/ b", "ftp://a", "https:a", " http://a", "https://example.org/" + "x" * 490),
    *([], ["a"], ["a", "a"], ["x"] * 60, {}, {"a": 1}, {"en": "a", "zh": "b"}, [None], "total", "alive", "read"),
)
"""Values that replace each value of a document, one at a time."""

MODEL_ONLY = {
    "value_error": "a function refuses it",
    "url_parsing": "it is not a link",
    "url_scheme": "it is not a web link",
    "datetime_from_date_parsing": "it is not a time",
    "date_from_datetime_parsing": "it is not a day",
    "greater_than": "a number is sent as text",
    "greater_than_equal": "the same",
    "less_than_equal": "the same",
    "decimal_whole_digits": "the same",
}
"""The errors of rules that JSON Schema cannot state."""


OF_THE_CODE = re.compile(
    r"Input|should|Tuple|[Dd]ictionary|Decimal|String|URL|instance|integer|None|pattern|this value is|\[key\]|base"
)
"""Words of the code that checks, and of texts that do not say what is allowed."""


def validator_of(model: type[Model]) -> jsonschema.Draft202012Validator:
    schemas = Schemas("#/$defs/")
    schema = schemas.of(model) | {"$defs": schemas.named}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def changed(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - any JSON value
    """Yield what a JSON value becomes if one value in it is replaced, left out or added. Yield that value too."""
    for other in OTHER_VALUES:
        yield other, other
    match value:
        case dict():
            yield value | {"other": 1}, "an unknown field"
            for name, member in value.items():
                yield {key: kept for key, kept in value.items() if key != name}, f"without {name}"
                yield from (({**value, name: after}, changed_to) for after, changed_to in changed(member))
        case list():
            yield value + value, "twice"
            for place, member in enumerate(value):
                yield from (
                    ([*value[:place], after, *value[place + 1 :]], changed_to) for after, changed_to in changed(member)
                )


def errors_of(model: type[Model], document: object) -> list[Any]:
    """Return the errors of a document that came as JSON, with exact decimals as in a request."""
    try:
        model.model_validate(json.loads(json.dumps(document), parse_float=Decimal))
    except ValidationError as refusal:
        return refusal.errors(include_context=False)
    return []


IDS = [f"{model.__name__}-{number}" for number, (model, _) in enumerate(DOCUMENTS)]


@pytest.mark.parametrize(("model", "document"), DOCUMENTS, ids=IDS)
def test_a_schema_accepts_what_its_model_accepts_and_refuses_what_json_schema_can_say(
    model: type[Model], document: dict[str, Any]
) -> None:
    validator = validator_of(model)

    assert errors_of(model, document) == []
    assert [*validator.iter_errors(document)] == []
    for candidate, changed_to in changed(document):
        errors, fits = errors_of(model, candidate), validator.is_valid(candidate)
        if not errors:
            assert fits, (changed_to, candidate)
        elif fits:
            assert {error["type"] for error in errors} & MODEL_ONLY.keys(), (errors, candidate)


@pytest.mark.parametrize(("model", "document"), DOCUMENTS, ids=IDS)
def test_a_refusal_says_what_a_value_must_be_without_the_names_of_types_in_the_code(
    model: type[Model], document: dict[str, Any]
) -> None:
    kinds, lines = set(), set()
    for candidate, _ in changed(document):
        try:
            model.model_validate(json.loads(json.dumps(candidate), parse_float=Decimal))
        except ValidationError as refusal:
            kinds |= {error["type"] for error in refusal.errors()}
            lines |= {*error_lines(refusal)}

    assert {"extra_forbidden", "missing"} <= kinds
    assert [line for line in lines if OF_THE_CODE.search(line)] == []


def test_the_documents_of_this_test_have_every_field_of_every_model_of_a_request() -> None:
    named = {model for model, _ in DOCUMENTS}
    tried = {model: {name for of, document in DOCUMENTS if of is model for name in document} for model in named}

    assert set(MODELS.values()) <= named
    assert {model: set(model.model_fields) for model in named} == tried


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    GREEN = "green"


class Named(TypedDict):
    name: str
    """Its name."""


class Circle(Named):
    """A circle.

    It has no ``corners``,
    and is round.
    """

    kind: Literal["circle"]
    """What it is."""
    radius: Annotated[float, Described({"description": "Replaced.", "minimum": 0})]
    """Its radius in metres."""


class Square(TypedDict):
    """A square."""

    kind: Literal["square"]
    """What it is."""
    colour: Colour | None
    """Its colour; null if it has none."""
    on: NotRequired[Annotated[str, Described({"format": "date"})] | None]
    """The day."""


class Drawing(TypedDict):
    """A drawing."""

    shapes: list[Circle | Square]
    """What was drawn."""
    by_name: dict[str, tuple[int, str]]
    """The same by name."""
    notes: Mapping[str, Any]
    """More."""


def test_the_schema_of_a_typed_dictionary_has_the_texts_below_its_fields() -> None:
    schemas = Schemas()

    assert schemas.of(Drawing) == {"$ref": "#/components/schemas/Drawing"}
    assert schemas.named["Circle"] == {
        "description": "A circle.\n\nIt has no `corners`, and is round.",
        "type": "object",
        "properties": {
            "name": {"description": "Its name.", "type": "string"},
            "kind": {"description": "What it is.", "type": "string", "const": "circle"},
            "radius": {"description": "Its radius in metres.", "type": "number", "minimum": 0},
        },
        "required": ["name", "kind", "radius"],
    }
    assert schemas.named["Square"]["properties"] == {
        "kind": {"description": "What it is.", "type": "string", "const": "square"},
        "colour": {
            "description": "Its colour; null if it has none.",
            "anyOf": [{"$ref": "#/components/schemas/Colour"}, {"type": "null"}],
        },
        "on": {"description": "The day.", "type": ["string", "null"], "format": "date"},
    }
    assert schemas.named["Square"]["required"] == ["kind", "colour"]
    assert schemas.named["Colour"] == {"description": "A colour.", "type": "string", "enum": ["red", "green"]}


def test_a_union_of_classes_names_the_field_that_tells_them_apart() -> None:
    schemas = Schemas()
    schemas.of(Drawing)

    assert schemas.named["Drawing"]["properties"]["shapes"]["items"] == {
        "oneOf": [{"$ref": "#/components/schemas/Circle"}, {"$ref": "#/components/schemas/Square"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"circle": "#/components/schemas/Circle", "square": "#/components/schemas/Square"},
        },
    }


def test_a_closed_schema_refuses_unknown_fields_and_an_open_one_does_not() -> None:
    schemas = Schemas("#/$defs/")
    schema = schemas.of(Drawing) | {"$defs": schemas.named}
    drawing = {"shapes": [{"kind": "square", "colour": None, "size": 1}], "by_name": {"a": [1, "b"]}, "notes": {"c": 2}}

    assert jsonschema.Draft202012Validator(schema).is_valid(drawing)
    assert not jsonschema.Draft202012Validator(closed(schema)).is_valid(drawing)
    del drawing["shapes"][0]["size"]  # type: ignore[index]
    assert jsonschema.Draft202012Validator(closed(schema)).is_valid(drawing)


def test_a_list_of_values_is_closed_in_a_model_and_open_in_an_answer_and_tests_close_it() -> None:
    class Wish(Model):
        covers: Literal["read", "spend"]

    class WishView(TypedDict):
        wish: Wish
        covers: Literal["read", "spend"] | None

    schemas = Schemas()
    schemas.of(WishView)
    covers = schemas.named["WishView"]["properties"]["covers"]

    assert schemas.named["Wish"]["properties"]["covers"] == {"type": "string", "enum": ["read", "spend"]}
    assert covers == {"type": ["string", "null"], "x-extensible-enum": ["read", "spend"]}
    assert closed(covers)["enum"] == ["read", "spend", None]


def test_a_type_without_a_schema_and_a_name_of_two_classes_are_refused() -> None:
    def another() -> type:
        class Named(TypedDict):
            name: str

        return Named

    schemas = Schemas()
    schemas.of(Named)

    with pytest.raises(TypeError, match="two classes are named Named"):
        schemas.of(another())
    with pytest.raises(TypeError, match="no JSON Schema"):
        schemas.of(bytes)
    with pytest.raises(TypeError, match="no JSON Schema"):
        schemas.of(Callable[[], int])


def test_a_value_that_may_be_null_keeps_its_constraints() -> None:
    class Limited(Model):
        json_schema = exactly_one("least", "kind")

        least: Annotated[int | None, Field(ge=1, lt=5)] = None
        kind: Literal["a", "b"] | None = None
        on: date | None = None

    schemas = Schemas()
    schemas.of(Limited)

    assert schemas.named["Limited"]["properties"] == {
        "least": {"type": ["integer", "null"], "minimum": 1, "exclusiveMaximum": 5},
        "kind": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]},
        "on": {"type": ["string", "null"], "format": "date"},
    }
    assert nullable({"$ref": "#/x"}) == {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]}
