"""Any changed byte of a certificate, of its proof or of the log is detected, and the refusal gives the reason."""

import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.canonical_json import encode
from saxaul.log.checks import check_certificate, check_log
from saxaul.log.ecdsa import ORDER
from saxaul.log.entries import LogEntry
from saxaul.log.parsing import RefusedError
from saxaul.log.signatures import Keys
from saxaul.log.verify import verify
from tests.builders import make_leaf
from tests.proof.published import END, PARTNER, Publication, change, publish, publish_tree, refusal, signed

FLIPS = (0x01, 0x02, 0x20, 0x80)
"""The bits to flip. They give a neighbouring character, another one, the other case, and a byte outside ASCII."""


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
        (["requested_at"], "2025-06-05T12:00:00+08:00", "requested_at is not what the log commits to"),
        (["planted_at"], "2025-06-20T10:00:00+08:00", "planted_at is not what the log says"),
        (["certificate"], "0000-0000-0000-0", "certificate is not what the log says"),
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
    assert check_certificate(without_latest, Keys(published.key)).number == certificate["certificate"]
    assert "only the log shows whether it leaves out a death" in str(refusal(without_latest, [], published.key))
    assert (
        refusal(without_latest, [published.log], published.key)
        == "the certificate hides a later event: replaced in entry 3"
    )


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


@pytest.mark.parametrize("path", [["00"], [1], [None], ["A" * 64]])
def test_a_path_that_does_not_consist_of_hashes_is_refused(published: Publication, path: list[object]) -> None:
    forged = change(published.certificate, ["proof", "events", 0, "path"], path)

    assert "a hash in the path of the planted event of entry 1 is not 64 hex" in str(refusal(forged, [], published.key))
