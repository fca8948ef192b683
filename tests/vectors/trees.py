"""Trees, what partners state about them, and their certificates, made from docs/proof.md without any code of saxaul."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple, Protocol

import rfc8785

from tests.vectors.tiled_log import Key, Log, leaf_hash

Json = dict[str, Any]

NEWEST_SHOWN = 12
"""How many of the inspections that found the tree alive a certificate of the service shows: the newest."""

ALXA, MINQIN, AYSEN, SURVEY = "Alxa SEE Foundation", "民勤治沙站", "Fundación Aysén", "Forest Survey"
FILES = "https://files.example"


class Project(NamedTuple):
    project_id: str
    species: Json
    latin: str
    place: Json
    partner: str
    lat: int
    lon: int


PROJECTS = (
    Project(
        "saxaul", {"en": "Saxaul", "zh": "梭梭"}, "Haloxylon ammodendron", {"en": "Alxa", "zh": "阿拉善"}, ALXA, 38, 105
    ),
    Project("elm", {"en": "Elm", "zh": "榆树"}, "Ulmus pumila", {"en": "Minqin", "zh": "民勤"}, MINQIN, 39, 103),
    Project(
        "lenga", {"en": "Lenga", "zh": "南青冈"}, "Nothofagus pumilio", {"en": "Aysén", "zh": "艾森"}, AYSEN, -45, -72
    ),
)
DEDICATIONS = (
    "献给奶奶 🌵",
    "For my mother",
    'A "quoted" \\ line\n\tand\u2028more\x1f\x7f',
    "e\u0301 is not é",
    "𠮷野家 👩‍👩‍👧 می‌خواهم",
)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def time_of(day: int, minute: int = 0) -> str:
    start = datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=8)))
    return (start + timedelta(days=day, minutes=minute)).isoformat()


class Leaves(Protocol):
    """A log to which leaves are appended, in memory or elsewhere."""

    def add(self, leaf: bytes) -> int: ...

    def leaf(self, index: int) -> bytes: ...

    def proof(self, index: int, size: int, checkpoint: str) -> str: ...


class Statement(NamedTuple):
    """A statement in the log, at an index. ``link`` is the text of its link, of which the leaf holds only the hash."""

    place: int
    leaf: Json
    link: str | None


class Tree:
    """The tree of one certificate, with all statements about it."""

    def __init__(self, tree: int) -> None:
        self.tree = tree
        self.number = f"0000-0000-{tree:04}-0"
        self.project = PROJECTS[tree % len(PROJECTS)]
        self.statements: list[Statement] = []
        self.secret = {"dedication": DEDICATIONS[tree % len(DEDICATIONS)], "salt": digest(f"salt {tree}".encode())}
        facts = {name: getattr(self.project, name) for name in ("latin", "partner", "place", "species")}
        committed = {"requested_at": time_of(-tree - 1), "dedication_digest": digest(rfc8785.dumps(self.secret))}
        self.particulars = facts | committed

    @property
    def last(self) -> Json:
        return self.statements[-1].leaf

    def leaf(self, event: str, day: int, **changes: Any) -> Json:  # noqa: ANN401 - members of a leaf
        """Return the leaf of the next statement. ``changes`` replace what follows from the statements before it."""
        before = self.last if self.statements else {}
        turns = [number for number, said in enumerate(self.statements) if said.leaf["event"] != "alive"]
        turn = self.statements[turns[-1]].leaf if turns else None
        number = len(self.statements)
        is_planting = event in ("planted", "replaced")
        fresh = {
            "planted_at": time_of(day),
            "tag": f"{self.project.project_id[0].upper()}-{self.tree}-{number}",
            "lat": f"{self.project.lat}.{self.tree:04}{number:02}0",
            "lon": f"{self.project.lon}.73{number:03}05",
        }
        inspected = event in ("alive", "dead")
        return {
            "type": "tree",
            "certificate": self.number,
            "project_id": self.project.project_id,
            "by": "" if event == "dedication_erased" else self.project.partner,
            "event": event,
            "state": before.get("state") if event in ("corrected", "dedication_erased") else event,
            "occurred_at": time_of(day) if is_planting or inspected else time_of(day, 30),
            "recorded_at": time_of(day, 30),
            **(fresh if is_planting else {name: before.get(name) for name in fresh}),
            "photo": self.photo(number, event),
            "link": "",
            "particulars": digest(rfc8785.dumps(self.particulars)),
            "previous": leaf_hash(rfc8785.dumps(turn)).hex() if turn else "",
            "since": number - turns[-1] - 1 if turns else 0,
        } | changes

    def photo(self, number: int, event: str) -> str:
        """Return the hash of the photo that a statement shows by default."""
        match event:
            case "corrected":
                return str(self.planting()["photo"])
            case "dedication_erased":
                return ""
            case _:
                return digest(f"photo {self.tree} {number}".encode())

    def planting(self, statements: Sequence[Statement] = ()) -> Json:
        """Return the leaf that says how the tree that it speaks of was planted, as it was last corrected."""
        events = ("planted", "replaced", "corrected")
        known = statements or self.statements
        return [known[0].leaf, *(said.leaf for said in known if said.leaf["event"] in events)][-1]

    def say(self, log: Leaves, event: str, day: int, link: str | None = None, **changes: Any) -> Statement:  # noqa: ANN401
        """Append the next statement to the log."""
        hashed = {"link": digest(link.encode())} if link else {}
        leaf = self.leaf(event, day, **hashed, **changes)
        self.statements.append(Statement(log.add(rfc8785.dumps(leaf)), leaf, link))
        return self.statements[-1]


class Counter:
    """Counts the trees of a log, as its count leaves state them."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}

    def count(self, log: Log, trees: Collection[Tree], day: int, **wrong: Any) -> int:  # noqa: ANN401
        """Append a count leaf, and return the size of the log after it."""
        for tree in trees:
            if tree.statements:
                self._states[tree.number] = tree.last["state"]
        planted, dead = len(self._states), sum(state == "dead" for state in self._states.values())
        leaf: Json = {"type": "count", "planted": planted, "dead": dead, "standing": planted - dead}
        at = {"size": len(log.leaves), "counted_at": time_of(day, 31)}
        return log.add(rfc8785.dumps(leaf | at | wrong)) + 1


