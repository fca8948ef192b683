"""Who may send a request, and whose data it touches. There is one ``Access`` for each kind of request.

Each operation (operations.py) names the one that it requires, and ``endpoint`` checks it before the operation runs.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from saxaul.catalog.clients import RegisteredClient, Role
from saxaul.ledger.grants import Cover
from saxaul.problems import Forbidden


class Data(StrEnum):
    """Whose data a request touches."""

    PUBLIC = "public data"
    SHARED = "what is the same for every person"
    PERSON = "the person in the path"
    PERSON_IN_QUERY = "the person in the query"
    OWN_REDEMPTION = "a redemption that the same app requested, of the person in the path"
    PERSONS_IN_BODY = "each person in the body, one by one"
    OWN_RECEIPTS = "the receipts of the app's own calls"
    OWN_ORDERS = "the orders of the client's partners"
    CATALOG = "the whole catalog"
    APPS = "the registered apps"
    ERASURES = "the receipts of all erasures, which name nobody"


OF_MANY_PERSONS = frozenset({Data.PERSONS_IN_BODY, Data.OWN_RECEIPTS})
"""What a token that belongs to one person does not reach."""


class PersonInQuery(NamedTuple):
    """A person whom the query of a request may name, and what the request then requires besides its access.

    Attributes:
        parameter: the name of the query parameter that has the user id.
        scope: the OAuth scope that the token must have too. API Gateway does not check it.
        cover: what the grant of the person must cover if a third-party app sends the request.
    """

    parameter: str
    scope: str
    cover: Cover


class Access(NamedTuple):
    """What a request requires.

    API Gateway admits a token with any of the scopes of a request, because it knows no roles. So each is checked again
    together with the role of the client.

    Attributes:
        scope: the OAuth scope that a client of this role needs, or None if the request is public.
        role: the role of the clients that may send the request, or None if the request is public.
        data: whose data the request touches.
        cover: what the grant of the person must cover if a third-party app sends the request.
        first_party: whether third-party apps are refused, whatever the person granted.
        optional: the person whom the query may name; None if the query cannot name one.
        operator_scope: the OAuth scope with which an operator may send the request of an app or a partner too; None if
            operators are refused.
    """

    scope: str | None
    role: Role | None
    data: Data
    cover: Cover | None = None
    first_party: bool = False
    optional: PersonInQuery | None = None
    operator_scope: str | None = None

    @property
    def of_person(self) -> "Access | None":
        """What a request requires whose query names a person; None if the query cannot name one.

        Operators cannot send it. They read a person by the paths of that person.
        """
        if self.optional is None:
            return None
        return self._replace(data=Data.PERSON_IN_QUERY, cover=self.optional.cover, operator_scope=None)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of which a token needs one; none if the request is public."""
        return tuple(dict.fromkeys(scope for scope in (self.scope, self.operator_scope) if scope))

    def scope_of(self, role: Role) -> str | None:
        """Return the scope that a client of a role needs, or None if such a client cannot send the request."""
        if role == self.role:
            return self.scope
        return self.operator_scope if role == "operator" else None

    def check_client(self, client: RegisteredClient) -> None:
        """Check that this kind of client may send the request.

        Raises:
            Forbidden: the client is suspended, has another role or is not registered for the scope, or it is a
                third-party app and the request is for first-party apps.
        """
        if client.is_suspended:
            raise Forbidden("app_suspended", "An operator has suspended this app; ask the operator of the programme.")
        scope = self.scope_of(client.role)
        if self.role and scope is None:
            raise Forbidden(*self._wrong_role(self.role))
        if scope and not client.may_use(scope):
            raise Forbidden("forbidden", f"This client is not registered for the scope {scope}; ask the operator.")
        if self.first_party and client.needs_grants:
            raise Forbidden("not_first_party", "Only first-party apps can send this request.")

    def _wrong_role(self, role: Role) -> tuple[str, str]:
        code, detail = WRONG_ROLE[role]
        return code, detail.format(others=" and operators" if self.operator_scope else "")


WRONG_ROLE: Mapping[Role, tuple[str, str]] = {
    "app": ("not_an_app", "Only apps{others} can send this request; use the token of an app."),
    "partner": ("not_a_partner", "Only planting partners{others} can send this request; use the token of a partner."),
    "operator": ("not_an_operator", "Only operators can send this request; use the token of an operator."),
}
"""With which code and detail a client of another role than this one is refused. ``others`` may send the request too."""

PUBLIC = Access(None, None, Data.PUBLIC)
TO_REPORT = Access("actions.write", "app", Data.PERSONS_IN_BODY, "report")
TO_FOLLOW = Access("actions.write", "app", Data.OWN_RECEIPTS, operator_scope="apps.write")
TO_SEARCH = Access("suggestions.read", "app", Data.SHARED, operator_scope="catalog.write")
TO_SEARCH_FOR_A_PERSON = TO_SEARCH._replace(optional=PersonInQuery("user_id", "wallets.read", "read"))
TO_READ_A_PERSON = Access("wallets.read", "app", Data.PERSON, "read", operator_scope="users.read")
TO_SPEND_POINTS = Access("trees.redeem", "app", Data.PERSON, "spend")
TO_CANCEL = TO_SPEND_POINTS._replace(data=Data.OWN_REDEMPTION)
TO_GRANT = Access("grants.write", "app", Data.PERSON, first_party=True)
TO_ADMINISTER = Access("users.admin", "app", Data.PERSON, first_party=True, operator_scope="users.admin")
"""To export or erase a person. No app has the scope by default; an operator registers a first-party app with it."""
TO_FOLLOW_ERASURES = Access("users.admin", "operator", Data.ERASURES)
TO_PLANT = Access("planting.write", "partner", Data.OWN_ORDERS)
TO_OPERATE = Access("catalog.write", "operator", Data.CATALOG)
TO_REGISTER = Access("apps.write", "operator", Data.APPS)
