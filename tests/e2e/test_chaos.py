"""The action queue under stress: a hostile app, parallel senders, repeats, and workers that are killed all the time.

Three honest apps report what people did. A fourth app, which is hostile, floods periods with the smallest quantities,
reverses actions that never existed, repeats ids with other content, and claims the evidence of the others. The wallets
must be those of a model that is only sums: whatever the order of arrival, a person has what the days are worth.

Each receipt must say the right thing of each action and reversal of its call (``receipt_model.py``).
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import httpx

from local.replay import ZONE
from local.seed import as_catalog, load
from saxaul.catalog.entries import ActionType
from saxaul.ledger.actions import Action, Owner, Reversal
from tests.e2e.calling import Client
from tests.e2e.journeys import IS_LONG, run_operation, short_visibility_timeout, wait_for_empty_queue
from tests.e2e.receipt_model import Sent, wrong_receipts
from tests.e2e.worker_killer import WorkerKiller

USERS = 500 if IS_LONG else 100
ACTIONS = 40 * USERS
DAYS = 3
SENDERS = 8
HONEST = ("alipay", "tmall", "freshippo")
HOSTILE = "taobao"
ACTIONS_PER_USER = 10
USERS_PER_CALL = 10
VISIBILITY = 12
"""Seconds until SQS redelivers a dead worker's messages: more than a cold start takes, short enough for a test."""

PATIENCE = 600
"""Seconds to wait for an empty queue. An idle machine needs about one minute, a busy one more."""

KINDS: Mapping[str, tuple[int, ...]] = {
    "walking": (49, 333, 1_000, 6_000),
    "etc_toll": (1, 2),
    "train_ticket": (1, 40, 300),
    "leave_the_car": (1,),
    "show_ticket": (1, 2),
    "secondhand_item": (1, 2),
}
"""Action types and their quantities. No campaign multiplies these types. Each has one cap, and a unit is worth whole
points or the cap is on the points of a day. So what a person earns does not depend on the order of arrival."""

FLOODED = USERS // 20
"""How many people the hostile app floods: it sends each ``FLOOD`` actions of the smallest quantity for one day."""
FLOOD = 400
UNKNOWN = 60
"""How many actions that never existed the hostile app reverses for each of these people."""

T = TypeVar("T")


class Call(NamedTuple):
    """One API call of one app."""

    app: str
    path: str
    body: dict[str, Any]


class Days(NamedTuple):
    """The actions of the simulated days, each of them once, the reversals, and conflicting repeats of actions."""

    actions: Sequence[Action]
    reversals: Sequence[Reversal]
    conflicting: Sequence[Action]

    @property
    def people(self) -> list[str]:
        return sorted({action.owner.id for action in self.actions})


