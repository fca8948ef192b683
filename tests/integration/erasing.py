"""Begins and finishes erasures, and makes redemptions nobody's, as an erasure does it."""

from saxaul.catalog.calendar import Calendar
from saxaul.people.erasures import CLOCKS_AGREE_WITHIN, ErasureMark, ErasureReceipt
from saxaul.settings import settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.nobody import move_writes
from saxaul.storage.queues import send_leaves
from saxaul.storage.table import transact
from saxaul.trees.nobody import moved_to_nobody
from saxaul.trees.redemptions import Redemption
from tests.builders import USER, make_calendar
from tests.integration.stack import Stack

CALENDAR: Calendar = make_calendar()


def move_to_nobody(stack: Stack, redemption_id: str, user_id: str = USER.id) -> Redemption:
    """Make one redemption nobody's, and return it. The statements about its trees wait for the sequencer."""
    redemption = stack.redemption(redemption_id, user_id)
    orders = stack.orders.get_many({order_id for tree in redemption.trees for order_id in tree.orders})
    moved = moved_to_nobody(redemption, orders, stack.clock.now(), CALENDAR)
    transact(move_writes(stack.ledger, moved))
    if moved.statements:
        send_leaves(settings().log_queue_url)
    return moved.after._replace(version=1)


def begin_erasure(stack: Stack, user_id: str = USER.id, erasure_id: str = "e-1") -> ErasureMark:
    """Write the mark and the receipt of an erasure that is requested now. Return the mark as it is stored."""
    erasures = Erasures(stack.ledger)
    mark = ErasureMark(erasures.name_of(user_id), erasure_id, stack.clock.instant, user_id)
    erasures.begin(mark, ErasureReceipt(erasure_id, stack.clock.instant, "console"))
    return mark._replace(version=1)


def finish_erasure(stack: Stack, mark: ErasureMark) -> None:
    """Finish an erasure now, and let pass the few seconds after which a new person begins."""
    Erasures(stack.ledger).finish(mark, stack.clock.instant)
    stack.clock.instant += 2 * CLOCKS_AGREE_WITHIN + 1
