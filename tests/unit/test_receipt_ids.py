"""The ids of receipts."""

import secrets

import pytest

from saxaul.ledger.identifiers import is_identifier
from saxaul.services.queue_calls import new_receipt_id


def test_the_id_of_a_receipt_begins_with_a_letter_or_a_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-bcdefghijklmnop", "_bcdefghijklmnop", "7-cdefghijklmnop"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))

    assert new_receipt_id() == "7-cdefghijklmnop"


def test_the_id_of_a_receipt_has_16_characters_and_differs_each_time() -> None:
    ids = {new_receipt_id() for _ in range(500)}

    assert len(ids) == 500
    assert all(len(one) == 16 and one[0].isalnum() and is_identifier(one) for one in ids)
