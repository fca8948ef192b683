"""Apps as operators register them: what an app is, what it may do, its state, and the secrets of its client.

A planting partner registers in the same way. In the API, both are apps; its kind says which.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from saxaul.catalog.clients import (
    MAX_ACTIONS_PER_DAY,
    MAX_CALLS_PER_SECOND,
    MAX_PARTNERS,
    PLACE_OF_ID,
    RegisteredClient,
)
from saxaul.catalog.entries import CHARACTERS_OF_A_PHRASE, Phrase, checked_link
from saxaul.catalog.models import AfterValidator, Described, Field, Model, ValidationInfo, field_validator

AppKind = Literal["first_party", "third_party", "partner"]
AppState = Literal["active", "suspended", "ended"]
AppScope = Literal[
    "actions.write",
    "suggestions.read",
    "wallets.read",
    "trees.redeem",
    "grants.write",
    "users.admin",
    "planting.write",
]

_OF_THIRD_PARTY: tuple[AppScope, ...] = ("actions.write", "suggestions.read", "wallets.read", "trees.redeem")
SCOPES: Mapping[AppKind, tuple[AppScope, ...]] = {
    "first_party": (*_OF_THIRD_PARTY, "grants.write", "users.admin"),
    "third_party": _OF_THIRD_PARTY,
    "partner": ("planting.write",),
}
"""The scopes that an app of each kind may have."""

ONLY_IF_NAMED: frozenset[AppScope] = frozenset({"users.admin"})
"""The scopes that an app has only if it is registered with them by name. An app with this one can erase any person."""

CALLS_PER_SECOND = 50
ACTIONS_PER_DAY = 100_000
"""The limits of an app that is registered without limits."""


Name = Annotated[Phrase, CHARACTERS_OF_A_PHRASE]


_PATTERN = (
    r"https://([A-Za-z0-9][A-Za-z0-9-]*\.)*[A-Za-z][A-Za-z0-9-]*(:[1-5]?[0-9]{1,4})?/"
    r"([^\s{}\\^`|\"'<>%]|%[0-9A-Fa-f]{2})*\{suggestion_id\}([^\s{}\\^`|\"'<>%]|%[0-9A-Fa-f]{2})*"
)
"""A host without a user name, and after it a path with the place of the id and without characters that links escape."""


def _checked_pattern(pattern: str) -> str:
    if pattern.count(PLACE_OF_ID) != 1 or set("{}") & set(pattern.replace(PLACE_OF_ID, "")):
        raise ValueError("this must have {suggestion_id} exactly once, and no other braces")
    if not re.fullmatch(_PATTERN, pattern):
        raise ValueError(
            "this must be a link of the form https://host/path with {suggestion_id} after the host, without quotes, "
            "backslashes or angle brackets"
        )
    checked_link(pattern.replace(PLACE_OF_ID, "x"))
    return pattern


LinkPattern = Annotated[
    str,
    Field(max_length=500),
    AfterValidator(_checked_pattern),
    Described({"pattern": f"^{_PATTERN}$"}),
]


class Limits(Model):
    """How much an app may send."""

    calls_per_second: Annotated[int, Field(strict=True, ge=1, le=MAX_CALLS_PER_SECOND)] = CALLS_PER_SECOND
    """The most calls in a second."""
    actions_per_day: Annotated[int, Field(strict=True, ge=1, le=MAX_ACTIONS_PER_DAY)] | None = None
    """The most actions and reversals in a day of the programme's time zone. Without it, 100,000. A planting partner
    has none."""


def _of_kind(kind: AppKind, others: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what JSON Schema says of the app of a kind. ``others`` are the rules of the fields besides its scopes."""
    scopes = {"anyOf": [{"type": "null"}, {"type": "array", "items": {"enum": list(SCOPES[kind])}}]}
    return {
        "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
        "then": {"properties": {"scopes": scopes, **others}},
    }


_NO_PARTNERS: Mapping[str, Any] = {"partners": {"maxItems": 0}}
_LIMITS_OF_A_PARTNER: Mapping[str, Any] = {"properties": {"actions_per_day": {"type": "null"}}}
_OF_A_PARTNER = _of_kind(
    "partner", {"partners": {"minItems": 1}, "link_pattern": {"type": "null"}, "limits": _LIMITS_OF_A_PARTNER}
)


