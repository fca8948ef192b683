"""Responses and what they repeat of a request are short, whatever the client sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.faults import MAX_DETAIL_BYTES, MAX_LINE_BYTES, error_lines, error_sentence, shortened
from saxaul.catalog.models import ValidationError
from saxaul.http.sizes import MAX_RESPONSE_BYTES, escaped_bytes, fits_response, page_of
from saxaul.ledger.screening import ReportedAction

HOSTILE = ["x", "绿", "\U0001f333", '"', "\\", "\x00", "\n", "\ud800"]


def bytes_in_json(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - 2


@pytest.mark.parametrize("character", HOSTILE)
@pytest.mark.parametrize("length", [0, 1, 10, 66, 200, 201, 1_000_000])
def test_a_shortened_text_has_at_most_200_bytes_in_json_and_begins_as_the_text(character: str, length: int) -> None:
    text = character * length

    cut = shortened(text)

    assert bytes_in_json(cut) <= MAX_LINE_BYTES
    assert text.startswith(cut.removesuffix("…"))
    assert cut == text or bytes_in_json(text) > MAX_LINE_BYTES


@pytest.mark.parametrize("character", HOSTILE[:-1])
def test_of_a_thousand_unknown_fields_ten_are_named_and_the_others_are_counted(character: str) -> None:
    candidate = {f"{n}{character * 1000}": n for n in range(1000)}
    with pytest.raises(ValidationError) as caught:
        ReportedAction.model_validate(candidate)

    lines = error_lines(caught.value)

    assert len(lines) == 11
    assert lines[-1].startswith("and 99")
    assert all(bytes_in_json(line) <= MAX_LINE_BYTES for line in lines)
    assert bytes_in_json(error_sentence(caught.value)) <= MAX_DETAIL_BYTES


@given(views=st.lists(st.text(max_size=40) | st.dictionaries(st.text(max_size=5), st.text(max_size=30))))
def test_a_page_has_the_first_items_that_fit_and_at_least_one(views: list[Any]) -> None:
    page = page_of(views, most=100)

    assert page == views[: len(page)]
    assert len(page) >= min(1, len(views))
    text = ",".join(view if isinstance(view, str) else json.dumps(view, ensure_ascii=False) for view in page)
    assert len(page) <= 1 or escaped_bytes(text) <= 100 * 2  # json.dumps adds a space after each colon and comma


@pytest.mark.parametrize("character", ["x", "绿", "\U0001f333", '"', "\n"])
def test_a_body_fits_exactly_if_lambda_can_encode_it_in_5_5_mb(character: str) -> None:
    each = len(json.dumps(character)) - 2
    most = MAX_RESPONSE_BYTES // each

    assert fits_response(character * most)
    assert not fits_response(character * (most + 1))
    assert len(json.dumps({"body": character * most}).encode()) < 6_000_000
