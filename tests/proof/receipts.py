"""What the receipts of delivered messages must say: compared with the model, and with the entries that are stored."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.entries import entry_name
from saxaul.ledger.periods import Period
from saxaul.ledger.receipts import ReceiptPart, fates_of
from saxaul.storage.receipts import RECEIPT_PREFIX, from_item
from saxaul.storage.table import python
from tests.proof.reports import Fate, Reports
from tests.proof.world import World

if TYPE_CHECKING:
    from tests.proof.twin import Message

REVERSED, KEPT = ("reversed", ""), ("nothing_to_reverse", "kept")
NOT_RECORDED = {("withheld", "no_room"), ("nothing_to_reverse", "not_kept")}
"""What a receipt says of an item that left no trace, so that a later delivery is like the first one."""
ITS_OWN = {"posted", "withheld"}
"""What a receipt says of an action only if its own call has reported the action first, or has raised it."""


class ReceiptCheck:
    """Checks the receipts of the messages that were added to it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._complete: dict[str, Sequence[Fate | None]] = {}

    def add(self, messages: Sequence["Message"]) -> None:
        self._messages |= {message.receipt: message for message in messages if message.receipt}

    def compare(self, messages: Sequence["Message"], reports: Reports, *, exactly: bool, lagging: bool) -> None:
        """Compare the receipts of a batch that was delivered to its end with what the model says. None may wait.

        After a fault, a message may be delivered again when later messages of the batch have changed its entries. Then
        its receipt may say what is true now; and a reversal may have come before its action, so that it was kept. If
        evidence is contested, actions without evidence may let it be decided again at once. The queue may also deliver
        a message twice in one batch. If reads are lagging, an entry that does not change is what it was a moment ago.

        A receipt that was complete before stays as it was. But what found no room then may find room now.
        """
        allowed: dict[str, list[set[Fate]]] = {}
        for message, fates in _by_message(messages, [fate() for fate in reports.fates]):
            known = allowed.setdefault(message.receipt, [set() for _ in fates])
            now: Sequence[Fate | None] = []
            if not exactly or reports.contested():
                now = reports.fates_now([(action, message.catalog) for action in message.reported if message.catalog])
            for place, fate in enumerate(fates):
                known[place].add(fate)
                if place < len(now) and (found := now[place]):
                    known[place].add(found)
                if not exactly and fate == REVERSED:
                    known[place].add(KEPT)
        for receipt, expected in allowed.items():
            if receipt:
                assert self._parts_of(receipt), f"{receipt} was not written"
                said = [fate and (fate.status, fate.reason) for fate in fates_of(self._parts_of(receipt))]
                if said == self._complete.get(receipt):
                    continue
                before = self._complete.get(receipt)
                assert before is None or NOT_RECORDED.intersection(before), (before, said)
                assert len(said) == len(expected)
                pairs = zip(said, expected, strict=True)
                assert all(f in ones or (lagging and _are_its_own(f, ones)) for f, ones in pairs), (said, expected)
                self._complete[receipt] = said

    def check_that_all_are_true(self) -> None:
        """Check that no receipt says that something was done that no entry shows."""
        for receipt, message in self._messages.items():
            if parts := self._parts_of(receipt):
                changes: list[Action | Reversal] = [*message.reported, *message.reversals]
                for change, fate in zip(changes, fates_of(parts), strict=True):
                    assert fate is not None
                    name, periods = entry_name(change.app, change.action_id), self._periods_of(change.owner)
                    entries = [period.entries[name] for period in periods if name in period.entries]
                    if fate.reason == "summed":
                        assert any(period.sums_up(name) for period in periods)
                    elif fate.status in ITS_OWN and fate.reason != "no_room":
                        assert any(e.is_total or e.came_under(message.mark) for e in entries), (fate, entries)
                    elif fate.status == "reversed":
                        assert any(e.reversed_by == message.mark for e in entries), (fate, entries)

    def _parts_of(self, receipt: str) -> list[ReceiptPart]:
        """Return the parts of a receipt, also of an expired one: a delayed message may be older than it is kept."""
        items = self._world.store.tables["Activity"].values()
        return [from_item(python(item)) for item in items if item["pk"]["S"] == RECEIPT_PREFIX + receipt]

    def _periods_of(self, owner: Owner) -> list[Period]:
        return self._world.periods.between(owner, "", "9999-12-31")


def _are_its_own(fate: tuple[str, str] | None, allowed: set[Fate]) -> bool:
    return fate is not None and {status for status, _ in (fate, *allowed)} <= ITS_OWN


def _by_message(messages: Sequence["Message"], fates: Sequence[Fate]) -> Iterator[tuple["Message", list[Fate]]]:
    """Yield each message with its fates. ``fates`` has those of all actions, and then those of all reversals."""
    left = iter(fates)
    for message in messages:
        if message.actions:
            yield message, [next(left) for _ in message.actions]
    for message in messages:
        if message.reversals:
            yield message, [next(left) for _ in message.reversals]
