"""The client of an app."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence

from saxaul_client.client import as_object
from saxaul_client.errors import SaxaulError
from saxaul_client.models import (
    Action,
    Erasure,
    ForestTree,
    Grant,
    Harvest,
    LedgerLine,
    Page,
    Receipt,
    Redemption,
    Reported,
    Reversal,
    Statement,
    Suggestions,
    Wallet,
)
from saxaul_client.persons import REDEMPTION, ReadingClient
from saxaul_client.reading import read, read_list

_KEY = re.compile(r"[!-+.-~-]{1,128}")
_GRANT = "/users/{user_id}/grants/{app_id}"


class AppClient(ReadingClient):
    """Calls the API as an app: it reports actions, and acts for the people who did them."""

    def report_actions(self, actions: Iterable[Action]) -> Reported:
        """Report actions, in calls of at most 500. Refused actions are returned, also if all are. None is raised.

        ``receipt`` says later what became of the accepted ones, by the ``receipt_ids`` of the result.

        Raises:
            IncompleteError: there were several calls, and one failed after others had succeeded.
            SaxaulError: the first call failed.
        """
        return self._report_in_calls("/actions", "actions", actions)

    def reverse_actions(self, reversals: Iterable[Reversal]) -> Reported:
        """Reverse the app's own actions, as ``report_actions`` reports them."""
        return self._report_in_calls("/reversals", "reversals", reversals)

    def receipt(self, receipt_id: str) -> Receipt:
        """Return what became of each item of a call, for 30 days after it."""
        return read(Receipt, self.call("GET", "/receipts/{receipt_id}", receipt_id=receipt_id))

    def suggest(
        self,
        text: str,
        *,
        user_id: str | None = None,
        lang: str | None = None,
        limit: int | None = None,
        known: Suggestions | None = None,
    ) -> Suggestions:
        """Search. If ``known`` is still what the API would answer, it is returned, and no results are sent.

        A search for one person (``user_id``) is always answered anew.
        """
        return self._suggest({"q": text, "user_id": user_id, "lang": lang, "limit": limit}, known)

    def wallet(self, user_id: str) -> Wallet:
        return self._wallet(user_id, {})

    def ledger_pages(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[LedgerLine]]:
        """Yield the ledger of a person, newest line first. ``limit`` is the most lines of a page."""
        return self._ledger_pages(user_id, {"limit": limit, "cursor": cursor})

    def statement(self, user_id: str, month: str | None = None) -> Statement:
        """Return the sums of a month, such as ``2026-06``; by default, of this month."""
        return self._statement(user_id, {"month": month})

    def forest_pages(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None, lang: str | None = None
    ) -> Iterator[Page[ForestTree]]:
        """Yield the trees of a person, the most recently requested first."""
        return self._forest_pages(user_id, {"limit": limit, "cursor": cursor, "lang": lang})

    def harvest(self, user_id: str) -> Harvest:
        """Make the ripe points of a person spendable.

        If the response to a first attempt was lost, ``moved`` is 0, because that attempt moved the points already.
        """
        return read(Harvest, self.call("POST", "/users/{user_id}/harvest", user_id=user_id))

    def redeem(
        self,
        user_id: str,
        project_id: str,
        *,
        max_points: int | None,
        trees: int = 1,
        dedication: str | None = None,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Request trees.

        Args:
            max_points: the price that the person was shown, for all trees together; None accepts any price.
            idempotency_key: makes it safe to repeat the request, also after a restart of the program. It has 1 to 128
                visible ASCII characters, and no comma. By default a new one is made, and an error that this raises has
                it.

        Raises:
            Problem: such as ``insufficient_points``, ``sold_out`` or ``price_changed``.
            ValueError: the key is empty or cannot be sent.
        """
        key = str(uuid.uuid4()) if idempotency_key is None else _checked_key(idempotency_key)
        body: dict[str, object] = {"project_id": project_id, "trees": trees}
        body |= {} if dedication is None else {"dedication": dedication}
        body |= {} if max_points is None else {"max_points": max_points}
        try:
            answer = self.call(
                "POST", "/users/{user_id}/redemptions", body, headers={"idempotency-key": key}, user_id=user_id
            )
            return read(Redemption, answer)
        except SaxaulError as error:
            error.idempotency_key = key
            raise

    def redemption(self, user_id: str, redemption_id: str) -> Redemption:
        return self._redemption(user_id, redemption_id, {})

    def redemption_pages(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[Redemption]]:
        """Yield the redemptions of a person in any state, the most recently requested first."""
        return self._redemption_pages(user_id, {"limit": limit, "cursor": cursor})

    def cancel_redemption(self, user_id: str, redemption_id: str) -> Redemption:
        """Cancel a redemption whose trees are not ordered yet, and refund its points."""
        return read(Redemption, self.call("DELETE", REDEMPTION, user_id=user_id, redemption_id=redemption_id))

    def export(self, user_id: str) -> bytes:
        """Return everything that is held about a person, as JSON Lines. The app needs the scope ``users.admin``."""
        return self._export(user_id, {})

    def erase(self, user_id: str) -> Erasure:
        """Request the erasure of a person, for which the app needs the scope ``users.admin``. It cannot be undone."""
        return self._erase(user_id, {})

    def erasure(self, user_id: str) -> Erasure:
        """Return the newest erasure of a person."""
        return self._erasure(user_id, {})

    def wait_until_erased(self, user_id: str, *, seconds: float = 600) -> Erasure:
        """Wait until the newest erasure of a person is finished, and return it.

        Raises:
            NotErasedError: it was not finished in this many seconds.
        """
        return self._wait_until_erased(user_id, {}, seconds)

    def grants(self, user_id: str) -> tuple[Grant, ...]:
        document = as_object(self.call("GET", "/users/{user_id}/grants", user_id=user_id))
        return read_list(Grant, document.get("grants"), "grants")

    def grant(self, user_id: str, app_id: str) -> Grant:
        return read(Grant, self.call("GET", _GRANT, user_id=user_id, app_id=app_id))

    def write_grant(self, user_id: str, app_id: str, covers: Sequence[str]) -> Grant:
        """Record what a person allows a third-party app: ``report``, ``read`` and ``spend``."""
        body = {"covers": list(covers)}
        return read(Grant, self.call("PUT", _GRANT, body, user_id=user_id, app_id=app_id))

    def take_back_grant(self, user_id: str, app_id: str) -> None:
        self.call("DELETE", _GRANT, user_id=user_id, app_id=app_id)


def _checked_key(key: str) -> str:
    """Return a key that the API takes. It takes no comma, because proxies join repeated headers with one."""
    if not _KEY.fullmatch(key):
        raise ValueError("the idempotency-key must have 1 to 128 visible ASCII characters, and no comma")
    return key
