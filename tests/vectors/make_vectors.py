"""Makes vectors.json in this folder: logs, certificates, forgeries, and the result that each must give.

Each run makes new keys and does not store the private ones. So each run replaces the file:
``python -m tests.vectors.make_vectors tests/vectors``.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import rfc8785

from local.command import command_parser, path, run_command
from tests.vectors import cases
from tests.vectors.cases import FORGED, NOT_YET, OK, TO_FETCH, VERIFIED, Check, Json
from tests.vectors.tiled_log import COSIGNED, Key, Log, base64
from tests.vectors.trees import Counter, Tree, certificate

FILE = "vectors.json"
WHOLE, OLDER = "the log", "an older copy of the log"


class Story:
    """The log of the vectors, and its trees. ``sizes`` are those at which it was counted."""

    def __init__(self, key: Key) -> None:
        self.log, self.sizes = Log(key), list[int]()
        self.trees = {number: Tree(number) for number in range(1, 10)}
        counter, last = Counter(), len(cases.STORY) - 1
        for day, (number, event) in enumerate(cases.STORY):
            tree = self.trees[number]
            changes = (
                {"state": "alive"} if event == "withdrawn" else {"tag": f"C-{day}"} if event == "corrected" else {}
            )
            link = f"https://trees.example/{day}" if day % 3 == 0 else None
            tree.say(self.log, "corrected" if changes else event, day, link, **changes)
            if day % cases.COUNT_EVERY == cases.COUNT_EVERY - 1 or day == last:
                self.sizes.append(counter.count(self.log, self.trees.values(), day))


def changed(document: Json, changes: Json) -> Json:
    """Return a copy with other values at the given places, such as ``tree.tag`` or ``history.0.at``.

    A pair of texts replaces the first by the second in the text at that place. None removes an element of a list.
    """
    copy = deepcopy(document)
    for place, value in changes.items():
        *outer, last = [int(step) if step.isdigit() else step for step in place.split(".")]
        inner: Any = copy
        for step in outer:
            inner = inner[step]
        if isinstance(value, (tuple, list)) and value:
            assert value[0] in inner[last], (place, value)
            inner[last] = inner[last].replace(*value, 1)
        elif value is None and isinstance(inner, list):
            inner.pop(int(last))
        else:
            inner[last] = value
    return copy


def files_of(log: Log, size: int, checkpoint: str) -> Json:
    return {place: base64(data) for place, data in log.files(size).items()} | {
        "checkpoint": base64(checkpoint.encode())
    }


def make_certificates(story: Story, checkpoint: str, older: str) -> dict[str, str]:
    """Return the canonical text of each certificate, by its name."""
    made = {name: (shown, checkpoint) for name, shown in cases.GENUINE.items()}
    made |= {name: (shown, checkpoint) for name, (_, _, shown) in cases.HIDING.items()}
    made |= {name: (shown, checkpoint) for name, shown in cases.HIDING_THE_END.items()}
    made["as of an older size"] = (cases.GENUINE["newly planted"], older)
    return {
        name: rfc8785.dumps(
            certificate(story.trees[shown.tree], story.log, signed, lang=shown.lang, left_out=shown.left_out)
        ).decode()
        for name, (shown, signed) in made.items()
    }


def make_checks() -> Iterator[tuple[str, Check]]:
    """Yield each case of a certificate with its name."""
    for name in (*cases.GENUINE, "as of an older size"):
        yield f"{name}, offline", Check(VERIFIED, certificate=name)
        yield f"{name}, with the log", Check(VERIFIED, certificate=name, log=WHOLE)
    for name, (last_line, mentions, _) in cases.HIDING.items():
        yield name, Check(last_line, mentions, name)
    for name in cases.HIDING_THE_END:
        yield f"{name}, offline", Check(VERIFIED, certificate=name)
        yield name, Check(FORGED, "hides", name, log=WHOLE)
    for name, (mentions, changes) in cases.FORGERIES.items():
        yield name, Check(FORGED, mentions, "alive", changes)
    yield "not in the log yet", Check(NOT_YET, "no proofs", "alive", cases.NOT_IN_THE_LOG)
    yield "its proofs are gone", Check(FORGED, "hides", "alive", cases.NOT_IN_THE_LOG, WHOLE)
    yield (
        "not in the log yet, with the log",
        Check(NOT_YET, "nothing about it", "alive", cases.NOT_IN_THE_LOG | {"certificate": "0000-0000-0050-0"}, WHOLE),
    )
    yield "an older copy of the log", Check(TO_FETCH, "fewer", "alive", log=OLDER)
    yield "another log of the same key", Check(FORGED, "does not begin with", "alive", log="a fork of the log")
    yield "another key", Check(FORGED, "signature", "alive", vkey="other_vkey")
    yield "two of three witnesses", Check(VERIFIED, certificate="alive", policy=True)
    yield "one of three witnesses", Check(TO_FETCH, "1 more", "as of an older size", policy=True)


def make_lies(key: Key) -> Iterator[tuple[str, Json, Check]]:
    """Yield the files of each log that lies, and what a monitor must say."""
    for name, (mentions, statements) in cases.LIES.items():
        log, counter, trees = Log(key), Counter(), {number: Tree(number) for number in range(4)}
        trees[1].say(log, "planted", 0)
        trees[2].say(log, "planted", 1)
        for number, event, changes in statements:
            if event == "count":
                counter.count(log, trees.values(), 2, **changes)
            else:
                trees[number].say(log, event, 2, **changes)
        size = counter.count(log, trees.values(), 3)
        yield name, files_of(log, size, log.checkpoint(size)), Check(FORGED, mentions, log=name)


def vectors() -> Json:
    key, other = Key("log.example/trees"), Key("log.example/trees")
    witnesses = [Key(f"witness.example/w{number}", COSIGNED) for number in (1, 2, 3)]
    story = Story(key)
    size, old = story.sizes[-1], story.sizes[-2]
    whole = story.log.checkpoint(size, [(witnesses[0], 1_800_000_000), (witnesses[2], 1_800_000_009)])
    older = story.log.checkpoint(old, [(witnesses[1], 1_799_999_999)])
    fork = Log(key)
    fork.leaves = [*story.log.leaves[1:], story.log.leaves[-1]]
    logs = {
        WHOLE: files_of(story.log, size, whole),
        OLDER: files_of(story.log, old, older),
        "a fork of the log": files_of(fork, size, fork.checkpoint(size)),
    }
    checks = dict(make_checks())
    checks["a monitor follows the log"] = Check(OK, f"{size} new", log=WHOLE)
    for name, files, check in make_lies(key):
        logs[name], checks[name] = files, check
    lines = "".join(f"witness w{number} {witness.vkey}\n" for number, witness in enumerate(witnesses, 1))
    return {
        "vkey": key.vkey,
        "other_vkey": other.vkey,
        "policy": f"{lines}group two 2 w1 w2 w3\nquorum two\n",
        "leaves": [leaf.decode() for leaf in story.log.leaves],
        "size": size,
        "older_size": old,
        "logs": logs,
        "certificates": make_certificates(story, whole, older),
        "cases": {
            name: {field: value for field, value in check._asdict().items() if value}
            | {"exit_code": cases.EXIT_CODES[check.last_line]}
            for name, check in checks.items()
        },
    }


def make_vectors(folder: Path) -> None:
    text = json.dumps(vectors(), ensure_ascii=False, indent=1)
    (folder / FILE).write_text(f"{text}\n", "utf-8")


def main() -> None:
    parser = command_parser("tests.vectors.make_vectors", __doc__)
    parser.add_argument("folder", type=path, help="the folder to write to")
    make_vectors(parser.parse_args().folder)


if __name__ == "__main__":
    run_command(main)
