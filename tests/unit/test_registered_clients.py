"""A stored client is checked without pydantic's core, by the rules of its model."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.clients import (
    MAX_ACTIONS_PER_DAY,
    MAX_CALLS_PER_SECOND,
    MAX_PARTNERS,
    RegisteredClient,
    stored_client,
)
from saxaul.storage.registry import to_item
from saxaul.storage.table import Key
from tests.builders import default_clients

_OTHERS: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", 7, True, [], {}, "app\n", " ", "\ud800", "\u202e", "x" * 501]
)
_PARTNERS = st.lists(st.one_of(st.sampled_from(["Alxa SEE", "y" * 500]), _OTHERS), max_size=3)
_LIMITS: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, 50, 0, -1, Decimal(1), Decimal("1.5"), Decimal(0), "", "x", [], {}]
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.sampled_from(["alipay", "a" * 64, "a" * 65, "Ali"]), _OTHERS),
        "role": st.one_of(st.sampled_from(["app", "partner", "operator", "admin"]), _OTHERS),
        "trust": st.one_of(st.sampled_from(["first_party", "third_party", "none"]), _OTHERS),
        "partners": st.one_of(_PARTNERS, _OTHERS, st.just(["z"] * MAX_PARTNERS), st.just(["z"] * (MAX_PARTNERS + 1))),
        "scope": _OTHERS,
        "scopes": st.one_of(st.none(), st.lists(st.sampled_from(["actions.write", ""])), st.sampled_from(["a", 7, {}])),
        "calls_per_second": st.one_of(_LIMITS, st.sampled_from([MAX_CALLS_PER_SECOND, MAX_CALLS_PER_SECOND + 1])),
        "actions_per_day": st.one_of(_LIMITS, st.sampled_from([MAX_ACTIONS_PER_DAY, MAX_ACTIONS_PER_DAY + 1])),
        "link_pattern": st.sampled_from([None, "", "https://x.example/{suggestion_id}", 7, []]),
        "is_suspended": st.sampled_from([True, False, None, 7, "", []]),
    },
)
_SOUND = st.fixed_dictionaries({"name": st.just("alipay"), "role": st.sampled_from(["app", "partner", "operator"])})


def _or_none(read: Any, fields: dict[str, Any]) -> RegisteredClient | None:  # noqa: ANN401 - either function
    try:
        client: RegisteredClient = read(fields)
    except ValueError:
        return None
    return client


@given(_FIELDS, _SOUND)
def test_a_stored_client_is_accepted_exactly_if_the_model_accepts_it(
    fields: dict[str, Any], sound: dict[str, Any]
) -> None:
    for stored in (fields, fields | sound, sound | fields):
        assert _or_none(stored_client, stored) == _or_none(RegisteredClient.model_validate, stored)


@pytest.mark.parametrize(
    "change",
    [
        {"name": b"alxa"},
        {"role": b"partner"},
        {"role": "app", "trust": b"first_party", "partners": []},
        {"partners": ("Alxa SEE",)},
        {"partners": {"Alxa SEE"}},
        {"partners": frozenset({"Alxa SEE"})},
        {"partners": [b"Alxa SEE"]},
    ],
    ids=str,
)
def test_a_stored_client_with_bytes_a_set_or_a_tuple_is_refused(change: dict[str, Any]) -> None:
    sound = {"name": "alxa", "role": "partner", "partners": ["Alxa SEE"]}
    assert stored_client(sound)
    assert stored_client(sound | {"role": "app", "trust": "first_party", "partners": []})

    with pytest.raises(ValueError, match="not a registered client"):
        stored_client(sound | change)


def test_a_field_whose_name_is_not_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="not a registered client"):
        stored_client({"name": "alxa", "role": "operator", b"trust": None})  # type: ignore[dict-item]


@pytest.mark.parametrize("name", default_clients())
def test_each_client_is_read_as_it_was_stored(name: str) -> None:
    client = default_clients()[name]
    stored = {field: value for field, value in to_item("id", client).items() if field not in Key._fields}

    assert stored_client(stored) == client
