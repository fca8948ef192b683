"""With the log or a monitor's state, nothing is hidden: what was changed in the log's files, or left out of them.

``KEY`` is the key of the log. A forger without it changes files; a log that lies signs wrong leaves with it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import rfc8785

from tests.proof.reading import Files, monitored, published, verified
from tests.proof.tampering import text_of
from tests.vectors.tiled_log import COSIGNED, Key, Log, bundle
from tests.vectors.trees import Counter, Tree, certificate, live, planted_log

KEY = Key("log.example/trees")
WITNESSES = [Key(f"witness.example/w{number}", COSIGNED) for number in range(3)]
POLICY = "".join(f"witness w{n} {key.vkey}\n" for n, key in enumerate(WITNESSES)) + "group all 2 w0 w1 w2\nquorum all\n"

Grown = tuple[Log, list[Tree], list[int]]


def shown(tree: Tree, log: Log, size: int = 0, left_out: Sequence[int] = ()) -> bytes:
    return text_of(certificate(tree, log, log.checkpoint(size or len(log.leaves)), left_out=left_out))


@pytest.fixture(scope="module")
def grown() -> Grown:
    """Return a log of random lives with up to 40 events, of which some end in different bundles than they began."""
    return planted_log(KEY, [1, 2, 3, 5, 8, 13, 40, 40, 40, 40, 40, 40, 21, 1])


@pytest.fixture(scope="module")
def state(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state of a monitor that has followed the whole log."""
    file = tmp_path_factory.mktemp("monitor") / "state"
    assert monitored(published(grown[0]), KEY, file).startswith("OK ")
    return file


def test_a_monitor_follows_a_log_from_each_published_size_to_the_next(grown: Grown, tmp_path: Path) -> None:
    log, trees, sizes = grown
    lines = [monitored(published(log, size), KEY, tmp_path / "state") for size in (*sizes, sizes[-1])]

    assert [line.split(", ")[0] for line in lines[:-1]] == [f"OK log.example/trees at {size}" for size in sizes]
    assert [int(line.split(", ")[1].split()[0]) for line in lines] == [
        size - before for before, size in zip([0, *sizes], [*sizes, sizes[-1]], strict=True)
    ]
    dead = sum(tree.last["state"] == "dead" for tree in trees)
    assert lines[-1].endswith(f": {len(trees)} planted, {dead} dead, {len(trees) - dead} standing")


def test_each_honest_certificate_is_verified_as_of_the_newest_size(grown: Grown, state: Path) -> None:
    log, trees, sizes = grown
    files, newest = published(log), f"VERIFIED AS OF {sizes[-1]}, "

    for number, tree in enumerate(trees):
        for size in (sizes[number], sizes[-1]):
            text = shown(tree, log, size)
            assert verified(text, KEY).startswith(f"VERIFIED AS OF {size}, ")
            assert verified(text, KEY, files).startswith(newest)
            assert verified(text, KEY, state=state).startswith(newest)
            assert verified(text, KEY, files, state).startswith(newest)


def test_each_hidden_end_of_a_life_is_found_in_the_log_and_in_the_state_of_a_monitor(grown: Grown, state: Path) -> None:
    log, trees, _ = grown
    files, hidden = published(log), set()
    for tree in trees:
        last = len(tree.statements)
        for first in range(1, last):
            text = shown(tree, log, left_out=range(first, last))
            hidden.add(tree.statements[first].leaf["event"])
            assert verified(text, KEY).startswith("VERIFIED AS OF "), "offline, nobody can see the end"
            assert verified(text, KEY, state=state).startswith("FORGED: the certificate hides"), (tree.number, first)
            if first % 5 == 1 or first == last - 1:
                assert verified(text, KEY, files).startswith("FORGED: the certificate hides"), (tree.number, first)

    assert hidden == {"alive", "dead", "replaced", "corrected", "dedication_erased"}


def test_a_certificate_that_is_older_than_the_newest_event_is_refused_with_the_log(tmp_path: Path) -> None:
    log, counter, tree = Log(KEY), Counter(), Tree(1)
    tree.say(log, "planted", 0)
    size = counter.count(log, [tree], 0)
    tree.say(log, "dead", 1)
    counter.count(log, [tree], 1)
    files, old = published(log), shown(tree, log, size)
    monitored(files, KEY, tmp_path / "state")

    assert verified(old, KEY).startswith(f"VERIFIED AS OF {size}, ")
    for line in (verified(old, KEY, files), verified(old, KEY, state=tmp_path / "state")):
        assert line.startswith("FORGED: the certificate hides")
        assert "fetch the certificate again" in line


