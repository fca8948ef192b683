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
from rich.markup import escape

from local.client import Client, stack
from local.console import console, give_up
from local.deployment import session_of
from saxaul.log.parsing import NotVerifiedError
from saxaul.log.verify import verdict

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
    person = f"mei-{secrets.token_hex(3)}"
    path = f"/users/{person}"
    with Client("alipay") as alipay, Client("partner") as partner:
        _chapter(f"{person} searches for something green to do")
        found = _told(alipay, "GET", "/suggestions?q=gre&limit=3")
        for suggestion in found["suggestions"]:
            console.print(
                f"    [green]{escape(suggestion['title'])}[/]  {suggestion['points']:g} points a {suggestion['unit']}"
            )

        _chapter("The person takes the bus and does more; the app reports the actions")
        _told(alipay, "POST", "/actions", {"actions": _week_of(person)})
        earned = _patiently(lambda: alipay.done("GET", f"{path}/wallet"), lambda wallet: wallet["earned"] > 0)
        _answer("GET", f"{path}/wallet", earned)

        _chapter("The person harvests the points that are ripe")
        _told(alipay, "POST", f"{path}/harvest")

        _chapter("The person redeems points for a tree")
        request = {"project_id": PROJECT, "trees": 1, "dedication": "For the Alxa desert"}
        key = secrets.token_hex(8)
        redemption = _told(alipay, "POST", f"{path}/redemptions", request, idempotency_key=key)
        place = f"{path}/redemptions/{redemption['redemption_id']}"
        reserved = _patiently(lambda: alipay.done("GET", place), lambda answer: answer["state"] != "requested")
        _answer("GET", place, reserved)

        _chapter("The app sends the same request again with the same key, and gets the same redemption")
        _told(alipay, "POST", f"{path}/redemptions", request, idempotency_key=key)

        _chapter("A batch orders the tree (one is scheduled each minute here; the story starts one at once)")
        _run_planting_batch()
        order_id = _patiently(
            lambda: _order_of(partner, redemption["redemption_id"]), lambda order_id: order_id is not None
        )

        _chapter("The partner plants the tree and confirms it")
        _told(partner, "GET", f"/planting-orders/{order_id}")
        planted = {
            "certificate": redemption["certificates"][0],
            "tag": f"ALXA-{secrets.randbelow(90000) + 10000}",
            "lat": 38.8512,
            "lon": 105.7287,
            "planted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _told(partner, "POST", f"/planting-orders/{order_id}/confirmations", {"confirmations": [planted]})

        _chapter("Anyone can look up the certificate, without a token")
        public = f"/certificates/{redemption['certificates'][0]}"
        text = _published(public)
        certificate = json.loads(text)
        _answer("GET", public, certificate)
        console.print(f"    in a browser: {stack()['api_url']}{public}")

        _chapter("Anyone can check it against the public log, without asking us")
        try:
            for line in verdict(text, _log_pages(), _published("/log/key")):
                console.print(f"    {escape(line)}")
        except NotVerifiedError as reason:
            give_up(f"The certificate could not be verified: {reason}.")
    if certificate["state"] != "planted":
        give_up(f"The tree should be planted, but it is {certificate['state']}.")
    console.print(
        f"\n[bold green]Planted:[/] {certificate['species']} {certificate['tree']['tag']} in {certificate['place']}, "
        f"certificate [bold]{certificate['number']}[/]"
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


def _run_planting_batch() -> None:
    known = stack()
    client = boto3.client("lambda", **session_of(known["endpoint_url"]))
    event = {"schedule": "planting"}
    answer = client.invoke(FunctionName=known["functions"]["ScheduleOrders"], Payload=json.dumps(event).encode())
    _answer("RUN", f"ScheduleOrders {json.dumps(event)}", json.loads(answer["Payload"].read()))


def _order_of(partner: Client, redemption_id: str) -> str | None:
    """Return the id of the planting order that holds a redemption, from the 20 newest; None if there is none."""
    for order in partner.done("GET", "/planting-orders?limit=20")["orders"]:
        trees = partner.done("GET", f"/planting-orders/{quote(order['order_id'])}")["trees"]
        if any(tree["redemption_id"] == redemption_id for tree in trees):
            return str(order["order_id"])
    return None


def _told(client: Client, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - JSON
    """Make an API call, and print it with its response."""
    if body is not None:
        console.print(f"  [cyan]{method}[/] {escape(path)} [dim]{escape(_short(body, 110))}[/]")
    answer = client.done(method, path, body, **headers)
    _answer(method, path, answer, shown=body is not None)
    return answer


def _answer(method: str, path: str, answer: object, *, shown: bool = False) -> None:
    if not shown:
        console.print(f"  [cyan]{method}[/] {escape(path)}")
    console.print(f"    [dim]→[/] {escape(_short(answer, 240))}")


def _short(value: object, most: int) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _patiently(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
    """Ask until the answer is good; end the program after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not good(answer := ask()):
        if time.monotonic() > deadline:
            give_up(f"This did not happen within {PATIENCE:g} seconds; the last answer was {_short(answer, 300)}")
        time.sleep(0.2)
    return answer


def _chapter(title: str) -> None:
    console.print(f"\n[bold]{escape(title)}[/]")


if __name__ == "__main__":
    main()
