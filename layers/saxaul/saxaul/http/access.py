"""The one table of all routes: who may send each request, and whose data it touches.

``endpoint`` looks up each route in this table when a function is imported, and checks the request before the route
runs. docs/api.md prints the table.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from saxaul.catalog.clients import RegisteredClient, Role
from saxaul.ledger.grants import Cover
from saxaul.problems import Forbidden


class Data(StrEnum):
    """Whose data a route touches."""

    PUBLIC = "public data"
    SHARED = "what is the same for every person"
    PERSON = "the person in the path"
    PERSON_IN_QUERY = "the person in the query"
    OWN_REDEMPTION = "a redemption that the same app requested, of the person in the path"
    PERSONS_IN_BODY = "each person in the body, one by one"
    OWN_ORDERS = "the orders of the client's partners"
    CATALOG = "the whole catalog"


class PersonInQuery(NamedTuple):
    """A person whom the query of a request may name, and what the request then requires besides its route.

    Attributes:
        parameter: the name of the query parameter that has the user id.
        scope: the OAuth scope that the token must have too. API Gateway does not check it.
        cover: what the grant of the person must cover if a third-party app sends the request.
    """

    parameter: str
    scope: str
    cover: Cover


class Access(NamedTuple):
    """What a route requires.

    Attributes:
        scope: the OAuth scope that API Gateway requires, or None if the route is public.
        role: the role of the clients that may send the request, or None if the route is public.
        data: whose data the route touches.
        cover: what the grant of the person must cover if a third-party app sends the request.
        first_party: whether third-party apps are refused, whatever the person granted.
        optional: the person whom the query may name; None if the route reads no such parameter.
    """

    method: str
    path: str
    scope: str | None
    role: Role | None
    data: Data
    cover: Cover | None = None
    first_party: bool = False
    optional: PersonInQuery | None = None

    @property
    def names_a_person(self) -> bool:
        return "{user_id}" in self.path

    @property
    def of_person(self) -> "Access | None":
        """What a request requires whose query names a person; None if the query of this route cannot name one."""
        if self.optional is None:
            return None
        return self._replace(data=Data.PERSON_IN_QUERY, cover=self.optional.cover)

    def check_client(self, client: RegisteredClient) -> None:
        """Check that this kind of client may send the request.

        Raises:
            Forbidden: the client has another role, or it is a third-party app and the route is for first-party apps.
        """
        if self.role and client.role != self.role:
            raise Forbidden(*_WRONG_ROLE[self.role])
        if self.first_party and client.needs_grants:
            raise Forbidden("not_first_party", "Only first-party apps can send this request.")


_WRONG_ROLE: Mapping[Role, tuple[str, str]] = {
    "app": ("not_an_app", "Only apps can send this request; use the token of an app."),
    "partner": ("not_a_partner", "Only planting partners can send this request; use the token of a partner."),
    "operator": ("not_an_operator", "Only operators can send this request; use the token of an operator."),
}

_PERSON, _ORDER, _ENTRY = "/users/{user_id}", "/planting-orders/{order_id}", "/catalog/{kind}/{id}"

TABLE = (
    Access("POST", "/actions", "actions.write", "app", Data.PERSONS_IN_BODY, "report"),
    Access("POST", "/reversals", "actions.write", "app", Data.PERSONS_IN_BODY, "report"),
    Access(
        *("GET", "/suggestions", "suggestions.read", "app", Data.SHARED),
        optional=PersonInQuery("user_id", "wallets.read", "read"),
    ),
    Access("GET", "/campaigns", "suggestions.read", "app", Data.SHARED),
    Access("GET", "/campaigns/{id}", "suggestions.read", "app", Data.SHARED),
    Access("GET", "/tree-projects", "suggestions.read", "app", Data.SHARED),
    Access("GET", f"{_PERSON}/wallet", "wallets.read", "app", Data.PERSON, "read"),
    Access("GET", f"{_PERSON}/ledger", "wallets.read", "app", Data.PERSON, "read"),
    Access("GET", f"{_PERSON}/statement", "wallets.read", "app", Data.PERSON, "read"),
    Access("GET", f"{_PERSON}/forest", "wallets.read", "app", Data.PERSON, "read"),
    Access("POST", f"{_PERSON}/harvest", "trees.redeem", "app", Data.PERSON, "spend"),
    Access("POST", f"{_PERSON}/redemptions", "trees.redeem", "app", Data.PERSON, "spend"),
    Access("GET", f"{_PERSON}/redemptions/{{redemption_id}}", "wallets.read", "app", Data.PERSON, "read"),
    Access("DELETE", f"{_PERSON}/redemptions/{{redemption_id}}", "trees.redeem", "app", Data.OWN_REDEMPTION, "spend"),
    Access("GET", f"{_PERSON}/grants", "grants.write", "app", Data.PERSON, first_party=True),
    Access("GET", f"{_PERSON}/grants/{{app_id}}", "grants.write", "app", Data.PERSON, first_party=True),
    Access("PUT", f"{_PERSON}/grants/{{app_id}}", "grants.write", "app", Data.PERSON, first_party=True),
    Access("DELETE", f"{_PERSON}/grants/{{app_id}}", "grants.write", "app", Data.PERSON, first_party=True),
    Access("GET", "/planting-orders", "planting.write", "partner", Data.OWN_ORDERS),
    Access("GET", _ORDER, "planting.write", "partner", Data.OWN_ORDERS),
    Access("POST", f"{_ORDER}/confirmations", "planting.write", "partner", Data.OWN_ORDERS),
    Access("POST", f"{_ORDER}/failures", "planting.write", "partner", Data.OWN_ORDERS),
    Access("POST", f"{_ORDER}/inspections", "planting.write", "partner", Data.OWN_ORDERS),
    Access("GET", "/catalog/{kind}", "catalog.write", "operator", Data.CATALOG),
    Access("GET", _ENTRY, "catalog.write", "operator", Data.CATALOG),
    Access("PUT", _ENTRY, "catalog.write", "operator", Data.CATALOG),
    Access("DELETE", _ENTRY, "catalog.write", "operator", Data.CATALOG),
    Access("GET", f"{_ENTRY}/versions", "catalog.write", "operator", Data.CATALOG),
    Access("POST", f"{_ENTRY}/versions/{{version}}/restore", "catalog.write", "operator", Data.CATALOG),
    Access("GET", "/certificates/{number}", None, None, Data.PUBLIC),
    Access("GET", "/log", None, None, Data.PUBLIC),
    Access("GET", "/log/key", None, None, Data.PUBLIC),
    Access("GET", "/impact", None, None, Data.PUBLIC),
    Access("GET", "/factors/{action_type}/{version}", None, None, Data.PUBLIC),
    Access("GET", "/openapi.json", None, None, Data.PUBLIC),
    Access("GET", "/docs", None, None, Data.PUBLIC),
    Access("GET", "/docs/{file}", None, None, Data.PUBLIC),
)
"""Every route of the API."""

_BY_ROUTE: Mapping[tuple[str, str], Access] = {(access.method, access.path): access for access in TABLE}


def access_to(routes: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Access]:
    """Return what each route requires, by method and path.

    Raises:
        LookupError: a route is not in the table.
    """
    missing = [f"{method} {path}" for method, path in routes if (method, path) not in _BY_ROUTE]
    if missing:
        raise LookupError(f"routes without an entry in saxaul/http/access.py: {', '.join(missing)}")
    return {route: _BY_ROUTE[route] for route in routes}
