"""Simulate 07:00: a million people harvest, and then request one tree each of a project with 500 new saplings.

Time goes on in steps of a quarter of a second. In each step:

- people who arrive, and those whose time to try again has come, call the API;
- the throttle of the API's stage, a token bucket, admits calls in the order of their arrival, and answers the others
  with status 429 and ``Retry-After: 1``;
- Lambda runs the admitted calls. It adds at most 1,000 workers of a function every 10 seconds, up to the account's
  1,000. A call that starts a worker takes longer, and one that finds none gets a status of 5XX;
- a redemption request reads the project's stock, which is one item. A call whose read is over 3,000 a second gets
  status 503;
- before the project is sold out, its group in the queue takes 300 requests a second. A call beyond that gets 503 too;
- the requests of the project are settled in the order of the queue, one batch of 10 after the other. The first 500 get
  a tree, the others are rejected. Later requests are refused as sold out.

A refused person tries again after the time that the response names, which doubles with each try up to 16 seconds, and
gives up after 12 tries. All people draw from one seeded generator, so the same numbers give the same burst.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.limits import GROUP_SENDS
from benchmarks.scale_units import Measured
from local.template import resources

STEP = 0.25
READS_OF_AN_ITEM = 3000
"""Read units of one partition in a second, without what it saved in quieter minutes. See ``limits``."""

SCALING, ACCOUNT_WORKERS = 100, 1000
"""Workers that Lambda adds for a function in a second, and the default quota of an account.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

SPREAD_OF_DURATIONS = 0.35
"""The sigma of the log-normal distribution of a call's duration. An assumption."""

HARVEST, REDEEM, WAIT, DONE = range(4)


@dataclass(frozen=True)
class Setting:
    """The numbers of a burst. Durations are in seconds.

    Attributes:
        arrival: the mean of the exponential distribution of the arrivals after 07:00.
        rate, burst: the throttle of the API's stage, in calls.
        pause: how long a person looks at the harvest before the request for a tree.
        poll: how long an app waits before it reads the state of a redemption again.
        cold: how much longer a call takes that starts a worker. An assumption; see ``make bench ONLY=cold_starts``.
        harvest, redeem, late, view: mean durations of the calls.
        settle: the duration of a batch of 10 in the project's group.
        reads, late_reads: reads of the stock's item for each redemption request, before and after it is sold out.
    """

    harvest: float
    redeem: float
    late: float
    view: float
    settle: float
    reads: float
    late_reads: float
    people: int = 1_000_000
    saplings: int = 500
    arrival: float = 120
    rate: float = 2000
    burst: float = 4000
    workers: int = ACCOUNT_WORKERS
    pause: float = 2
    poll: float = 2
    cold: float = 0.5
    longest_retry: float = 16
    tries: int = 12
    seed: int = 1


class Times(NamedTuple):
    """The 50th and the 99th percentile of some durations in seconds, and of how many people they are."""

    people: int
    p50: float
    p99: float


NONE = Times(0, 0, 0)


@dataclass
class Burst:
    """What happened in a burst.

    Attributes:
        refusals: refused tries, by kind.
        gave_up: people who gave up, by what they wanted.
        harvests, verdicts: durations from the first try to the answer. A verdict says whether the person gets a tree.
        answered, refused: calls in each second.
        sold_out: the second after 07:00 at which the last sapling was reserved, and all later requests are refused.
    """

    accepted: int = 0
    reserved: int = 0
    rejected: int = 0
    sold_out_answers: int = 0
    sold_out: float = 0
    last: float = 0
    most_workers: int = 0
    refusals: dict[str, int] = field(
        default_factory=lambda: {"throttled": 0, "no worker": 0, "busy item": 0, "busy group": 0}
    )
    gave_up: dict[str, int] = field(default_factory=lambda: {"harvest": 0, "redemption": 0})
    harvests: Times = NONE
    verdicts: Times = NONE
    verdict_seconds: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


