"""What receipts must say of calls that were sent, whatever the order in which their actions were posted.

The model knows only what was sent and what the receipts say. Of all calls that report an action, one came first, and
the others are replayed, or conflicted if their content differs. If the response to a call was lost, the call was sent
again, and nobody knows the receipt of the lost one: then it may be the one that came first.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

SUMMED = ("posted", "summed")
NO_ROOM = ("withheld", "no_room")
REVERSED = ("withheld", "reversed")

KEPT = ("nothing_to_reverse", "kept")
_REVERSALS = {("reversed", ""), KEPT}

_CAPS = ("over_units_cap", "over_points_cap")
_POSTED = {"", "over_plausible_quantity", *_CAPS}
_WITHHELD = {"too_small_to_earn", "same_evidence", "repeated_id", "reversed", *_CAPS}


class Sent(NamedTuple):
    """A call that succeeded.

    Attributes:
        name: ``actions`` or ``reversals``.
        items: the actions or reversals, as they were sent.
        refused: the places of those that the response refused.
        was_repeated: whether the response to an earlier attempt was lost.
    """

    app: str
    name: str
    items: Sequence[Mapping[str, Any]]
    receipt_id: str
    refused: Collection[int]
    was_repeated: bool


class Report(NamedTuple):
    """An accepted item of a call, and what its receipt says: the status and the reason."""

    sent: Sent
    item: Mapping[str, Any]
    fate: tuple[str, str]

    @property
    def is_first(self) -> bool:
        """Whether the receipt says that the action came under this call, and that it has an entry."""
        status, reason = self.fate
        return (status == "posted" and reason in _POSTED) or (status == "withheld" and reason in _WITHHELD)


class Name(NamedTuple):
    """Which action or reversal a report names."""

    app: str
    user_id: str
    action_id: str


Reports = Mapping[Name, Sequence[Report]]


def wrong_receipts(sent: Sequence[Sent], receipts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return how the receipts, which are given by id, differ from what they must say."""
    wrong = [fault for call in sent for fault in _wrong_heads(call, receipts[call.receipt_id])]
    if wrong:
        return wrong
    actions, reversals = (reports_of(sent, receipts, name) for name in ("actions", "reversals"))
    wrong += [f"{name}: {fault}" for name, reports in actions.items() for fault in _wrong_actions(reports)]
    wrong += [
        f"reversal of {name}: {fault}"
        for name, reports in reversals.items()
        for fault in _wrong_reversals(reports, actions.get(name, ()))
    ]
    return wrong


def reports_of(sent: Iterable[Sent], receipts: Mapping[str, Mapping[str, Any]], name: str) -> Reports:
    """Return the accepted actions, or reversals, of all calls by what they name."""
    found: defaultdict[Name, list[Report]] = defaultdict(list)
    for call in sent:
        if call.name == name:
            for item, said in zip(call.items, receipts[call.receipt_id]["items"], strict=True):
                if said["index"] not in call.refused:
                    fate = said["status"], said.get("reason", "")
                    found[Name(call.app, item["user_id"], item["action_id"])].append(Report(call, item, fate))
    return found


def _wrong_heads(call: Sent, receipt: Mapping[str, Any]) -> Iterator[str]:
    statuses = [item["status"] for item in receipt["items"]]
    refused = {place for place, status in enumerate(statuses) if status == "refused"}
    if refused != set(call.refused) or len(statuses) != len(call.items) or receipt["kind"] != call.name:
        yield f"{call.receipt_id}: is of another call"
    if receipt["accepted"] != len(call.items) - len(call.refused):
        yield f"{call.receipt_id}: accepted {receipt['accepted']}"
    if {status: number for status, number in receipt["counts"].items() if number} != Counter(statuses):
        yield f"{call.receipt_id}: counts {receipt['counts']}"
    if unfinished := {"waiting", "dropped"} & set(statuses):
        yield f"{call.receipt_id}: is {unfinished}"


def _wrong_actions(reports: Sequence[Report]) -> Iterator[str]:
    fates = {report.fate for report in reports}
    if fates <= {SUMMED} or fates <= {NO_ROOM}:
        return  # without an entry, nothing tells a repeat from the first report
    if any(report.item.get("mode") == "total" for report in reports):
        yield from _wrong_totals(reports)
        return
    first = [report for report in reports if report.is_first]
    yield from _not_one_call(first, reports)
    repeats = [report for report in reports if not report.is_first]
    same = first or [report for report in repeats if report.fate == ("replayed", "")]
    for report in [*same, *repeats]:
        content = same[0].item if same else None
        right = ("replayed", "") if report.item == content else ("conflicted", "")
        if not report.is_first and report.fate != right:
            yield f"a repeat is {report.fate} instead of {right}"
        elif report.is_first and report.item != content:
            yield "two contents came first"


def _wrong_totals(reports: Sequence[Report]) -> Iterator[str]:
    """Yield what is wrong with the reports of a running total. The highest must have raised it, whoever came first."""
    others = {report.fate for report in reports if not report.is_first}
    if others - {("replayed", "")}:
        yield f"a report of a running total is {others}"
    most = max(report.item["quantity"] for report in reports)
    highest = [report for report in reports if report.item["quantity"] == most]
    yield from _not_one_call([report for report in highest if report.is_first], highest)


def _not_one_call(first: Sequence[Report], reports: Sequence[Report]) -> Iterator[str]:
    """Yield a fault if not exactly one call came first. It may be one whose response was lost."""
    calls = {report.sent.receipt_id for report in first}
    if len(calls) > 1 or (not calls and not any(report.sent.was_repeated for report in reports)):
        yield f"{len(calls)} of {len(reports)} reports came first"


def _wrong_reversals(reports: Sequence[Report], actions: Sequence[Report]) -> Iterator[str]:
    decided = [report for report in reports if report.fate in _REVERSALS]
    if others := {report.fate for report in reports} - _REVERSALS - {("replayed", "")}:
        yield f"is {others}"
    yield from _not_one_call(decided, reports)
    fates = {report.fate for report in decided}
    if not actions and fates - {KEPT}:
        yield f"nobody reported the action, but it is {fates}"
    if KEPT in fates:
        entered = {report.fate for report in actions if report.is_first} - {REVERSED}
        if entered:
            yield f"it was kept for an action that is {entered}"
