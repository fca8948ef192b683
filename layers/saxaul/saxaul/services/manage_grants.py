"""Records, shows and takes back the grants of persons to third-party apps."""

from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.ledger.grants import Cover, Grant
from saxaul.problems import Conflict, NotFound
from saxaul.services import wiring
from saxaul.storage.grants import Grants
from saxaul.storage.registry import Registry


class Granting(NamedTuple):
    """Records, shows and takes back grants."""

    grants: Grants
    registry: Registry
    clock: Clock

    def grant(self, user_id: str, app: str, covers: tuple[Cover, ...], granted_by: str) -> Grant:
        """Let an app do what ``covers`` says, and nothing else. If the grant is the same already, change nothing.

        Raises:
            NotFound: ``unknown_app``: no app of this name is registered.
            Conflict: ``grant_not_needed``: the app is a first-party app.
        """
        self._require_third_party(app)
        stored = self.grants.get(user_id, app)
        if stored and stored.covers == covers:
            return stored
        granted = Grant(user_id, app, covers, self.clock.now(), granted_by)
        self.grants.put(granted)
        return granted

    def view(self, user_id: str, app: str) -> Grant:
        """Return a grant.

        Raises:
            NotFound: ``unknown_grant``: the person has not granted this app anything.
        """
        stored = self.grants.get(user_id, app)
        if stored is None:
            raise NotFound("unknown_grant", "This person has not granted this app anything, or has taken it back.")
        return stored

    def of_person(self, user_id: str) -> list[Grant]:
        """Return all grants of a person, sorted by app."""
        return self.grants.of_person(user_id)

    def take_back(self, user_id: str, app: str) -> None:
        """Take a grant back, also if its app is not registered any more. If there is no grant, change nothing."""
        self.grants.delete(user_id, app)

    def _require_third_party(self, app: str) -> None:
        named = [client for client in self.registry.clients() if client.role == "app" and client.name == app]
        if not named:
            raise NotFound("unknown_app", "No app with this id is registered; use the id of a registered app.")
        if not all(client.needs_grants for client in named):
            raise Conflict("grant_not_needed", "This app is a first-party app, which needs no grant.")


@cache
def granting() -> Granting:
    """Return the granting service of this process."""
    return Granting(Grants(wiring.ledger()), wiring.registry(), wiring.clock())
