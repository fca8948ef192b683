"""Leaves of the log, and whole lives of trees, as the service would write them."""

from typing import Any, cast

from saxaul.log.counts import Counts
from saxaul.log.events import TREE_STATES, Event
from saxaul.log.leaves import CountLeaf, TreeLeaf

_CERTIFICATE = "08T7-PZB3-J52J-Z"


def make_tree_leaf(event: str = "planted", **changed: Any) -> TreeLeaf:  # noqa: ANN401 - the fields of a leaf
    """Return a leaf about one tree, with any of its fields changed."""
    leaf = TreeLeaf(
        certificate=_CERTIFICATE,
        project_id="saxaul-alxa",
        by="Alxa SEE Foundation",
        event=cast("Event", event),
        state=event if event in TREE_STATES else "planted",
        occurred_at="2026-06-20T10:00:00+08:00",
        recorded_at="2026-06-20T18:00:00+08:00",
        planted_at="2026-06-20T10:00:00+08:00",
        tag="AX-0001",
        lat="38.8510000",
        lon="105.6710000",
        photo="",
        link="",
        particulars="a" * 64,
        previous="" if event == "planted" else "b" * 64,
        since=0,
    )
    return leaf._replace(**changed)


def make_count_leaf(counts: Counts, size: int) -> CountLeaf:
    return CountLeaf(*counts, size, "2026-06-20T18:00:02+08:00")
