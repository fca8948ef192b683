"""Nothing that was changed, removed, reordered, repeated or hidden in a certificate is verified.

The certificates are made without any code of saxaul, for lives of up to 40 events: inspections, deaths, replacements,
corrections, withdrawn deaths and an erasure. The forger has no key of the log, but computes everything again that needs
none.
"""

import json
import re
from collections.abc import Callable, Sequence
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.tampering import at, changed_lines, refusal, tampered, text_of
from tests.vectors.tiled_log import COSIGNED, Key, Log
from tests.vectors.trees import Counter, Tree, certificate, live, planted_log

KEY = Key("log.example/trees")
WITNESS = Key("witness.example/w1", COSIGNED)
HOST = rb'(?<="url":")https?://[!#-~]+(?=/photos/[0-9a-f]{64}")'
MOST_EVENTS = 40
EVENTS = {"planted", "alive", "dead", "replaced", "corrected", "dedication_erased"}

Json = Any


def shown(tree: Tree, log: Log, size: int = 0, **changed: Any) -> Json:  # noqa: ANN401
    return certificate(tree, log, log.checkpoint(size or len(log.leaves)), **changed)


def refused(document: Json, key: Key = KEY) -> str | None:
    return refusal(text_of(document), key.vkey)


def story(*events: str) -> tuple[Tree, Log]:
    """Return a tree with these events after its planting, in a log with two other trees. ``withdrawn`` ends a death."""
    log, counter, trees = Log(KEY), Counter(), [Tree(1), Tree(2), Tree(3)]
    live(Random(2), trees[1], log, 3)
    for day, event in enumerate(("planted", *events)):
        withdrawn = {"state": "alive"} if event == "withdrawn" else {}
        trees[0].say(log, "corrected" if withdrawn else event, day, **withdrawn)
        if day % 3 == 0:
            counter.count(log, trees, day)
    live(Random(3), trees[2], log, 4)
    counter.count(log, trees, 50)
    return trees[0], log


@pytest.fixture(scope="module")
def lives() -> tuple[Log, list[Tree], list[int]]:
    """Return a log of random lives with each number of events, and the sizes of the log after each of them."""
    return planted_log(KEY, [*range(1, MOST_EVENTS + 1), *[MOST_EVENTS] * 20])


