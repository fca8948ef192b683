"""Fetches the files of a log over HTTP or HTTPS, from a server that may be broken or hostile.

Each answer has a limit for its bytes, for the bytes that it is unpacked to, and for its time. A redirect is not
followed, because the address of a log is part of what its reader trusts.
"""

import http.client
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .notes import MAX_NOTE
from .tiles import HASH_BYTES, MAX_BUNDLE, TILE_WIDTH, entries_path, tile_path, unbundle
from .verdicts import IncompleteError, RefusedError, printable

PAUSE_LIMIT = 20.0
"""The most seconds without any byte from a server."""

ANSWER_LIMIT = 120.0
"""The most seconds for a whole answer. A full bundle of the longest leaves has 16 MB."""

_CHUNK = 64 * 1024
_AHEAD = 6
"""The number of bundles that are fetched at the same time."""

_TILES_KEPT = 64

_SHOWN = 80
"""The most characters of a server's answer that an error quotes."""

_Answer = TypeVar("_Answer")

_NOT_FOUND = (403, 404)  # S3 answers 403 for an object that is missing, if its reader may not list the bucket


class MissingFileError(IncompleteError):
    """The server says that it has no such file."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - the arguments of the library
        """Follow no redirect, so that the answer becomes an error with its status."""


class LogReader:
    """Reads the files of the log below a prefix."""

    def __init__(self, url: str) -> None:
        """Take the prefix of a log, below which ``checkpoint`` and ``tile/…`` lie.

        Raises:
            ValueError: it is not an http or https address.
        """
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address or parts.query or parts.fragment or not url.isascii() or any(char <= " " for char in url):
            raise ValueError("the address of the log is not an http or https address without a query")
        self.url = url.rstrip("/")
        self._open = build_opener(_NoRedirects()).open
        self._pool = ThreadPoolExecutor(_AHEAD)
        self._tiles: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint that the log publishes, as a note.

        Raises:
            IncompleteError: it cannot be fetched.
        """
        return self._result(self._pool.submit(self._fetch, "checkpoint", MAX_NOTE))

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """Return a tile. If a partial one is no longer there, take the beginning of the full one.

        Raises:
            IncompleteError: it cannot be fetched.
        """
        place = (level, n, width)
        if place not in self._tiles:
            self._tiles[place] = self._result(self._pool.submit(self._tile, *place))
            if len(self._tiles) > _TILES_KEPT:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end(place)
        return self._tiles[place]

    def _tile(self, level: int, n: int, width: int) -> bytes:
        most = TILE_WIDTH * HASH_BYTES
        path = tile_path(level, n, width)
        try:
            tile = self._fetch(path, most)
        except MissingFileError:
            if width == TILE_WIDTH:
                raise
            path = tile_path(level, n)
            tile = self._fetch(path, most)[: width * HASH_BYTES]
        if len(tile) != width * HASH_BYTES:
            raise IncompleteError(f"{self.url}/{path} is not a tile of this log: it has {len(tile)} bytes")
        return tile

    def bundles(self, start: int, size: int) -> Iterator[list[bytes]]:
        """Yield the entries from ``start`` to before ``size``, bundle by bundle. ``start`` begins a bundle.

        A few bundles are fetched ahead, so memory is bounded however many there are.

        Raises:
            IncompleteError: a bundle cannot be fetched, or does not have as many entries as it must have.
        """
        awaited: deque[Future[list[bytes]]] = deque()
        numbers = iter(range(start // TILE_WIDTH, -(-size // TILE_WIDTH)))
        try:
            while True:
                while len(awaited) < _AHEAD and (n := next(numbers, None)) is not None:
                    awaited.append(self._pool.submit(self._bundle, n, min(TILE_WIDTH, size - n * TILE_WIDTH)))
                if not awaited:
                    return
                yield self._result(awaited.popleft())
        finally:
            for future in awaited:
                future.cancel()

    def _result(self, future: Future[_Answer]) -> _Answer:
        """Wait for an answer, but not for ever: a server may send its headers byte by byte."""
        try:
            return future.result(ANSWER_LIMIT + PAUSE_LIMIT)
        except TimeoutError:
            raise IncompleteError(f"{self.url} did not answer in {ANSWER_LIMIT + PAUSE_LIMIT:.0f} seconds") from None

    def _bundle(self, n: int, width: int) -> list[bytes]:
        path = entries_path(n, width)
        try:
            texts = self._entries(path)
        except MissingFileError:
            if width == TILE_WIDTH:
                raise
            path = entries_path(n)
            texts = self._entries(path)
            width, texts = (width, texts[:width]) if len(texts) == TILE_WIDTH else (TILE_WIDTH, texts)
        if len(texts) != width:
            raise IncompleteError(f"{self.url}/{path} has {len(texts)} entries, not {width}")
        return texts

    def _entries(self, path: str) -> list[bytes]:
        data = self._fetch(path, MAX_BUNDLE)
        try:
            return unbundle(data)
        except RefusedError as reason:
            raise IncompleteError(f"{self.url}/{path} is not a bundle of entries: {reason}") from None

    def _fetch(self, path: str, most: int) -> bytes:
        """Return the body of an answer, unpacked.

        Raises:
            IncompleteError: there is no such answer, or it is not a file of a log.
        """
        address = f"{self.url}/{path}"
        headers = {"Accept-Encoding": "gzip, identity", "User-Agent": "saxaul-log"}
        request = Request(address, headers=headers)  # noqa: S310 - the scheme was checked
        try:
            with self._open(request, timeout=PAUSE_LIMIT) as answer:
                return _body(answer, address, most)
        except HTTPError as error:
            error.close()
            if error.code in _NOT_FOUND:
                raise MissingFileError(f"{address} is missing: the server answers {error.code}") from None
            target = error.headers.get("Location") if error.code // 100 == 3 else None  # noqa: PLR2004
            more = f", and names {_beginning(target)}" if target else ""
            raise IncompleteError(f"{address} cannot be fetched: the server answers {error.code}{more}") from None
        except URLError as error:
            raise IncompleteError(f"{address} cannot be fetched: {_beginning(str(error.reason))}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise IncompleteError(f"{address} cannot be fetched: {_beginning(reason)}") from None


def _beginning(text: str) -> str:
    """Return the beginning of a text that a server may have sent, escaped, for a sentence."""
    shown = printable(text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _body(answer: Any, address: str, most: int) -> bytes:  # noqa: ANN401 - an answer of urllib
    if answer.status != 200:  # noqa: PLR2004 - the status of HTTP
        raise IncompleteError(f"{address} cannot be fetched: the server answers {answer.status}")
    coding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    if coding not in ("gzip", "identity"):
        raise IncompleteError(f"{address} is packed in another way than gzip")
    if "html" in (answer.headers.get("Content-Type") or "").lower():
        raise IncompleteError(f"{address} is a web page, not a file of a log")
    unpacked = _Unpacked(address, most) if coding == "gzip" else None
    body, end, read = bytearray(), monotonic() + ANSWER_LIMIT, 0
    while packed := answer.read1(_CHUNK):
        read += len(packed)
        body += unpacked.more(packed, len(body)) if unpacked else packed
        if max(read, len(body)) > most:
            raise IncompleteError(f"{address} is longer than the {most} bytes that such a file can have")
        if monotonic() > end:
            raise IncompleteError(f"{address} was not complete after {ANSWER_LIMIT:.0f} seconds")
    length = answer.headers.get("Content-Length")
    if (length is not None and length != str(read)) or (unpacked and not unpacked.is_complete):
        raise IncompleteError(f"{address} was cut")
    return bytes(body)


class _Unpacked:
    """Unpacks gzip, but never more than a limit."""

    def __init__(self, address: str, most: int) -> None:
        self._address = address
        self._most = most
        self._decompressor = zlib.decompressobj(wbits=31)

    def more(self, packed: bytes, length: int) -> bytes:
        """Unpack more bytes. ``length`` bytes have been unpacked before."""
        try:
            return self._decompressor.decompress(packed, self._most + 1 - length)
        except zlib.error:
            raise IncompleteError(f"{self._address} is not packed as its header says") from None

    @property
    def is_complete(self) -> bool:
        return self._decompressor.eof and not self._decompressor.unused_data