def test_a_log_that_is_older_than_the_certificate_is_more_to_fetch_and_not_a_forgery(
    grown: Grown, tmp_path: Path
) -> None:
    log, trees, sizes = grown
    older = published(log, sizes[-2])
    monitored(older, KEY, tmp_path / "state")

    assert verified(shown(trees[0], log), KEY, older).startswith("MORE TO FETCH: ")
    assert verified(shown(trees[0], log), KEY, state=tmp_path / "state").startswith("MORE TO FETCH: ")
    assert verified(shown(trees[0], log), KEY, {}).startswith("MORE TO FETCH: ")


def test_a_certificate_without_proofs_of_a_tree_in_the_log_is_refused_with_the_log(grown: Grown, state: Path) -> None:
    log, trees, _ = grown
    empty: dict[str, Any] = {"proofs": [], "history": [], "particulars": None, "salt": None, "count": None}
    bare = json.loads(shown(trees[3], log)) | empty
    unknown = text_of(bare | {"certificate": "0000-0000-9999-0"})

    for files, file in ((published(log), None), (None, state)):
        assert verified(text_of(bare), KEY, files, file).startswith("FORGED: "), file
        assert verified(unknown, KEY, files, file).startswith("NOT IN THE LOG YET: "), file
    assert verified(text_of(bare), KEY).startswith("NOT IN THE LOG YET: ")


