"""A person with everything that the ledger can hold about one, who is erased while workers crash and others work."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from operations.reconcile import reconcile
from operations.recount import recount
from saxaul.audit import PAID
from saxaul.catalog.entries import Cap, Catalog
from saxaul.ledger.actions import Owner, Reversal
from saxaul.ledger.grants import Grant
from saxaul.messages.bodies import ErasureMessage
from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.services.erase_person import STALLED_AFTER
from saxaul.services.redeem import RedemptionRequest, redemption_id
from saxaul.services.tally import Tallying
from saxaul.storage.erasures import Erasures
from saxaul.storage.grants import Grants
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import python
from tests.builders import (
    APP,
    DAY,
    NOON,
    action_bodies,
    make_action,
    make_action_type,
    make_campaign,
    reversal_bodies,
)
from tests.proof.memory_dynamodb import Name, Raw
from tests.proof.nursery import Nursery
from tests.proof.world import CALENDAR, ERASE_QUEUE

if TYPE_CHECKING:
    from saxaul.audit import Finding

PERSON, NEIGHBOUR = Owner("user", "u-erased"), Owner("user", "u-stays")
ERASURE = "e-1"
TYPES = {
    "bus_ride": make_action_type(points="80"),
    "walking": make_action_type(points="1", caps=(Cap(window="month", points=60),)),
    "leave_the_car": make_action_type(points="7", caps=(Cap(window="year", points=40),)),
}
CAMPAIGNS = {"world-environment-day": make_campaign(multipliers={"bus_ride": "2"})}
KINDS = {
    "PAGE#": "period",
    "EVIDENCE#": "evidence",
    "EARLY#": "early_reversal",
    "GRANT#": "grant",
    "PARTICIPATION#": "participation",
    "TREE#": "redemption",
    "WALLET": "wallet",
}


class Saved(NamedTuple):
    """The stored items of a household, and how far its stream is read."""

    tables: dict[str, dict[Name, Raw]]
    seen: dict[Name, Raw]
    sequence: int
    objects: dict[str, bytes]


class Household:
    """Two persons with the same kinds of items. One of them is erased, and the other one must not notice."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.nursery = Nursery(patch)
        self.world = self.nursery.world
        self.catalog: Catalog = self.world.seed(TYPES, {}, CAMPAIGNS)
        self.seen: dict[Name, Raw] = {}
        self._sequence = 0

    def furnish(self) -> None:
        """Give both persons something of every kind."""
        for owner in (PERSON, NEIGHBOUR):
            self.report(owner)
            self.own_trees(owner)
            Grants(self.world.ledger).put(Grant(owner.id, "third", ("read",), NOON, APP))
        for owner in (PERSON, NEIGHBOUR):
            self.want_trees(owner)
        self.stream()
        self.stream()  # the participations that the first one wrote

    def saved(self) -> "Saved":
        """Return everything that is stored, to be loaded into another household."""
        tables = {name: dict(items) for name, items in self.world.store.tables.items()}
        return Saved(tables, dict(self.seen), self._sequence, dict(self.world.bucket.objects))

    def load(self, saved: "Saved") -> None:
        for name, items in saved.tables.items():
            self.world.store.tables[name] = dict(items)
        self.seen, self._sequence = dict(saved.seen), saved.sequence
        self.world.bucket.objects.update(saved.objects)
        self.world.start_workers()

    def report(self, owner: Owner, prefix: str = "") -> None:
        actions = [
            make_action(f"{prefix}bus", owner=owner),
            make_action(f"{prefix}late", owner=owner, occurred_at=NOON - 2 * DAY),
            make_action(f"{prefix}walk", owner=owner, type="walking", quantity="30"),
            make_action(f"{prefix}car", owner=owner, type="leave_the_car"),
            make_action(f"{prefix}ticket", owner=owner)._replace(evidence_id=f"{prefix}ticket-1"),
        ]
        self.post(actions)
        reversal = Reversal(APP, owner, f"{prefix}never-came", "refund", NOON)
        self.deliver(reversal_bodies(APP, self.world.now, [reversal]))

    def post(self, actions: list[Any]) -> None:
        told = [action.on_terms_of(self.catalog, CALENDAR) for action in actions]
        self.deliver(action_bodies(APP, self.world.now, told))

    def deliver(self, bodies: list[str]) -> None:
        assert not self.world.accrue({str(number): body for number, body in enumerate(bodies)})

    def own_trees(self, owner: Owner) -> None:
        """Give a person trees that are planted, that failed once, and that are ordered."""
        for key, trees in (("planted", 2), ("failed", 1)):
            self.nursery.reserve(owner.id, f"{owner.id}-{key}", trees)
        self.nursery.batch()
        failing = [tree.number for each in self.nursery.redemptions() if len(each.trees) == 1 for tree in each.trees]
        self.nursery.plant(dict.fromkeys(failing, 1))
        self.nursery.reserve(owner.id, f"{owner.id}-ordered", 1)
        self.nursery.batch()

    def want_trees(self, owner: Owner) -> None:
        """Give a person redemptions in every state before the order."""
        for key in ("cancelled", "reserved"):
            self.nursery.reserve(owner.id, f"{owner.id}-{key}", 2)
        cancelled = self.redemption_id(owner, "cancelled")
        self.world.cancelling.cancel(APP, owner.id, cancelled)
        self.request(owner, "requested")

    def request(self, owner: Owner, key: str) -> str:
        """Request a tree, and return the message that settles it."""
        request = RedemptionRequest(APP, owner.id, f"{owner.id}-{key}", "saxaul-alxa", 1, "For the desert")
        self.world.redeeming.request(request)
        return self.world.queue.sent[-1]

    def redemption_id(self, owner: Owner, key: str) -> str:
        return redemption_id(APP, owner.id, f"{owner.id}-{key}")

    def stream(self) -> None:
        """Deliver to the tally what has changed since the last time. Deletions are delivered too."""
        now = dict(self.world.store.tables["Ledger"])
        records: list[Any] = []
        for name in sorted({*self.seen, *now}):
            before, after = self.seen.get(name), now.get(name)
            if before == after:
                continue
            self._sequence += 1
            change: Raw = {"SequenceNumber": str(self._sequence), "ApproximateCreationDateTime": self.world.now}
            change |= {image: item for image, item in (("OldImage", before), ("NewImage", after)) if item}
            kind = "REMOVE" if after is None else "MODIFY" if before else "INSERT"
            records.append({"eventName": kind, "dynamodb": change})
        self.seen = now
        ledger, clock = self.world.ledger, self.world.clock
        tallying = Tallying(ImpactStore(ledger), Erasures(ledger), CALENDAR, clock)
        self.world.without_faults(lambda: tallying.tally(records, "shard"))

    def begin(self) -> str:
        """Begin the erasure as DELETE does, and return the name of its mark."""
        erasures = Erasures(self.world.ledger)
        mark = ErasureMark(erasures.name_of(PERSON.id), ERASURE, self.world.now, PERSON.id)
        erasures.begin(mark, ErasureReceipt(ERASURE, self.world.now, "console", "ticket"))
        self.world.exports.names = {mark.name, erasures.name_of(NEIGHBOUR.id)}
        self.world.queue.queues[ERASE_QUEUE].append(ErasureMessage(name=mark.name).model_dump_json())
        return mark.name

    def step(self, body: str) -> str:
        return self.run(ErasureMessage.model_validate_json(body).name)

    def run(self, name: str) -> str:
        return self.world.erasing.run(name, lambda: None)

    def erase(self, survive: Callable[[Callable[[], object]], object] = lambda work: work()) -> None:
        """Deliver the messages of an erasure until it is finished. A message leaves its queue once it is processed."""
        queue = self.world.queue.queues[ERASE_QUEUE]
        for _ in range(1000):
            if self.is_finished():
                return
            if queue:
                body = queue[0]
                survive(lambda body=body: self.step(body))  # type: ignore[misc]
                queue.remove(body)
                self.world.without_faults(self.stream)
                self.world.now += 30
            else:  # a message was lost
                self.world.now += STALLED_AFTER + 1
                survive(self.world.erasing.sweep)
        raise AssertionError("the erasure does not end")

    def is_finished(self) -> bool:
        found: list[ErasureReceipt | None] = []
        self.world.without_faults(lambda: found.append(Erasures(self.world.ledger).receipt(ERASURE)))
        return bool(found[0] and found[0].finished_at)

    def numbers(self) -> Counter[str]:
        """Return how many items of each kind name the person."""
        held: Counter[str] = Counter()
        for item in map(python, self.world.store.tables["Ledger"].values()):
            if item["pk"] == f"USER#{PERSON.id}":
                held[next(kind for prefix, kind in KINDS.items() if item["sk"].startswith(prefix))] += 1
            elif item["pk"].startswith("CERT#"):
                held["certificate"] += item["user_id"] == PERSON.id
            elif item["pk"].startswith("ORDER#"):
                held["ordered_tree"] += sum(tree[0] == PERSON.id for tree in item["trees"])
        return held

    def others(self) -> list[Raw]:
        """Return the items of the other person."""
        items = self.world.store.tables["Ledger"]
        return [item for name, item in sorted(items.items()) if name.pk == f"USER#{NEIGHBOUR.id}"]

    def erased(self) -> Counter[str]:
        receipt = Erasures(self.world.ledger).receipt(ERASURE)
        assert receipt
        return Counter(receipt.erased)

    def totals(self) -> dict[str, Any]:
        """Return the public totals: all tallies, without their marks."""
        items = map(python, self.world.store.tables["Ledger"].values())
        return {
            f"{item['pk']} {item['sk']}": {name: value for name, value in item.items() if name not in {"marks", "v"}}
            for item in items
            if item["pk"].startswith("IMPACT#")
        }

    def check(self) -> None:
        """Check that nothing names the person, and that everything else adds up."""

        def all_is_clean() -> None:
            assert [name for name, item in self.world.store.tables["Ledger"].items() if PERSON.id in str(item)] == []
            lines: list[str] = []
            assert recount(self.world.ledger, CALENDAR, lines.append).is_complete
            assert lines == []
            findings: list[Finding] = []
            reconcile(self.world.ledger, findings.append)
            # The points that the other person begins with are in no period.
            assert [each for each in findings if each.is_fault and each.subject != f"user {NEIGHBOUR.id}"] == []
            paid = [each for each in self.nursery.redemptions() if each.user_id == NEIGHBOUR.id and each.state in PAID]
            spent = sum(each.points - each.refunded_points for each in paid)
            assert self.world.wallets.get(NEIGHBOUR.id).spent == spent
            assert self.world.exports.names == {Erasures(self.world.ledger).name_of(NEIGHBOUR.id)}

        self.world.without_faults(all_is_clean)