def setting_of(measured: Measured, *, people: int, rate: float | None = None) -> Setting:
    """Return the burst with the measured durations, and the throttle of the template or another one."""
    steps = measured.steps
    stage = resources("AWS::Serverless::Api")["Api"]["MethodSettings"][0]
    return Setting(
        harvest=steps["harvest"].seconds(1),
        redeem=steps["redeem"].seconds(1),
        late=steps["redeem_late"].seconds(1),
        view=steps["view_redemption"].seconds(1),
        settle=steps["settle"].seconds(10),
        reads=steps["redeem"].fixed.stock_reads,
        late_reads=steps["redeem_late"].fixed.stock_reads,
        people=people,
        rate=rate or stage["ThrottlingRateLimit"],
        burst=2 * rate if rate else stage["ThrottlingBurstLimit"],
    )


def simulate(setting: Setting) -> Burst:
    """Run the burst until every person has an answer or gave up."""
    return _Simulation(setting).run()


class _Simulation:
    def __init__(self, setting: Setting) -> None:
        self.s = setting
        self.chance = np.random.default_rng(setting.seed)
        people = setting.people
        self.due = self.chance.exponential(setting.arrival, people)
        self.phase = np.full(people, HARVEST, np.int8)
        self.tries = np.zeros(people, np.int16)
        self.began = self.due.copy()
        self.settled_at = np.full(people, np.inf)
        self.took = np.full((2, people), np.nan)
        self.queue: list[NDArray[np.intp]] = []
        self.waiting = 0
        self.capacity = 0.0
        self.tokens = float(setting.burst)
        self.existing, self.may_add = 0.0, 1000.0
        self.result = Burst()
        self.now = 0.0

    def run(self) -> Burst:
        result, s = self.result, self.s
        seconds: dict[int, list[int]] = {}
        while True:
            self.tokens = min(s.burst, self.tokens + s.rate * STEP)
            self.may_add = min(1000.0, self.may_add + SCALING * STEP)
            calling = np.flatnonzero(self.due < self.now + STEP)
            if not len(calling) and not np.isfinite(self.due).any():
                break
            calling = calling[np.argsort(self.due[calling], kind="stable")]
            admitted, over = np.split(calling, [min(len(calling), int(self.tokens))])
            self.tokens -= len(admitted)
            self._refuse(over, "throttled")
            done, refused = self._run_calls(admitted)
            self._settle()
            counts = seconds.setdefault(int(self.now), [0, 0])
            counts[0] += done
            counts[1] += len(over) + refused
            self.now += STEP
        result.last = round(self.now, 2)
        result.answered = [counts[0] for counts in seconds.values()]
        result.refused = [counts[1] for counts in seconds.values()]
        result.harvests, result.verdicts = (times(took) for took in self.took)
        result.verdict_seconds = [float(x) for x in np.nanpercentile(self.took[1], range(101))]
        return result

    def _run_calls(self, admitted: NDArray[np.intp]) -> tuple[int, int]:
        """Run the admitted calls. Return how many were answered, and how many were refused after all."""
        phases = self.phase[admitted]
        redeeming = admitted[phases == REDEEM]
        known = self.result.sold_out > 0
        reads = self.s.late_reads if known else self.s.reads
        allowed = len(redeeming) if not reads else int(READS_OF_AN_ITEM * STEP / reads)
        self._refuse(redeeming[allowed:], "busy item")
        sending = allowed if known else min(allowed, int(GROUP_SENDS * STEP))
        self._refuse(redeeming[sending:allowed], "busy group")
        served = admitted[~np.isin(admitted, redeeming[sending:])]
        durations = self._durations(served)
        served, durations, left = self._on_workers(served, durations)
        self._refuse(left, "no worker")
        phases = self.phase[served]
        for phase, handle in ((HARVEST, self._harvested), (REDEEM, self._redeemed), (WAIT, self._viewed)):
            chosen = phases == phase
            handle(served[chosen], np.maximum(self.due[served[chosen]], self.now) + durations[chosen])
        return len(served), len(redeeming[sending:]) + len(left)

    def _durations(self, calls: NDArray[np.intp]) -> NDArray[np.float64]:
        s = self.s
        redeem = s.late if self.result.sold_out else s.redeem
        means = np.array([s.harvest, redeem, s.view, 0.0])[self.phase[calls]]
        return means * self.chance.lognormal(-(SPREAD_OF_DURATIONS**2) / 2, SPREAD_OF_DURATIONS, len(calls))

    def _on_workers(
        self, calls: NDArray[np.intp], durations: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
        """Give the calls to workers. Return those that found one, how long they take, and those that found none."""
        needed = float(durations.sum()) / STEP
        added = min(max(0.0, np.ceil(needed - self.existing)), self.may_add, self.s.workers - self.existing)
        cold = min(len(calls), int(added))
        durations = durations.copy()
        durations[:cold] += self.s.cold
        self.existing += added
        self.may_add -= added
        self.result.most_workers = int(max(self.result.most_workers, self.existing))
        fit = len(calls)
        if needed > self.existing:
            fit = int(len(calls) * self.existing / needed)
        return calls[:fit], durations[:fit], calls[fit:]

    def _refuse(self, people: NDArray[np.intp], kind: str) -> None:
        self.result.refusals[kind] += len(people)
        self.tries[people] += 1
        gone = people[self.tries[people] >= self.s.tries]
        waits = np.minimum(self.s.longest_retry, 2.0 ** (self.tries[people] - 1))
        self.due[people] = self.now + STEP + waits * self.chance.uniform(1, 1.5, len(people))
        # a person who waits for a settled redemption reads its state later
        wanting = self.phase[gone]
        self.result.gave_up["harvest"] += int((wanting == HARVEST).sum())
        self.result.gave_up["redemption"] += int((wanting == REDEEM).sum())
        ended = gone[wanting != WAIT]
        self._end(ended)

    def _harvested(self, people: NDArray[np.intp], at: NDArray[np.float64]) -> None:
        self.took[0, people] = at - self.began[people]
        self.phase[people], self.tries[people] = REDEEM, 0
        self.due[people] = self.began[people] = at + self.chance.exponential(self.s.pause, len(people))

    def _redeemed(self, people: NDArray[np.intp], at: NDArray[np.float64]) -> None:
        if self.result.sold_out:
            self.result.sold_out_answers += len(people)
            self.took[1, people] = at - self.began[people]
            self._end(people)
            return
        self.result.accepted += len(people)
        if len(people):
            self.queue.append(people[np.argsort(at)])
            self.waiting += len(people)
        self.phase[people], self.tries[people] = WAIT, 0
        self.due[people] = at + self.s.poll

    def _viewed(self, people: NDArray[np.intp], at: NDArray[np.float64]) -> None:
        settled = self.settled_at[people] <= at
        done = people[settled]
        self.took[1, done] = at[settled] - self.began[done]
        self._end(done)
        self.due[people[~settled]] = at[~settled] + self.s.poll

    def _settle(self) -> None:
        """Settle as many queued redemptions as the group's one worker can in this step."""
        self.capacity = min(self.capacity + STEP / self.s.settle * 10, 10 * (1 + STEP / self.s.settle))
        count = min(self.waiting, int(self.capacity))
        if not count:
            return
        self.capacity -= count
        self.waiting -= count
        line = np.concatenate(self.queue)
        settled, rest = line[:count], line[count:]
        self.queue = [rest] if len(rest) else []
        self.settled_at[settled] = self.now + STEP
        reserved = min(count, self.s.saplings - self.result.reserved)
        self.result.reserved += reserved
        self.result.rejected += count - reserved
        if self.result.reserved == self.s.saplings and not self.result.sold_out:
            self.result.sold_out = round(self.now + STEP, 2)

    def _end(self, people: NDArray[np.intp]) -> None:
        self.phase[people] = DONE
        self.due[people] = np.inf


def times(took: NDArray[np.float64]) -> Times:
    """Return the percentiles of durations, without those that are missing."""
    known = took[~np.isnan(took)]
    if not len(known):
        return NONE
    p50, p99 = np.percentile(known, [50, 99])
    return Times(len(known), round(float(p50), 3), round(float(p99), 3))
