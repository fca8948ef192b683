"""Any changed byte of a certificate, of its proof or of the log is detected, and the refusal gives the reason."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.canonical_json import digest, encode
from saxaul.log.checks import check_certificate, check_log
from saxaul.log.ecdsa import ORDER, with_low_s
from saxaul.log.entries import NO_PREVIOUS_HASH, Header, LogEntry, dedication_digest, degrees
from saxaul.log.parsing import IncompleteError, NotInLogError, NotVerifiedError, RefusedError
from saxaul.log.proof import LoggedEvent
from saxaul.log.signatures import Keys
from saxaul.log.verify import verify
from tests.builders import PHOTO, make_leaf
from tests.proof.memory_kms import MemoryKMS
from tests.proof.published import END, PARTNER, Publication, publish, publish_inspected, step

FLIPS = (0x01, 0x02, 0x20, 0x80)
"""The bits to flip. They give a neighbouring character, another one, the other case, and a byte outside ASCII."""


@pytest.fixture(scope="module")
def published() -> Publication:
    with pytest.MonkeyPatch.context() as patch:
        return publish(patch)


def refusal(certificate: bytes | None, log: Sequence[bytes], key: bytes) -> str | None:
    """Return the reason for which these documents are refused, or None. Adds the page that ends the log."""
    try:
        list(verify(certificate, [*log, END] if log else [], key))
    except NotVerifiedError as reason:
        return str(reason)
    return None


def test_the_published_certificate_and_log_are_verified_line_by_line(published: Publication) -> None:
    lines = list(verify(published.certificate, [published.log, END], published.key))

    assert [line.split()[0] for line in lines[2:5]] == ["planted", "dead", "replaced"]
    assert "entry 2, leaf 2 of 2, reported by Alxa SEE Foundation, signed 2026-06-06T12:00:00+08:00" in lines[3]
    assert lines[5] == "3 entries in the log: all signatures and the hash chain are valid."
    assert lines[6] == "The newest is entry 3, signed 2026-06-07T12:00:00+08:00."
    assert lines[7] == "Recounted from the leaves: 4 planted, 0 dead, 4 standing."


def undetected_flips(original: bytes, flip: int, check: Callable[[bytes], object]) -> list[bytes]:
    """Return the text around each byte whose flipped bit is not detected, or is refused without a reason."""
    found = []
    for index, byte in enumerate(original):
        try:
            check(original[:index] + bytes([byte ^ flip]) + original[index + 1 :])
        except RefusedError as reason:
            if str(reason):
                continue
        found.append(original[max(0, index - 30) : index + 30])
    return found


@pytest.mark.parametrize("flip", FLIPS)
def test_any_flipped_byte_of_a_certificate_is_detected(published: Publication, flip: int) -> None:
    keys = Keys(published.key)

    assert len(published.certificate) > 4000
    assert undetected_flips(published.certificate, flip, lambda changed: check_certificate(changed, keys)) == []


@pytest.mark.parametrize("flip", FLIPS)
def test_any_flipped_byte_of_the_log_is_detected(published: Publication, flip: int) -> None:
    keys = Keys(published.key)

    assert len(published.log) > 3000
    assert undetected_flips(published.log, flip, lambda changed: check_log([changed], keys)) == []


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_few_bytes_replaced_cut_or_inserted_are_detected(published: Publication, data: st.DataObject) -> None:
    original = data.draw(st.sampled_from([published.certificate, published.log]))
    index = data.draw(st.integers(0, len(original)))
    cut = data.draw(st.integers(0, 6))
    changed = original[:index] + data.draw(st.binary(max_size=6)) + original[index + cut :]

    reason = (
        refusal(changed, [published.log], published.key)
        if original is published.certificate
        else refusal(None, [changed], published.key)
    )

    assert (reason is None) == (changed == original)


def change(document: Any, path: Sequence[str | int], value: object) -> bytes:  # noqa: ANN401 - any JSON
    """Change one member of a document, and return its canonical text, as a careful forger would."""
    changed = json.loads(document)
    *way, last = path
    inner = changed
    for name in way:
        inner = inner[name]
    inner[last] = value
    return encode(changed)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["dedication"], "For somebody else", "the dedication is not the one that the log commits to"),
        (["dedication"], None, "the dedication or its salt is missing"),
        (["proof", "salt"], None, "the dedication or its salt is missing"),
        (["proof", "salt"], "0" * 64, "the dedication is not the one that the log commits to"),
        (["species"], "Oak", "species and place are not what the log commits to"),
        (["species"], "梭梭", "species and place are not what the log commits to"),
        (["place"], "Berlin", "species and place are not what the log commits to"),
        (["latin"], "Quercus robur", "latin is not what the log commits to"),
        (["partner"], "Nobody", "partner is not what the log commits to"),
        (["applied_at"], "2025-06-05T12:00:00+08:00", "applied_at is not what the log commits to"),
        (["planted_at"], "2025-06-20T10:00:00+08:00", "planted_at is not what the log says"),
        (["number"], "0000-0000-0000-0", "number is not what the log says"),
        (["project_id"], "oak-berlin", "project_id is not what the log says"),
        (["state"], "alive", "state is not what the log says"),
        (["tree", "lat"], "0.0000000", "tree is not what the log says"),
        (["tree", "photo_url"], None, "tree is not what the log says"),
        (["history", 1, "at"], "2020-01-01", "history is not what the log says"),
        (["history", 1, "state"], "alive", "history is not what the log says"),
        (["proof", "events", 0, "photo_url"], None, "the photo of the planted event of entry 1 is not the one"),
        (["proof", "events", 0, "index"], 0, "the planted event of entry 1 is not in the Merkle tree of its entry"),
        (["proof", "events", 0, "index"], True, "has no valid index or inclusion path"),
        (["proof", "events", 0, "index"], 3, "a tree of 3 leaves has no leaf 3"),
        (["proof", "events", 0, "path"], [], "the path is too short"),
        (["proof", "events", 0, "leaf", "tag"], "AX-9", "is not in the Merkle tree of its entry"),
        (["proof", "events", 0, "entry", "root"], "0" * 64, "is not in the Merkle tree of its entry"),
        (["proof", "events", 0, "entry", "signed_at"], "2020-01-01T12:00:00Z", "the signature of entry 1 is not valid"),
        (["proof", "events", 0, "entry", "signed_at"], "2020-01-01", "signed_at of an entry is not a time"),
        (["proof", "events", 0, "leaf", "recorded_at"], "2020-01-01", "recorded_at of a leaf is not a time"),
        (["proof", "events", 0, "entry", "by"], "Nobody", "the signature of entry 1 is not valid"),
        (["proof", "events", 0, "entry", "signature"], "", "the signature of entry 1 is not valid"),
        (["proof", "events", 0, "entry", "key_id"], "0" * 64, "a key that is not in the key file"),
        (["proof", "particulars", "latin"], "Quercus", "the particulars are not those that the log commits to"),
        (["proof", "events"], [], "the proof has no events"),
        (["proof"], None, "the certificate has no proof"),
    ],
)
def test_a_carefully_changed_certificate_is_refused_with_the_reason(
    published: Publication, path: list[str | int], value: object, reason: str
) -> None:
    assert reason in str(refusal(change(published.certificate, path, value), [], published.key))


def test_a_certificate_with_a_missing_repeated_or_reordered_event_is_refused(
    published: Publication,
) -> None:
    first, second, third = json.loads(published.certificate)["proof"]["events"]
    for events, reason in (
        ([first, third], "the replaced event is recorded as following dead, but comes after planted"),
        ([second, third], "the dead event is recorded as following planted, but comes after no event"),
        ([first, first, second, third], "the planted event is recorded as following no event, but comes after planted"),
        ([first, third, second], "is recorded as following"),
    ):
        assert reason in str(refusal(change(published.certificate, ["proof", "events"], events), [], published.key))


def test_the_log_shows_that_a_certificate_leaves_out_its_latest_event(published: Publication) -> None:
    certificate = json.loads(published.certificate)
    last = certificate["proof"]["events"].pop()
    certificate["history"].pop()
    certificate |= {"state": "dead", "tree": certificate["tree"] | {"tag": "AX-0001"}}
    without_latest = encode(certificate)

    assert last["leaf"]["event"] == "replaced"
    assert check_certificate(without_latest, Keys(published.key)).number == certificate["number"]
    assert "only the log shows whether it leaves out a death" in str(refusal(without_latest, [], published.key))
    assert (
        refusal(without_latest, [published.log], published.key)
        == "the certificate hides a later event: replaced in entry 3"
    )


def publish_tree(*events: str, left_out: Sequence[int] = (), **changes: str) -> Publication:
    """Publish a tree that was planted and had these events. Its certificate lacks the events at ``left_out``."""
    with pytest.MonkeyPatch.context() as patch:
        return publish_inspected(patch, events, left_out, **changes)


def test_a_certificate_may_leave_out_an_older_inspection_only_if_it_shows_twelve_events() -> None:
    many, few = publish_tree(*["alive"] * 13, left_out=[5]), publish_tree(*["alive"] * 11, left_out=[5])
    without_latest = publish_tree(*["alive"] * 13, left_out=[13])

    *_, last = verify(many.certificate, [many.log, END], many.key)
    assert last.endswith("and also 1 inspection that changed nothing.")
    assert (
        refusal(few.certificate, [few.log], few.key)
        == "the log has 12 events of this tree, but the certificate shows only 11"
    )
    assert (
        refusal(without_latest.certificate, [without_latest.log], without_latest.key)
        == "the certificate hides a later event: alive in entry 14"
    )


def test_a_certificate_that_hides_a_death_is_never_verified_even_if_the_rest_agrees() -> None:
    turned = ["alive"] * 6 + ["dead", "replaced"] + ["alive"] * 8
    same_tag, other_tag = (
        publish_tree(*turned, left_out=[7, 8, 9]),
        publish_tree(*turned, left_out=[7, 8, 9], tag="AX-0002"),
    )
    half = publish_tree(*turned, left_out=[7])

    assert len(json.loads(same_tag.certificate)["history"]) == 14
    assert "only the log shows" in str(refusal(same_tag.certificate, [], same_tag.key))
    assert (
        refusal(same_tag.certificate, [same_tag.log], same_tag.key) == "the certificate hides the dead event of entry 8"
    )
    assert (
        refusal(other_tag.certificate, [], other_tag.key)
        == "the alive event has another tag or place than the event before it"
    )
    assert "is recorded as following dead, but comes after alive" in str(refusal(half.certificate, [], half.key))


def test_a_certificate_without_its_dedication_is_refused_because_no_signed_text_says_that_it_was_erased(
    published: Publication,
) -> None:
    nulled = json.loads(published.certificate) | {"dedication": None}
    nulled["proof"]["salt"] = None

    assert "the dedication or its salt is missing" in str(refusal(encode(nulled), [published.log], published.key))


def test_a_photo_may_be_missing_only_from_an_older_event_of_a_long_certificate() -> None:
    life = publish_tree(*["dead", "replaced"] * 6)

    def without_photo(event: int) -> str | None:
        certificate = json.loads(life.certificate)
        certificate["proof"]["events"][event]["photo_url"] = certificate["history"][event]["evidence_url"] = None
        if event == len(certificate["history"]) - 1:
            certificate["tree"]["photo_url"] = None
        return refusal(encode(certificate), [life.log], life.key)

    assert without_photo(3) is None
    assert without_photo(12) == "the photo of the replaced event of entry 13 is not the one that was logged"


def other_signature_form(signature: str) -> str:
    """Return the other valid signature of the same text, with n - s instead of s. Anyone can compute it."""
    r, s = decode_dss_signature(bytes.fromhex(signature))
    return encode_dss_signature(r, ORDER - s).hex()


def test_only_the_low_s_form_of_a_signature_is_accepted() -> None:
    with pytest.MonkeyPatch.context() as patch:
        published = publish(patch)
    document, keys = json.loads(published.log), Keys(published.key)
    certificate = json.loads(published.certificate)
    low = [entry["signature"] for entry in document["entries"]]

    for index, signature in enumerate(low):
        forged = change(published.log, ["entries", index, "signature"], other_signature_form(signature))
        with pytest.raises(RefusedError, match=r"canonical form|does not commit to the entry before it"):
            check_log([forged], keys)
        event = certificate["proof"]["events"][index]
        forged = change(
            published.certificate,
            ["proof", "events", index, "entry", "signature"],
            other_signature_form(event["entry"]["signature"]),
        )
        with pytest.raises(RefusedError, match="canonical form"):
            check_certificate(forged, keys)


def test_a_signature_must_be_strict_der(published: Publication) -> None:
    signature = published.entries[-1].signature
    for form in (
        signature + "00",
        signature.upper(),
        signature[:2] + "81" + signature[2:],
        f"{signature[:2]}{int(signature[2:4], 16) + 1:02x}02{int(signature[6:8], 16) + 1:02x}00{signature[8:]}",
        "",
        "30060201000201",
    ):
        forged = change(published.log, ["entries", 2, "signature"], form)
        with pytest.raises(RefusedError, match="the signature of entry 3 is not valid"):
            check_log([forged], Keys(published.key))


def test_earlier_entries_with_high_s_signatures_are_verified_if_a_later_entry_commits_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def high(signature: bytes) -> bytes:
        r, s = decode_dss_signature(signature)
        return encode_dss_signature(r, max(s, ORDER - s))

    with monkeypatch.context() as before:
        before.setattr("saxaul.storage.signing.with_low_s", high)
        published = publish(before)
    assert "not in canonical form, and no later entry commits to it" in str(
        refusal(published.certificate, [published.log], published.key)
    )

    head = published.entries[-1]
    draft = LogEntry.draft(head, PARTNER, [make_leaf()], signed_at=head.signed_at, key_id=head.key_id)
    later = encode({"entries": [signed(draft, published.kms).document()]})

    assert refusal(published.certificate, [published.log, later], published.key) is None
    assert "canonical form" in str(refusal(published.certificate, [], published.key)), (
        "without the log, no entry commits to the signature"
    )


def test_a_key_that_did_not_sign_is_refused(published: Publication) -> None:
    with pytest.MonkeyPatch.context() as patch:
        other = publish(patch)

    assert "a key that is not in the key file" in str(refusal(published.certificate, [], other.key))
    assert refusal(published.certificate, [published.log], other.key + published.key) is None
    assert refusal(published.certificate, [], b"no key") == "the key file holds no public key: fetch GET /log/key"


def test_the_pages_of_a_log_may_come_in_any_order_and_a_missing_page_is_named(published: Publication) -> None:
    pages = [encode({"entries": [entry.document()]}) for entry in published.entries]

    def missing_page(*given: bytes) -> str:
        with pytest.raises(IncompleteError) as missing:
            list(verify(published.certificate, given, published.key))
        return str(missing.value)

    assert refusal(published.certificate, pages[::-1], published.key) is None
    assert "GET /log?after=3" in missing_page(*pages)
    assert "GET /log?after=2" in missing_page(*pages[:2])
    assert "GET /log?after=1" in missing_page(pages[0], pages[2], END)
    assert missing_page(pages[1], END) == "the given log has no entries: fetch it from its first page"
    assert missing_page(END) == "the given log has no entries: fetch it from its first page"


def test_a_page_with_a_missing_entry_or_with_two_entries_of_one_sequence_is_refused(published: Publication) -> None:
    first, second, third = (entry.document() for entry in published.entries)

    assert refusal(None, [encode({"entries": [first, third]})], published.key) == ("entry 3 is in the place of entry 2")
    other = second | {"signed_at": third["signed_at"]}
    assert (
        refusal(None, [encode({"entries": [first, second, other]})], published.key)
        == "there are two different entries 2"
    )


def test_a_duplicate_page_or_an_overlapping_page_changes_nothing(published: Publication) -> None:
    first, second, third = (entry.document() for entry in published.entries)
    pages = [encode({"entries": entries}) for entries in ([first, second], [second, third], [first, second])]

    once, again = (
        [*verify(published.certificate, given, published.key)] for given in ([published.log, END], [*pages, END])
    )

    assert once == again


def test_the_empty_page_ends_a_log_only_if_it_comes_last(published: Publication) -> None:
    with pytest.raises(IncompleteError, match="fetch"):
        list(verify(published.certificate, [END, published.log], published.key))


def test_an_empty_or_truncated_log_is_incomplete(published: Publication) -> None:
    cut = encode({"entries": json.loads(published.log)["entries"][:2]})

    for pages in ([END], [cut], [b""], [encode({"status": 404, "code": "not_found", "title": "Not Found"})]):
        for certificate in (published.certificate, None):
            with pytest.raises(IncompleteError, match="fetch"):
                list(verify(certificate, pages, published.key))


def test_a_signed_entry_that_is_not_in_the_log_is_reported_differently_from_a_forgery(published: Publication) -> None:
    cut = encode({"entries": json.loads(published.log)["entries"][:2]})
    head = published.entries[1]
    draft = LogEntry.draft(head, PARTNER, [make_leaf()], signed_at=head.signed_at, key_id=head.key_id)
    other = encode({"entries": [signed(draft, published.kms).document()]})

    for pages, reason in (
        ([cut, END], "entry 3 of the certificate is not in the log, which ends with entry 2"),
        ([cut, other, END], "entry 3 differs between the certificate and the log, and both are signed"),
    ):
        with pytest.raises(NotInLogError, match=reason):
            list(verify(published.certificate, pages, published.key))


def test_a_certificate_without_a_proof_is_refused_if_the_log_has_its_tree(published: Publication) -> None:
    bare = change(published.certificate, ["proof"], None)

    with pytest.raises(NotInLogError, match="the certificate has no proof"):
        list(verify(bare, [], published.key))
    with pytest.raises(RefusedError, match="but its tree is in the log"):
        list(verify(bare, [published.log, END], published.key))


def signed(entry: LogEntry, kms: MemoryKMS) -> LogEntry:
    return entry.signed(with_low_s(kms.sign("key", entry.signed_bytes, "RAW", "ECDSA_SHA_256")["Signature"]))


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
        *((name, "") for name in ("number", "project_id", "tag")),
        *((name, value) for name in ("lat", "lon") for value in WRONG_DEGREES),
        ("lat", "90.0000001"),
        ("lat", "-105.7310000"),
        *(("evidence", value) for value in WRONG_HASHES if value),
        *(("particulars", value) for value in WRONG_HASHES),
    ],
)
def test_a_leaf_of_another_form_is_refused_even_if_it_is_signed(published: Publication, name: str, value: str) -> None:
    leaf = replace(make_leaf(), **{name: value})  # type: ignore[arg-type] # any field

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
    leaf = make_leaf(certificate["number"], particulars=digest(particulars))
    [old] = planting.entries
    entry = signed(LogEntry.draft(None, PARTNER, [leaf], signed_at=old.signed_at, key_id=old.key_id), planting.kms)
    fixed = {field: particulars.get(field) for field in ("latin", "partner", "applied_at")}
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
        *(("applied_at", value, "applied_at is not a time") for value in (*NOT_TEXTS, "", "2026-06-05", "yesterday")),
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
        ("applied_at", "2026-06-05T04:00:00Z"),
        ("partner", "民勤"),
    ],
)
def test_a_particular_of_the_documented_form_is_verified(planting: Publication, name: str, value: str) -> None:
    assert refusal_of_signed(planting, name, value) is None


@pytest.mark.parametrize("path", [["00"], [1], [None], ["A" * 64]])
def test_a_path_that_does_not_consist_of_hashes_is_refused(published: Publication, path: list[object]) -> None:
    forged = change(published.certificate, ["proof", "events", 0, "path"], path)

    assert "a hash in the path of the planted event of entry 1 is not 64 hex" in str(refusal(forged, [], published.key))