class App(Model):
    """What an operator registers of an app."""

    json_schema = {  # noqa: RUF012 - a mapping that nobody changes
        "allOf": [
            _of_kind("first_party", _NO_PARTNERS),
            _of_kind("third_party", _NO_PARTNERS),
            {**_OF_A_PARTNER, "then": {**_OF_A_PARTNER["then"], "required": ["partners"]}},
        ]
    }

    name: Name
    """What the app is called, for people."""
    kind: AppKind
    """Whether the operator trusts the app with every person, or it needs grants, or it is a planting partner."""
    scopes: Annotated[tuple[AppScope, ...], Field(min_length=1)] | None = Field(default=None, validate_default=True)
    """What the app may do. Without it, everything that an app of its kind may do, except exporting and erasing persons
    (`users.admin`)."""
    partners: Annotated[tuple[Name, ...], Field(max_length=MAX_PARTNERS, validate_default=True)] = ()
    """The planting partners whose orders the app reads and reports on. Only a partner has them, at least one."""
    link_pattern: LinkPattern | None = Field(default=None, validate_default=True)
    """The link of a suggestion that has no link for this app. `{suggestion_id}` stands for its id. A partner has no
    links."""
    limits: Limits = Field(default=Limits.model_construct(), validate_default=True)
    """How much the app may send."""

    @field_validator("scopes")
    @classmethod
    def _scopes_of_the_kind(
        cls, scopes: tuple[AppScope, ...] | None, info: ValidationInfo
    ) -> tuple[AppScope, ...] | None:
        if "kind" not in info.data:
            return scopes
        allowed = SCOPES[info.data["kind"]]
        if wrong := next((scope for scope in scopes or () if scope not in allowed), None):
            raise ValueError(f"{wrong} is not a scope of this kind; the scopes are {', '.join(allowed)}")
        default = tuple(scope for scope in allowed if scope not in ONLY_IF_NAMED)
        return default if scopes is None else tuple(scope for scope in allowed if scope in scopes)

    @field_validator("partners")
    @classmethod
    def _only_partners_have_partners(cls, partners: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "kind" in info.data and (info.data["kind"] == "partner") == (not partners):
            raise ValueError("an app of the kind partner must have partners, and no other app may have any")
        return partners

    @field_validator("link_pattern")
    @classmethod
    def _no_partner_has_links(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        if pattern and info.data.get("kind") == "partner":
            raise ValueError("a partner has no links to suggestions")
        return pattern

    @field_validator("limits")
    @classmethod
    def _limits_of_the_kind(cls, limits: Limits, info: ValidationInfo) -> Limits:
        is_partner = info.data.get("kind") == "partner"
        if is_partner and limits.actions_per_day is not None:
            raise ValueError("a partner reports no actions, so it has no actions_per_day")
        if is_partner or limits.actions_per_day is not None:
            return limits
        return limits.model_copy(update={"actions_per_day": ACTIONS_PER_DAY})

    @property
    def granted_scopes(self) -> tuple[AppScope, ...]:
        """The scopes of the app. A valid app has at least one."""
        return self.scopes or ()

    def is_changed_in_kind(self, other: "App") -> bool:
        """Return whether one is a planting partner and the other is not."""
        return (self.kind == "partner") != (other.kind == "partner")

    def client(self, app_id: str, *, is_suspended: bool) -> RegisteredClient:
        """Return the client as each request reads it from the registry."""
        is_partner = self.kind == "partner"
        return RegisteredClient(
            name=app_id,
            role="partner" if is_partner else "app",
            trust=None if self.kind == "partner" else self.kind,
            partners=self.partners,
            scopes=self.granted_scopes,
            calls_per_second=self.limits.calls_per_second,
            actions_per_day=self.limits.actions_per_day,
            link_pattern=self.link_pattern,
            is_suspended=is_suspended,
        )


class AppSecret(NamedTuple):
    """A secret of an app's client. Its value is only in Cognito.

    Attributes:
        created_at, ends_at: instants in seconds. ``ends_at`` is None while no other secret replaces this one.
    """

    secret_id: str
    created_at: int
    ends_at: int | None = None

    def is_over(self, now: int) -> bool:
        return self.ends_at is not None and self.ends_at <= now


class SecretsClaim(NamedTuple):
    """The right to change the secrets of a client, for one worker, until an instant in seconds."""

    nonce: str
    until: int


class AppRecord(NamedTuple):
    """A registered app.

    Attributes:
        version: grows with each change of ``app``.
        created_at, changed_at: instants in seconds. A change of the state counts, and a change of the secrets does not.
        changed_by: the operator who last changed it.
        secrets: the secrets that the registry knows, oldest first. At least one of them does not end.
        claim: who changes the secrets now.
        syncing: the instant in seconds from which on ``EndOverlaps`` brings the scopes to Cognito; None if Cognito has
            the scopes of ``app``.
        stored: the version of the item, which grows with each write.
    """

    app_id: str
    app: App
    client_id: str
    version: int
    created_at: int
    changed_at: int
    changed_by: str
    state: AppState = "active"
    secrets: tuple[AppSecret, ...] = ()
    claim: SecretsClaim | None = None
    syncing: int | None = None
    stored: int = 0

    @property
    def due_at(self) -> int | None:
        """The instant at which ``EndOverlaps`` has work with the app, or None."""
        ends = [secret.ends_at for secret in self.secrets]
        known = [at for at in (*ends, self.syncing, self.claim.until if self.claim else None) if at is not None]
        return min(known, default=None)

    @property
    def client(self) -> RegisteredClient | None:
        """The client as each request reads it, or None if the app is ended."""
        if self.state == "ended":
            return None
        return self.app.client(self.app_id, is_suspended=self.state == "suspended")
