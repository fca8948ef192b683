"""An app that repeats a call until it is answered, and the worker that empties the queue. They share one person.

The person is not among those of the model, so the receipts are compared with what each step must give.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from saxaul.ledger.actions import Owner
from saxaul.ledger.batches import missing_parts
from saxaul.ledger.receipts import Fate, fates_of
from saxaul.messages.bodies import ActionMessage
from saxaul.services.ingest import IntakeResult
from tests.builders import APP, DAY
from tests.proof.twin import Twin
from tests.proof.world import ACTION_QUEUE, CALENDAR

if TYPE_CHECKING:
    from tests.proof.faults import Fault

PERSON = Owner("user", "u-3")
POSTED, REPLAYED, CONFLICTED, REFUSED = Fate("posted"), Fate("replayed"), Fate("conflicted"), Fate("refused")
CUT, WITHHELD = Fate("posted", "over_units_cap"), Fate("withheld", "over_units_cap")
REVERSED, KEPT = Fate("reversed"), Fate("nothing_to_reverse", "kept")
ONE_ACTION_BYTES = 260
"""The length of a message that has room for one action, and not for two."""


class Caller:
    """Makes calls, and remembers the receipt of each one that was answered."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._world = twin.world
        self._struck: list[Fault] = []
        self._expected: dict[str, Sequence[Fate]] = {}
        self._posted: list[ActionMessage] = []

    def report(self, expected: Sequence[Fate], *reported: dict[str, Any]) -> None:
        """Report actions. ``expected`` is what the receipt must say at last."""
        self._call(expected, lambda: self._world.intake.actions(APP, reported, needs_grants=False, a_day=None))

    def report_in_two_messages(self, expected: Sequence[Fate], *reported: dict[str, Any]) -> None:
        """Report two actions, of which only one fits a message."""
        queued = len(self._world.queue.queues[ACTION_QUEUE])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("saxaul.messages.bodies.MAX_MESSAGE_BYTES", ONE_ACTION_BYTES)
            struck = len(self._struck)
            self.report(expected, *reported)
        if len(self._struck) == struck:
            sent = map(ActionMessage.model_validate_json, self._world.queue.queues[ACTION_QUEUE][queued:])
            assert [(message.part, message.parts) for message in sent] == [(0, 2), (1, 2)]

    def reverse(self, expected: Sequence[Fate], *reported: dict[str, Any]) -> None:
        taken_back = [
            {name: ride[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "refund"}
            for ride in reported
        ]
        self._call(expected, lambda: self._world.reversal_intake.take(APP, taken_back, needs_grants=False, a_day=None))

    def _call(self, expected: Sequence[Fate], call: Callable[[], IntakeResult]) -> None:
        answers: list[IntakeResult] = []

        def ask() -> bool:
            answers.append(call())
            return True

        self._struck += self._twin.until_done(ask, rival=self._post)
        assert answers[-1].accepted == len(expected) - expected.count(REFUSED)
        self._expected[answers[-1].receipt_id] = expected

    def deliver(self) -> None:
        """Post everything that is queued, in one batch, and empty the queue."""
        self._struck += self._twin.accrue_bodies(self._world.queue.queues[ACTION_QUEUE])
        self._empty_the_queue()

    def _post(self) -> None:
        """Post what is queued now, as another worker may do before the call has ended."""
        queued = self._world.queue.queues[ACTION_QUEUE]
        assert self._world.accrue({str(number): body for number, body in enumerate(queued)}) == {}
        self._empty_the_queue()

    def _empty_the_queue(self) -> None:
        queued = self._world.queue.queues[ACTION_QUEUE]
        self._posted += map(ActionMessage.model_validate_json, queued)
        queued.clear()
        self._world.without_faults(self._check_that_posted_actions_have_entries)

    def _check_that_posted_actions_have_entries(self) -> None:
        """Check that what a receipt says is posted has an entry with its mark."""
        periods = self._world.periods.between(PERSON, "", "9999-12-31")
        for message in self._posted:
            fates = fates_of(self._world.receipts.parts_of(message.receipt))
            for place, action in zip(message.places, message.unpacked(), strict=False):
                if (fate := fates[place]) and fate.status in {"posted", "withheld"}:
                    found = [p.entries.get(f"{APP}:{action.action_id}") for p in periods]
                    assert any(entry and entry.came_under(message.mark) for entry in found), (fate, action, found)

    def check(self) -> None:
        """Compare the receipts of the answered calls.

        After a fault, the app repeats its call under another receipt, which may say that the first one was posted. But
        of all receipts, exactly one says of an action that it is posted. No receipt waits: none has lost its message. A
        receipt of which a part is missing belongs to a call that was not answered.
        """
        self._world.without_faults(self._check)

    def _check(self) -> None:
        for receipt_id, expected in self._expected.items():
            assert not missing_parts(self._world.receipts.parts_of(receipt_id))
            said = fates_of(self._world.receipts.parts_of(receipt_id))
            if self._struck:
                assert all(fate in {one, REPLAYED} for fate, one in zip(said, expected, strict=True)), said
            else:
                assert said == expected
        assert not any("waiting" in item for item in self._world.store.tables["Activity"].values())
        seen = {message.receipt for message in self._posted}
        parts = [part for receipt_id in seen for part in self._world.receipts.parts_of(receipt_id)]
        done = Counter(fate for part in parts for fate in fates_of([part]))
        wanted = Counter(fate for expected in self._expected.values() for fate in expected)
        assert {fate: done[fate] for fate in (POSTED, CUT, WITHHELD, REVERSED, KEPT)} == {
            fate: wanted[fate] for fate in (POSTED, CUT, WITHHELD, REVERSED, KEPT)
        }


def call_and_post(twin: Twin) -> None:
    """Report actions, of which some are over a cap, repeat and change them, and reverse some."""
    caller = Caller(twin)
    rides = [told(twin, f"ride-{number}") for number in range(2)]
    bikes = [told(twin, f"bike-{number}", "cycling", 3) for number in range(3)]
    caller.report([POSTED, REFUSED, POSTED], rides[0], told(twin, "none", "no_such_type"), rides[1])
    caller.deliver()
    caller.report([POSTED, CUT, WITHHELD], *bikes)
    caller.report([REPLAYED, CONFLICTED], rides[0], rides[1] | {"quantity": 2})
    caller.deliver()
    caller.reverse([REVERSED, KEPT], rides[0], told(twin, "never"))
    caller.deliver()
    caller.report_in_two_messages([POSTED, POSTED], *(told(twin, f"free-{n}", "leave_the_car") for n in range(2)))
    caller.deliver()
    caller.check()


def told(twin: Twin, action_id: str, type_: str = "bus_ride", quantity: int = 1) -> dict[str, Any]:
    occurred_at = CALENDAR.rfc3339(twin.world.now - DAY)
    return {
        "action_id": action_id,
        "user_id": PERSON.id,
        "type": type_,
        "quantity": quantity,
        "occurred_at": occurred_at,
    }


def entries_without_marks(twin: Twin) -> list[str]:
    """Return the person's entries. Which call of several came first, and so left its mark, depends on the fault."""
    periods = twin.world.periods.between(PERSON, "", "9999-12-31")
    return [
        f"{period.window} {name} {entry.quantity} {entry.points} {entry.reason} {entry.reversal} {entry.conflicted}"
        for period in periods
        for name, entry in period.entries.items()
    ]
