"""The client of an operator."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from saxaul_client.client import as_object, items_of
from saxaul_client.errors import AnswerError
from saxaul_client.models import (
    App,
    CatalogEntry,
    Erasure,
    ForestTree,
    JsonObject,
    LedgerLine,
    NewSecret,
    Page,
    Receipt,
    Redemption,
    Reported,
    Reversal,
    Statement,
    Suggestions,
    Wallet,
)
from saxaul_client.persons import ReadingClient
from saxaul_client.reading import parsed, read, read_list

_ENTRY = "/catalog/{kind}/{id}"
_APP = "/apps/{app_id}"


class OperatorClient(ReadingClient):
    """Calls the API as an operator: it writes the catalog, registers apps and planting partners, and reads persons.

    Each read of a person has a ``reason`` of 5 to 200 characters, such as ``ticket 4711``, which is logged. It must not
    name the person.

    The ``if_match`` of a write is the ETag of the only version that it may replace. ``new`` is for a write that must
    not replace any. Otherwise it is refused as a ``Problem`` of status 412.
    """

    def entry_pages(
        self, kind: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[JsonObject]]:
        """Yield the latest version of each entry of a kind, such as ``action-types``, sorted by id."""
        return self._pages("/catalog/{kind}", "entries", _objects, {"limit": limit, "cursor": cursor}, {"kind": kind})

    def entry(self, kind: str, identifier: str) -> CatalogEntry:
        return self._entry("GET", kind, identifier, None, {})

    def write_entry(
        self, kind: str, identifier: str, entry: JsonObject, *, if_match: str | None = None, new: bool = False
    ) -> CatalogEntry:
        """Create or replace an entry."""
        return self._entry("PUT", kind, identifier, entry, _condition(if_match, new=new))

    def delete_entry(self, kind: str, identifier: str, *, if_match: str | None = None) -> CatalogEntry:
        return self._entry("DELETE", kind, identifier, None, _condition(if_match, new=False))

    def end_campaign(
        self, campaign_id: str, *, last_day: date | None = None, if_match: str | None = None
    ) -> CatalogEntry:
        """End the run of a campaign that includes today: on today, or on ``last_day``, which may be yesterday."""
        body = {"last_day": last_day.isoformat()} if last_day else {}
        return self._entry("POST", "campaigns", campaign_id, body, _condition(if_match, new=False), f"{_ENTRY}/end")

    def restore_entry(self, kind: str, identifier: str, version: int, *, if_match: str | None = None) -> CatalogEntry:
        """Write an earlier version again, as the next one. It also restores a deleted entry."""
        path = f"{_ENTRY}/versions/{version:d}/restore"
        return self._entry("POST", kind, identifier, None, _condition(if_match, new=False), path)

    def version_pages(
        self, kind: str, identifier: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[JsonObject]]:
        """Yield the versions of an entry, newest first, deletions included."""
        query = {"limit": limit, "cursor": cursor}
        return self._pages(f"{_ENTRY}/versions", "versions", _objects, query, {"kind": kind, "id": identifier})

    def apps(self) -> tuple[App, ...]:
        """Return all apps and planting partners, sorted by id."""
        pages = self._pages("/apps", "apps", lambda found: read_list(App, found, "apps"), {})
        return tuple(items_of(pages))

    def app(self, app_id: str) -> App:
        return self._app("GET", _APP, app_id)

    def register_app(self, app_id: str, document: JsonObject, *, if_match: str | None = None, new: bool = False) -> App:
        """Register an app or a planting partner, or change one. ``document`` has the fields that docs/api.md lists.

        Only the answer that creates it has the ``client_secret``. If that answer is lost, ``rotate_secret`` makes
        another one.
        """
        return self._app("PUT", _APP, app_id, document, _condition(if_match, new=new))

    def rotate_secret(self, app_id: str, *, overlap_seconds: int | None = None) -> NewSecret:
        """Make another secret. The old one still works for ``overlap_seconds``, by default a day.

        Raises:
            Problem: ``rotation_in_progress`` if there are two secrets already, also if the answer to the first attempt
                was lost; delete the newer one with ``delete_secret`` then, and rotate again.
        """
        body = {} if overlap_seconds is None else {"overlap_seconds": overlap_seconds}
        return read(NewSecret, self.call("POST", f"{_APP}/secret", body, app_id=app_id))

    def delete_secret(self, app_id: str, secret_id: str) -> App:
        """End one of two secrets at once. The other one has no end then."""
        path = f"{_APP}/secrets/{{secret_id}}"
        return read(App, self.call("DELETE", path, app_id=app_id, secret_id=secret_id))

    def suspend(self, app_id: str) -> App:
        """Refuse each request of an app, after at most three seconds. What it had accepted is still posted."""
        return self._app("POST", f"{_APP}/suspend", app_id)

    def resume(self, app_id: str) -> App:
        """Admit the requests of a suspended app again."""
        return self._app("POST", f"{_APP}/resume", app_id)

    def end_app(self, app_id: str) -> App:
        """End an app for good. Its id is never registered again."""
        return self._app("DELETE", _APP, app_id)

    def suggest(
        self,
        text: str,
        *,
        on: date | None = None,
        lang: str | None = None,
        limit: int | None = None,
        known: Suggestions | None = None,
    ) -> Suggestions:
        """Search in every app at once, as on the day ``on`` or today.

        If ``known`` is still what the API would answer, it is returned.
        """
        return self._suggest({"q": text, "on": on, "lang": lang, "limit": limit}, known)

    def wallet(self, user_id: str, *, reason: str) -> Wallet:
        return self._wallet(user_id, {"reason": reason})

    def ledger_pages(
        self, user_id: str, *, reason: str, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[LedgerLine]]:
        """Yield the ledger of a person, newest line first. ``caps`` of a line says why it earns less than usual."""
        return self._ledger_pages(user_id, {"reason": reason, "limit": limit, "cursor": cursor})

    def statement(self, user_id: str, month: str | None = None, *, reason: str) -> Statement:
        """Return the sums of a month, such as ``2026-06``; by default, of this month."""
        return self._statement(user_id, {"reason": reason, "month": month})

    def forest_pages(
        self,
        user_id: str,
        *,
        reason: str,
        limit: int | None = None,
        cursor: str | None = None,
        lang: str | None = None,
    ) -> Iterator[Page[ForestTree]]:
        """Yield the trees of a person, the most recently requested first."""
        return self._forest_pages(user_id, {"reason": reason, "limit": limit, "cursor": cursor, "lang": lang})

    def redemption(self, user_id: str, redemption_id: str, *, reason: str) -> Redemption:
        return self._redemption(user_id, redemption_id, {"reason": reason})

    def redemption_pages(
        self, user_id: str, *, reason: str, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[Redemption]]:
        """Yield the redemptions of a person in any state, the most recently requested first."""
        return self._redemption_pages(user_id, {"reason": reason, "limit": limit, "cursor": cursor})

    def export(self, user_id: str, *, reason: str) -> bytes:
        """Return everything that is held about a person, as JSON Lines."""
        return self._export(user_id, {"reason": reason})

    def erase(self, user_id: str, *, reason: str) -> Erasure:
        """Request the erasure of a person. It cannot be undone."""
        return self._erase(user_id, {"reason": reason})

    def erasure(self, user_id: str, *, reason: str) -> Erasure:
        """Return the newest erasure of a person."""
        return self._erasure(user_id, {"reason": reason})

    def erasure_by_id(self, erasure_id: str) -> Erasure:
        """Return an erasure by its id. This needs no reason, because it names nobody."""
        return read(Erasure, self.call("GET", "/erasures/{erasure_id}", erasure_id=erasure_id))

    def wait_until_erased(self, user_id: str, *, reason: str, seconds: float = 600) -> Erasure:
        """Wait until the newest erasure of a person is finished, and return it.

        Raises:
            NotErasedError: it was not finished in this many seconds.
        """
        return self._wait_until_erased(user_id, {"reason": reason}, seconds)

    def take_back(self, app_id: str, reversals: Iterable[Reversal]) -> Reported:
        """Reverse actions or sums of an app, in calls of at most 500. Refused ones are returned, also if all are.

        Raises:
            IncompleteError: there were several calls, and one failed after others had succeeded.
            SaxaulError: the first call failed.
        """
        return self._report_in_calls("/apps/{app_id}/reversals", "reversals", reversals, app_id=app_id)

    def receipt(self, receipt_id: str) -> Receipt:
        """Return what became of each item of a call of any app, for 30 days after it."""
        return read(Receipt, self.call("GET", "/receipts/{receipt_id}", receipt_id=receipt_id))

    def _app(
        self, method: str, path: str, app_id: str, body: object = None, headers: dict[str, str] | None = None
    ) -> App:
        response = self._send(method, path, body, headers=headers, parameters={"app_id": app_id})
        return replace(read(App, parsed(response.content)), etag=response.headers.get("etag"))

    def _entry(
        self, method: str, kind: str, identifier: str, body: object, headers: dict[str, str], path: str = _ENTRY
    ) -> CatalogEntry:
        response = self._send(method, path, body, headers=headers, parameters={"kind": kind, "id": identifier})
        return CatalogEntry(identifier, as_object(parsed(response.content)), response.headers.get("etag"))


def _condition(if_match: str | None, *, new: bool) -> dict[str, str]:
    return ({"if-match": if_match} if if_match else {}) | ({"if-none-match": "*"} if new else {})


def _objects(entries: object) -> tuple[JsonObject, ...]:
    if not isinstance(entries, list):
        raise AnswerError("the page has no list")
    return tuple(as_object(entry) for entry in entries)
