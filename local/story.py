"""Turns a bus ride into a tree with real API calls, and prints them: `python -m local.story`.

Each run is about a new person, so the story can be repeated.
"""

import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import httpx

from local.client import Client, stack
from local.command import command_parser, run_command
from local.console import console, exit_with, shown
from local.deployment import client_arguments
from local.results import show_results
from saxaul.log.parsing import NotVerifiedError
from saxaul.log.verify import verify

PROJECT = "saxaul-alxa"
PATIENCE = 60.0
"""Seconds to wait for queued work, or for a public response."""

WEEK = (
    ("bus_ride", 1, 5),
    ("clothes_recycling", 10, 1),
    ("leave_the_car", 1, 4),
    ("paperless_bill", 1, 10),
    ("show_ticket", 1, 3),
    ("hospital_booking", 1, 2),
    ("train_ticket", 120, 4),
    ("walking", 9000, 1),
)
"""A week of one active person: action type, quantity in its unit, number of times."""


def main() -> None:
    command_parser("local.story", __doc__).parse_args()
    try:
        tell()
    except httpx.HTTPError as error:
        exit_with(f"The stack did not respond ({error}); start it with: make up")


def tell() -> str:
    """Turn a bus ride into a tree, and print each step. Returns the number of the tree's certificate."""
    person = f"mei-{secrets.token_hex(3)}"
    with Client("alipay") as alipay, Client("partner") as partner:
        _search(alipay, person)
        _earn(alipay, person)
        redemption = _redeem(alipay, person)
        order_id = _order(partner, redemption["redemption_id"])
        number = str(redemption["certificates"][0])
        _plant(partner, order_id, number)
    _verify(number)
    return number


def _search(alipay: Client, person: str) -> None:
    _heading(f'{person} types "green" into the search box of Alipay')
    found = _call(alipay, "GET", "/suggestions?q=green&limit=10")
    show_results(found["suggestions"])


def _earn(alipay: Client, person: str) -> None:
    """Report a week of actions, and harvest the points that are ripe."""
    _heading("The app reports what the person did this week: bus rides, recycling, paperless bills and more")
    answer = _call(alipay, "POST", "/actions", {"actions": _week_of(person)})
    _line(f"{answer['accepted']} actions accepted")
    for refused in answer["refused"]:
        _line(f"refused: {refused['detail']}")
    ledger = f"/users/{person}/ledger"
    _poll(lambda: alipay.call_or_exit("GET", ledger), lambda found: len(found["entries"]) == answer["accepted"])
    wallet = _call(alipay, "GET", f"/users/{person}/wallet")
    _line(f"{wallet['earned']:,} points earned, {wallet['avoided_g']:,g} grams of CO2e avoided")

    _heading("A harvest makes the ripe points spendable")
    harvest = _call(alipay, "POST", f"/users/{person}/harvest")
    _line(f"{harvest['spendable']:,} points can be spent")

    _heading("The next search knows the person: what is done for now comes last, and a tree is near")
    found = _call(alipay, "GET", f"/suggestions?q=green&limit=50&user_id={person}")
    if found["next_tree"]:
        _line(found["next_tree"]["text"])
    show_results([result for result in found["suggestions"] if result.get("pays_again_at")][:3])


def _redeem(alipay: Client, person: str) -> Any:  # noqa: ANN401 - JSON
    """Request a tree, wait until it is reserved, and repeat the request."""
    _heading("The person spends points on a tree")
    request = {"project_id": PROJECT, "trees": 1, "dedication": "For the Alxa desert"}
    path, key = f"/users/{person}/redemptions", secrets.token_hex(8)
    redemption = _call(alipay, "POST", path, request, idempotency_key=key)
    place = f"{path}/{redemption['redemption_id']}"
    reserved = _poll(lambda: alipay.call_or_exit("GET", place), lambda answer: answer["state"] != "requested")
    _line(f"{reserved['state']}: certificate {redemption['certificates'][0]}, {reserved['points']:,} points")

    _heading("The app repeats the request with the same Idempotency-Key, as apps do")
    again = _call(alipay, "POST", path, request, idempotency_key=key)
    if again["redemption_id"] != redemption["redemption_id"] or not again["replay"]:
        exit_with("The repeated request should return the same redemption, but it made another one.")
    _line("the same redemption, paid once")
    return redemption


