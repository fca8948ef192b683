"""Views of registered apps."""

from typing import TypedDict

from saxaul.catalog.apps import AppKind, AppRecord, AppScope, AppSecret, AppState
from saxaul.catalog.calendar import Calendar
from saxaul.http.views import NonNegative, Timestamp


class LimitsView(TypedDict):
    """How much an app may send."""

    calls_per_second: NonNegative
    """The most calls in a second."""
    actions_per_day: NonNegative | None
    """The most actions and reversals in a day of the programme's time zone; null for a planting partner."""


class SecretView(TypedDict):
    """A secret of an app's client, without its value."""

    secret_id: str
    """The id of the secret."""
    created_at: Timestamp
    """When the secret was made."""
    ends_at: Timestamp | None
    """When the secret ends, because another one replaces it; null if it does not end."""


class AppView(TypedDict):
    """A registered app, or a planting partner."""

    app_id: str
    """The id of the app. No other app ever gets it."""
    name: str
    """What the app is called, for people."""
    kind: AppKind
    """What the app is."""
    scopes: list[AppScope]
    """What the app may do."""
    partners: list[str]
    """The planting partners whose orders the app reads and reports on; empty if it is not a planting partner."""
    link_pattern: str | None
    """The link of a suggestion that has no link for this app; null if there is none."""
    limits: LimitsView
    """How much the app may send."""
    state: AppState
    """Whether the calls of the app are answered, are refused until an operator resumes the app, or are refused for
    good."""
    client_id: str
    """The id of the app's client, with which the app gets tokens."""
    version: NonNegative
    """The version of what the operator registered. A change of the state or of the secrets does not change it."""
    created_at: Timestamp
    """When the app was registered."""
    changed_at: Timestamp
    """When the app or its state was last changed."""
    changed_by: str
    """Who last changed the app or its state."""
    secrets: list[SecretView]
    """The secrets of the client, oldest first: one, or two while one replaces the other."""


class NewAppView(AppView):
    """An app that was registered now."""

    client_secret: str
    """The secret of the app's client. No other response ever has it."""


class AppsPage(TypedDict):
    """A page of the registered apps."""

    apps: list[AppView]
    """The apps, sorted by id."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class NewSecretView(TypedDict):
    """A secret that was made now."""

    app_id: str
    """The id of the app."""
    client_id: str
    """The id of the app's client."""
    secret_id: str
    """The id of the new secret."""
    client_secret: str
    """The new secret. No other response ever has it."""
    old_ends_at: Timestamp
    """When the old secret ends."""


def app_view(record: AppRecord, calendar: Calendar) -> AppView:
    app = record.app
    return {
        "app_id": record.app_id,
        "name": app.name,
        "kind": app.kind,
        "scopes": list(app.granted_scopes),
        "partners": list(app.partners),
        "link_pattern": app.link_pattern,
        "limits": {
            "calls_per_second": app.limits.calls_per_second,
            "actions_per_day": app.limits.actions_per_day,
        },
        "state": record.state,
        "client_id": record.client_id,
        "version": record.version,
        "created_at": calendar.rfc3339(record.created_at),
        "changed_at": calendar.rfc3339(record.changed_at),
        "changed_by": record.changed_by,
        "secrets": [_secret_view(secret, calendar) for secret in record.secrets],
    }


def _secret_view(secret: AppSecret, calendar: Calendar) -> SecretView:
    return {
        "secret_id": secret.secret_id,
        "created_at": calendar.rfc3339(secret.created_at),
        "ends_at": None if secret.ends_at is None else calendar.rfc3339(secret.ends_at),
    }
