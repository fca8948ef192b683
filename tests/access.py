"""What the operations let each kind of client do, computed from their declarations alone.

The generated tests send each request as each kind of client, in this process and on the laptop stack, and compare the
responses with :func:`expected`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from local.operations import operations
from saxaul.catalog.clients import Role
from saxaul.http.access import Data
from saxaul.http.operations import Operation
from saxaul.ledger.grants import COVERS, Cover

ADMITTED = "admitted"
"""The response is neither 401 nor 403, and no item of a body is refused for want of a grant."""

_WRONG_ROLE: dict[Role, str] = {"app": "not_an_app", "partner": "not_a_partner", "operator": "not_an_operator"}


HIDDEN = {"{order_id}": "unknown_order", "{receipt_id}": "unknown_receipt"}
"""With which code another client's order or receipt is answered, like one that does not exist, by its parameter."""


class Sender(NamedTuple):
    """Who sends a request.

    Attributes:
        role: None if the client is not registered, or if its item in the registry is malformed.
        covers: what the person in the request has granted the app at this moment.
        owns: whether the redemption, the order or the receipt in the request is the sender's own.
        scopes: the scopes for which the sender is registered; None for all of its role.
        of_token: the scopes that its token has; None for every scope of the API.
    """

    name: str
    role: Role | None
    is_trusted: bool = False
    covers: tuple[Cover, ...] = ()
    owns: bool = True
    is_suspended: bool = False
    scopes: tuple[str, ...] | None = None
    of_token: tuple[str, ...] | None = None


UNREGISTERED = Sender("a client that is not registered", None)
MALFORMED = Sender("a client whose registration is malformed", None)
FIRST_PARTY = Sender("a first-party app", "app", is_trusted=True)
THIRD_PARTY = Sender("a third-party app without a grant", "app", owns=False)
TAKEN_BACK = Sender("a third-party app whose grant was taken back", "app", owns=False)
PARTNER = Sender("the partner of the order", "partner")
OTHER_PARTNER = Sender("another partner", "partner", owns=False)
OPERATOR = Sender("an operator", "operator")
GRANTED = [Sender(f"a third-party app that may {cover}", "app", covers=(cover,)) for cover in COVERS]
OWNERS = [
    Sender(f"a third-party app that may {cover}, of its own redemption", "app", covers=(cover,)) for cover in COVERS
]
OTHER_FIRST_PARTY = Sender("another first-party app", "app", is_trusted=True, owns=False)
SUSPENDED = Sender("a suspended first-party app", "app", is_trusted=True, owns=False, is_suspended=True)
LIMITED = Sender(
    "a first-party app that may only report", "app", is_trusted=True, owns=False, scopes=("actions.write",)
)
OF_APPS = ("actions.write", "suggestions.read", "wallets.read", "trees.redeem", "grants.write")
NARROW_OPERATORS = [
    Sender(f"an operator whose token has {' and '.join(scopes)}", "operator", of_token=scopes)
    for scopes in (("catalog.write",), ("apps.write",), ("users.read",), ("users.admin",), (*OF_APPS, "apps.write"))
]
"""An operator may ask for a token with fewer scopes. The last one has those of another role, which admit nothing."""
OPERATORS_TOKEN = Sender(
    "a first-party app whose token has the scopes of operators",
    "app",
    is_trusted=True,
    owns=False,
    of_token=("catalog.write", "apps.write", "users.read"),
)
SENDERS = [
    *(UNREGISTERED, MALFORMED, FIRST_PARTY, OTHER_FIRST_PARTY, THIRD_PARTY, TAKEN_BACK),
    *(sender._replace(owns=False) for sender in GRANTED),
    *OWNERS,
    *(PARTNER, OTHER_PARTNER, OPERATOR, SUSPENDED, LIMITED),
    *NARROW_OPERATORS,
    OPERATORS_TOKEN,
]


ROUTES = [required for route in operations() for required in (route, route.of_person) if required]
"""Each operation, and again with a person in the query if the query may name one."""


REASON = "ticket 4711"
"""Why the operator of a test reads a person."""


def query_of(route: Operation, user_id: str, sender: Sender = FIRST_PARTY) -> dict[str, str]:
    """Return the query parameters of a request. An operator says why a person is read."""
    reads_a_person = route.names_a_person and route.access.operator_scope
    reason = {"reason": REASON} if sender.role == "operator" and reads_a_person else {}
    if route.access.optional and route.access.data is Data.PERSON_IN_QUERY:
        return reason | {route.access.optional.parameter: user_id}
    return reason


def needed(route: Operation, sender: Sender) -> set[str]:
    """Return the scopes that a sender needs, which both its token and its registration must have. Empty if the role of
    the sender is refused.
    """
    if sender.role == route.access.role:
        return {*filter(None, [route.access.scope]), *of_the_query(route)}
    by_operators = sender.role == "operator" and route.access.data is not Data.PERSON_IN_QUERY
    return {route.access.operator_scope} if by_operators and route.access.operator_scope else set()


def of_the_query(route: Operation) -> set[str]:
    """Return the scope that a request needs besides that of its operation, because its query names a person."""
    optional = route.access.optional
    return {optional.scope} if optional and route.access.data is Data.PERSON_IN_QUERY else set()


def expected(route: Operation, sender: Sender) -> str:
    """Return the code with which a request is refused, or :data:`ADMITTED`."""
    if route.access.scope is None:
        return ADMITTED
    return _of_the_client(route, sender) or _of_the_data(route, sender) or ADMITTED


def _of_the_client(route: Operation, sender: Sender) -> str:
    """Return the code with which a client is refused, whatever it touches, or an empty text."""
    if sender.role is None:
        return "unknown_client"
    if sender.is_suspended:
        return "app_suspended"
    scopes = needed(route, sender)
    if route.access.role and not scopes:
        return _WRONG_ROLE[route.access.role]
    if any(had is not None and not scopes <= set(had) for had in (sender.scopes, sender.of_token)):
        return "forbidden"
    needs_trust = route.access.first_party and sender.role == "app"
    return "not_first_party" if needs_trust and not sender.is_trusted else ""


def _of_the_data(route: Operation, sender: Sender) -> str:
    """Return the code with which a client is refused because of whose data the request touches, or an empty text."""
    needs_grant = sender.role == "app" and not sender.is_trusted
    if route.access.cover and needs_grant and route.access.cover not in sender.covers:
        return "not_granted"
    if route.access.data is Data.OWN_REDEMPTION and not sender.owns:
        return "not_yours"
    for parameter, code in HIDDEN.items():
        if parameter in route.path and not sender.owns:
            return code
    return ""


def cases() -> Iterator[tuple[Operation, Sender]]:
    """Yield each route with each sender."""
    for route in ROUTES:
        for sender in SENDERS:
            yield route, sender


def named(route: Operation, sender: Sender) -> str:
    return f"{route.method} {route.path} of {route.access.data} by {sender.name}"
