"""The limits of a client: how many calls it may make in a second, and how many actions it may report in a day.

What a client has used is in a table that all workers share. A worker takes a block from the table ahead, and spends
it from its memory. Blocks that are lost with a worker are never given back. So the table gives out a little more than
the limit, and a worker takes ahead only so much that the loss is not larger. Therefore a client under its limit is
never refused, whatever happens to the workers.

**Calls.** A bucket (a generic cell rate algorithm) holds the calls of ROOM, 1.3 seconds, and is filled at the rate of
the limit. Its only state is the instant at which it will be full. A call that is needed now may take the last one, but
calls that are only expected (the rest of a block) may be taken only while the bucket lacks less than AHEAD. So the
calls that are taken ahead and lost cost at most AHEAD, and clocks that differ cost at most SPREAD. What is left is the
BURST of one second that the limit promises.

A client that was refused is over its limit, and the promise does not hold for it. Its blocks may empty the bucket, so
that they stay large: it must not cost a write for each call.

In T seconds, the limit promises ``rate * (T + 1)`` calls, and at most ``rate * (T + 1.8)`` are let through: what the
bucket gave in the interval (ROOM), and in the BLOCK_LIFE before it. OVERSHOOT is the difference.

**Actions.** A worker takes at most a hundredth of what it has itself taken in the day ahead. So at most a hundredth is
lost, and the table gives out a hundredth more than the limit.
"""

from typing import NamedTuple

SECOND = 1_000_000_000
"""The instants and durations of calls are in nanoseconds, so that a call at the highest rate still has a whole cost."""

BURST = SECOND
"""The calls that a client may make at once, as the time in which its limit allows them."""
AHEAD = SECOND // 10
"""How much the bucket may lack, as such a time, after a worker has taken calls ahead for a client under its limit. A
block that would make it lack more is taken with fewer calls."""
SPREAD = SECOND // 5
"""How much the clocks of two workers may differ."""
ROOM = BURST + AHEAD + SPREAD
"""What the bucket holds, as such a time."""

BLOCK_LIFE = SECOND // 2
"""How long a worker may spend a block. It bounds the calls that workers hold while a client pauses."""

OVERSHOOT = ROOM - BURST + BLOCK_LIFE
"""The most calls that are let through beyond the promise, in an interval of any length, as such a time. Clocks that
differ add their difference."""

IMPOSSIBLE = ROOM + SPREAD
"""If a bucket is to be full later than this from now, a clock is or was wrong, and the bucket counts as full."""

_OVER_FOR = 2 * SECOND
"""How long a client counts as over its limit after a refusal. It is longer than the longest pause, so that a client
which keeps sending is still over its limit when the table is asked again."""
_LONGEST_PAUSE = SECOND
"""The longest time for which a worker refuses a client without asking the table. A refused client is told to wait for a
second, and after it the table must be asked again."""

_LARGEST_WHEN_OVER = SECOND // 4
"""The largest block of a client over its limit, as the time in which its limit allows it. More would be missing in
other workers."""
_SMALLEST_WHEN_OVER = SECOND // 20
"""The smallest such block, if the worker wants as many calls. A bucket that has less is not asked, because a client at
its limit would otherwise cost a write for each call that trickles in."""

_REMEMBERED = 2 * SECOND
"""How long the size of the last block tells how many calls will come. After it, a worker begins with one call again."""

LOSS = 100
"""A worker takes actions ahead only up to a hundredth of those that it has let through today. So blocks that are lost
with dead workers cost at most a hundredth of the limit, and the table gives out as much in addition."""
_LARGEST_BLOCK = 1000
"""A worker takes at most a thousandth of the limit ahead, so that it does not hold what another worker needs."""
_LAST_PART = 10
"""Of the last tenth of a day's limit, nothing is taken ahead: each call takes what it needs."""


class CallBlock(NamedTuple):
    """Calls that a worker wants to take from a bucket.

    Attributes:
        calls: their number.
        now: the instant by the clock of this worker.
        cost: how much later the bucket will be full.
        from_full: whether the worker expects a full bucket. Then it will be full at ``now + cost``.
        latest: the latest instant at which the bucket may be full before this block is taken.
    """

    calls: int
    now: int
    cost: int
    from_full: bool
    latest: int


