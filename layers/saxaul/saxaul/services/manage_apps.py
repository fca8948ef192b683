"""Registers, changes, shows, suspends and ends apps.

A worker may crash at each AWS call, and each request may be repeated. So what a crash would leave behind is recorded
first (storage/apps.py), and ``EndOverlaps`` completes it: a client that was made and not registered is deleted, scopes
that were changed come to Cognito, and the client of an ended app is deleted.
"""

import secrets
from functools import cache
from typing import NamedTuple

from saxaul.catalog.apps import App, AppRecord, AppSecret, AppState
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.conditions import Condition
from saxaul.clock import Clock
from saxaul.problems import Conflict, InvalidRequest
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.services.find_app import find_app
from saxaul.services.preconditions import check_condition
from saxaul.settings import settings
from saxaul.storage.apps import Apps, Leftover, ended
from saxaul.storage.identity import Identity, MadeClient, TooManyClientsError, UnknownClientError
from saxaul.storage.table import Table

LEFT_OVER_AFTER = 300
"""Seconds after which a client that was made and not registered is left over. No request takes as long."""

SYNCED_WITHIN = 60
"""Seconds after which ``EndOverlaps`` brings changed scopes to Cognito, if the request has not."""


class Registered(NamedTuple):
    """An app after a PUT. Only a new app has a ``secret``: the value of the first secret of its client."""

    record: AppRecord
    secret: str | None = None


