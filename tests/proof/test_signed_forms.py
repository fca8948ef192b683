"""A signature alone is not enough: signed documents must add up, and every value must have the documented form."""

import json
from dataclasses import replace
from typing import Any

import pytest

from saxaul.log.canonical_json import digest, encode
from saxaul.log.degrees import degrees
from saxaul.log.entries import NO_PREVIOUS_HASH, Header, LogEntry, dedication_digest
from saxaul.log.proof import LoggedEvent
from tests.builders import PHOTO, make_leaf
from tests.proof.published import PARTNER, Publication, publish_tree, refusal, signed, step


def refusal_after_append(published: Publication, *leaves: Any, **changes: Any) -> str | None:  # noqa: ANN401 - leaves, and any field
    """Append an entry to the log, signed by the real key. Returns the reason for which it is refused, or None."""
    head: Header = published.entries[-1]
    draft = LogEntry.draft(head, PARTNER, leaves, signed_at=head.signed_at, key_id=head.key_id)
    entry = signed(replace(draft, **changes), published.kms)
    pages = [published.log, encode({"entries": [entry.document()]})]
    return refusal(None, pages, published.key)


def test_even_the_holder_of_the_key_cannot_miscount_break_the_chain_or_plant_a_tree_twice(
    published: Publication,
) -> None:
    planted = published.entries[0].leaves[0]
    counts = published.entries[-1].counts

    assert refusal_after_append(published, make_leaf()) is None
    assert refusal_after_append(published, make_leaf(), counts=counts) == "entry 4 counts 4 trees, recounted 5"
    assert (
        refusal_after_append(published, make_leaf(), previous=NO_PREVIOUS_HASH)
        == "entry 4 does not commit to the entry before it"
    )
    assert (
        refusal_after_append(published, make_leaf(), size=2) == "the header of entry 4 states a wrong number of leaves"
    )
    assert (
        refusal_after_append(published, make_leaf(), root="0" * 64) == "the root of entry 4 does not match its leaves"
    )
    assert "is recorded as following no event, but comes after alive" in str(refusal_after_append(published, planted))
    assert "is recorded as following planted, but comes after alive" in str(
        refusal_after_append(published, step(planted, "dead"))
    )
    assert "belongs to another certificate" in str(
        refusal_after_append(published, step(planted, "dead", "alive", particulars=make_leaf().particulars))
    )


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "",
        "2026-06-20",
        "2026-06-20T10:00:00",
        "2026-06-20T10:00+08:00",
        "2026-06-20T10:00:00.5+08:00",
        "2026-06-20 10:00:00+08:00",
        "2026-06-20t10:00:00z",
        "20260620T100000Z",
        "2026-06-20T24:00:00Z",
        "2026-06-20T10:00:00+08",
        "2026-06-20T10:00:00+08:60",
        "2026-06-20T10:00:00+24:00",
        "2026-06-20T10:00:00+08:00:30",
        "2026-06-31T10:00:00+08:00",
        "2026-06-20T10:00:00+08:00\n",
        "\uff12026-06-20T10:00:00+08:00",
    ],
)
def test_a_time_that_is_not_rfc_3339_with_an_offset_is_refused_even_if_it_is_signed(
    published: Publication, time: str
) -> None:
    reason = "is not a time in RFC 3339, to the second and with an offset from UTC"

    assert refusal_after_append(published, make_leaf(occurred_at=time)) == f"occurred_at of a leaf {reason}"
    assert refusal_after_append(published, make_leaf(recorded_at=time)) == f"recorded_at of a leaf {reason}"
    assert refusal_after_append(published, make_leaf(), signed_at=time) == f"signed_at of an entry {reason}"


@pytest.mark.parametrize("offset", ["Z", "+00:00", "-00:00", "+08:00", "-09:30", "+23:59"])
def test_a_time_may_have_any_offset_from_utc(published: Publication, offset: str) -> None:
    time = f"2026-06-20T10:00:00{offset}"

    assert refusal_after_append(published, make_leaf(occurred_at=time, recorded_at=time), signed_at=time) is None


def test_recorded_at_and_signed_at_may_be_earlier_than_before_because_the_clocks_of_workers_differ(
    published: Publication,
) -> None:
    earlier = "2020-01-01T12:00:00+08:00"

    assert refusal_after_append(published, make_leaf(recorded_at=earlier), signed_at=earlier) is None


@pytest.mark.parametrize(
    ("planted_at", "found_at", "is_in_order"),
    [
        ("2026-06-20T12:00:00+08:00", "2026-06-20T05:00:00+00:00", True),
        ("2026-06-20T05:00:00+00:00", "2026-06-20T12:00:00+08:00", False),
        ("2026-06-20T12:00:00+08:00", "2026-06-20T04:00:00Z", True),
        ("2026-06-20T12:00:00+08:00", "2026-06-20T03:59:59Z", False),
    ],
)
def test_times_with_different_offsets_are_compared_as_times_and_not_as_texts(
    published: Publication, planted_at: str, found_at: str, is_in_order: bool
) -> None:
    planted = make_leaf(occurred_at=planted_at)
    reason = refusal_after_append(published, planted, step(planted, "alive", occurred_at=found_at))

    assert (reason is None) == is_in_order
    assert is_in_order or "is dated before the event that it follows" in str(reason)


