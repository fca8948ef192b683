"""A client of the API: calls of any route, and what anyone may read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from saxaul_client.clock import Clock
from saxaul_client.connection import TIMEOUT, Connection
from saxaul_client.errors import AnswerError, IncompleteError, Problem, SaxaulError
from saxaul_client.models import (
    Action,
    CallReceipt,
    Certificate,
    CertificateLinks,
    JsonObject,
    Page,
    PublicLog,
    Refusal,
    Reported,
    Reversal,
)
from saxaul_client.reading import parsed, read
from saxaul_client.retries import Retries

ITEMS = 500
"""The most actions or reversals of one call."""

ALL_REFUSED = "all_refused"
"""The code of the problem that the API returns if it refused every item of a list."""

Item = TypeVar("Item")


class Client:
    """Calls the API. Threads may share a client; it is a context manager, and ``close`` closes its connections.

    Without credentials, it reads what is public.

    Args:
        api_url, token_url, client_id, client_secret: as the operator gave them. The addresses begin with ``https://``,
            except those of this machine.
        scopes: the scopes of the token, such as ``saxaul/wallets.read``; by default all that the client may have.
        timeout: seconds for connecting, and for each wait for data; httpx.Timeout sets them one by one.
        retries: how often and how long a call is repeated.
        transport, clock: replace the network and the time in tests.

    Raises:
        ValueError: an address or the credentials cannot be used.
    """

    def __init__(
        self,
        api_url: str,
        token_url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        scopes: Sequence[str] = (),
        timeout: httpx.Timeout | float = TIMEOUT,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client_id = client_id
        self._clock = clock or Clock()
        self._connection = Connection(
            api_url,
            token_url,
            client_id,
            client_secret,
            scopes=scopes,
            timeout=timeout,
            retries=retries or Retries(),
            transport=transport,
            clock=self._clock,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(api_url={self.api_url!r}, client_id={self._client_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def api_url(self) -> str:
        """The address of the API, without a slash at its end."""
        return self._connection.api_url

    def authorization(self) -> str:
        """Return an Authorization header, for requests that other programs send."""
        return self._connection.authorization()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Any:  # noqa: ANN401 - JSON
        """Call any route, such as ``call("GET", "/users/{user_id}/wallet", user_id="mei")``, and return its JSON.

        The path begins with one slash, and has no segments ``.`` and ``..``. A query parameter of None is left out.

        Raises:
            SaxaulError: the call failed; see ``saxaul_client.errors``.
            ValueError: the path, one of its parameters, the query or a header cannot be sent.
        """
        return parsed(self._send(method, path, body, query=query, headers=headers, parameters=parameters).content)

    def certificate(self, number: str, *, known: Certificate | None = None, lang: str | None = None) -> Certificate:
        """Return a tree's certificate. If ``known`` is still what the API has, it is returned, without a new copy."""
        response = self._send(
            "GET",
            "/certificates/{number}",
            query={"lang": lang},
            headers=unless(known.etag if known else None),
            public=True,
            parameters={"number": f"{number}.json"},
        )
        if known and response.status_code == httpx.codes.NOT_MODIFIED:
            return known
        return replace(read(Certificate, parsed(response.content)), etag=response.headers.get("etag"))

    def certificate_file(self, number: str) -> bytes:
        """Return the exact JSON of a certificate, for the verifier."""
        return self._send("GET", "/certificates/{number}", public=True, parameters={"number": f"{number}.json"}).content

    def certificate_links(self, number: str) -> CertificateLinks:
        """Return the public addresses of a certificate. This makes no call."""
        page = f"{self.api_url}/certificates/{quote(number, safe='')}"
        return CertificateLinks(page, f"{page}.svg", f"{page}.json")

    def log(self) -> PublicLog:
        """Return where the public log is, the key that signs it, and how many trees it has."""
        return read(PublicLog, self._public("/log", {}))

    def impact(self, *, first: date | None = None, last: date | None = None, by: str | None = None) -> JsonObject:
        """Return the public totals of the days from ``first`` to ``last``, ``by`` type, app or facility."""
        return as_object(self._public("/impact", {"from": first, "to": last, "by": by}))

    def factor(self, action_type: str, version: int) -> JsonObject:
        """Return a version of an action type, with its points, its grams and their sources."""
        path = "/factors/{action_type}/{version}"
        return as_object(self._public(path, {}, {"action_type": action_type, "version": str(version)}))

    def _public(self, path: str, query: Mapping[str, object], parameters: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        return parsed(self._send("GET", path, query=query, public=True, parameters=parameters).content)

    def _report_in_calls(self, path: str, name: str, items: Iterable[Action | Reversal], **parameters: str) -> Reported:
        """Send actions or reversals in as many calls as it takes, and add up the answers.

        Raises:
            IncompleteError: there were several calls, and one failed after others had succeeded.
            SaxaulError: the first call failed.
        """
        remaining, total, begun = iter(items), Reported(0), 0
        while batch := [item.document() for item in islice(remaining, ITEMS)]:
            try:
                answer = self._reported(path, name, batch, **parameters)
            except SaxaulError as error:
                if not begun:
                    raise
                raise IncompleteError(total, begun, error) from error
            total = Reported(
                total.accepted + answer.accepted,
                total.refused + _moved(answer.refused, begun),
                total.flagged + _moved(answer.flagged, begun),
                total.receipts + tuple(replace(receipt, first=begun) for receipt in answer.receipts),
            )
            begun += len(batch)
        return total

    def _reported(self, path: str, name: str, items: Sequence[JsonObject], **parameters: str) -> Reported:
        """Send a list of items, and return which were refused, also if all of them were.

        Raises:
            AnswerError: the answer is not about these items: an index or the number of the accepted items is wrong.
        """
        try:
            answer = parsed(self._send("POST", path, {name: items}, parameters=parameters).content)
        except Problem as problem:
            if problem.code != ALL_REFUSED:
                raise
            answer = problem.members
        reported = _about(len(items), read(Reported, answer))
        receipts = (read(CallReceipt, answer),) if "receipt_id" in answer else ()
        return replace(reported, receipts=receipts)

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        public: bool = False,
        see_other: bool = False,
    ) -> httpx.Response:
        return self._connection.request(
            method,
            path,
            parameters or {},
            query=query or {},
            headers=headers or {},
            body=body,
            public=public,
            see_other=see_other,
        )

    def _pages(
        self,
        path: str,
        name: str,
        read_items: Callable[[Any], tuple[Item, ...]],
        query: Mapping[str, object],
        parameters: Mapping[str, str] | None = None,
    ) -> Iterator[Page[Item]]:
        """Yield the pages of a list, whose items are in the member ``name``. Each page is requested when it is needed.

        Raises:
            AnswerError: a cursor comes again, so the list would not end.
        """
        cursor, seen = query.get("cursor"), set[object]()
        while True:
            response = self._send("GET", path, query={**query, "cursor": cursor}, parameters=parameters)
            document = as_object(parsed(response.content))
            following = document.get("cursor")
            if following is not None and not isinstance(following, str):
                raise AnswerError("cursor is not a text")
            yield Page(read_items(document.get(name)), following)
            seen.add(cursor)
            if following is None:
                return
            if following in seen:
                raise AnswerError("the list does not end: a cursor comes again")
            cursor = following


