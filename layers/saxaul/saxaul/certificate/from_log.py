"""Builds the certificate of a tree from the log."""

from collections.abc import Sequence

from saxaul.catalog.entries import Text
from saxaul.catalog.recorded import recorded
from saxaul.certificate.certificate import Certificate
from saxaul.log.entries import Particulars
from saxaul.log.proof import LoggedEvent, Proof, latest_planting_index, shown_history, shown_tree


def certificate_from_log(particulars: Particulars, events: Sequence[LoggedEvent]) -> Certificate:
    """Build the certificate of a tree from its events in the log, oldest first."""
    last = events[-1].leaf
    planting = events[latest_planting_index([event.leaf for event in events])]
    return Certificate(
        number=last.certificate,
        state=last.event,
        project_id=last.project_id,
        species=recorded(Text, particulars.species),
        latin=particulars.latin,
        place=recorded(Text, particulars.place),
        partner=particulars.partner,
        dedication=particulars.dedication,
        requested_at=particulars.requested_at,
        planted_at=planting.leaf.occurred_at,
        tree=shown_tree(last, planting.photo_url),
        history=shown_history((event.leaf, event.photo_url) for event in events),
        proof=Proof(particulars, events),
    )
