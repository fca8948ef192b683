"""What apps and operators read in the same way: what the programme offers, and the points and trees of a person."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import httpx

from saxaul_client.client import Client, as_object, items_of, unless
from saxaul_client.errors import AnswerError, NotErasedError
from saxaul_client.models import (
    ActionType,
    Erasure,
    ForestTree,
    JsonObject,
    LedgerLine,
    Page,
    Redemption,
    Statement,
    Suggestions,
    TreeProject,
    Wallet,
)
from saxaul_client.reading import parsed, read, read_list

_PERSON = "/users/{user_id}"
_PAUSE = 5
"""Seconds between two looks at an erasure, which takes some minutes."""

REDEMPTION = "/users/{user_id}/redemptions/{redemption_id}"
Query = Mapping[str, object]


class ReadingClient(Client):
    """Reads what the programme offers, and persons, for AppClient and OperatorClient."""

    def campaigns(self, *, on: date | None = None, lang: str | None = None) -> JsonObject:
        """Return the campaigns that are ``running``, ``next`` and ``past``, each with its progress."""
        return as_object(self.call("GET", "/campaigns", query={"on": on, "lang": lang}))

    def campaign(self, campaign_id: str, *, on: date | None = None, lang: str | None = None) -> JsonObject:
        return as_object(self.call("GET", "/campaigns/{id}", query={"on": on, "lang": lang}, id=campaign_id))

    def action_types(self, *, lang: str | None = None) -> tuple[ActionType, ...]:
        """Return all action types that apps can report, with their units, limits and factors, sorted by id."""
        pages = self._pages(
            "/action-types", "action_types", lambda found: read_list(ActionType, found, "action_types"), {"lang": lang}
        )
        return tuple(items_of(pages))

    def tree_projects(self, *, lang: str | None = None) -> tuple[TreeProject, ...]:
        document = as_object(self.call("GET", "/tree-projects", query={"lang": lang}))
        return read_list(TreeProject, document.get("projects"), "projects")

    def _suggest(self, query: Query, known: Suggestions | None) -> Suggestions:
        response = self._send("GET", "/suggestions", query=query, headers=unless(known.etag if known else None))
        if known and response.status_code == httpx.codes.NOT_MODIFIED:
            return known
        return replace(read(Suggestions, parsed(response.content)), etag=response.headers.get("etag"))

    def _wallet(self, user_id: str, query: Query) -> Wallet:
        return read(Wallet, self.call("GET", "/users/{user_id}/wallet", query=query, user_id=user_id))

    def _ledger_pages(self, user_id: str, query: Query) -> Iterator[Page[LedgerLine]]:
        path, person = "/users/{user_id}/ledger", {"user_id": user_id}
        return self._pages(path, "entries", lambda found: read_list(LedgerLine, found, "entries"), query, person)

    def _statement(self, user_id: str, query: Query) -> Statement:
        return read(Statement, self.call("GET", "/users/{user_id}/statement", query=query, user_id=user_id))

    def _forest_pages(self, user_id: str, query: Query) -> Iterator[Page[ForestTree]]:
        path, person = "/users/{user_id}/forest", {"user_id": user_id}
        return self._pages(path, "forest", lambda found: read_list(ForestTree, found, "forest"), query, person)

    def _redemption(self, user_id: str, redemption_id: str, query: Query) -> Redemption:
        answer = self.call("GET", REDEMPTION, query=query, user_id=user_id, redemption_id=redemption_id)
        return read(Redemption, answer)

    def _redemption_pages(self, user_id: str, query: Query) -> Iterator[Page[Redemption]]:
        path, name = "/users/{user_id}/redemptions", "redemptions"
        return self._pages(path, name, lambda found: read_list(Redemption, found, name), query, {"user_id": user_id})

    def _export(self, user_id: str, query: Query) -> bytes:
        person = {"user_id": user_id}
        response = self._send("GET", f"{_PERSON}/export", query=query, parameters=person, see_other=True)
        if response.status_code != httpx.codes.SEE_OTHER:
            return response.content
        url = as_object(parsed(response.content)).get("url")
        if not isinstance(url, str):
            raise AnswerError("the response has no link to the export")
        return self._connection.download(url)

    def _erase(self, user_id: str, query: Query) -> Erasure:
        return read(Erasure, self.call("DELETE", _PERSON, query=query, user_id=user_id))

    def _erasure(self, user_id: str, query: Query) -> Erasure:
        return read(Erasure, self.call("GET", _PERSON, query=query, user_id=user_id))

    def _wait_until_erased(self, user_id: str, query: Query, seconds: float) -> Erasure:
        ends_at = self._clock.monotonic() + seconds
        while (erasure := self._erasure(user_id, query)).state != "erased":
            if self._clock.monotonic() + _PAUSE > ends_at:
                raise NotErasedError(f"the erasure {erasure.erasure_id} was not finished in {seconds:g} seconds")
            self._clock.sleep(_PAUSE)
        return erasure
