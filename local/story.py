"""Turns a bus ride into a tree with real API calls, and prints them: `python -m local.story`.

Each run is about a new person, so the story can be repeated.
"""

import json
import secrets
from datetime import timedelta

from local.client import exit_on_failure, open_client, stack, stack_name
from local.command import command_parser, run_command
from local.console import console, exit_with, shown
from local.deployed import PROD
from local.invoking import invoke
from local.next_steps import show_next_steps
from local.results import show_results
from local.telling import heading, line, now, poll, request
from saxaul.catalog.clients import OPERATOR
from saxaul.log.fetching import LogReader
from saxaul.log.notes import VerifierKey
from saxaul.log.verdicts import NotVerifiedError
from saxaul.log.verify import verify
from saxaul_client import Action, AppClient, Client, OperatorClient, PartnerClient, Redemption

PROJECT = "saxaul-alxa"

AT_ONCE = "at-once"
"""The harvest time with which a person may spend points as soon as they are posted."""

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
    parser = command_parser("local.story", __doc__)
    parser.add_argument("--next-steps", action="store_true", help="end with five things to try next")
    chosen = parser.parse_args()
    refuse_unfit()
    with exit_on_failure():
        number = tell()
    if chosen.next_steps:
        show_next_steps(stack()["api_url"], number)


def refuse_unfit() -> None:
    """End the program if the selected stack is no place for the story, and say why."""
    known = stack()
    if known.get("stage") == PROD:
        exit_with(f"{stack_name()} is a prod stack: the story would certify a tree that nobody planted.")
    if (ripe := known.get("harvest_time", AT_ONCE)) != AT_ONCE:
        exit_with(f"Points of {stack_name()} ripen at {ripe}; the story needs a stack with HarvestTime={AT_ONCE}.")


def tell() -> str:
    """Turn a bus ride into a tree, and print each step. Returns the number of the tree's certificate."""
    person = f"mei-{secrets.token_hex(3)}"
    with (
        open_client(OperatorClient, OPERATOR) as operator,
        open_client(AppClient, "alipay") as alipay,
        open_client(PartnerClient, "partner") as partner,
    ):
        _introduce(operator)
        _search(alipay, person)
        _earn(alipay, person)
        redemption = _redeem(alipay, person)
        order_id = _order(partner, redemption.redemption_id)
        number = redemption.certificates[0]
        _plant(partner, order_id, number)
        _verify(alipay, number)
    return number


def _introduce(operator: OperatorClient) -> None:
    """Show which apps the operator has registered, and what one of them may do."""
    heading("The operator has registered apps and planting partners, each with its own secret")
    request("GET", "/apps")
    for app in operator.apps():
        if app.state == "active":
            line(f"{app.app_id}: {app.kind.replace('_', '-')}, {app.limits.calls_per_second:,} calls a second")
    request("GET", "/apps/alipay")
    alipay = operator.app("alipay")
    line(f"{alipay.name} may use {', '.join(alipay.scopes)}")


def _search(alipay: AppClient, person: str) -> None:
    heading(f'{person} types "green" into the search box of Alipay')
    request("GET", "/suggestions?q=green&limit=10")
    show_results([found.members for found in alipay.suggest("green", limit=10).suggestions])


def _earn(alipay: AppClient, person: str) -> None:
    """Report a week of actions, and harvest the points that are ripe."""
    heading("The app reports what the person did this week: bus rides, recycling, paperless bills and more")
    request("POST", "/actions")
    reported = alipay.report_actions([*week_of(person), _flight_of(person)])
    line(f"{reported.accepted} actions accepted")
    for refused in reported.refused:
        line(f"refused: {refused.detail}")
    [receipt_id] = reported.receipt_ids

    heading("The receipt of the call says what became of each action")
    request("GET", f"/receipts/{receipt_id}")
    receipt = poll(lambda: alipay.receipt(receipt_id), lambda found: not found.is_waiting)
    line(", ".join(f"{count} {status}" for status, count in receipt.counts.items() if count))
    request("GET", f"/users/{person}/wallet")
    wallet = alipay.wallet(person)
    line(f"{wallet.earned:,} points earned, {float(wallet.avoided_g):,g} grams of CO2e avoided")

    heading("A harvest makes the ripe points spendable")
    request("POST", f"/users/{person}/harvest")
    line(f"{alipay.harvest(person).spendable:,} points can be spent")

    heading("The next search knows the person: what is done for now comes last, and a tree is near")
    request("GET", f"/suggestions?q=green&limit=50&user_id={person}")
    found = alipay.suggest("green", limit=50, user_id=person)
    if found.next_tree:
        line(found.next_tree.text)
    show_results([result.members for result in found.suggestions if result.pays_again_at][:3])


