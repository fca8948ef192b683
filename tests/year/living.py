"""Plays the year on the product by its API, and on the plain model, and compares what both show after each step."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from tests.builders import label
from tests.year.model import Act, Programme
from tests.year.script import (
    PEOPLE,
    AskForTree,
    ChangePoints,
    Deed,
    EndCampaign,
    Harvest,
    Plant,
    ReleaseByHand,
    Report,
    Step,
    TakeBack,
)
from tests.year.wire import campaign_document, instant_of, kind_document, progress_of, project_document, text_of


class Product(Protocol):
    """The product, with a clock that can be moved forward."""

    def go_to(self, instant: int) -> None:
        """Move the clock to an instant, and do what is due by then."""

    def settle(self) -> None:
        """Wait until all that was accepted is posted and settled."""

    def tally(self) -> bool:
        """Add the changes to the public totals. Returns False if they are added some time later."""

    def call(self, who: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request as one of the clients. Returns the status, and the JSON of the answer."""


class Year:
    """The year on the product and on paper. ``mark`` is in the names of the catalog, so that several years differ.

    ``happened`` counts what became of the acts and the wishes for trees, and the other deeds by their names.
    """

    def __init__(self, product: Product, programme: Programme, mark: str) -> None:
        self._product = product
        self._paper = programme
        self._mark = mark
        self._trees: dict[str, str] = {}
        self.happened: Counter[str] = Counter()

    def begin(self, at: datetime) -> None:
        """Write the catalog of the year, the day before it begins."""
        self._product.go_to(instant_of(at))
        for name, kind in self._paper.kinds.items():
            self._put("action-types", name, kind_document(kind))
        for name, campaign in self._paper.campaigns.items():
            self._put("campaigns", name, campaign_document(campaign, self._name))
        self._put("tree-projects", "grove", project_document(self._paper))

    def play(self, steps: Iterable[Step]) -> int:
        """Play the steps, and return how many there were. After each step, both must show the same."""
        count, month = 0, ""
        for count, step in enumerate(steps, 1):  # noqa: B007 - returned
            self._product.go_to(instant_of(step.at))
            self._paper.order()
            for deed in step.deeds:
                happened, expected = self._do(deed, step.at)
                assert happened == expected, (step.at.isoformat(), deed)
                self.happened.update(happened.values() if isinstance(happened, dict) else [type(deed).__name__])
                self.happened.update([happened] if isinstance(happened, str) else [])
            assert self._shown() == self._on_paper(step.at), step.at.isoformat()
            is_new_month = bool(month) and month != f"{step.at:%Y-%m}"
            if is_new_month:
                assert self._shown_of_month(month) == self._on_paper_of_month(month), month
            if (is_new_month or self._paper.running(step.at.date())) and self._product.tally():
                assert self.progress_shown() == self.progress_on_paper(step.at), step.at.isoformat()
            month = f"{step.at:%Y-%m}"
            for change in step.changes:
                self._change(change)
        return count

    def kinds_cut_by_a_cap(self) -> set[str]:
        """Return the kinds of which an act earned at least two points less than its units are worth."""
        awards = [award for person in PEOPLE for award in self._paper.awards(person)]
        return {act.kind for act, points in awards if points + 2 <= act.units * act.points * act.times}

    # --- What happens -------------------------------------------------------------------------------------------------

    def _do(self, deed: Deed, at: datetime) -> tuple[object, object]:
        """Do something, on the product and on paper. Returns what became of it there, and here."""
        match deed:
            case Report(app, acts):
                return self._report(app, acts), {name: self._paper.report(app, name, acts[name], at) for name in acts}
            case TakeBack(app, name, act):
                self._paper.take_back(app, name)
                return self._take_back(app, name, act), "accepted"
            case Harvest(person):
                self._paper.harvest(person, at)
                harvested = self._ok("alipay", "POST", f"/users/{self._person(person)}/harvest")
                return harvested["spendable"], self._paper.purse(person).spendable
            case AskForTree(person, key, and_cancel):
                return self._ask_for_tree(person, key), self._expected_tree(person, key, at, and_cancel=and_cancel)
            case Plant():
                return self._plant(at), self._paper.plant()
            case _:
                raise AssertionError(f"only operators do this: {deed}")

    def _report(self, app: str, acts: dict[str, Act]) -> dict[str, str]:
        body = {"actions": [self._action(name, act) for name, act in acts.items()]}
        _, answer = self._product.call(app, "POST", "/actions", body)
        refused = {each["action_id"]: each["code"] for each in answer["refused"]}
        self._product.settle()
        return {name: refused.get(name, "accepted") for name in acts}

    def _action(self, name: str, act: Act) -> dict[str, object]:
        return {
            "action_id": name,
            "user_id": self._person(act.person),
            "type": self._name(act.kind),
            "quantity": act.units,
            "occurred_at": text_of(act.at),
        }

    def _take_back(self, app: str, name: str, act: Act) -> str:
        reversal = {"action_id": name, "user_id": self._person(act.person), "occurred_at": text_of(act.at)}
        status, answer = self._product.call(
            app, "POST", "/reversals", {"reversals": [reversal | {"reason": "mistaken"}]}
        )
        self._product.settle()
        return "accepted" if status == 202 else str(answer)

    def _ask_for_tree(self, person: str, key: str) -> str:
        path = f"/users/{self._person(person)}/redemptions"
        body = {"project_id": self._name("grove")}
        status, answer = self._product.call("alipay", "POST", path, body, idempotency_key=f"{self._mark}-{key}")
        if status != 202:
            return str(answer["code"])
        self._product.settle()
        self._trees[key] = f"{path}/{answer['redemption_id']}"
        return str(self._ok("alipay", "GET", self._trees[key])["state"])

    def _expected_tree(self, person: str, key: str, at: datetime, *, and_cancel: bool) -> str:
        """Ask for a tree on paper. If it is reserved, cancel it in both worlds if the person changed their mind."""
        expected = self._paper.ask_for_tree(key, person, at)
        if expected == "reserved" and and_cancel:
            self._paper.cancel(key)
            self._ok("alipay", "DELETE", self._trees[key])
        return expected

    def _plant(self, at: datetime) -> int:
        """Confirm each tree of the open orders, and return how many there were."""
        orders = self._ok("partner", "GET", "/planting-orders?state=open&limit=100")["orders"]
        for path in [f"/planting-orders/{order['order_id']}" for order in orders]:
            trees = [tree["certificate"] for tree in self._ok("partner", "GET", path)["ordered_trees"]]
            planted = [{"certificate": tree, **label("T", tree), "planted_at": text_of(at)} for tree in trees]
            self._ok("partner", "POST", f"{path}/confirmations", {"confirmations": planted})
        return sum(order["open_trees"] for order in orders)

    def _change(self, deed: Deed) -> None:
        match deed:
            case EndCampaign(name, last):
                self._paper.end_campaign(name, last)
                path = f"/catalog/campaigns/{self._name(name)}/end"
                self._ok("operator", "POST", path, {"last_day": last.isoformat()})
            case ChangePoints(kind, points):
                self._paper.change_points(kind, points)
                self._put("action-types", kind, kind_document(self._paper.kinds[kind]))
            case ReleaseByHand(saplings):
                self._paper.saplings += saplings
                self._put("tree-projects", "grove", project_document(self._paper))

    # --- What both show -----------------------------------------------------------------------------------------------

    def _shown(self) -> dict[str, object]:
        """Return what the product shows now: each wallet, which campaigns run, and the saplings that are left."""
        wallets = {person: self._ok("alipay", "GET", f"/users/{self._person(person)}/wallet") for person in PEOPLE}
        running = self._ok("alipay", "GET", "/campaigns")["running"]
        names = {self._name(name): name for name in self._paper.campaigns}
        projects = self._ok("alipay", "GET", "/tree-projects")["projects"]
        return {
            **{person: {**wallet, "user_id": person} for person, wallet in wallets.items()},
            "running": {
                names[found["campaign_id"]]: found["last_day"] for found in running if found["campaign_id"] in names
            },
            "saplings": next(found["available"] for found in projects if found["project_id"] == self._name("grove")),
        }

    def _on_paper(self, at: datetime) -> dict[str, object]:
        running = self._paper.running(at.date()).items()
        return {
            **{person: self._wallet_on_paper(person, at) for person in PEOPLE},
            "running": {name: campaign.last.isoformat() for name, campaign in running},
            "saplings": self._paper.available(at),
        }

    def _wallet_on_paper(self, person: str, at: datetime) -> dict[str, object]:
        purse, earned = self._paper.purse(person), self._paper.earned(person)
        return {
            "user_id": person,
            "earned": earned,
            "ripening": earned - purse.spendable - purse.spent,
            "harvestable": self._paper.ripe(person, at) - purse.spendable - purse.spent,
            "spendable": purse.spendable,
            "spent": purse.spent,
            "avoided_g": self._paper.grams(person),
        }

    def progress_shown(self) -> dict[str, dict[str, int]]:
        """Return what the product shows of each campaign that has begun. The totals may follow a moment later."""
        listed = self._ok("alipay", "GET", "/campaigns")
        begun = {(run["campaign_id"], run["first_day"]): run for run in [*listed["past"], *listed["running"]]}
        runs = {name: (self._name(name), found.first.isoformat()) for name, found in self._paper.campaigns.items()}
        return {name: begun[run]["progress"] for name, run in runs.items() if run in begun}

    def progress_on_paper(self, at: datetime) -> dict[str, dict[str, int]]:
        begun = [name for name, campaign in self._paper.campaigns.items() if campaign.first <= at.date()]
        return {name: progress_of(self._paper.progress(name)) for name in begun}

    def _shown_of_month(self, month: str) -> dict[str, object]:
        """Return what the product shows of a month that is over: each person's points by kind, and their trees."""
        found: dict[str, object] = {}
        for person in PEOPLE:
            statement = self._ok("alipay", "GET", f"/users/{self._person(person)}/statement?month={month}")
            listed = self._ok("alipay", "GET", f"/users/{self._person(person)}/redemptions?limit=100")["redemptions"]
            points = {total["action_type"]: total["points"] for total in statement["totals"]}
            found[person] = points, Counter(redemption["state"] for redemption in listed)
        return found

    def _on_paper_of_month(self, month: str) -> dict[str, object]:
        return {
            person: (
                {self._name(kind): points for kind, points in self._paper.statement(person, month).items()},
                Counter(tree.state for tree in self._paper.trees.values() if tree.person == person),
            )
            for person in PEOPLE
        }

    # --- How the product names it -------------------------------------------------------------------------------------

    def _ok(self, who: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        status, answer = self._product.call(who, method, path, body)
        assert status < 300, (method, path, status, answer)
        return answer

    def _put(self, kind: str, name: str, document: object) -> None:
        self._ok("operator", "PUT", f"/catalog/{kind}/{self._name(name)}", document)

    def _name(self, name: str) -> str:
        return f"{name}-{self._mark}"

    def _person(self, name: str) -> str:
        return f"{name}-{self._mark}"
