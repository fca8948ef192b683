"""Rotates the secrets of the clients of apps.

A client has two secrets at most. While an old secret and a new one are both valid, their overlap, no other one is made.
A worker that is about to add a secret claims the app first. If it crashes, Cognito may have a secret that the registry
does not know. Nobody has seen its value, so it is deleted: by the next rotation, or by ``EndOverlaps``.
"""

import secrets
from functools import cache
from typing import NamedTuple

from saxaul.catalog.apps import AppRecord, AppSecret, SecretsClaim
from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.problems import Conflict, NotFound
from saxaul.races import retry_lost_races
from saxaul.services.manage_apps import AppManagement, app_ended, app_management
from saxaul.settings import settings
from saxaul.storage.identity import (
    IdentityBusyError,
    LastSecretError,
    ListedSecret,
    MadeSecret,
    TooManySecretsError,
    UnknownClientError,
)

CLAIMED_FOR = 60
"""How many seconds a claim lasts if its worker crashes. No request takes as long."""


class Rotated(NamedTuple):
    """A new secret, with the only copy of its value outside Cognito. ``old_ends_at`` is an instant in seconds."""

    record: AppRecord
    secret_id: str
    secret: str
    old_ends_at: int


class SecretRotation(NamedTuple):
    """Adds and ends secrets."""

    management: AppManagement
    calendar: Calendar

    @property
    def clock(self) -> Clock:
        return self.management.clock

    def rotate(self, app_id: str, overlap: int) -> Rotated:
        """Add a secret. The old one ends after ``overlap`` seconds.

        Raises:
            NotFound: the app was never registered.
            Conflict: it is ended; or ``rotation_in_progress``.
            ContendedError: every attempt lost a race against a concurrent write.
            OverloadedError: Cognito refused a call because of the rate of calls.
        """
        claimed = self._claim(app_id)
        try:
            old = self._only_known(claimed)
            made = self.management.identity.add_secret(claimed.client_id)
        except UnknownClientError:  # a concurrent request ended the app
            raise app_ended(app_id) from None
        except TooManySecretsError:
            raise self._in_progress(self.clock.now() + CLAIMED_FOR) from None
        except IdentityBusyError:
            self._release(claimed)
            raise
        record, ends_at = self._commit(claimed, old, made, overlap)
        if overlap == 0:
            record = self.tidy(app_id) or record
        return Rotated(record, made.secret_id, made.secret, ends_at)

    def end_secret(self, app_id: str, secret_id: str) -> AppRecord:
        """End a secret at once, and return the app. The other secret then does not end. It is safe to repeat.

        Raises:
            NotFound: the app was never registered; or ``unknown_secret``: it has no such secret.
            Conflict: the app is ended; or ``last_secret``: it has no other secret.
            ContendedError: every attempt lost a race against a concurrent write.
        """

        def attempt() -> None:
            record, now = self._active(app_id), self.clock.now()
            found = next((secret for secret in record.secrets if secret.secret_id == secret_id), None)
            if found is None:
                raise _unknown_secret()
            if found.is_over(now):
                return
            others = [secret for secret in record.secrets if secret is not found]
            if all(secret.is_over(now) for secret in others):
                raise _last_secret()
            kept = (secret._replace(ends_at=now if secret is found else None) for secret in record.secrets)
            self.management.apps.write(record, record._replace(secrets=tuple(kept)))

        retry_lost_races(attempt, self.clock)
        record = self.tidy(app_id)
        if record and any(secret.secret_id == secret_id for secret in record.secrets):
            raise _last_secret()  # EndOverlaps deleted the other one first
        return record or self.management.read(app_id)

    def tidy(self, app_id: str) -> AppRecord | None:
        """Delete the secrets of an app whose time is over, and what a crashed rotation left. It is safe to repeat.

        Returns the app, or None if there is no client any more.

        Raises:
            ContendedError: every attempt lost a race against a concurrent write.
        """

        def attempt() -> AppRecord | None:
            record, now = self.management.apps.get(app_id), self.clock.now()
            if record is None or record.state == "ended":
                return None
            if record.claim and record.claim.until <= now:
                return self._without_unknown(record)
            if not any(secret.is_over(now) for secret in record.secrets):
                return record
            tidied = record._replace(secrets=self._without_over(record, now))
            self.management.apps.write(record, tidied)
            return tidied

        try:
            return retry_lost_races(attempt, self.clock)
        except UnknownClientError:  # a concurrent request ended the app
            return None

    def _claim(self, app_id: str) -> AppRecord:
        """Hold an app, and return it with the claim.

        Raises:
            Conflict: another worker has claimed it, an overlap is not over, or the app is ended.
        """

        def attempt() -> AppRecord:
            record, now = self._active(app_id), self.clock.now()
            if record.claim and record.claim.until > now:
                raise self._in_progress(record.claim.until)
            for secret in record.secrets:
                if secret.ends_at is not None and secret.ends_at > now:
                    raise self._in_progress(secret.ends_at)
            return self._claimed(record, now)

        return retry_lost_races(attempt, self.clock)

    def _claimed(self, record: AppRecord, now: int) -> AppRecord:
        claimed = record._replace(claim=SecretsClaim(secrets.token_hex(8), now + CLAIMED_FOR))
        self.management.apps.write(record, claimed)
        return claimed._replace(stored=record.stored + 1)

    def _release(self, claimed: AppRecord) -> None:
        """Give a claim back, after which nothing was added."""

        def attempt() -> None:
            record = self.management.apps.get(claimed.app_id)
            if record and record.claim == claimed.claim:
                self.management.apps.write(record, record._replace(claim=None))

        retry_lost_races(attempt, self.clock)

    def _only_known(self, claimed: AppRecord) -> ListedSecret:
        """Delete every secret but the known one that does not end, and return that one."""
        listed = self.management.identity.secrets(claimed.client_id)
        lasting = {secret.secret_id for secret in claimed.secrets if secret.ends_at is None}
        if not listed:  # a client always has a secret, but Cognito may list a new one late
            raise self._in_progress(self.clock.now() + CLAIMED_FOR)
        kept = next((secret for secret in listed if secret.secret_id in lasting), listed[0])
        for secret in listed:
            if secret is not kept:
                self.management.identity.delete_secret(claimed.client_id, secret.secret_id)
        return kept

    def _commit(self, claimed: AppRecord, old: ListedSecret, made: MadeSecret, overlap: int) -> tuple[AppRecord, int]:
        """Write the new secret to the registry, and return the app and the instant at which the old secret ends.

        Raises:
            Conflict: the app is ended, or the claim was lost. The new secret is deleted again.
        """

        def attempt() -> tuple[AppRecord, int]:
            record = self.management.apps.get(claimed.app_id)
            if record is None or record.claim != claimed.claim:
                self.management.identity.delete_secret(claimed.client_id, made.secret_id)
                if record and record.state == "ended":
                    raise app_ended(claimed.app_id)
                raise self._in_progress(self.clock.now())
            ends_at = self.clock.now() + overlap
            known = AppSecret(old.secret_id, old.created_at, ends_at), AppSecret(made.secret_id, made.created_at)
            rotated = record._replace(secrets=known, claim=None)
            self.management.apps.write(record, rotated)
            return rotated, ends_at

        return retry_lost_races(attempt, self.clock)

    def _without_unknown(self, record: AppRecord) -> AppRecord | None:
        """Delete what a rotation left that crashed. This is done under a claim, so that no other rotation runs."""
        claimed = self._claimed(record, self.clock.now())
        kept = self._only_known(claimed)
        tidied = claimed._replace(secrets=(AppSecret(*kept),), claim=None)
        self.management.apps.write(claimed, tidied)
        return tidied

    def _without_over(self, record: AppRecord, now: int) -> tuple[AppSecret, ...]:
        """Delete the secrets whose time is over, and return those that are left."""
        try:
            for secret in record.secrets:
                if secret.is_over(now):
                    self.management.identity.delete_secret(record.client_id, secret.secret_id)
        except LastSecretError:  # a concurrent request ended the other one
            return tuple(AppSecret(*listed) for listed in self.management.identity.secrets(record.client_id))
        return tuple(secret for secret in record.secrets if not secret.is_over(now))

    def _active(self, app_id: str) -> AppRecord:
        record = self.management.read(app_id)
        if record.state == "ended":
            raise app_ended(app_id)
        return record

    def _in_progress(self, until: int) -> Conflict:
        return Conflict(
            "rotation_in_progress",
            f"The app has two secrets, or is about to get another one, until {self.calendar.rfc3339(until)}; try again "
            "then, or end one of the two secrets.",
        )


def _unknown_secret() -> NotFound:
    return NotFound("unknown_secret", "The app has no secret with this id; GET /apps/{app_id} lists its secrets.")


def _last_secret() -> Conflict:
    return Conflict("last_secret", "The app has no other secret; rotate the secret first, or suspend the app.")


@cache
def secret_rotation() -> SecretRotation:
    """Return the service of this process that rotates secrets."""
    return SecretRotation(app_management(), settings().calendar)
