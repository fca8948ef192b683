"""Makes redemptions nobody's, as the erasure of their person does it."""

from saxaul.catalog.calendar import Calendar
from saxaul.settings import settings
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
