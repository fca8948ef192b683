"""The rules of a tree's life: which statement may follow which, and what belongs to one tree alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.leaves import TreeLeaf
from saxaul.log.lives import Life, evidence_changes, next_life
from saxaul.log.verdicts import RefusedError
from tests.published_log import make_tree_life, photo_of

FOLLOWERS = {
    "planted": ["alive", "dead", "corrected", "dedication_erased"],
    "alive": ["alive", "dead", "corrected", "dedication_erased"],
    "replaced": ["alive", "dead", "corrected", "dedication_erased"],
    "dead": ["replaced", "corrected", "withdrawn", "dedication_erased"],
}


@st.composite
def lives(draw: st.DrawFn, most: int = 40) -> list[TreeLeaf]:
    """Draw a life that follows the rules."""
    events: list[str] = []
    state = "planted"
    for _ in range(draw(st.integers(0, most))):
        allowed = [event for event in FOLLOWERS[state] if event not in events or event != "dedication_erased"]
        events.append(draw(st.sampled_from(allowed)))
        state = {"withdrawn": "alive", "corrected": state, "dedication_erased": state}.get(events[-1], events[-1])
    return make_tree_life(events, draw(st.integers(0, 99)))


def lived(leaves: list[TreeLeaf], *, may_leave_out: bool = False) -> Life:
    life = next_life(None, leaves[0])
    for leaf in leaves[1:]:
        life = next_life(life, leaf, may_leave_out=may_leave_out)
    return life


def after(*events: str, **changed: Any) -> tuple[Life, TreeLeaf]:  # noqa: ANN401 - the fields of a leaf
    """Return a life before its newest leaf, and that leaf with changed fields."""
    *leaves, newest = make_tree_life(events)
    return lived(leaves), newest._replace(**changed)


@given(lives())
def test_a_life_by_the_rules_is_followed_to_its_end(leaves: list[TreeLeaf]) -> None:
    life = lived(leaves)

    assert (life.state, life.tag, life.lat, life.lon) == (
        leaves[-1].state,
        leaves[-1].tag,
        leaves[-1].lat,
        leaves[-1].lon,
    )
    assert life.is_erased == any(leaf.event == "dedication_erased" for leaf in leaves)
    assert life.previous == next(leaf.hash.hex() for leaf in reversed(leaves) if leaf.is_in_chain)


@given(lives(), st.data())
def test_a_left_out_change_is_noticed_and_left_out_inspections_are_counted(
    leaves: list[TreeLeaf], data: st.DataObject
) -> None:
    kept = [leaf for leaf in leaves[:-1] if leaf.is_in_chain or data.draw(st.booleans())] + leaves[-1:]
    life, left_out = next_life(None, kept[0]), 0
    for leaf in kept[1:]:
        left_out += life.left_out_before(leaf)
        life = next_life(life, leaf, may_leave_out=True)

    assert left_out == len(leaves) - len(kept)
    for hidden in [leaf for leaf in leaves[:-1] if leaf.is_in_chain]:
        with pytest.raises(RefusedError):
            lived([leaf for leaf in kept if leaf != hidden], may_leave_out=True)


@given(lives().filter(lambda leaves: any(not leaf.is_in_chain for leaf in leaves[:-1])))
def test_the_whole_log_leaves_no_inspection_out(leaves: list[TreeLeaf]) -> None:
    hidden = next(leaf for leaf in leaves[:-1] if not leaf.is_in_chain)

    with pytest.raises(RefusedError):
        lived([leaf for leaf in leaves if leaf != hidden])


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (state, event)
        for state in FOLLOWERS
        for event in ("planted", "alive", "dead", "replaced")
        if event not in FOLLOWERS[state]
    ],
)
def test_an_event_in_the_wrong_state_is_refused(state: str, event: str) -> None:
    *leaves, newest = make_tree_life([*{"planted": [], "replaced": ["dead", "replaced"]}.get(state, [state]), "alive"])
    wrong = newest._replace(event=event, state=event, planted_at=newest.occurred_at)  # type: ignore[arg-type]

    with pytest.raises(RefusedError, match=r"cannot come after|planted before"):
        next_life(lived(leaves), wrong)


@pytest.mark.parametrize(
    ("events", "changed", "reason"),
    [
        (["alive"], {"certificate": "OTHER"}, "another certificate"),
        (["alive"], {"project_id": "other"}, "another certificate"),
        (["corrected"], {"particulars": "b" * 64}, "another certificate"),
        (["alive"], {"tag": "AX-9"}, "another tag"),
        (["dead"], {"lat": "1.0000000"}, "another tag, place"),
        (["dead"], {"lon": "1.0000000"}, "another tag, place"),
        (["alive"], {"planted_at": "2026-06-21T10:00:00+08:00"}, "time of planting"),
        (["dedication_erased"], {"tag": "AX-9"}, "another tag"),
        (["dedication_erased"], {"photo": "9" * 64}, "another photo"),
        (["dead", "replaced"], {"planted_at": "2026-12-31T10:00:00+08:00"}, "seen before its planting"),
        (["alive"], {"occurred_at": "2026-06-20T09:59:59+08:00"}, "dated before"),
        (["alive"], {"occurred_at": "2026-06-20T10:30:00+09:00"}, "dated before"),
        (["corrected"], {"occurred_at": "2026-07-02T00:00:00+08:00"}, "time of its recording"),
        (["dedication_erased"], {"occurred_at": "2026-07-02T00:00:00+08:00"}, "time of its recording"),
        (["corrected"], {"state": "alive"}, "changes the state"),
        (["corrected"], {"state": "dead"}, "changes the state"),
        (["dead", "withdrawn"], {"state": "planted"}, "changes the state"),
        (["dead", "withdrawn"], {"state": "replaced"}, "changes the state"),
        (["dead", "dedication_erased"], {"state": "alive"}, "changes the state"),
        (["dedication_erased", "dedication_erased"], {}, "was erased before"),
        (["alive"], {"since": 1}, "wrong number"),
        (["alive", "alive"], {"since": 0}, "wrong number"),
        (["alive"], {"previous": "0" * 64}, "newest leaf of its chain"),
    ],
)
def test_a_statement_that_breaks_a_rule_is_refused(events: list[str], changed: dict[str, Any], reason: str) -> None:
    life, leaf = after(*events, **changed)

    with pytest.raises(RefusedError, match=reason):
        next_life(life, leaf)


def test_a_life_begins_with_its_planting() -> None:
    planted, alive = make_tree_life(["alive"])

    with pytest.raises(RefusedError, match="before the planting"):
        next_life(None, alive)
    with pytest.raises(RefusedError, match="two times of planting"):
        next_life(None, planted._replace(planted_at="2026-06-19T10:00:00+08:00"))


def test_a_replacement_is_seen_on_the_day_of_its_planting_or_later() -> None:
    life, leaf = after("dead", "replaced")

    for planted_at in (leaf.occurred_at, "2026-06-20T10:00:00+08:00"):
        assert next_life(life, leaf._replace(planted_at=planted_at)).planted_at == planted_at


def test_no_inspection_is_left_out_while_a_tree_is_dead() -> None:
    life, leaf = after("dead", "replaced", since=1)

    with pytest.raises(RefusedError, match="wrong number"):
        next_life(life, leaf, may_leave_out=True)


def test_a_planting_takes_its_tag_place_and_photo() -> None:
    (planted,) = make_tree_life([], 7)

    changes = evidence_changes(None, planted)

    assert changes.freed == ()
    assert changes.taken == (("tag", "ax-0007"), ("place", "38.00070,105.67100"), ("photo", photo_of(7, 0)))


def test_a_death_frees_the_place_and_nothing_else() -> None:
    changes = evidence_changes(*after("dead"))

    assert changes.freed == (("place", "38.00000,105.67100"),)
    assert changes.taken == (("photo", photo_of(0, 1)),)


def test_an_inspection_takes_its_photo_alone() -> None:
    assert evidence_changes(*after("alive")) == ((), (("photo", photo_of(0, 1)),))
    assert evidence_changes(*after("alive", photo="")) == ((), ())


def test_a_correction_frees_what_it_replaces() -> None:
    changes = evidence_changes(*after("corrected", tag="AX-9", photo="9" * 64))

    assert changes.freed == (("tag", "ax-0000"), ("place", "38.00000,105.67100"), ("photo", photo_of(0, 0)))
    assert changes.taken == (("tag", "ax-9"), ("place", "39.00000,105.67100"), ("photo", "9" * 64))


def test_a_correction_that_keeps_tag_place_and_photo_frees_nothing() -> None:
    life, leaf = after("corrected", lat="38.0000000")

    assert evidence_changes(life, leaf) == ((), ())


def test_a_withdrawn_death_takes_the_place_again() -> None:
    assert evidence_changes(*after("dead", "withdrawn")) == ((), (("place", "38.00000,105.67100"),))


def test_a_correction_of_a_dead_tree_takes_no_place() -> None:
    assert evidence_changes(*after("dead", "corrected", lat="1.0000000")) == ((), ())


def test_an_erasure_changes_no_evidence() -> None:
    assert evidence_changes(*after("dedication_erased")) == ((), ())
