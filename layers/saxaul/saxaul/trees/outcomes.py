"""The outcome of the reports that a partner sends: what they change, and which of them are refused."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saxaul.catalog.faults import shortened
from saxaul.ledger.actions import RefusalReason
from saxaul.trees.evidence import Transfer, TreeEvidence
from saxaul.trees.numbers import parse_number
from saxaul.trees.redemptions import Redemption
from saxaul.trees.statements import Statement


class Verdict(NamedTuple):
    """What became of one report: it was accepted, or refused for a reason.

    ``certificate`` is the certificate number as it was sent, cut if it is too long for one; None if there is none.
    """

    certificate: str | None
    refusal: RefusalReason | None


class RedemptionChange(NamedTuple):
    """What the reports of a request change in one redemption. It is written as a whole.

    Attributes:
        redemption: the redemption in its new form, with the version that was read.
        refund: the points to return to the wallet of its user.
        statements: the statements for the public log, oldest first of each tree.
        transfers: the evidence that its trees take and give up.
    """

    redemption: Redemption
    refund: int
    statements: Sequence[Statement]
    transfers: Mapping[TreeEvidence, Transfer]


class Reported(NamedTuple):
    """The outcome of reports: what they change, and a verdict for each of them, in their order.

    A report has no verdict if it waits for others: it is to be applied again after the changes are written.
    """

    changes: Sequence[RedemptionChange]
    verdicts: Sequence[Verdict | None]


class NamedTree(NamedTuple):
    """The tree that a report names: its redemption, and its certificate number in its standard form."""

    redemption_id: str
    number: str


def named_tree(report: object, redemption_ids: Mapping[str, str]) -> NamedTree | None:
    """Return the tree that a report names; None if the order has no such tree.

    ``redemption_ids`` has the redemption of each tree of the order, by certificate number.
    """
    certificate = report.get("certificate") if isinstance(report, dict) else None
    number = parse_number(certificate) if isinstance(certificate, str) else None
    return NamedTree(redemption_ids[number], number) if number in redemption_ids and number else None


def certificate_in(report: object) -> str | None:
    """Return the certificate number that a report names, cut if it is too long for one; None if it names none."""
    certificate = report.get("certificate") if isinstance(report, dict) else None
    return shortened(certificate) if isinstance(certificate, str) else None
