"""Certificates: every value is compared with the log's leaves, or computed again from them."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.canonical_json import Json, encode
from saxaul.log.certificates import MAX_CERTIFICATE, CheckedCertificate, check_certificate, parse_certificate
from saxaul.log.counts import Counts
from saxaul.log.notes import VerifierKey
from saxaul.log.verdicts import IncompleteError, NotInLogError, NotVerifiedError, RefusedError
from tests.published_log import ORIGIN, PARTICULARS, UNPROVEN, PublishedLog, Signer, make_tree_life
from tests.tree_leaves import make_count_leaf
from tests.unit.test_lives import lives

LIFE = ["alive", "alive", "dead", "withdrawn", "corrected", "alive", "dead", "replaced", "alive"]


@pytest.fixture(scope="module")
def log() -> PublishedLog:
    return PublishedLog().publish(*make_tree_life(LIFE), *make_tree_life([], 1))


def check(certificate: bytes, key: VerifierKey) -> CheckedCertificate:
    return check_certificate(parse_certificate(certificate), key)


@settings(deadline=None, max_examples=30)
@given(lives(), st.integers(0, 12))
def test_every_life_has_a_certificate_that_is_valid(leaves: Any, newest: int) -> None:  # noqa: ANN401
    log = PublishedLog().publish(*make_tree_life([], 100)).publish(*leaves[:5]).publish(*leaves[5:])

    checked = check(log.certificate(leaves[0].certificate, newest=newest), log.signer.key)

    assert checked.number == leaves[0].certificate
    assert len(checked.shown) + checked.left_out == len(leaves)
    assert checked.life.state == leaves[-1].state
    assert checked.count.counts == log.counts


def test_a_certificate_is_checked_as_of_the_last_count(log: PublishedLog) -> None:
    checked = check(log.certificate("CERT-0000") + b"\r\n", log.signer.key)

    assert checked.checkpoint.size == len(log.texts)
    assert checked.count == make_count_leaf(Counts(2, 0, 2), len(log.texts) - 1)
    assert [shown.leaf.event for shown in checked.shown].count("alive") == 4


def test_inspections_may_be_left_out_and_are_counted(log: PublishedLog) -> None:
    checked = check(log.certificate("CERT-0000", newest=1), log.signer.key)

    assert checked.left_out == 3
    assert [shown.leaf.event for shown in checked.shown] == [
        "planted",
        "dead",
        "corrected",
        "corrected",
        "dead",
        "replaced",
        "alive",
    ]


def test_the_texts_may_be_in_either_language_but_not_in_both(log: PublishedLog) -> None:
    english = log.certificate("CERT-0000", species="Saxaul", place="Alxa, Inner Mongolia")

    assert check(english, log.signer.key)
    with pytest.raises(RefusedError, match="species and place"):
        check(log.certificate("CERT-0000", species="Saxaul"), log.signer.key)


def _places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Json]]:
    """Yield the path to each value inside a value, and that value."""
    if path:
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, element in inner:
        yield from _places(element, (*path, name))


def _with(document: Json, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> bytes:
    """Return the document after ``change(container, name)`` of the value at a path."""
    copy = json.loads(json.dumps(document))
    container = copy
    for name in path[:-1]:
        container = container[name]
    change(container, path[-1])
    return encode(copy)


def _changed(value: Json) -> list[Json]:
    match value:
        case None:
            return ["", 0, [], {}]
        case bool() | int() | float():
            return [value + 1, -value, str(value), None, True]
        case str():
            return [value + " ", value[:-1], value.swapcase(), value.replace("0", "1", 1), "", None, [value]]
        case list():
            return [[], value[:-1], value[1:], value[::-1], value + value[-1:], None, {}]
        case _:
            return [{}, None, [], {**value, "more": None}]


def test_no_value_of_a_certificate_can_be_changed_or_removed(log: PublishedLog) -> None:
    whole = log.certificate("CERT-0000", newest=1)
    document = json.loads(whole)

    def remove(container: Any, name: Any) -> None:  # noqa: ANN401
        del container[name]

    wrong = 0
    for path, value in _places(document):
        texts = {_with(document, path, remove)}
        for other in _changed(value):

            def put(container: Any, name: Any, other: Json = other) -> None:  # noqa: ANN401
                container[name] = other

            texts.add(_with(document, path, put))
        for text in texts - {whole}:
            with pytest.raises(NotVerifiedError):
                check(text, log.signer.key)
            wrong += 1

    assert wrong > 500


def test_the_host_of_a_photo_is_the_only_part_that_is_not_recomputed(log: PublishedLog) -> None:
    document = json.loads(log.certificate("CERT-0000"))
    document["tree"]["photo"]["url"] = document["tree"]["photo"]["url"].replace("files.trees.example", "cdn.example")

    assert check(encode(document), log.signer.key)


@settings(deadline=None)
@given(st.data())
def test_no_byte_of_a_certificate_can_be_changed(data: st.DataObject) -> None:
    log = PublishedLog().publish(*make_tree_life(["alive", "dead"]))
    whole = log.certificate("CERT-0000")
    address = b"https://files.trees.example/"
    hosts = {
        found.start() + offset for found in re.finditer(re.escape(address), whole) for offset in range(len(address))
    }
    position = data.draw(st.integers(0, len(whole) - 1).filter(lambda position: position not in hosts))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[position]))

    with pytest.raises(NotVerifiedError):
        check(whole[:position] + bytes([byte]) + whole[position + 1 :], log.signer.key)


@pytest.mark.parametrize(
    "hidden", ["planted", "dead", "corrected", "replaced"], ids=lambda event: f"a_certificate_cannot_hide_{event}"
)
def test_a_change_of_the_state_cannot_be_left_out(log: PublishedLog, hidden: str) -> None:
    document = json.loads(log.certificate("CERT-0000"))
    positions = [number for number, event in enumerate(document["history"]) if event["event"] == hidden]

    for number in positions:
        shorter = json.loads(json.dumps(document))
        del shorter["history"][number], shorter["proofs"][number]
        with pytest.raises(RefusedError, match=r"known before it|before the planting"):
            check(encode(shorter), log.signer.key)


def test_a_missing_dedication_needs_the_proof_of_its_erasure() -> None:
    log = PublishedLog().publish(*make_tree_life(["dedication_erased", "alive"])).publish(*make_tree_life([], 1))

    assert check(log.certificate("CERT-0000"), log.signer.key).life.is_erased
    for nulled in (["dedication"], ["salt"], ["dedication", "salt"]):
        document = log.document("CERT-0001") | dict.fromkeys(nulled)
        with pytest.raises(RefusedError, match="no proof says that it was erased"):
            check(encode(document), log.signer.key)
    with pytest.raises(RefusedError, match="the log says that it was erased"):
        check(log.certificate("CERT-0000", dedication=PARTICULARS.dedication, salt=PARTICULARS.salt), log.signer.key)


def test_another_dedication_or_salt_is_refused(log: PublishedLog) -> None:
    with pytest.raises(RefusedError, match="dedication is not the one"):
        check(log.certificate("CERT-0000", dedication="For Li"), log.signer.key)
    with pytest.raises(RefusedError, match="dedication is not the one"):
        check(log.certificate("CERT-0000", salt="0" * 64), log.signer.key)


def test_other_particulars_are_refused(log: PublishedLog) -> None:
    other = PARTICULARS._replace(partner="Nobody")

    with pytest.raises(RefusedError, match="particulars are not those"):
        check(log.certificate("CERT-0000", particulars=other), log.signer.key)


def test_a_proof_of_another_tree_or_of_a_count_is_refused(log: PublishedLog) -> None:
    document = json.loads(log.certificate("CERT-0000"))
    other = json.loads(log.certificate("CERT-0001"))

    with pytest.raises(RefusedError, match="certificate is not what the log says"):
        check(encode(other | {"certificate": "CERT-0000"}), log.signer.key)
    with pytest.raises(RefusedError, match=r"newest leaf of its chain|before the planting|another certificate"):
        check(encode(document | {"proofs": document["proofs"][:-1] + other["proofs"]}), log.signer.key)
    with pytest.raises(RefusedError, match="not about its tree"):
        check(encode(document | {"proofs": [*document["proofs"][:-1], document["count"]]}), log.signer.key)
    with pytest.raises(RefusedError, match="count is not the last leaf"):
        check(encode(document | {"count": document["proofs"][0]}), log.signer.key)


def test_a_count_of_an_earlier_tree_is_not_the_last_leaf() -> None:
    log = PublishedLog().publish(*make_tree_life([])).publish(*make_tree_life([], 1))

    with pytest.raises(RefusedError, match="count is not the last leaf"):
        check(log.certificate("CERT-0000", count=log.proof(1)), log.signer.key)


def test_proofs_of_two_checkpoints_are_refused() -> None:
    log = PublishedLog().publish(*make_tree_life(["alive"]))
    old = json.loads(log.certificate("CERT-0000"))
    log.publish(*make_tree_life([], 1))
    new = json.loads(log.certificate("CERT-0000"))

    assert check(encode(old), log.signer.key)
    with pytest.raises(RefusedError, match="different checkpoints"):
        check(encode(new | {"proofs": [old["proofs"][0], new["proofs"][1]]}), log.signer.key)


def test_another_key_or_origin_did_not_sign_it(log: PublishedLog) -> None:
    with pytest.raises(RefusedError, match="no signature of the log's key"):
        check(log.certificate("CERT-0000"), Signer(ORIGIN).key)
    with pytest.raises(RefusedError, match=f"of the log {ORIGIN}, not of other"):
        check(log.certificate("CERT-0000"), Signer("other.example/log").key)


def test_a_certificate_without_proofs_is_not_in_the_log_yet(log: PublishedLog) -> None:
    with pytest.raises(NotInLogError, match="no proofs"):
        check(encode(UNPROVEN), log.signer.key)


@pytest.mark.parametrize("stated", [{"history": [{}]}, {"particulars": {}}, {"salt": ""}, {"count": {}}])
def test_without_proofs_nothing_is_stated_that_needs_them(log: PublishedLog, stated: dict[str, Json]) -> None:
    with pytest.raises(RefusedError, match="only proofs can show"):
        check(encode({**UNPROVEN, **stated}), log.signer.key)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"code":"not_found","status":404,"title":"Not found"}',
        b'{"message":"Forbidden"}',
    ],
)
def test_an_error_response_must_be_fetched_again(text: bytes) -> None:
    with pytest.raises(IncompleteError, match="fetch it again"):
        parse_certificate(text)


@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b"[]",
        b"{}",
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 100_000,
        b'{"certificate":NaN}',
        b'{"certificate":1e999}',
        b'{"certificate":Infinity}',
        b'{"a":1,"a":1}',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        '{"certificate":"\ud800"}'.encode("utf-8", "surrogatepass"),
        b'{"certificate":"\\ud800"}',
        encode(dict(UNPROVEN) | {"certificate": 7}),
        encode(dict(UNPROVEN) | {"proofs": None}),
        encode(dict(UNPROVEN) | {"proofs": {}}),
        encode(dict(UNPROVEN) | {"history": None}),
        b" " + encode(dict(UNPROVEN)),
        b" " * (MAX_CERTIFICATE + 1),
    ],
    ids=lambda text: hashlib.sha256(text).hexdigest()[:8],
)
def test_a_hostile_text_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError):
        parse_certificate(text)