class CallMeter:
    """What one worker knows of the calls of one client.

    Attributes:
        failed_at: when the table last failed to count them.
    """

    __slots__ = ("_full_at", "_in_hand", "_over_at", "_pause", "_paused_at", "_size", "_taken_at", "failed_at")

    def __init__(self) -> None:
        self.failed_at = -SECOND
        self._in_hand = 0
        self._size = 1
        self._taken_at = -SECOND
        self._full_at = 0
        self._over_at = -SECOND
        self._pause = 0
        self._paused_at = 0

    def spend(self, now: int) -> bool:
        """Take a call from the block in hand. Return False if there is none, or if the block is too old."""
        if self._in_hand and _within(self._taken_at, now, BLOCK_LIFE):
            self._in_hand -= 1
            return True
        return False

    def block(self, now: int, rate: int) -> CallBlock | None:
        """Return the block to take next, or None if the client must be refused without asking the table.

        The bucket has no more than this worker saw last, because other workers only take from it.
        """
        if _within(self._paused_at, now, self._pause):
            self._over_at = now
            return None
        full_at = self._full_at if self._full_at <= now + IMPOSSIBLE else 0
        calls = self._calls(_fitting(full_at, now, rate, AHEAD), _fitting(full_at, now, rate, ROOM), now, rate)
        if not calls:
            self._over_at = now
            return None
        cost = calls * SECOND // rate
        is_ahead = calls > 1 and not self._is_over(now)
        return CallBlock(calls, now, cost, full_at <= now, now + (AHEAD if is_ahead else ROOM) - cost)

    def _calls(self, ahead: int, room: int, now: int, rate: int) -> int:
        wanted = self._wanted(now)
        if not self._is_over(now):
            return max(min(wanted, ahead), min(1, room))
        most = min(wanted, _calls_of(_LARGEST_WHEN_OVER, rate))
        return min(most, room) if room >= min(most, _calls_of(_SMALLEST_WHEN_OVER, rate)) else 0

    def _wanted(self, now: int) -> int:
        """Return how many calls this client will probably make here while a block may be spent."""
        age = now - self._taken_at
        if not 0 <= age < _REMEMBERED:
            return 1
        if self._in_hand:
            return max(1, self._size - self._in_hand)
        return self._size * 2 if age < BLOCK_LIFE // 2 or self._is_over(now) else self._size

    def _is_over(self, now: int) -> bool:
        return _within(self._over_at, now, _OVER_FOR)

    def took(self, block: CallBlock, full_at: int) -> None:
        """Note that the table gave a block, whose first call is spent now. The bucket is full at ``full_at``."""
        self._in_hand, self._size, self._taken_at = block.calls - 1, block.calls, block.now
        self._full_at, self._pause = full_at, self._pause // 2

    def saw(self, full_at: int) -> None:
        """Note that the table refused a block, because the bucket is full at ``full_at``, or 0 if there is none."""
        self._full_at = full_at

    def pause(self, now: int, rate: int) -> None:
        """Ask the table no more until it may have room for a call.

        Other workers may take that room. So the pause doubles with each time in a row that there was none.
        """
        until_room = self._full_at + SECOND // rate - ROOM - now
        self._pause = min(_LONGEST_PAUSE, max(until_room, self._pause * 2))
        self._paused_at = now


def _within(moment: int, now: int, span: int) -> bool:
    """Return whether less than a span has passed since a moment. It has passed too if the clock was set back."""
    return 0 <= now - moment < span


def _calls_of(span: int, rate: int) -> int:
    """Return how many calls the limit allows in a time, and at least one."""
    return max(1, span * rate // SECOND)


def _fitting(full_at: int, now: int, rate: int, lack: int) -> int:
    """Return how many calls a bucket can give until it lacks as much as a time allows."""
    return max(0, (now + lack - max(full_at, now)) * rate // SECOND)


class ActionBlock(NamedTuple):
    """Actions that a worker wants to take from a day.

    Attributes:
        actions: their number.
        most: the most that may be taken of the day before them.
    """

    actions: int
    most: int


class DayMeter:
    """What one worker knows of the actions of one client in one day.

    Attributes:
        day: the day in ISO format.
        failed_at: when the table last failed to count them, in nanoseconds.
    """

    __slots__ = ("_in_hand", "_limit", "_spent", "_used", "day", "failed_at")

    def __init__(self, day: str) -> None:
        self.day = day
        self.failed_at = -SECOND
        self._in_hand = 0
        self._limit = 0
        self._spent = 0
        self._used = 0

    def left(self, limit: int) -> int:
        """Return how many actions of the limit are left, as far as this worker knows."""
        return max(0, limit - self._used + self._in_hand)

    def spend(self, number: int, limit: int) -> bool:
        """Take actions from those in hand. Return False if there are not enough.

        Those in hand were taken by the limit of that moment. If an operator has changed it since, they are given up.
        """
        if limit != self._limit:
            self._limit, self._in_hand = limit, 0
        if number > self._in_hand:
            return False
        self._in_hand -= number
        self._spent += number
        return True

    def block(self, number: int, limit: int) -> ActionBlock | None:
        """Return the block with which so many actions can be spent, or None if the day has no room for them.

        The day has no more than this worker saw last, because the others only take from it.
        """
        most = limit + limit // LOSS
        needed = number - self._in_hand
        is_ahead = self._used < limit - limit // _LAST_PART
        ahead = min(self._spent // LOSS, limit // _LARGEST_BLOCK) if is_ahead else 0
        room = most - self._used
        if needed > room:
            return None
        actions = min(needed + ahead, room)
        return ActionBlock(actions, most - actions)

    def took(self, block: ActionBlock, used: int) -> None:
        """Note that the table gave a block, and how many actions all workers have taken."""
        self._in_hand += block.actions
        self._used = used

    def saw(self, used: int) -> None:
        """Note that the table refused a block, because so many actions are taken."""
        self._used = used