def test_each_honest_certificate_is_verified_as_of_each_later_size(lives: tuple[Log, list[Tree], list[int]]) -> None:
    log, trees, sizes = lives

    assert {said.leaf["event"] for tree in trees for said in tree.statements} == EVENTS
    for number, tree in enumerate(trees):
        for size in {sizes[number], sizes[(number + len(sizes)) // 2], sizes[-1]}:
            assert refused(shown(tree, log, size, lang="zh" if number % 2 else "en")) is None
    withdrawn = [1 for tree in trees for said in tree.statements if said.leaf["event"] == "corrected"]
    assert len(withdrawn) > 50


def test_each_changed_value_of_a_certificate_is_refused(lives: tuple[Log, list[Tree], list[int]]) -> None:
    log, trees, _ = lives
    erased = next(tree for tree in trees if any(said.leaf["event"] == "dedication_erased" for said in tree.statements))
    for tree in (trees[3], erased):
        document = shown(tree, log)
        assert refused(document) is None
        found = [(way, forged) for way, forged in tampered(document) if refused(forged) is None]
        assert [way for way, _ in found] == []


def test_each_changed_line_of_a_proof_is_refused() -> None:
    tree, log = story("alive", "dead", "replaced")
    document = shown(tree, log)
    for way in (*(("proofs", index, "tlog_proof") for index in range(4)), ("count", "tlog_proof")):
        text = document[way[0]][way[1]]["tlog_proof"] if len(way) == 3 else document["count"]["tlog_proof"]
        forged = [at(document, way, changed) for changed in changed_lines(text)]
        assert len(forged) > 60
        assert [one for one in forged if refused(one) is None] == []


def test_a_changed_line_of_all_checkpoints_is_refused_unless_it_is_of_a_key_that_nobody_asked_for() -> None:
    tree, log = story("alive", "dead")
    checkpoint = log.checkpoint(len(log.leaves), [(WITNESS, 1_800_000_000)])
    document = certificate(tree, log, checkpoint)
    text = json.dumps(document, ensure_ascii=False)
    verified = []
    for changed in changed_lines(checkpoint):
        forged = json.loads(text.replace(json.dumps(checkpoint, ensure_ascii=False)[1:-1], json.dumps(changed)[1:-1]))
        if refused(forged) is None:
            verified.append(changed)

    assert refused(document) is None
    for changed in verified:
        assert [line for line in changed.splitlines() if not line.startswith("— witness")] == [
            line for line in checkpoint.splitlines() if not line.startswith("— witness")
        ]


def differs_only_in_hosts(one: bytes, other: bytes) -> bool:
    """Return whether two certificates differ only in where photos lie. No statement says that; their hashes are one."""
    return re.sub(HOST, b"", one) == re.sub(HOST, b"", other)


@pytest.mark.parametrize("flip", [0x01, 0x20])
def test_any_flipped_byte_of_a_certificate_is_refused(flip: int) -> None:
    tree, log = story("dead")
    text = text_of(shown(tree, log))

    assert refusal(text, KEY.vkey) is None
    for place in range(len(text)):
        forged = text[:place] + bytes([text[place] ^ flip]) + text[place + 1 :]
        is_verified = refusal(forged, KEY.vkey) is None
        assert not is_verified or differs_only_in_hosts(forged, text), text[max(0, place - 40) : place + 40]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_few_bytes_that_are_replaced_cut_or_inserted_are_refused(
    lives: tuple[Log, list[Tree], list[int]], data: st.DataObject
) -> None:
    log, trees, _ = lives
    text = text_of(shown(trees[data.draw(st.integers(0, len(trees) - 1))], log))
    place, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 6))
    forged = text[:place] + data.draw(st.binary(max_size=6)) + text[place + cut :]

    is_verified = refusal(forged, KEY.vkey) is None
    assert not is_verified or forged.rstrip(b"\r\n") == text or differs_only_in_hosts(forged, text)


def hides_only_inspections(tree: Tree, left_out: Sequence[int]) -> bool:
    """Return whether what is left out changed nothing, and comes before a statement that is shown."""
    newest = len(tree.statements) - 1
    return all(tree.statements[number].leaf["event"] == "alive" and number != newest for number in left_out)


def test_each_hidden_event_is_missed_unless_it_changed_nothing_or_all_after_it_are_hidden_too(
    lives: tuple[Log, list[Tree], list[int]],
) -> None:
    log, trees, _ = lives
    hidden: set[str] = set()
    for tree in trees[1:MOST_EVENTS:2]:
        last = len(tree.statements)
        for number in range(last):
            one, to_the_end = [number], list(range(number, last))
            if number:
                assert refused(shown(tree, log, left_out=to_the_end)) is None, "offline, nobody can see the end"
            if number < last - 1:
                reason = refused(shown(tree, log, left_out=one))
                assert (reason is None) == hides_only_inspections(tree, one), (tree.number, number, reason)
                hidden.add(tree.statements[number].leaf["event"])

    assert hidden == EVENTS


def test_each_hidden_range_of_events_is_missed_unless_it_has_only_inspections() -> None:
    tree, log = story(
        "alive", "alive", "dead", "withdrawn", "alive", "corrected", "dead", "replaced", "alive", "dedication_erased",
        "alive", "dead", "corrected", "replaced", "alive", "alive",
    )  # fmt: skip
    newest = len(tree.statements) - 1
    for first, end in combinations(range(newest + 1), 2):
        left_out = list(range(first, end))
        reason = refused(shown(tree, log, left_out=left_out))
        assert (reason is None) == hides_only_inspections(tree, left_out), (first, end, reason)