def _order(partner: Client, redemption_id: str) -> str:
    """Run the planting batch, and return the order that has the tree."""
    _heading("A batch orders the tree from the planting partner")
    known = stack()
    client = boto3.client("lambda", **client_arguments(known["endpoint_url"]))
    _request("RUN", "ScheduleOrders, which a schedule runs once a day on AWS")
    client.invoke(FunctionName=known["functions"]["ScheduleOrders"], Payload=b'{"schedule": "planting"}')
    order_id = _poll(lambda: _order_of(partner, redemption_id), lambda order_id: order_id is not None)
    _line(f"order {order_id}")
    return str(order_id)


def _plant(partner: Client, order_id: str, number: str) -> None:
    _heading("The partner plants the tree and confirms it")
    planted = {
        "certificate": number,
        "tag": f"ALXA-{secrets.randbelow(90000) + 10000}",
        "lat": 38.8512,
        "lon": 105.7287,
        "planted_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = f"/planting-orders/{order_id}/confirmations"
    answer = _call(partner, "POST", path, {"confirmations": [planted]})
    _line(f"{answer['confirmed']} tree confirmed: tag {planted['tag']}, at {planted['lat']}, {planted['lon']}")


def _verify(number: str) -> None:
    """Check the certificate against the log, as anyone can."""
    _heading("Anyone can look up the certificate, without a token")
    _request("GET", f"/certificates/{number}")
    text = _published(f"/certificates/{number}")
    certificate = json.loads(text)
    _line(f"{certificate['species']} in {certificate['place']}, {certificate['state']}")
    _line(f"in a browser: {stack()['api_url']}/certificates/{number}")

    _heading("Anyone can check it against the public log, without asking us")
    _request("GET", "/log and /log/key")
    try:
        for line in verify(text, _log_pages(), _published("/log/key")):
            _line(line)
    except NotVerifiedError as reason:
        exit_with(f"The certificate could not be verified: {reason}.")
    if certificate["state"] != "planted":
        exit_with(f"The tree should be planted, but it is {certificate['state']}.")
    console.print(
        f"\n[bold green]VERIFIED[/] {shown(certificate['species'])} {shown(certificate['tree']['tag'])} in "
        f"{shown(certificate['place'])}, certificate [bold]{shown(certificate['number'])}[/]"
    )


def _week_of(person: str) -> list[dict[str, Any]]:
    """Return a week of one person's actions, and one action of a type that the catalog lacks."""
    now = datetime.now(UTC).replace(microsecond=0)
    acts = [(kind, quantity, turn) for kind, quantity, often in WEEK for turn in range(often)]
    acts.append(("flight", 1, 0))
    return [
        {
            "action_id": f"{kind}-{turn}-{secrets.token_hex(2)}",
            "user_id": person,
            "type": kind,
            "quantity": quantity,
            "occurred_at": (now - timedelta(days=turn % 6, hours=2)).isoformat(),
        }
        for kind, quantity, turn in acts
    ]


def _published(path: str) -> bytes:
    """Return the body of a public path, fetched without a token."""
    return httpx.get(stack()["api_url"] + path, timeout=PATIENCE).raise_for_status().content


def _log_pages() -> list[bytes]:
    """Return the whole log as pages. The last page is empty, which marks the end of the log."""
    pages: list[bytes] = []
    after = 0
    while True:
        pages.append(_published(f"/log?after={after}&limit=500"))
        entries = json.loads(pages[-1])["entries"]
        if not entries:
            return pages
        after = entries[-1]["sequence"]


def _order_of(partner: Client, redemption_id: str) -> str | None:
    """Return the id of the planting order that holds a redemption, from the 20 newest; None if there is none."""
    for order in partner.call_or_exit("GET", "/planting-orders?limit=20")["orders"]:
        trees = partner.call_or_exit("GET", f"/planting-orders/{quote(order['order_id'])}")["trees"]
        if any(tree["redemption_id"] == redemption_id for tree in trees):
            return str(order["order_id"])
    return None


def _call(client: Client, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - JSON
    """Send a request, and print it."""
    _request(method, path)
    return client.call_or_exit(method, path, body, **headers)


def _poll(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
    """Call ``ask`` until ``good`` accepts the answer, and return the answer. End the program after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not good(answer := ask()):
        if time.monotonic() > deadline:
            exit_with(
                f"This did not happen within {PATIENCE:g} seconds. The last answer was {json.dumps(answer)[:300]}"
            )
        time.sleep(0.2)
    return answer


def _heading(title: str) -> None:
    console.print(f"\n[bold]{shown(title)}[/]")


def _request(method: str, target: str) -> None:
    console.print(f"  [cyan]{shown(method)}[/] {shown(target)}")


def _line(text: str) -> None:
    console.print(f"    {shown(text)}")


if __name__ == "__main__":
    run_command(main)
