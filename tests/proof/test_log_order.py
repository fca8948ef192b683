"""Whatever partners report, the log lists it in an order that a monitor accepts: who takes comes after who frees."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.fetching import LogReader, MissingFileError
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.monitor import follow
from saxaul.log.notes import VerifierKey
from saxaul.log.tiles import TILE_WIDTH, entries_path
from saxaul.services.sequence_log import Sequencing
from saxaul.storage.leaves import leaf_key
from saxaul.storage.log_files import PREFIX
from saxaul.storage.photos import Photos
from saxaul.storage.sequence import SequenceStore
from saxaul.storage.signing import SigningKey
from saxaul.trees.leaf_refs import LeafRef
from saxaul.trees.photos import HashedPhoto
from saxaul.trees.report_rules import ApplyReports, apply_confirmations, apply_corrections, apply_inspections
from tests.builders import confirmation, correction, inspection
from tests.proof.faults import Calls
from tests.proof.memory_dynamodb import Name
from tests.proof.memory_files import MemoryFiles
from tests.proof.nursery import Nursery
from tests.proof.sequencers import ORIGIN, make_sequencer
from tests.proof.world import CALENDAR

TAGS = ["AX-1", "ＡＸ-1", "AX-2", "AX-3", "AX-4"]  # noqa: RUF001 - the second is the first in full width
PLACES = [{"lat": 38.8, "lon": round(105.7 + step / 1000, 3)} for step in range(5)]
PHOTOS = [f"{number:064x}" for number in range(5)]
RULES: Mapping[str, ApplyReports] = {
    "planted": apply_confirmations,
    "alive": apply_inspections,
    "dead": apply_inspections,
    "replaced": apply_inspections,
    "corrected": apply_corrections,
    "withdrawn": apply_corrections,
}


class MemoryReader(LogReader):
    """Reads the files of a log in memory."""

    def __init__(self, files: MemoryFiles) -> None:
        super().__init__("https://files.example/log")
        self._files = files

    def _fetch(self, path: str, most: int) -> bytes:
        found = self._files.objects.get(PREFIX + path)
        if found is None:
            raise MissingFileError(path)
        assert len(found.body) <= most
        return found.body


class Grove:
    """Two redemptions of two trees each, in one order, with a sequencer on their ledger. Its index lags.

    ``numbers`` has the certificates, first those of the one redemption and then those of the other.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.nursery = Nursery(patch)
        self.world = self.nursery.world
        self.nursery.reserve("u-1", "one", 2)
        self.nursery.reserve("u-2", "two", 2)
        self.nursery.batch()
        for photo in PHOTOS:
            Photos(self.world.ledger).put(HashedPhoto(photo, 1, "image/jpeg", self.world.now))
        [self.order] = self.nursery.announced
        self.numbers = [tree.number for tree in self.order.trees]
        self.files = MemoryFiles(patch, Calls())
        self.world.store.catch_up()
        self.world.store.lagging = True

    def report(self, rule: ApplyReports, *reports: Any) -> list[str]:  # noqa: ANN401 - reports as partners send them
        return self.nursery.report(self.order, rule, reports)

    def made(self, kind: str, tree: int, label: Mapping[str, Any], photo: Mapping[str, str]) -> dict[str, Any]:
        """Return a report on a tree, which happened now."""
        number, now = self.numbers[tree], CALENDAR.rfc3339(self.world.now)
        match kind:
            case "planted":
                return confirmation(number, planted_at=now, **label, **photo)
            case "replaced":
                return inspection(number, kind, inspected_at=now, planted_at=now, **label, **photo)
            case "corrected":
                return correction(number, **label, **photo)
            case "withdrawn":
                return correction(number, alive=True)
        return inspection(number, kind, inspected_at=now, **photo)

    def plant(self, *trees: int) -> None:
        """Report trees as planted. Each gets the tag and the place with its number."""
        reports = [self.made("planted", tree, {"tag": f"AX-{tree}", **PLACES[tree]}, {}) for tree in trees]
        assert self.report(apply_confirmations, *reports) == []

    def sequencer(self) -> Sequencing:
        return make_sequencer(SequenceStore(self.world.ledger), CALENDAR, self.world.clock)

    def hide(self, *refs: LeafRef) -> None:
        """Let the index show everything but these leaves."""
        self.world.store.catch_up()
        for ref in refs:
            self.world.store._before["Ledger"][Name(*leaf_key(ref))] = None  # noqa: SLF001

    def finish(self) -> list[TreeLeaf]:
        """Publish all leaves, check the log as a monitor does, and return the statements in the order of the log."""
        self.world.store.catch_up()
        while self.sequencer().run().batches:
            self.world.store.catch_up()
        self.nursery.check()
        stated = list(self._published())
        assert len(stated) == sum(tree.chain.statements for one in self.nursery.redemptions() for tree in one.trees)
        if self.files.published:
            self._monitor()
        return stated

    def _monitor(self) -> None:
        key = SigningKey("key").public_key
        with TemporaryDirectory() as folder:
            state = Path(folder) / "state"
            counts = follow(MemoryReader(self.files), VerifierKey.of(ORIGIN, key), state).counts
        assert counts == self.sequencer().store.head().counts

    def _published(self) -> Iterator[TreeLeaf]:
        size = self.sequencer().store.published().size
        for start in range(0, size, TILE_WIDTH):
            path = entries_path(start // TILE_WIDTH, min(TILE_WIDTH, size - start))
            for leaf in map(parse, self.files.entries(path)):
                if not isinstance(leaf, CountLeaf):
                    yield leaf


@pytest.fixture
def grove(monkeypatch: pytest.MonkeyPatch) -> Grove:
    return Grove(monkeypatch)


def corrections_in(stated: Sequence[TreeLeaf]) -> list[str]:
    """Return the tags of the corrections among some statements. The others may be listed before or between them."""
    return [leaf.tag for leaf in stated if leaf.event == "corrected"]


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (0, 2), (2, 0), (3, 1)])
def test_two_swapped_tags_are_corrected_in_one_call(grove: Grove, one: int, other: int) -> None:
    grove.plant(one, other)
    steps = [(one, "AX-9"), (other, f"AX-{one}"), (one, f"AX-{other}")]

    reports = [grove.made("corrected", tree, {"tag": tag}, {}) for tree, tag in steps]
    assert grove.report(apply_corrections, *reports) == []
    stated = grove.finish()

    assert corrections_in(stated) == [tag for _, tag in steps]
    assert len({leaf.recorded_at for leaf in stated}) == 1