def test_a_forger_who_computes_all_hashes_again_is_refused_because_he_cannot_sign() -> None:
    tree, log = story("alive", "dead", "replaced", "alive")
    forgers = Log(Key(KEY.name)), Log(KEY, "log.example/other")
    for forger in forgers:
        fake, counter = Tree(1), Counter()
        for day, event in enumerate(("planted", "alive", "alive")):
            fake.say(forger, event, day)
        counter.count(forger, [fake], 9)
        assert refused(shown(fake, forger), forger.key) is None or forger.key is KEY
        assert refused(shown(fake, forger)), "with the name of the log, and with its key for another origin"
        signed = log.checkpoint(len(log.leaves))
        own = forger.checkpoint(len(forger.leaves))
        text = json.dumps(shown(fake, forger)).replace(json.dumps(own)[1:-1], json.dumps(signed)[1:-1])
        assert "is not in the tree of the checkpoint" in str(refused(json.loads(text)))
    assert refused(shown(tree, log)) is None
    assert refused(shown(tree, log), Key(KEY.name)), "another key with the same name"


@pytest.mark.parametrize("events", [("alive", "dead"), ("dead", "replaced", "corrected")])
def test_proofs_of_another_certificate_or_of_another_checkpoint_are_refused(events: tuple[str, ...]) -> None:
    tree, log = story(*events)
    other, size = Tree(5), len(log.leaves)
    for day, event in enumerate(("planted", *events)):
        other.say(log, event, day)
    Counter().count(log, [tree, other], 60)
    document, others, older = shown(tree, log), shown(other, log), shown(tree, log, size)
    exchanged: list[Callable[[int], Json]] = [
        lambda index: at(document, ("proofs", index), others["proofs"][index]),
        lambda index: at(document, ("proofs", index), older["proofs"][index]),
        lambda index: at(document, ("proofs", index, "leaf"), others["proofs"][index]["leaf"]),
        lambda index: at(document, ("proofs", index, "tlog_proof"), others["proofs"][index]["tlog_proof"]),
        lambda index: at(document, ("proofs", index), document["count"]),
        lambda _: at(document, ("count",), older["count"]),
        lambda index: at(document, ("count",), document["proofs"][index]),
        lambda _: document | {"proofs": others["proofs"], "history": others["history"]},
        lambda _: (
            document | {name: others[name] for name in ("proofs", "history", "particulars", "salt", "dedication")}
        ),
    ]

    assert [refused(one) for one in (document, others, older)] == [None] * 3
    for exchange in exchanged:
        for index in range(len(document["proofs"])):
            assert refused(exchange(index)), exchange


NULLABLE = ("dedication", "salt")


def test_only_an_erasure_in_the_log_may_null_the_dedication_and_its_salt() -> None:
    tree, log = story("alive", "dead")
    erased, erased_log = story("alive", "dedication_erased", "dead")
    document, without = shown(tree, log), shown(erased, erased_log)

    assert [without[name] for name in NULLABLE] == [None, None]
    assert refused(without) is None
    for names in (*([name] for name in NULLABLE), NULLABLE):
        assert refused(document | dict.fromkeys(names)), names
        kept = {name: erased.secret[name] for name in names}
        assert refused(without | kept), "what was erased is shown"
    hiding = shown(erased, erased_log, left_out=[2])
    assert hiding["dedication"] == erased.secret["dedication"]
    assert refused(hiding), "a dedication that was erased is shown as if it had not been"
    assert refused(hiding | dict.fromkeys(NULLABLE)), "the erasure is hidden"


def test_no_other_member_may_be_null_in_a_certificate_of_a_tree_in_the_log() -> None:
    tree, log = story("alive", "dead")
    document = shown(tree, log)
    nulls = [name for name, value in document.items() if value is None]

    assert nulls == []
    assert {name for name in document if refused(document | {name: None}) is None} == set()


def test_a_certificate_without_proofs_is_not_in_the_log_yet_and_shows_nothing_that_only_proofs_can_show() -> None:
    tree, log = story("alive")
    document = shown(tree, log)
    bare = document | {"proofs": [], "history": [], "particulars": None, "salt": None, "count": None}

    assert str(refused(bare)).startswith("NOT IN THE LOG YET: ")
    for name in ("history", "particulars", "salt", "count"):
        assert str(refused(bare | {name: document[name]})).startswith("FORGED: "), name
