"""A cursor belongs to one list: the same operation with another person, filter, kind or client refuses it."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from local.operations import operations
from saxaul.http.query import CURSOR
from tests.builders import make_action, make_redemption
from tests.integration.stack import Response, Stack, call, put_entry
from tests.integration.test_apps import register


class Listing(NamedTuple):
    """One list: the parameters of its path and query that select it, and the client that reads it."""

    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    client: str = "alipay-client"


MEI = Listing({"user_id": "u-42"})
LI = Listing({"user_id": "u-43"})
DAY = {"on": "2026-07-01"}


def of_operator(path: Mapping[str, str], query: Mapping[str, str] | None = None) -> Listing:
    return Listing(path, query or {}, "operator-client")


def of_partner(client: str = "partner-client", **query: str) -> Listing:
    return Listing({}, query, client)


LISTS: Mapping[tuple[str, str], tuple[Listing, ...]] = {
    ("view_forest", "/users/{user_id}/ledger"): (MEI, LI),
    ("view_forest", "/users/{user_id}/redemptions"): (MEI, LI),
    ("view_forest", "/users/{user_id}/forest"): (MEI, LI),
    ("view_impact", "/action-types"): (Listing(),),
    ("manage_catalog", "/catalog/{kind}"): (
        of_operator({"kind": "action-types"}),
        of_operator({"kind": "action-types"}, DAY),
        of_operator({"kind": "action-types"}, {"on": "2026-07-02"}),
        of_operator({"kind": "synonyms"}),
    ),
    ("manage_catalog", "/catalog/{kind}/{id}/versions"): (
        of_operator({"kind": "synonyms", "id": "bus"}),
        of_operator({"kind": "synonyms", "id": "tree"}),
    ),
    ("manage_apps", "/apps"): (of_operator({}),),
    ("take_reports", "/planting-orders"): (
        of_partner(),
        of_partner(state="ordered"),
        of_partner(state="planted"),
        of_partner("other-partner-client"),
    ),
}
"""The lists with cursors, by function and path. The first list of each has two items or more."""


@pytest.fixture
def filled(stack: Stack) -> Stack:
    """Put at least two items into the first list of each operation."""
    stack.seed_catalog(saplings=50)
    for name in ("metro", "walking"):
        stack.seed("action-types", **{name: stack.catalog_store.catalog().action_types["bus_ride"]})
    for word in ("bus", "coach"):
        for name in ("bus", "tree"):
            assert put_entry("synonyms", name, {"words": [name, f"{name} {word}"]}).status == 200
    for app_id in ("bikes", "old-bikes"):
        register(app_id)
    stack.accrue_all([make_action(action_id="ride-1"), make_action(action_id="ride-2")])
    for number in range(2):
        stack.redemptions.add(make_redemption(f"r-{number}").reserved(stack.clock.instant))
        stack.run_planting_batch()
    return stack


def page(function: str, path: str, listing: Listing, **query: str) -> Response:
    return call(function, "GET", path, client=listing.client, path=listing.path, query={**listing.query, **query})


def test_every_operation_with_a_cursor_is_checked_here() -> None:
    assert {declared.path for declared in operations() if CURSOR in declared.query} == {path for _, path in LISTS}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("function", "path"), LISTS)
def test_a_cursor_is_accepted_for_its_own_list_with_any_limit_and_refused_for_each_other_list(
    function: str, path: str
) -> None:
    own, *others = LISTS[function, path]
    cursor = page(function, path, own, limit="1").body["cursor"]
    assert cursor

    assert page(function, path, own, limit="7", cursor=cursor).status == 200
    for other in others:
        refused = page(function, path, other, cursor=cursor)
        assert (refused.status, refused.code) == (400, "invalid_parameter"), other