class AppManagement(NamedTuple):
    """Writes and reads the registered apps."""

    apps: Apps
    identity: Identity
    clock: Clock

    def put(self, app_id: str, app: App, condition: Condition, changed_by: str) -> Registered:
        """Register an app, or change it. If it is registered like this already, write nothing.

        Raises:
            InvalidRequest: ``invalid_identifier``: the id is that of the operator.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: the app is ended, would become a planting partner or cease to be one, or Cognito has no room.
            ContendedError: every attempt lost a race against a concurrent write.
        """
        if app_id == OPERATOR:
            raise InvalidRequest(
                "invalid_identifier", "operator is the client that this API came with; use another id."
            )

        def attempt() -> Registered:
            stored = self.apps.get(app_id)
            if stored is None:
                check_condition(condition, None, "app")
                return self._register(app_id, app, changed_by)
            if stored.state == "ended":
                raise app_ended(app_id)
            check_condition(condition, stored.version, "app")
            if stored.app.is_changed_in_kind(app):
                raise Conflict("kind_fixed", "An app cannot become a planting partner, nor a partner an app.")
            return Registered(self._change(stored, app, changed_by))

        registered = retry_lost_races(attempt, self.clock)
        if registered.record.syncing is not None:
            self.sync(app_id)  # a concurrent change may come in between; the answer is what this request has made
        return registered._replace(record=registered.record._replace(syncing=None))

    def _register(self, app_id: str, app: App, changed_by: str) -> Registered:
        """Make a client and register it.

        Raises:
            LostRaceError: another request has registered the app first. The client is deleted again.
        """
        now = self.clock.now()
        leftover = Leftover(now + LEFT_OVER_AFTER, app_id, secrets.token_hex(8))
        self.apps.expect(leftover)
        made = self._make_client(app_id, app)
        first = (AppSecret(*listed) for listed in self.identity.secrets(made.client_id)[:1])
        record = AppRecord(app_id, app, made.client_id, 1, now, now, changed_by, secrets=tuple(first))
        try:
            self.apps.write(None, record, leftover)
        except LostRaceError:
            self.identity.delete(made.client_id)
            self.apps.forget(leftover)
            raise
        return Registered(record, made.secret)

    def _make_client(self, app_id: str, app: App) -> MadeClient:
        try:
            return self.identity.create(app_id, app.granted_scopes)
        except TooManyClientsError:
            raise Conflict(
                "too_many_apps", "Cognito has no room for another client; ask AWS for a higher quota of app clients."
            ) from None

    def _change(self, stored: AppRecord, app: App, changed_by: str) -> AppRecord:
        if stored.app == app:
            return stored
        now = self.clock.now()
        changed = stored._replace(
            app=app,
            version=stored.version + 1,
            changed_at=now,
            changed_by=changed_by,
            syncing=stored.syncing if stored.app.scopes == app.scopes else now + SYNCED_WITHIN,
        )
        self.apps.write(stored, changed)
        return changed

    def sync(self, app_id: str) -> AppRecord:
        """Bring the scopes of an app to Cognito if they were changed, and return the app.

        If another change comes in between, this worker may have brought the older scopes. So it brings the newer ones.

        Raises:
            NotFound: the app was never registered.
            ContendedError: every attempt lost a race against a concurrent write.
        """
        has_updated = False

        def attempt() -> AppRecord:
            nonlocal has_updated
            record = self.read(app_id)
            if record.state == "ended" or (record.syncing is None and not has_updated):
                return record
            has_updated = True
            try:
                self.identity.update(record.client_id, app_id, record.app.granted_scopes)
            except UnknownClientError:  # a concurrent request ended the app
                raise LostRaceError from None
            synced = record._replace(syncing=None)
            self.apps.write(record, synced)
            return synced

        return retry_lost_races(attempt, self.clock)

    def read(self, app_id: str) -> AppRecord:
        """Return an app, in any state.

        Raises:
            NotFound: ``unknown_app``: it was never registered.
        """
        return find_app(self.apps, app_id)

    def after(self, app_id: str, limit: int) -> list[AppRecord]:
        """Return the first apps whose ids come after this one, in any state, sorted by id."""
        return self.apps.after(app_id, limit)

    def set_state(self, app_id: str, state: AppState, changed_by: str) -> AppRecord:
        """Suspend or resume an app. If it is in this state already, write nothing.

        Raises:
            NotFound: the app was never registered.
            Conflict: it is ended.
            ContendedError: every attempt lost a race against a concurrent write.
        """

        def attempt() -> AppRecord:
            stored = self.read(app_id)
            if stored.state == "ended":
                raise app_ended(app_id)
            if stored.state == state:
                return stored
            changed = stored._replace(state=state, changed_at=self.clock.now(), changed_by=changed_by)
            self.apps.write(stored, changed)
            return changed

        return retry_lost_races(attempt, self.clock)

    def end(self, app_id: str, changed_by: str) -> AppRecord:
        """End an app, and delete its client. It is safe to repeat.

        Raises:
            NotFound: the app was never registered.
            ContendedError: every attempt lost a race against a concurrent write.
        """

        def attempt() -> AppRecord:
            stored = self.read(app_id)
            if stored.state == "ended":
                return stored
            left = stored._replace(state="ended", secrets=(), claim=None, syncing=None)
            record = left._replace(changed_at=self.clock.now(), changed_by=changed_by)
            self.apps.write(stored, record)
            return record

        record = retry_lost_races(attempt, self.clock)
        self.identity.delete(record.client_id)
        self.apps.forget(ended(record))
        return record

    def clear(self, leftover: Leftover) -> None:
        """Delete what is left over: the clients with the name of an app that are not registered.

        A client that another worker is about to register must stay. That worker has recorded a leftover of its own
        before it made the client, and removes it in the transaction that registers the client. So the clients are read
        first, then what else may be left over, and then the app.
        """
        found = self.identity.clients_named(leftover.app_id)
        now = self.clock.now()
        if any(other.app_id == leftover.app_id and other.due_at > now for other in self.apps.leftovers()):
            return
        record = self.apps.get(leftover.app_id)
        kept = record.client_id if record and record.state != "ended" else None
        for client_id in found:
            if client_id != kept:
                self.identity.delete(client_id)
        self.apps.forget(leftover)


def app_ended(app_id: str) -> Conflict:
    """Return the problem of a request that no ended app can have."""
    return Conflict(
        "app_ended",
        f"The app {app_id} is ended, and its actions stay under its id; register another app with another id.",
    )


@cache
def app_management() -> AppManagement:
    """Return the service of this process that writes and reads registered apps."""
    table = Table(settings().catalog_table, wiring.clock())
    return AppManagement(Apps(table), Identity(settings().user_pool), wiring.clock())