def items_of(pages: Iterable[Page[Item]]) -> Iterator[Item]:
    """Yield the items of pages, such as ``items_of(app.ledger_pages("mei"))``."""
    for page in pages:
        yield from page.items


def unless(etag: str | None) -> dict[str, str]:
    """Return the header that asks for a response only if it is not the one with this ETag."""
    return {"if-none-match": etag} if etag else {}


def as_object(document: Any) -> JsonObject:  # noqa: ANN401 - JSON
    if not isinstance(document, dict):
        raise AnswerError("the response is not a JSON object")
    return document


def _moved(refusals: Sequence[Refusal], by: int) -> tuple[Refusal, ...]:
    """Return refusals with the indexes of the whole list instead of those of one call."""
    return tuple(replace(refusal, index=refusal.index + by) for refusal in refusals)


def _about(items: int, reported: Reported) -> Reported:
    """Check that an answer accepts or refuses each of so many items exactly once."""
    refused = {refusal.index for refusal in reported.refused}
    if not refused.union(flagged.index for flagged in reported.flagged) <= set(range(items)):
        raise AnswerError(f"an index is not that of one of the {items} items sent")
    if len(refused) < len(reported.refused):
        raise AnswerError("an item is refused twice")
    if reported.accepted != items - len(refused):
        raise AnswerError(f"of {items} items, {reported.accepted} are accepted and {len(refused)} refused")
    return reported