def forks(log: Log) -> Iterator[Log]:
    """Yield logs that are signed by the same key and differ in one leaf."""
    for place in (0, len(log.leaves) // 2, len(log.leaves) - 2):
        fork = Log(KEY)
        leaf = json.loads(log.leaves[place]) | {"by": "Somebody else"}
        fork.leaves = [*log.leaves[:place], rfc8785.dumps(leaf), *log.leaves[place + 1 :]]
        yield fork


def test_a_fork_that_the_log_has_signed_is_refused(grown: Grown, state: Path, tmp_path: Path) -> None:
    log, trees, sizes = grown
    text = shown(trees[0], log)
    for number, fork in enumerate(forks(log)):
        assert verified(text, KEY, published(fork)).startswith("FORGED: ")
        (copy := tmp_path / str(number)).write_bytes(state.read_bytes())
        assert monitored(published(fork), KEY, copy).startswith("FORGED: ")
        assert monitored(published(fork, sizes[-2]), KEY, copy).startswith(("FORGED: ", "MORE TO FETCH: "))
        other = Tree(60 + number)
        other.say(fork, "planted", 90)
        Counter().count(fork, [other], 91)
        longer = published(fork)
        assert verified(text, KEY, longer).startswith("FORGED: ")
        assert monitored(longer, KEY, copy).startswith("FORGED: ")


def test_a_log_of_another_key_or_origin_or_with_a_changed_checkpoint_is_refused(grown: Grown, tmp_path: Path) -> None:
    log, trees, _ = grown
    files, text = published(log), shown(trees[0], log)
    forged = [Log(Key(KEY.name)), Log(KEY, "log.example/other"), Log(Key("log.example/other"))]
    checkpoints = []
    for other in forged:
        other.leaves = log.leaves
        checkpoints.append(other.checkpoint(len(other.leaves)).encode())
    checkpoints += [_flipped(files["checkpoint"], place) for place in range(len(files["checkpoint"]))]

    for number, checkpoint in enumerate(checkpoints):
        for line in (
            verified(text, KEY, files | {"checkpoint": checkpoint}),
            monitored(files | {"checkpoint": checkpoint}, KEY, tmp_path / str(number)) if number % 20 == 0 else "",
        ):
            assert not line.startswith(("VERIFIED", "OK")), checkpoint


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def changed_files(files: Files, steps: int) -> Iterator[tuple[str, Files]]:
    """Yield the files with each tile and bundle changed in each region, cut, missing, or replaced by another one."""
    for path, data in files.items():
        if path == "checkpoint":
            continue
        for place in sorted({*range(0, len(data), max(1, len(data) // steps)), 1, len(data) - 1}):
            yield f"{path} at {place}", files | {path: _flipped(data, place)}
        yield f"{path} cut", files | {path: data[:-1]}
        yield f"{path} longer", files | {path: data + data[-32:]}
        yield f"{path} empty", files | {path: b""}
        yield f"{path} missing", {name: kept for name, kept in files.items() if name != path}
        for other in files:
            if other != path:
                yield f"{path} as {other}", files | {path: files[other]}


def test_no_change_of_a_tile_or_a_bundle_hides_an_event(grown: Grown) -> None:
    log, trees, _ = grown
    files = published(log)
    hiding = [shown(tree, log, left_out=[len(tree.statements) - 1]) for tree in (trees[6], trees[11])]
    honest = shown(trees[-1], log)

    assert sum(path.startswith("tile/0/") for path in files) == 2
    for what, forged in changed_files(files, 12):
        for text in hiding:
            assert not verified(text, KEY, forged).startswith("VERIFIED"), what
        line = verified(honest, KEY, forged)
        assert line.startswith(("VERIFIED AS OF ", "FORGED: ", "MORE TO FETCH: ")), what


def test_a_monitor_reads_each_byte_of_each_bundle(tmp_path: Path) -> None:
    log, _, _ = planted_log(KEY, [1, 3, 2])
    files = published(log)
    [path] = [path for path in files if "entries" in path]
    line = monitored(files, KEY, tmp_path / "honest")
    assert line.startswith("OK ")

    for place in range(0, len(files[path]), 7):
        forged = files | {path: _flipped(files[path], place)}
        assert monitored(forged, KEY, tmp_path / f"{place}").startswith("MORE TO FETCH: "), place


def test_a_monitor_says_nothing_else_about_a_log_with_changed_files_than_about_the_honest_one(
    grown: Grown, tmp_path: Path
) -> None:
    log, _, sizes = grown
    older = tmp_path / "older"
    monitored(published(log, sizes[3]), KEY, older)
    honest = {}
    for name, start in (("fresh", None), ("older", older.read_bytes())):
        file = tmp_path / "state"
        for number, (what, forged) in enumerate([("", published(log)), *changed_files(published(log), 4)]):
            file.unlink(missing_ok=True)
            if start:
                file.write_bytes(start)
            line = monitored(forged, KEY, file)
            if not number:
                honest[name] = line
            assert line == honest[name] or line.startswith(("FORGED: ", "MORE TO FETCH: ")), what

    assert all(line.startswith("OK ") for line in honest.values())


def test_an_entry_that_is_left_out_repeated_or_moved_in_a_bundle_is_refused(tmp_path: Path) -> None:
    log, trees, _ = planted_log(KEY, [1, 4])
    leaves, files = log.leaves, published(log)
    [path] = [path for path in files if "entries" in path]
    hiding = shown(trees[1], log, left_out=[3])
    for number in range(len(leaves)):
        others = [*leaves[:number], *leaves[number + 1 :]]
        for at in range(len(leaves)):
            forged = files | {path: bundle([*others[:at], leaves[number], *others[at:]])}
            moved = monitored(forged, KEY, tmp_path / f"{number} {at}")
            assert moved.startswith("OK" if at == number else "MORE TO FETCH")
            assert verified(hiding, KEY, forged).startswith("FORGED" if at == number else "MORE TO FETCH")
        for other in (others, [*leaves[: number + 1], *leaves[number:]], [*others, others[0]]):
            assert not verified(hiding, KEY, files | {path: bundle(other)}).startswith("VERIFIED")


Lie = Callable[[Log, Tree, Tree], object]


def _say(event: str, **changes: Any) -> Lie:  # noqa: ANN401
    return lambda log, tree, _: tree.say(log, event, 20, **changes)


def _as_other(*names: str) -> Lie:
    """Plant a third tree with what belongs to another one."""
    return lambda log, _, other: Tree(3).say(log, "planted", 20, **{name: other.last[name] for name in names})


LIES: dict[str, Lie] = {
    "a tree is planted twice": _say("planted", previous="", since=0),
    "a standing tree is replaced": _say("replaced"),
    "an inspection names another tag": _say("alive", tag="X"),
    "an inspection is at another place": _say("alive", lat="1.0000000"),
    "an inspection states another time of planting": _say("alive", planted_at="2026-03-01T09:00:01+08:00"),
    "an inspection of another project": _say("alive", project_id="another"),
    "other particulars": _say("alive", particulars="0" * 64),
    "nobody states it": _say("alive", by=""),
    "a wrong leaf before it": _say("alive", previous="0" * 64),
    "a wrong number of statements": _say("alive", since=7),
    "a date before the planting": _say("alive", occurred_at="2020-01-01T09:00:00+08:00"),
    "a correction that is dated back": _say("corrected", occurred_at="2026-03-01T09:00:00+08:00"),
    "a correction kills": _say("corrected", state="dead"),
    "a death leaves it alive": _say("dead", state="alive"),
    "an unknown event": _say("felled"),
    "an unknown state": _say("corrected", state="ordered"),
    "a tag of spaces": _say("corrected", tag=" "),
    "a place off the earth": _say("corrected", lat="91.0000000"),
    "a place with fewer decimals": _say("corrected", lat="38.5"),
    "no time": _say("alive", recorded_at="yesterday"),
    "a time without an offset": _say("alive", recorded_at="2026-03-01T09:00:00"),
    "a photo that is no hash": _say("alive", photo="x"),
    "another member": _say("alive", owner="u-42"),
    "the tag of another tree": _as_other("tag"),
    "the place of another tree": _as_other("lat", "lon"),
    "the photo of another tree": _as_other("photo"),
    "its own photo of an earlier inspection": lambda log, tree, _: tree.say(
        log, "alive", 20, photo=tree.statements[1].leaf["photo"]
    ),
    "the tag of another tree in other letters": lambda log, _, other: Tree(3).say(
        log, "planted", 20, tag=f" {other.last['tag'].lower()} "
    ),
    "a place that is the same to five decimals": lambda log, _, other: Tree(3).say(
        log, "planted", 20, lat=f"{other.last['lat'][:-2]}01", lon=other.last["lon"]
    ),
    "a death of a dead tree": lambda log, tree, _: [tree.say(log, "dead", day) for day in (20, 21)],
    "a dead tree is alive": lambda log, tree, _: [tree.say(log, event, 20) for event in ("dead", "alive")],
    "a dedication is erased twice": lambda log, tree, _: [tree.say(log, "dedication_erased", day) for day in (20, 21)],
    "a death is withdrawn although its place is taken": lambda log, tree, _: [
        tree.say(log, "dead", 20),
        Tree(3).say(log, "planted", 21, lat=tree.last["lat"], lon=tree.last["lon"]),
        tree.say(log, "corrected", 22, state="alive"),
    ],
    "a leaf that is no JSON": lambda log, *_: log.add(b"x"),
    "a leaf that is not canonical": lambda log, *_: log.add(log.leaves[-1] + b" "),
    "a leaf of another type": lambda log, *_: log.add(rfc8785.dumps({"type": "note"})),
    "a count of another size": lambda log, tree, other: Counter().count(log, [tree, other], 20, size=1),
    "a count too high": lambda log, tree, other: Counter().count(log, [tree, other], 20, planted=3, standing=3),
    "a count that does not add up": lambda log, tree, other: Counter().count(log, [tree, other], 20, dead=1),
}


def lived() -> tuple[Log, Counter, Tree, Tree]:
    """Return a log in which two trees stand. The first one was inspected twice."""
    log, counter, tree, other = Log(KEY), Counter(), Tree(1), Tree(2)
    for day, event in enumerate(("planted", "alive", "alive")):
        tree.say(log, event, day)
    other.say(log, "planted", 4)
    counter.count(log, [tree, other], 5)
    return log, counter, tree, other


@pytest.mark.parametrize("lie", LIES)
def test_a_log_that_signs_a_wrong_leaf_is_refused_by_the_monitor(lie: str, tmp_path: Path) -> None:
    log, counter, tree, other = lived()
    before = published(log)
    LIES[lie](log, tree, other)
    trees = [tree, other]
    states = {one.number: one for one in trees}
    counter.count(log, states.values(), 30, **_recounted(log))
    files = published(log)

    assert monitored(before, KEY, tmp_path / "state").startswith("OK ")
    assert monitored(files, KEY, tmp_path / "state").startswith("FORGED: leaf "), lie
    assert monitored(files, KEY, tmp_path / "fresh").startswith("FORGED: leaf "), lie


def _recounted(log: Log) -> dict[str, int]:
    """Return the right count of a log, so that only the lie is wrong in it."""
    states: dict[str, str] = {}
    for text in log.leaves:
        try:
            leaf = json.loads(text)
        except ValueError:
            continue
        if leaf["type"] == "tree":
            states[leaf["certificate"]] = leaf["state"]
    dead = sum(state == "dead" for state in states.values())
    return {"planted": len(states), "dead": dead, "standing": len(states) - dead}


HONEST: dict[str, Lie] = {
    "a new tree": lambda log, *_: Tree(3).say(log, "planted", 20),
    "a replacement at the place of a dead tree": lambda log, tree, _: [
        tree.say(log, "dead", 20),
        tree.say(log, "replaced", 21, lat=tree.last["lat"], lon=tree.last["lon"]),
    ],
    "another tree at the place of a dead tree": lambda log, tree, _: [
        tree.say(log, "dead", 20),
        Tree(3).say(log, "planted", 21, lat=tree.last["lat"], lon=tree.last["lon"]),
    ],
    "another tree with the tag that a correction has freed": lambda log, tree, _: [
        tree.say(log, "corrected", 20, tag="X-9"),
        Tree(3).say(log, "planted", 21, tag=tree.statements[0].leaf["tag"]),
    ],
    "a death that is withdrawn": lambda log, tree, _: [
        tree.say(log, "dead", 20),
        tree.say(log, "corrected", 21, state="alive"),
        tree.say(log, "alive", 22),
    ],
    "an erasure": lambda log, tree, _: tree.say(log, "dedication_erased", 20),
}


@pytest.mark.parametrize("story", HONEST)
def test_a_log_that_signs_what_the_rules_allow_is_followed(story: str, tmp_path: Path) -> None:
    log, counter, tree, other = lived()
    HONEST[story](log, tree, other)
    counter.count(log, [tree, other], 30, **_recounted(log))

    assert monitored(published(log), KEY, tmp_path / "state").startswith("OK ")


def test_a_log_that_ends_without_a_count_is_refused(tmp_path: Path) -> None:
    log, _, tree, _ = lived()
    said = tree.say(log, "alive", 20)

    assert monitored(published(log), KEY, tmp_path / "state").startswith("FORGED: ")
    older = shown(tree, log, said.place)
    assert verified(older, KEY, published(log, said.place)).startswith("VERIFIED")
    assert verified(older, KEY, published(log)).startswith("FORGED: ")


def test_a_policy_demands_the_cosignatures_of_some_witnesses() -> None:
    log, _, tree, _ = lived()
    size = len(log.leaves)
    times = [1_800_000_000 + number for number in range(3)]

    def line(*signing: int, change: Callable[[str], str] = str) -> str:
        signers = [(WITNESSES[number], times[number]) for number in signing]
        checkpoint = change(log.checkpoint(size, signers))
        return verified(text_of(certificate(tree, log, checkpoint)), KEY, policy=POLICY)

    assert line(0, 2).startswith(f"VERIFIED AS OF {size}, 2027-01-15T08:00:02Z")
    assert line(0, 1, 2).startswith("VERIFIED")
    assert [line(*one)[:14] for one in ((), (0,), (1,), (0, 0))] == ["MORE TO FETCH:"] * 3 + ["FORGED: the no"]
    for place in (1, -2):
        assert line(0, 2, change=partial(_other_signature, place=place)).startswith("FORGED: ")
    impostor = Key(WITNESSES[1].name, COSIGNED)
    text = log.text(size)
    forged = log.checkpoint(size, [(WITNESSES[0], times[0])]) + impostor.line(text, times[1])
    assert verified(text_of(certificate(tree, log, forged)), KEY, policy=POLICY).startswith("MORE TO FETCH: ")


def _other_signature(note: str, place: int) -> str:
    """Return a note whose last signature is changed near its beginning or its end."""
    *lines, last, _ = note.split("\n")
    head, _, signature = last.rpartition(" ")
    at = len(signature) // 2 if place > 0 else len(signature) - 9
    other = "A" if signature[at] != "A" else "B"
    return "\n".join([*lines, f"{head} {signature[:at]}{other}{signature[at + 1 :]}", ""])


def test_random_lives_of_many_trees_at_once_are_followed(tmp_path: Path) -> None:
    rng, counter = Random(7), Counter()
    log, trees = Log(KEY), [Tree(number) for number in range(1, 30)]
    for day, tree in enumerate(trees):
        live(rng, tree, log, rng.randint(1, 40))
        counter.count(log, trees[: day + 1], 50)

    assert len(log.leaves) > 512
    assert monitored(published(log), KEY, tmp_path / "state").startswith("OK ")