def make_days(rng: random.Random, now: int) -> Days:
    people = [Owner("user", f"chaos-{number}") for number in range(USERS)]

    def moment() -> int:
        """Return a time of the last days, one second after a full minute. So the next seconds are on the same day."""
        instant = now - rng.randrange(60, DAYS * 86_400)
        return instant - instant % 60 + 1

    def some(app: str, number: int) -> Action:
        kind = rng.choice(sorted(KINDS))
        return Action(app, rng.choice(people), f"act-{number}", kind, Decimal(rng.choice(KINDS[kind])), moment())

    honest = [some(rng.choice(HONEST), number) for number in range(ACTIONS)]
    nights = [
        Action("", owner, f"night-{n}", "green_hotel_night", Decimal(2), moment(), evidence_id=f"hotel:{n}")
        for n, owner in enumerate(people)
    ]
    shared = [[night._replace(app=app) for app in rng.sample(HONEST, 2)] for night in nights]
    squats = [
        Action(HOSTILE, night.owner, f"squat-{n}", "walking", Decimal(1), moment(), evidence_id=night.evidence_id)
        for n, night in enumerate(nights)
    ]
    totals = [
        Action(rng.choice(HONEST), owner, f"steps-{at}", "walking", Decimal(quantity), at + later, is_total=True)
        for owner in people[::2]
        for at in [moment()]
        for later, quantity in enumerate(rng.sample((700, 2_049, 4_900), 3))
    ]
    app_of_total = {(total.owner, total.action_id): total.app for total in totals}
    totals = [total._replace(app=app_of_total[total.owner, total.action_id]) for total in totals]
    flood = [
        Action(HOSTILE, owner, f"flood-{number}", "walking", Decimal(1), at)
        for owner in people[:FLOODED]
        for at in [moment()]
        for number in range(FLOOD)
    ]
    repeated = [some(HOSTILE, ACTIONS + number) for number in range(2 * USERS)]
    claims = list(chain.from_iterable(shared))
    reversed_actions = [
        *rng.sample(honest, ACTIONS // 50),
        *rng.sample(claims, USERS // 2),
        *rng.sample(squats, USERS // 2),
        *rng.sample(totals, USERS // 10),
    ]
    taken_back = {(action.app, action.owner, action.action_id): reversal_of(action) for action in reversed_actions}
    unknown = [
        Reversal(HOSTILE, action.owner, f"never-{number}", "mistaken", action.occurred_at)
        for action in flood[::FLOOD]
        for number in range(UNKNOWN)
    ]
    return Days(
        [*honest, *claims, *squats, *totals, *flood, *repeated],
        [*taken_back.values(), *unknown],
        [action._replace(occurred_at=action.occurred_at + 1) for action in repeated],
    )


def reversal_of(action: Action) -> Reversal:
    return Reversal(action.app, action.owner, action.action_id, "refunded", action.occurred_at)


def calls_of(days: Days, rng: random.Random) -> list[Call]:
    """Divide the days into API calls. Every tenth action is sent twice, and a reversal may be sent before its action.

    A call has actions of a few users. The actions of one user are spread over several calls, so that workers write to
    the same periods concurrently.
    """
    rows: list[Action | Reversal] = [*days.actions, *days.actions[::10], *days.reversals, *days.conflicting]
    rng.shuffle(rows)
    items: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        name = "actions" if isinstance(row, Action) else "reversals"
        items[row.app, name, row.owner.id].append(sent(row))
    parts = [
        (key, list(part))
        for key, of_user_and_endpoint in items.items()
        for part in batched(of_user_and_endpoint, ACTIONS_PER_USER)
    ]
    rng.shuffle(parts)
    endpoints: defaultdict[tuple[str, str], list[list[dict[str, Any]]]] = defaultdict(list)
    for (app, name, _), part in parts:
        endpoints[app, name].append(part)
    calls = [
        Call(app, f"/{name}", {name: list(chain.from_iterable(together))})
        for (app, name), found in endpoints.items()
        for together in batched(found, USERS_PER_CALL)
    ]
    rng.shuffle(calls)
    return calls


def sent(row: Action | Reversal) -> dict[str, Any]:
    """Return an action or a reversal as an app sends it."""
    which = {
        "action_id": row.action_id,
        "user_id": row.owner.id,
        "occurred_at": datetime.fromtimestamp(row.occurred_at, UTC).isoformat(),
    }
    if isinstance(row, Reversal):
        return {**which, "reason": row.reason}
    proof = {"evidence_id": row.evidence_id} if row.evidence_id else {}
    mode = {"mode": "total"} if row.is_total else {}
    return {**which, "type": row.type, "quantity": int(row.quantity), **proof, **mode}


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def send(client: Client, call: Call) -> Sent:
    """Send a call, and repeat it after a server or network error, as an app does."""
    was_repeated = False
    while (response := attempt(client, call)) is None or response.is_server_error:
        was_repeated = True
        time.sleep(0.2)
    assert response.status_code == 202
    accepted = response.json()
    assert {refusal["code"] for refusal in accepted["refused"]} <= (
        {"conflicting_action"} if call.app == HOSTILE else set()
    )
    refused = {refusal["index"] for refusal in accepted["refused"]}
    [(name, items)] = call.body.items()
    assert accepted["accepted"] == len(items) - len(refused)
    return Sent(call.app, name, items, accepted["receipt_id"], refused, was_repeated)


def attempt(client: Client, call: Call) -> httpx.Response | None:
    try:
        return client.call("POST", call.path, call.body)
    except httpx.TransportError:
        return None


def receipt_of(client: Client, call: Sent) -> tuple[str, Any]:
    """Return the id of the receipt of a call, and the receipt."""
    return call.receipt_id, client.call_or_exit("GET", f"/receipts/{call.receipt_id}")


def counting(days: Days) -> Iterator[Action]:
    """Yield the actions that count: not reversed, the highest of running totals, and one claim to each evidence."""
    taken_back = {(reversal.app, reversal.owner, reversal.action_id) for reversal in days.reversals}
    kept = [action for action in days.actions if (action.app, action.owner, action.action_id) not in taken_back]
    yield from (action for action in kept if not action.is_total and not action.evidence_id)
    yield from highest(kept, lambda action: action.is_total and (action.app, action.owner, action.action_id))
    # Two nights in a hotel earn more than one step.
    yield from highest(kept, lambda action: action.evidence_id and (action.owner, action.evidence_id))


def highest(actions: Iterable[Action], group: Callable[[Action], object]) -> Iterator[Action]:
    """Yield the action with the highest quantity of each group. An action without a group is left out."""
    best: dict[object, Action] = {}
    for action in actions:
        if (name := group(action)) and (name not in best or best[name].quantity < action.quantity):
            best[name] = action
    yield from best.values()


def expected_earnings(days: Days) -> dict[str, tuple[int, Decimal]]:
    """Return the points and grams of each user. All of them are sums over the actions that count."""
    types = as_catalog(load()).action_types
    units: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    quantities: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for action in counting(days):
        rule, day = types[action.type], datetime.fromtimestamp(action.occurred_at, ZONE).date().isoformat()
        [cap], reward = rule.caps, rule.points
        assert reward
        paid = action.quantity if reward.per == "unit" else Decimal(action.quantity >= reward.at_least)
        units[action.owner.id, action.type, day[:7] if cap.window == "month" else day] += paid
        quantities[action.owner.id, action.type, day] += action.quantity
    points: defaultdict[str, int] = defaultdict(int)
    grams: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (user, kind, _), total in units.items():
        points[user] += capped_points(total, types[kind])
    for (user, kind, _), total in quantities.items():
        plausible = types[kind].plausible_quantity
        assert plausible is not None
        grams[user] += min(total, plausible) * types[kind].avoided_g.value
    return {user: (points[user], grams[user]) for user in days.people}


def capped_points(units: Decimal, rule: ActionType) -> int:
    """Return the points of the units of one window of the only cap of a type."""
    [cap], reward = rule.caps, rule.points
    assert reward
    if cap.units is not None:
        units = min(units, cap.units)
        assert reward.value == reward.value.to_integral_value()
    points = int((units * reward.value).to_integral_value(ROUND_FLOOR))
    return points if cap.points is None else min(points, cap.points)


def test_every_wallet_is_right_while_workers_are_killed_and_one_app_is_hostile(stack: dict[str, Any]) -> None:
    rng = random.Random()
    days = make_days(rng, int(time.time()))
    calls = calls_of(days, rng)
    victims = ["IngestActions", "AccruePoints"]
    killer = WorkerKiller(stack, victims, pause=(1, 3), seed=rng.getrandbits(32))

    with short_visibility_timeout(stack, "actions", VISIBILITY), ExitStack() as opened:
        clients = {app: opened.enter_context(Client(app)) for app in (*HONEST, HOSTILE)}
        with killer, ThreadPoolExecutor(SENDERS) as senders:
            sent = list(senders.map(lambda call: send(clients[call.app], call), calls))
            wait_for_empty_queue(patience=PATIENCE)
        redriven = run_operation("dead_letters", "redrive")
        wait_for_empty_queue(patience=PATIENCE)
        reconciled = run_operation("reconcile")
        with ThreadPoolExecutor(SENDERS) as readers:
            paths = [f"/users/{user}/wallet" for user in days.people]
            wallets = list(readers.map(lambda path: clients[HONEST[0]].call_or_exit("GET", path), paths))
            receipts = dict(readers.map(lambda call: receipt_of(clients[call.app], call), sent))
    recounted = run_operation("recount")
    if "not judged" in recounted.stdout:  # the tally was still counting the stream
        recounted = run_operation("recount")

    expected = expected_earnings(days)
    assert killer.kills.keys() == {*victims}, (
        "no worker of some function was killed, so the test proved nothing about it"
    )
    assert redriven.returncode == 0, redriven.stdout + redriven.stderr
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert len(receipts) == len(calls)
    assert wrong_receipts(sent, receipts) == []
    assert (recounted.returncode, "does not hold" in recounted.stdout) == (0, False), (
        recounted.stdout + recounted.stderr
    )
    found = {wallet["user_id"]: (wallet["earned"], wallet["avoided_g"]) for wallet in wallets}
    assert found == {user: (points, float(grams)) for user, (points, grams) in expected.items()}
    assert sum(earned for earned, _ in found.values()) == sum(points for points, _ in expected.values()) > 0
