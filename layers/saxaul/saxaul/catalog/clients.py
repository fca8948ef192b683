"""The registered clients of the API: apps, planting partners and operators.

Operators trust a first-party app with every person. A third-party app reaches only the persons who granted it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, get_args

from saxaul.catalog.entries import Identifier, Phrase, is_entry_identifier, is_phrase
from saxaul.catalog.models import Field, Model, ValidationInfo, field_validator
from saxaul.catalog.recorded import recorded

Role = Literal["app", "partner", "operator"]
Trust = Literal["first_party", "third_party"]

SCOPES_OF = "saxaul"
"""The identifier of the resource server in Cognito, with which the names of scopes in a token begin."""

OPERATOR = "operator"
"""The name of the operator, whom the template creates. No registered app has it."""

PLACE_OF_ID = "{suggestion_id}"
"""What stands for the id of a suggestion in the pattern of an app's links."""

MAX_PARTNERS = 100
"""The most planting partners that one client acts for."""

MAX_CALLS_PER_SECOND = 100_000
MAX_ACTIONS_PER_DAY = 1_000_000_000


class RegisteredClient(Model):
    """Whom an OAuth client acts for.

    Attributes:
        name: the name under which the client's actions and grants are stored.
        trust: only for an app: whether it reaches every person, or only those who granted it.
        partners: only for a partner: the planting partners whose orders the client reads and reports on.
        scopes: the scopes that the client may use, without the prefix of the resource server; None for all of its role.
        calls_per_second, actions_per_day: the limits of the client; None for a client without limits.
        link_pattern: only for an app: its links to suggestions, in which PLACE_OF_ID stands for the id.
        is_suspended: whether each of its requests is refused.
    """

    name: Identifier
    role: Role
    trust: Trust | None = Field(default=None, validate_default=True)
    partners: Annotated[tuple[Phrase, ...], Field(max_length=MAX_PARTNERS, validate_default=True)] = ()
    scopes: tuple[str, ...] | None = None
    calls_per_second: Annotated[int, Field(ge=1, le=MAX_CALLS_PER_SECOND)] | None = None
    actions_per_day: Annotated[int, Field(ge=1, le=MAX_ACTIONS_PER_DAY)] | None = None
    link_pattern: str | None = None
    is_suspended: bool = False

    @field_validator("trust")
    @classmethod
    def _only_apps_are_trusted(cls, trust: Trust | None, info: ValidationInfo) -> Trust | None:
        if "role" in info.data and (info.data["role"] == "app") == (trust is None):
            raise ValueError("an app must have a trust, and no other client may have one")
        return trust

    @field_validator("partners")
    @classmethod
    def _only_partners_act_for_partners(cls, partners: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "role" in info.data and (info.data["role"] == "partner") == (not partners):
            raise ValueError("a client of the role partner must have partners, and no other client may have any")
        return partners

    def may_use(self, scope: str) -> bool:
        """Return whether the client is registered for a scope. A token that is older than a change may have others."""
        return self.scopes is None or scope in self.scopes

    @property
    def needs_grants(self) -> bool:
        """Whether the client is an app that reaches only the persons who granted it."""
        return self.role == "app" and self.trust != "first_party"


def stored_client(fields: Mapping[str, Any]) -> RegisteredClient:
    """Return the client of which these fields were stored.

    Its rules are those of the model, but values must have the types that storage writes and reads: texts are ``str``,
    several of them a list, and a number is an ``int`` or a ``Decimal``. The model would also accept others. Each cold
    start of the API reads a client, and often checks nothing else. So the rules are checked without pydantic's core,
    the import of which would take a tenth of the first response. A test compares both.

    Raises:
        ValueError: the model would refuse the fields, or a value has another type.
    """
    role, trust, partners = fields.get("role"), fields.get("trust"), fields.get("partners", [])
    is_valid = (
        fields.keys() <= RegisteredClient.model_fields.keys()
        and is_entry_identifier(fields.get("name"))
        and role in get_args(Role)
        and (trust in get_args(Trust) if role == "app" else trust is None)
        and isinstance(partners, list)
        and len(partners) <= MAX_PARTNERS
        and all(map(is_phrase, partners))
        and bool(partners) == (role == "partner")
        and _are_texts(fields.get("scopes"))
        and _is_limit(fields.get("calls_per_second"), MAX_CALLS_PER_SECOND)
        and _is_limit(fields.get("actions_per_day"), MAX_ACTIONS_PER_DAY)
        and isinstance(fields.get("link_pattern"), str | None)
        and isinstance(fields.get("is_suspended", False), bool)
    )
    if not is_valid:
        raise ValueError("this is not a registered client")
    return recorded(RegisteredClient, fields)


def _are_texts(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(text, str) for text in value))


def _is_limit(value: object, most: int) -> bool:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return value is None or (is_number and 1 <= value <= most and value == int(value))  # type: ignore[operator, call-overload]


class ClientReference(NamedTuple):
    """A field of a catalog entry that names an app or a planting partner."""

    field: str
    role: Literal["app", "partner"]
    name: str

    def is_met_by(self, client: RegisteredClient) -> bool:
        """Return whether a client is the named app, or acts for the named partner."""
        names = client.partners if self.role == "partner" else (client.name,)
        return client.role == self.role and self.name in names

    @property
    def unmet_message(self) -> str:
        return f"{self.field}: {self.name[:100]!r} is not a registered {self.role}"


def clients_named_in(kind: str, document: object) -> Iterator[ClientReference]:
    """Yield the apps and partners that a catalog entry names. Fields of another form than the model's are skipped."""
    match kind, document:
        case "tree-projects", {"partner": str(partner)}:
            yield ClientReference("partner", "partner", partner)
        case "suggestions", {"links": dict(links)}:
            yield from (ClientReference("links", "app", str(app)) for app in links)
        case "facilities", {"app": str(app)}:
            yield ClientReference("app", "app", app)
