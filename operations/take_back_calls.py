"""Sends the reversals of a round through the API, and follows their receipts. What is done is in the journal."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from local.console import progress
from operations.app_lines import AppLine
from operations.take_back_journal import Journal, SentCall
from saxaul.clock import Clock
from saxaul_client import OperatorClient, Problem, Reversal

PATIENCE = 300
"""Seconds without progress after which the command gives up. A message that failed is delivered again after 241."""

_PAUSE = 0.5
"""Seconds between two readings of a receipt that waits."""

_UNKNOWN = "unknown_receipt"


class StuckError(Exception):
    """Something has waited for too long to be posted. The message says how much."""


def send(operator: OperatorClient, journal: Journal, app_id: str, reason: str) -> None:
    """Send the calls of the round that were not sent.

    A call that a crash has left out of the journal is sent again, which changes nothing.
    """
    calls, sent = journal.calls(), journal.sent()
    total = len(calls)
    with progress("taking back", "calls", total) as tell:
        for number, lines in enumerate(calls):
            if number not in sent:
                journal.note_sent(number, _send_one(operator, app_id, reason, lines))
            tell(number + 1)


def _send_one(operator: OperatorClient, app_id: str, reason: str, lines: Sequence[AppLine]) -> SentCall:
    reported = operator.take_back(app_id, (_reversal_of(line, reason) for line in lines))
    receipt_id = next((receipt.receipt_id for receipt in reported.receipts), "")
    return SentCall(receipt_id, dict(Counter(refusal.code for refusal in reported.refused)))


def _reversal_of(line: AppLine, reason: str) -> Reversal:
    moment = datetime.fromtimestamp(line.occurred_at, UTC)
    user_id, facility_id = (line.owner.id if line.owner.kind == kind else None for kind in ("user", "facility"))
    return Reversal(
        action_id=line.action_id, occurred_at=moment, reason=reason, user_id=user_id, facility_id=facility_id
    )


def follow(operator: OperatorClient, journal: Journal, clock: Clock) -> None:
    """Wait until all that was sent in the round is posted.

    A receipt that is not there any more, 30 days after its call, is not waited for. The next look at the ledger shows
    what is left.

    Raises:
        StuckError: nothing was posted for ``PATIENCE`` seconds.
    """
    receipts = [call.receipt_id for call in journal.sent().values() if call.receipt_id]
    followed = journal.followed()
    total = len(receipts)
    with progress("waiting until it is posted", "calls", total) as tell:
        for number, receipt_id in enumerate(receipts):
            if receipt_id not in followed:
                journal.note_followed(receipt_id, _follow_one(operator, receipt_id, clock))
            tell(number + 1)


def _follow_one(operator: OperatorClient, receipt_id: str, clock: Clock) -> Counter[str]:
    waited, left = 0.0, -1
    while True:
        fates = _fates_in(operator, receipt_id)
        waiting = fates["waiting"]
        if not waiting:
            return fates
        waited = 0.0 if waiting != left else waited + _PAUSE
        if waited >= PATIENCE:
            raise StuckError(f"{waiting} reversals of the receipt {receipt_id} still wait")
        left = waiting
        clock.sleep(_PAUSE)


def _fates_in(operator: OperatorClient, receipt_id: str) -> Counter[str]:
    """Return how many items of a receipt have each status. Refused items are counted by the answer of the call."""
    try:
        receipt = operator.receipt(receipt_id)
    except Problem as problem:
        if problem.code != _UNKNOWN:
            raise
        return Counter({_UNKNOWN: 1})
    return Counter(item.status for item in receipt.items if item.status != "refused")