def live(rng: Random, tree: Tree, log: Log, events: int, day: int = 0) -> None:
    """Let a random life of this many events happen to a tree, by the rules. Some trees die rarely, others often."""
    mortality = rng.choice([0.1, 0.3, 0.7, 1.0])
    tree.say(log, "planted", day, link=f"https://trees.example/{tree.tree}" if rng.random() < 0.5 else None)
    for day_of_life in range(day + 1, day + events):
        happen(rng, tree, log, day_of_life, mortality)


def happen(rng: Random, tree: Tree, log: Log, day: int, mortality: float) -> None:
    """Let one event happen, by the rules."""
    chance, is_dead = rng.random(), tree.last["state"] == "dead"
    if chance < 0.15:
        withdrawn = {"state": "alive"} if is_dead and rng.random() < 0.7 else {}
        moved = {"tag": f"C-{tree.tree}-{day}", "lat": f"{tree.project.lat}.5{tree.tree:04}{day % 100:02}"}
        tree.say(log, "corrected", day, **withdrawn, **(moved if rng.random() < 0.5 or not withdrawn else {}))
    elif chance < 0.2 and all(said.leaf["event"] != "dedication_erased" for said in tree.statements):
        tree.say(log, "dedication_erased", day)
    elif is_dead:
        tree.say(log, "replaced", day)
    else:
        link = f"https://trees.example/{tree.tree}/{day}" if rng.random() < 0.3 else None
        tree.say(log, "dead" if rng.random() < mortality else "alive", day, link=link)


def certificate(
    tree: Tree,
    log: Leaves,
    checkpoint: str,
    *,
    lang: str = "en",
    left_out: Collection[int] = (),
) -> Json:
    """Return the certificate of a tree as of a checkpoint, without the statements whose numbers are left out.

    Older inspections that found the tree alive are left out too.
    """
    size = int(checkpoint.split("\n")[1])
    known = [said for said in tree.statements if said.place < size]
    inspections = [number for number, said in enumerate(known) if said.leaf["event"] == "alive"]
    hidden = {*left_out, *inspections[:-NEWEST_SHOWN]}
    shown = [said for number, said in enumerate(known) if number not in hidden]
    erased = any(said.leaf["event"] == "dedication_erased" for said in shown)
    last, planting = shown[-1], tree.planting(shown)
    planting_link = next(said.link for said in shown if said.leaf is planting)
    facts = tree.particulars
    return {
        "certificate": tree.number,
        "state": last.leaf["state"],
        "project_id": tree.project.project_id,
        "species": facts["species"][lang],
        "latin": facts["latin"],
        "place": facts["place"][lang],
        "partner": facts["partner"],
        "dedication": None if erased else tree.secret["dedication"],
        "requested_at": facts["requested_at"],
        "planted_at": last.leaf["planted_at"],
        "tree": {
            "tag": last.leaf["tag"],
            "lat": float(last.leaf["lat"]),
            "lon": float(last.leaf["lon"]),
            "photo": photo_of(planting),
            "link": planting_link,
        },
        "history": [
            {
                "event": said.leaf["event"],
                "state": said.leaf["state"],
                "at": said.leaf["occurred_at"],
                "recorded_at": said.leaf["recorded_at"],
                "photo": photo_of(said.leaf),
                "link": said.link,
            }
            for said in shown
        ],
        "particulars": facts,
        "salt": None if erased else tree.secret["salt"],
        "proofs": [proof(log, said.place, size, checkpoint) for said in shown],
        "count": proof(log, size - 1, size, checkpoint),
    }


def photo_of(leaf: Json) -> Json | None:
    return {"sha256": leaf["photo"], "url": f"{FILES}/photos/{leaf['photo']}"} if leaf["photo"] else None


def proof(log: Leaves, index: int, size: int, checkpoint: str) -> Json:
    return {"leaf": log.leaf(index).decode(), "tlog_proof": log.proof(index, size, checkpoint)}


def planted_log(key: Key, lives: Sequence[int], seed: int = 1) -> tuple[Log, list[Tree], list[int]]:
    """Return a log with a random life for each number of events, its trees, and the sizes that it had at its counts."""
    log, counter, rng = Log(key), Counter(), Random(seed)
    trees = [Tree(number) for number in range(1, len(lives) + 1)]
    sizes = []
    for tree, events in zip(trees, lives, strict=True):
        live(rng, tree, log, events)
        sizes.append(counter.count(log, trees, events))
    return log, trees, sizes