@pytest.mark.parametrize("heir", [1, 2])
def test_a_tree_is_planted_in_the_second_in_which_another_one_dies_there(grove: Grove, heir: int) -> None:
    grove.plant(0)
    grove.sequencer().run()
    grove.world.store.catch_up()
    grove.sequencer().run()
    assert grove.report(apply_inspections, grove.made("dead", 0, {}, {})) == []
    planted = grove.made("planted", heir, {"tag": "AX-7", **PLACES[0]}, {})
    assert grove.report(apply_confirmations, planted) == []

    grove.hide(LeafRef(grove.numbers[0], 2))
    assert grove.sequencer().run().leaves == 0  # the planting waits for the death
    stated = grove.finish()

    assert [(leaf.event, leaf.certificate) for leaf in stated[1:]] == [
        ("dead", grove.numbers[0]),
        ("planted", grove.numbers[heir]),
    ]


def test_a_tag_that_was_taken_and_given_up_in_one_call_comes_after_that_call(grove: Grove) -> None:
    grove.plant(0, 2)
    briefly = [grove.made("corrected", 0, {"tag": tag}, {}) for tag in ("AX-9", "AX-8")]
    assert grove.report(apply_corrections, *briefly) == []
    assert grove.report(apply_corrections, grove.made("corrected", 2, {"tag": "AX-9"}, {})) == []

    grove.hide(LeafRef(grove.numbers[0], 3))
    grove.sequencer().run()
    stated = grove.finish()

    assert corrections_in(stated) == ["AX-9", "AX-8", "AX-9"]


def test_a_report_is_not_refused_because_of_one_that_is_refused_itself(grove: Grove) -> None:
    grove.plant(3)
    reports = [
        grove.made("planted", 0, {"tag": "AX-7", **PLACES[3]}, {}),
        grove.made("planted", 2, {"tag": "AX-7", **PLACES[2]}, {}),
    ]

    assert grove.report(apply_confirmations, *reports) == ["place_used"]
    assert sorted(leaf.tag for leaf in grove.finish()) == ["AX-3", "AX-7"]


Report = tuple[str, int, str, Mapping[str, float], str]
reports = st.tuples(
    st.sampled_from(sorted(RULES)),
    st.integers(0, 3),
    st.sampled_from(TAGS),
    st.sampled_from(PLACES),
    st.sampled_from(["", *PHOTOS]),
)


def _called(grove: Grove, call: Sequence[Report]) -> None:
    """Send the reports in one call, if they are of one kind, and else those of each kind in turn."""
    made: dict[ApplyReports, list[dict[str, Any]]] = {}
    for kind, tree, tag, place, photo in call:
        report = grove.made(kind, tree, {"tag": tag, **place}, {"photo": photo} if photo else {})
        made.setdefault(RULES[kind], []).append(report)
    for rule, sent in made.items():
        grove.report(rule, *sent)


def _step(grove: Grove, step: str) -> None:
    actions: Mapping[str, Callable[[], object]] = {
        "sequence": lambda: grove.sequencer().run(),
        "catch up": grove.world.store.catch_up,
        "a second": lambda: setattr(grove.world, "now", grove.world.now + 1),
        "hide": lambda: grove.hide(*(LeafRef(number, 2) for number in grove.numbers[::2])),
    }
    actions[step]()


steps = st.lists(
    st.lists(reports, min_size=1, max_size=6) | st.sampled_from(["sequence", "catch up", "a second", "hide"]),
    min_size=4,
    max_size=25,
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_monitor_accepts_every_log_of_reports_that_were_accepted(steps: list[list[Report] | str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        grove = Grove(patch)
        for step in steps:
            if isinstance(step, str):
                _step(grove, step)
            else:
                _called(grove, step)
        grove.finish()