def _redeem(alipay: AppClient, person: str) -> Redemption:
    """Request a tree, wait until it is reserved, and repeat the request."""
    heading("The person spends points on a tree")
    path, key = f"/users/{person}/redemptions", secrets.token_hex(8)

    def ask() -> Redemption:
        request("POST", path)
        return alipay.redeem(person, PROJECT, max_points=None, dedication="For the Alxa desert", idempotency_key=key)

    redemption = ask()
    reserved = poll(
        lambda: alipay.redemption(person, redemption.redemption_id), lambda found: found.state != "requested"
    )
    line(f"{reserved.state}: certificate {redemption.certificates[0]}, {reserved.points:,} points")

    heading("The app repeats the request with the same Idempotency-Key, as apps do")
    again = ask()
    if again.redemption_id != redemption.redemption_id or not again.replay:
        exit_with("The repeated request should return the same redemption, but it made another one.")
    line("the same redemption, paid once")
    return redemption


def _order(partner: PartnerClient, redemption_id: str) -> str:
    """Run the planting batch, and return the order that has the tree."""
    heading("A batch orders the tree from the planting partner")
    request("RUN", "ScheduleOrders, which a schedule runs once a day on AWS")
    ran = invoke(stack(), "ScheduleOrders", b'{"schedule": "planting"}')
    if ran.failure:
        exit_with(f"ScheduleOrders failed: {ran.failure}")
    order_id = poll(lambda: _order_of(partner, redemption_id), lambda order_id: order_id is not None)
    line(f"order {order_id}")
    return str(order_id)


def _plant(partner: PartnerClient, order_id: str, number: str) -> None:
    heading("The partner plants the tree and confirms it")
    planted = {
        "certificate": number,
        "tag": f"ALXA-{secrets.randbelow(90000) + 10000}",
        "lat": round(38.85 + secrets.randbelow(2000) / 100_000, 5),  # each tree has a place of its own
        "lon": round(105.72 + secrets.randbelow(2000) / 100_000, 5),
        "planted_at": now().isoformat(),
    }
    request("POST", f"/planting-orders/{order_id}/confirmations")
    reported = partner.confirm(order_id, [planted])
    line(f"{reported.accepted} tree confirmed: tag {planted['tag']}, at {planted['lat']}, {planted['lon']}")


def _verify(client: Client, number: str) -> None:
    """Check the certificate against the log, as anyone can."""
    heading("Anyone can look up the certificate, without a token")
    request("GET", f"/certificates/{number}")
    certificate = client.certificate(number)
    line(f"{certificate.species} in {certificate.place}, {certificate.state}")
    line(f"in a browser: {client.certificate_links(number).page}")

    heading("The statement is in the public log after a few seconds, and the certificate has a proof of it")
    proven = poll(lambda: client.certificate_file(number), lambda found: bool(json.loads(found)["proofs"]))
    log = client.log()
    line(f"{log.size:,} leaves at {log.url}")

    heading("Anyone can check it against the public log, without asking us")
    request("GET", f"{log.url}/checkpoint and the files that it needs")
    try:
        for verdict in verify(proven, VerifierKey.parse(log.vkey), log=LogReader(log.url)):
            line(verdict)
    except NotVerifiedError as reason:
        exit_with(f"The certificate could not be verified: {reason}.")
    if certificate.state != "planted" or certificate.tree is None:
        exit_with(f"The tree should be planted, but it is {certificate.state}.")
    console.print(
        f"\n[bold green]VERIFIED[/] {shown(str(certificate.species))} {shown(certificate.tree.tag)} in "
        f"{shown(str(certificate.place))}, certificate [bold]{shown(certificate.certificate)}[/]"
    )
    page = client.certificate_links(number).json
    console.print(
        "To check it yourself:\n"
        f"  [cyan]curl -sO {shown(page)}\n"
        f"  .venv/bin/python -m saxaul.log verify {shown(number)}.json"
        f" --vkey '{shown(log.vkey)}' --log {shown(log.url)}[/]"
    )


def week_of(person: str) -> list[Action]:
    """Return a week of one person's actions."""
    began = now()
    return [
        Action(
            action_id=f"{kind}-{turn}-{secrets.token_hex(2)}",
            user_id=person,
            type=kind,
            quantity=quantity,
            occurred_at=began - timedelta(days=turn % 6, hours=2),
        )
        for kind, quantity, often in WEEK
        for turn in range(often)
    ]


def _flight_of(person: str) -> Action:
    """Return an action of a type that the catalog lacks."""
    return Action(
        action_id=f"flight-{secrets.token_hex(2)}",
        user_id=person,
        type="flight",
        quantity=1,
        occurred_at=now() - timedelta(hours=2),
    )


def _order_of(partner: PartnerClient, redemption_id: str) -> str | None:
    """Return the id of the planting order that holds a redemption, from the 20 newest; None if there is none."""
    for listed in next(partner.order_pages(limit=20)).items:
        if any(tree.redemption_id == redemption_id for tree in partner.order(listed.order_id).ordered_trees):
            return listed.order_id
    return None


if __name__ == "__main__":
    run_command(main)