WRONG_HASHES = ("", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "\uff10" * 64)
WRONG_DEGREES = (
    *("", "38.85", "38.85100000", "38.8510000 ", "+38.8510000", "038.8510000", ".8510000", "38,8510000", "-0.0000000"),
    *("nan", "3.885e1", "38.8510000\n", "\uff138.8510000", "180.0000001", "-180.0000001", "999.0000000"),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in ("certificate", "project_id", "tag")),
        *((name, value) for name in ("lat", "lon") for value in WRONG_DEGREES),
        ("lat", "90.0000001"),
        ("lat", "-105.7310000"),
        *(("evidence", value) for value in WRONG_HASHES if value),
        *(("particulars", value) for value in WRONG_HASHES),
    ],
)
def test_a_leaf_of_another_form_is_refused_even_if_it_is_signed(published: Publication, name: str, value: str) -> None:
    leaf = make_leaf()._replace(**{name: value})  # type: ignore[arg-type] # any field

    assert str(refusal_after_append(published, leaf)).startswith(f"{name} of a leaf is ")


@pytest.mark.parametrize(("lat", "lon"), [(90, 180), (-90, -180), (0, -0.0), (-0.0000001, 9.9999999)])
def test_a_leaf_may_have_any_coordinates_and_no_photo(published: Publication, lat: float, lon: float) -> None:
    assert refusal_after_append(published, make_leaf(lat=degrees(lat), lon=degrees(lon), evidence="")) is None


@pytest.mark.parametrize("name", ["root", "previous", "key_id"])
@pytest.mark.parametrize("value", WRONG_HASHES)
def test_a_header_with_a_malformed_hash_is_refused_even_if_it_is_signed(
    published: Publication, name: str, value: str
) -> None:
    reason = f"{name} of an entry is not 64 hexadecimal digits in lower case"

    assert refusal_after_append(published, make_leaf(), **{name: value}) == reason


@pytest.fixture(scope="module")
def planting() -> Publication:
    return publish_tree()


def refusal_of_signed(planting: Publication, name: str, value: object) -> str | None:
    """Sign a log of one planting whose certificate has this value, and return why the certificate is refused, or None.

    ``name`` is the name of one of the particulars, ``dedication`` or ``salt``.
    """
    certificate = json.loads(planting.certificate)
    particulars = certificate["proof"]["particulars"]
    secret = {"dedication": certificate["dedication"], "salt": certificate["proof"]["salt"]}
    if name in secret:
        secret[name] = value
        particulars["dedication_digest"] = dedication_digest(**secret)
    else:
        particulars[name] = value
    leaf = make_leaf(certificate["certificate"], particulars=digest(particulars))
    [old] = planting.entries
    entry = signed(LogEntry.draft(None, PARTNER, [leaf], signed_at=old.signed_at, key_id=old.key_id), planting.kms)
    fixed = {field: particulars.get(field) for field in ("latin", "partner", "requested_at")}
    texts = {
        field: particulars[field].get("en") if isinstance(particulars[field], dict) else None
        for field in ("species", "place")
    }
    proof = {"events": [LoggedEvent(entry, 0, PHOTO).document()], "particulars": particulars, "salt": secret["salt"]}
    forged = certificate | fixed | texts | {"dedication": secret["dedication"], "proof": proof}
    return refusal(encode(forged), [encode({"entries": [entry.document()]})], planting.key)


NOT_TEXTS: tuple[object, ...] = (None, 1, True, [], {}, ["Saxaul"])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        *(
            (name, value, f"{name} does not have exactly the members en zh")
            for name in ("species", "place")
            for value in (*NOT_TEXTS, "Saxaul", {"en": "Saxaul"}, {"en": "Saxaul", "zh": "梭梭", "de": "Saxaul"})
        ),
        *(
            (name, {"en": "Saxaul", "zh": "梭梭"} | {language: value}, f"{name} in {language} is not text")
            for name in ("species", "place")
            for language in ("en", "zh")
            for value in NOT_TEXTS
        ),
        *((name, value, f"{name} is not text") for name in ("latin", "partner") for value in NOT_TEXTS),
        *(
            ("requested_at", value, "requested_at is not a time")
            for value in (*NOT_TEXTS, "", "2026-06-05", "yesterday")
        ),
        *(("dedication_digest", value, "dedication_digest is not 64 hex") for value in (*NOT_TEXTS, *WRONG_HASHES)),
        *(("salt", value, "the salt is not 64 hex") for value in (*NOT_TEXTS[1:], *WRONG_HASHES)),
        *(("dedication", value, "the dedication is not text") for value in NOT_TEXTS[1:]),
    ],
)
def test_a_particular_of_another_form_is_refused_even_if_it_is_signed(
    planting: Publication, name: str, value: object, reason: str
) -> None:
    assert reason in str(refusal_of_signed(planting, name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latin", ""),
        ("dedication", ""),
        ("salt", "0" * 64),
        ("requested_at", "2026-06-05T04:00:00Z"),
        ("partner", "民勤"),
    ],
)
def test_a_particular_of_the_documented_form_is_verified(planting: Publication, name: str, value: str) -> None:
    assert refusal_of_signed(planting, name, value) is None
