"""The action queue under stress: parallel senders, repeated actions, and workers that are killed every few seconds."""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import httpx

from local.client import Client
from local.seed import as_catalog, load
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.periods import MAX_WITHHELD
from tests.e2e.journeys import IS_LONG, run_operation, short_visibility_timeout, wait_for_empty_queue
from tests.e2e.worker_killer import WorkerKiller
from tests.proof.model import Model

USERS = 500 if IS_LONG else 100
ACTIONS = 40 * USERS
DAYS = 3
SENDERS = 8
APPS = ("alipay", "taobao")
ACTIONS_PER_USER = 10
USERS_PER_CALL = 10
VISIBILITY = 12
"""Seconds until SQS redelivers a dead worker's messages: more than a cold start takes, short enough for a test."""

PATIENCE = 600
"""Seconds to wait for an empty queue. An idle machine needs about one minute, a busy one more."""

KINDS: Mapping[str, tuple[int, ...]] = {
    "walking": (1_000, 6_000, 9_000),
    "etc_toll": (1, 2),
    "train_ticket": (40, 300),
    "leave_the_car": (1,),
    "show_ticket": (1, 2),
    "secondhand_item": (1,),
}
"""Action types and their quantities. No campaign multiplies these types, and the points of each quantity are a whole
number. So the points that they earn within their caps do not depend on the order of arrival."""

REVERSIBLE = "secondhand_item"
REVERSIBLE_CAP = 10
"""The test reverses actions of this type only for users with at most this many of them. These users exceed no cap, so a
reversal never frees room for another action, and the order of arrival does not matter."""

T = TypeVar("T")


class Call(NamedTuple):
    """One API call of one app."""

    app: str
    path: str
    body: dict[str, Any]


class Day(NamedTuple):
    """The actions of the simulated days, each of them once, and the reversals."""

    actions: Sequence[Action]
    reversals: Sequence[Reversal]


def make_day(rng: random.Random, now: int) -> Day:
    actions = []
    for number in range(ACTIONS):
        kind = rng.choice(sorted(KINDS))
        owner = Owner("user", f"chaos-{rng.randrange(USERS)}")
        occurred_at = now - rng.randrange(DAYS * 86_400)
        quantity = Decimal(rng.choice(KINDS[kind]))
        actions.append(Action(rng.choice(APPS), owner, f"act-{number}", kind, quantity, occurred_at))
    rare = [action for action in actions if action.type == REVERSIBLE]
    of_user = Counter(action.owner for action in rare)
    reversible = [action for action in rare if of_user[action.owner] <= REVERSIBLE_CAP]
    reversed_actions = rng.sample(reversible, ACTIONS // 100)
    return Day(
        actions,
        [
            Reversal(action.app, action.owner, action.action_id, "refunded", action.occurred_at)
            for action in reversed_actions
        ],
    )


def calls_of(day: Day, rng: random.Random) -> list[Call]:
    """Divide the day into API calls. Every tenth action is sent twice, and a reversal may be sent before its action.

    A call has actions of a few users. The actions of one user are spread over several calls, so that workers write to
    the same periods concurrently.
    """
    rows: list[Action | Reversal] = [*day.actions, *day.actions[::10], *day.reversals]
    rng.shuffle(rows)
    items: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        which = {
            "action_id": row.action_id,
            "user_id": row.owner.id,
            "occurred_at": datetime.fromtimestamp(row.occurred_at, UTC).isoformat(),
        }
        if isinstance(row, Action):
            reported = {**which, "type": row.type, "quantity": int(row.quantity)}
            items[row.app, "actions", row.owner.id].append(reported)
        else:
            items[row.app, "reversals", row.owner.id].append({**which, "reason": row.reason})
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


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def send(client: Client, call: Call) -> None:
    """Send a call, and repeat it after a server or network error, as an app does."""
    while (response := attempt(client, call)) is None or response.is_server_error:
        time.sleep(0.2)
    assert (response.status_code, response.json()["refused"]) == (202, [])


def attempt(client: Client, call: Call) -> httpx.Response | None:
    try:
        return client.call("POST", call.path, call.body)
    except httpx.TransportError:
        return None


def expected_earnings(day: Day) -> dict[str, tuple[int, Decimal]]:
    """Return the points and grams of each user according to the model."""
    catalog = as_catalog(load())
    models: defaultdict[str, Model] = defaultdict(lambda: Model(catalog, MAX_WITHHELD))
    for action in day.actions:
        models[action.owner.id].arrive([action], [])
    for reversal in day.reversals:
        models[reversal.owner.id].arrive([], [reversal])
    return {user: (model.earned(user), model.grams(user)) for user, model in models.items()}


def test_every_action_is_posted_exactly_once_while_workers_are_killed(stack: dict[str, Any], alipay: Client) -> None:
    rng = random.Random()
    day = make_day(rng, int(time.time()))
    calls = calls_of(day, rng)
    victims = ["IngestActions", "AccruePoints"]
    killer = WorkerKiller(stack, victims, pause=(1, 3), seed=rng.getrandbits(32))

    with short_visibility_timeout(stack, "actions", VISIBILITY), Client("taobao") as taobao:
        clients = {"alipay": alipay, "taobao": taobao}
        with killer, ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(lambda call: send(clients[call.app], call), calls))
            wait_for_empty_queue(patience=PATIENCE)
        redriven = run_operation("dead_letters", "redrive")
        wait_for_empty_queue(patience=PATIENCE)
    reconciled = run_operation("reconcile")
    with ThreadPoolExecutor(SENDERS) as readers:
        users = sorted({action.owner.id for action in day.actions})
        wallets = list(readers.map(lambda user: alipay.call_or_exit("GET", f"/users/{user}/wallet"), users))
    recounted = run_operation("recount")
    if "not judged" in recounted.stdout:  # the tally was still counting the stream
        recounted = run_operation("recount")

    expected = expected_earnings(day)
    assert killer.kills.keys() == {*victims}, (
        "no worker of some function was killed, so the test proved nothing about it"
    )
    assert redriven.returncode == 0, redriven.stdout + redriven.stderr
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert (recounted.returncode, "does not hold" in recounted.stdout) == (0, False), recounted.stdout
    found = {wallet["user_id"]: (wallet["earned"], wallet["avoided_g"]) for wallet in wallets}
    assert found == {user: (points, float(grams)) for user, (points, grams) in expected.items()}
    assert sum(earned for earned, _ in found.values()) == sum(points for points, _ in expected.values()) > 0
