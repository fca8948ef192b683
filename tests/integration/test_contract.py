"""The functions, in this process, do what the OpenAPI document says, for generated requests to each operation."""

from datetime import datetime
from typing import Any

import pytest

from local.openapi import DOCUMENT
from local.seed import load
from saxaul.catalog.entries import TreeProject
from saxaul.catalog.versions import VersionedEntry
from tests.builders import SHANGHAI, confirmation
from tests.contract.conformance import Exercise, operations_of, role_of
from tests.contract.honest import ALWAYS, ENTRY, EXCLUSIONS, PREFIX, RUNNING, World, known, registered_apps
from tests.contract.release import read
from tests.e2e.journeys import IS_LONG
from tests.integration.in_process import BASE_URL, send
from tests.integration.stack import Stack, call_app, cancel, confirm, grant, put_entry, redeem, report_actions
from tests.integration.whole_life import erase

EXAMPLES = 100 if IS_LONG else 3
TOKENS = {"app": "alipay-client", "partner": "partner-client", "operator": "operator-client"}
USER = f"{PREFIX}mei"
OPERATIONS = operations_of(read(DOCUMENT))


@pytest.fixture
def world(stack: Stack) -> World:
    """A stack with the default catalog, a person with points, and three trees that are ordered."""
    for kind, entries in load().items():
        for identifier, entry in entries.items():
            planned = []
            if isinstance(entry, TreeProject):
                stock = stack.stock(identifier).planned(entry, SHANGHAI, stack.clock.instant)
                planned = [stack.stocks.plan_write(stock, stack.clock.instant)]
            stack.catalog_store.put(kind, identifier, VersionedEntry(entry, 1), also=planned)
    action = {
        "action_id": f"{PREFIX}ride",
        "user_id": USER,
        "type": "bus_ride",
        "quantity": 1,
        "occurred_at": "2026-06-04T12:00:00+08:00",
    }
    accepted = report_actions(action)
    assert accepted.status == 202
    stack.deliver_reported()
    grant("read", user_id=USER)
    stack.add_wallet(10_000_000, USER)
    ordered = redeem("ordered", USER, trees=3).body
    stack.settle(*stack.receive_all(stack.redemptions_url))
    [order] = stack.run_planting_batch()
    cancelled = redeem("cancelled", USER).body
    assert cancel(cancelled["redemption_id"], USER).status == 200
    planted, waiting, failing = ordered["certificates"]
    assert confirm(order, confirmation(planted)).status == 200
    for words in (["contract", "合约"], ["contract", "合约", "agreement"]):
        assert put_entry("synonyms", ENTRY, {"words": words}).status == 200
    assert put_entry("campaigns", RUNNING, ALWAYS).status == 200
    assert put_entry("synonyms", f"{PREFIX}deleted", {"words": ["contract", "合约"]}).status == 200
    return World(
        now=datetime.fromtimestamp(stack.clock.instant, SHANGHAI),
        user=USER,
        action=action,
        receipt=accepted.body["receipt_id"],
        redemption={"user_id": USER, "redemption_id": ordered["redemption_id"]},
        cancelled={"user_id": USER, "redemption_id": cancelled["redemption_id"]},
        orders=dict.fromkeys(ordered["certificates"], order),
        planted=planted,
        ordered=waiting,
        failing=failing,
        erasure={"user_id": "gone", "erasure_id": erase("gone")["erasure_id"]},
        apps=registered_apps(_call_as_operator, "in-process"),
    )


def _call_as_operator(method: str, path: str, body: object) -> Any:  # noqa: ANN401 - the body of an answer
    _, _, app_id, *below = path.split("/")
    return call_app(method, app_id, "/".join(below), body).body


@pytest.mark.slow
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("role", [None, *TOKENS])
def test_the_functions_do_what_the_document_says(world: World, role: str | None, subtests: pytest.Subtests) -> None:
    """Each operation of a role succeeds and refuses at least once, and no answer differs from the document."""
    for label, operation in OPERATIONS.items():
        if role_of(operation) == role:
            with subtests.test(label):
                outcome = Exercise(operation, known(world, TOKENS), send, BASE_URL, EXCLUSIONS).run(EXAMPLES)
                assert not outcome.faults, "\n".join(outcome.faults)
                assert outcome.successes, outcome.statuses
                assert outcome.refusals, outcome.statuses
