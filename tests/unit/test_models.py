"""Models accept, refuse and show what pydantic's own models would."""

import copy
import pickle
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
import pytest

from saxaul.catalog.models import (
    AfterValidator,
    BeforeValidator,
    Field,
    Model,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("this must be even")
    return value


class Part(Model):
    name: Annotated[str, Field(pattern="^[a-z]+$", max_length=5)]
    size: Annotated[Decimal, Field(ge=0, max_digits=6, decimal_places=2)] = Decimal(1)


class Whole(Model):
    part: Part
    kind: Literal["a", "b"] = "a"
    count: Annotated[int, BeforeValidator(lambda value: value), Field(ge=0), AfterValidator(_even)] = 0
    most: Annotated[int | None, Field(ge=0, validate_default=True)] = None
    day: date | None = None
    at: datetime | None = None
    parts: tuple[Part, ...] = ()
    pair: tuple[str, int] | None = None
    by_name: dict[str, int] = Field(default={}, max_length=2)

    @field_validator("most")
    @classmethod
    def _above_count(cls, most: int | None, info: ValidationInfo) -> int | None:
        if most is not None and most < info.data.get("count", 0):
            raise ValueError("this must not be less than count")
        return most


class PydanticPart(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", title="Part")

    name: Annotated[str, pydantic.Field(pattern="^[a-z]+$", max_length=5)]
    size: Annotated[Decimal, pydantic.Field(ge=0, max_digits=6, decimal_places=2)] = Decimal(1)


class PydanticWhole(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", title="Whole")

    part: PydanticPart
    kind: Literal["a", "b"] = "a"
    count: Annotated[
        int, pydantic.BeforeValidator(lambda value: value), pydantic.Field(ge=0), pydantic.AfterValidator(_even)
    ] = 0
    most: Annotated[int | None, pydantic.Field(ge=0, validate_default=True)] = None
    day: date | None = None
    at: pydantic.AwareDatetime | None = None
    parts: tuple[PydanticPart, ...] = ()
    pair: tuple[str, int] | None = None
    by_name: dict[str, int] = pydantic.Field(default={}, max_length=2)

    @pydantic.field_validator("most")
    @classmethod
    def _above_count(cls, most: int | None, info: pydantic.ValidationInfo) -> int | None:
        if most is not None and most < info.data.get("count", 0):
            raise ValueError("this must not be less than count")
        return most


def _validated(model: Any, document: Any) -> tuple[Any, list[tuple[Any, str, str]]]:  # noqa: ANN401 - either kind
    try:
        return model.model_validate(document), []
    except (ValidationError, pydantic.ValidationError) as refusal:
        lines = [(line["loc"], line["type"], line["msg"].replace("Pydantic", "")) for line in refusal.errors()]
        return None, lines


PART = {"name": "leaf", "size": "2.50"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "b", "count": 4, "most": 5, "day": "2026-06-05", "at": "2026-06-05T08:00:00+08:00"},
        {"parts": [PART, {"name": "root"}], "pair": ["x", 1], "by_name": {"a": 1}},
        {"count": 3},
        {"count": -2},
        {"count": "many"},
        {"count": 4, "most": 2},
        {"most": -1},
        {"kind": "c"},
        {"other": 1},
        {"part": {"name": "LEAF", "size": "-1"}},
        {"part": {"name": "leaves-and-more", "size": "1.234"}},
        {"part": {}},
        {"part": None},
        {"day": "yesterday"},
        {"at": "2026-06-05T08:00:00"},
        {"pair": ["x"]},
        {"by_name": {"a": 1, "b": 2, "c": 3}},
        {"parts": [PART, {"name": "1"}]},
    ],
)
def test_a_model_accepts_refuses_and_shows_what_pydantics_own_would(changes: dict[str, Any]) -> None:
    document = {"part": PART, **changes}
    expected, errors = _validated(PydanticWhole, document)
    accepted, found = _validated(Whole, document)

    assert found == errors
    if errors:
        return
    assert accepted.model_dump() == expected.model_dump()
    assert accepted.model_dump(mode="json", exclude_defaults=True) == expected.model_dump(
        mode="json", exclude_defaults=True
    )
    assert accepted.model_dump_json() == expected.model_dump_json()
    assert Whole.model_validate_json(accepted.model_dump_json()) == accepted


def test_a_record_is_frozen_and_equal_to_its_copies() -> None:
    part = Part(name="leaf")

    with pytest.raises(AttributeError):
        part.name = "root"  # type: ignore[misc]
    assert part == copy.deepcopy(part) == pickle.loads(pickle.dumps(part)) == Part.model_construct(name="leaf")  # noqa: S301
    assert hash(part) == hash(copy.copy(part))
    assert part.model_copy(update={"name": "root"}) == Part(name="root")


def test_a_default_that_can_change_is_not_shared() -> None:
    first, second = Whole(part=Part(name="a")), Whole(part=Part(name="a"))
    first.by_name["x"] = 1

    assert second.by_name == {}


def test_a_type_adapter_checks_single_values() -> None:
    pairs: TypeAdapter[tuple[int, str]] = TypeAdapter(tuple[Annotated[int, Field(ge=0)], str])

    assert pairs.validate_json('[1, "a"]', strict=True) == (1, "a")
    with pytest.raises(ValidationError):
        pairs.validate_json('[-1, "a"]')


def test_an_error_can_be_copied_and_pickled() -> None:
    with pytest.raises(ValidationError) as refused:
        Part.model_validate({"name": "Root", "size": -1})
    error = refused.value

    for copied in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - ours
        assert (str(copied), copied.errors()) == (str(error), error.errors())
