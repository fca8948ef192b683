"""Files of a log are fetched from servers that may be slow, broken or hostile."""

import gzip
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from saxaul.log import fetching
from saxaul.log.fetching import LogReader, MissingFileError
from saxaul.log.tiles import bundle, entries_path, tile_path
from saxaul.log.verdicts import IncompleteError, NotVerifiedError
from tests.published_log import PublishedLog, make_tree_life, served

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[LogReader]:
    """Run a server that answers every request in this way."""

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:  # the reader has hung up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield LogReader(f"http://127.0.0.1:{server.server_port}/log/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_body(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def endless(chunk: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(chunk)

    return answer


def test_tiles_bundles_and_the_checkpoint_are_read_from_their_paths() -> None:
    log = PublishedLog().publish(*make_tree_life(["alive"] * 300))

    with served(log.files) as (url, asked):
        reader = LogReader(url)
        assert reader.checkpoint() == log.files["checkpoint"]
        assert reader.read_tile(0, 0, 256) == log.files["tile/0/000"]
        assert reader.read_tile(1, 0, 1) == log.files["tile/1/000.p/1"]
        assert [text for texts in reader.bundles(0, 302) for text in texts] == log.texts
        assert [len(texts) for texts in reader.bundles(256, 302)] == [46]

    assert set(asked) == {
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/46",
    }


def test_a_full_tile_or_bundle_stands_for_a_partial_one_that_is_gone() -> None:
    log = PublishedLog().publish(*make_tree_life(["alive"] * 3)).publish(*make_tree_life(["alive"] * 300, 1))
    files = {path: body for path, body in log.files.items() if ".p/" not in path}

    with served(files) as (url, _):
        reader = LogReader(url)
        assert reader.read_tile(0, 0, 5) == log.files["tile/0/000.p/5"]
        assert list(reader.bundles(0, 5)) == [log.texts[:5]]
        with pytest.raises(MissingFileError, match="missing: the server answers 404"):
            reader.read_tile(0, 1, 256)


def test_a_tile_is_asked_for_once() -> None:
    log = PublishedLog().publish(*make_tree_life([]))

    with served(log.files) as (url, asked):
        reader = LogReader(url)
        assert reader.read_tile(0, 0, 2) == reader.read_tile(0, 0, 2)

    assert asked == ["tile/0/000.p/2"]


def test_files_are_read_with_and_without_gzip() -> None:
    for packs in (True, False):
        log = PublishedLog().publish(*make_tree_life([]))
        with served(log.files, packs=packs) as (url, _):
            assert list(LogReader(url).bundles(0, 2)) == [log.texts]


BOMB = gzip.compress(bytes(200 * 1024 * 1024), 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (endless(b"x" * 65_536), "is longer than"),
        (endless(b"\x00"), "is longer than"),
        (with_body(BOMB, Content_Encoding="gzip"), "is longer than|was cut"),
        (with_body(b"not gzip", Content_Encoding="gzip"), "not packed as its header says"),
        (with_body(gzip.compress(b"text")[:-3], Content_Encoding="gzip"), "was cut"),
        (with_body(gzip.compress(b"a") + b"more", Content_Encoding="gzip"), "was cut"),
        (with_body(zlib.compress(b"a"), Content_Encoding="deflate"), "another way than gzip"),
        (with_body(b"text", Content_Length="9"), "was cut"),
        (with_body(b"text", Content_Length="-2"), "was cut"),
        (with_body(b"text", Content_Length="many"), "was cut"),
        (with_body(b"text", Transfer_Encoding="chunked"), "cannot be fetched"),
        (with_body(b"<html>", Content_Type="text/html; charset=utf-8"), "is a web page"),
        (with_body(b"", status=204), "answers 204"),
        (with_body(b"part", status=206), "answers 206"),
        (with_body(b"", status=301, Location="http://127.0.0.1:1/\x1b[2J"), "answers 301, and names http"),
        (with_body(b"", status=302, Location="file:///etc/passwd"), "answers 302, and names file"),
        (with_body(b"", status=307), "answers 307"),
        (with_body(b"", status=401), "answers 401"),
        (with_body(b"", status=403), "is missing: the server answers 403"),
        (with_body(b"x" * 100_000, status=404), "is missing"),
        (with_body(b"", status=500), "answers 500"),
        (with_body(b"", status=503), "answers 503"),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), "cannot be fetched"),
        (
            lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n"),
            "cannot be fetched",
        ),
        (lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000), "cannot be fetched"),
        (lambda request: request.connection.shutdown(socket.SHUT_RDWR), "cannot be fetched"),
    ],
)
def test_a_hostile_answer_is_more_to_fetch(answer: Answer, reason: str) -> None:
    with answering(answer) as reader, pytest.raises(IncompleteError, match=reason) as refused:
        reader.checkpoint()

    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x80\x1b" * 30_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://" + b"\xff" * 900 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["bytes", "redirect"],
)
def test_an_error_quotes_only_the_beginning_of_an_answer(sent: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(sent)

    with answering(answer) as reader, pytest.raises(IncompleteError) as refused:
        reader.checkpoint()

    said = str(refused.value).removeprefix(f"{reader.url}/checkpoint cannot be fetched: ")
    assert len(said) < 140
    assert said.endswith("...")


def test_nobody_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(IncompleteError, match="cannot be fetched"):
        LogReader(f"http://127.0.0.1:{port}/log").checkpoint()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_a_server_that_stops_in_the_middle_is_left_after_a_pause(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(fetching, "PAUSE_LIMIT", 0.2)
    ended = Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(sent)
        ended.wait(5)

    with answering(answer) as reader:
        with pytest.raises(IncompleteError, match="cannot be fetched"):
            reader.checkpoint()
        ended.set()


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_sends_byte_by_byte_is_left_in_the_end(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(fetching, "PAUSE_LIMIT", 0.2)
    monkeypatch.setattr(fetching, "ANSWER_LIMIT", 0.5)
    ended = Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(sent)
        while not ended.wait(0.05):
            request.wfile.write(b"x")

    with answering(answer) as reader:
        with pytest.raises(IncompleteError, match=r"did not answer|not complete"):
            reader.checkpoint()
        ended.set()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({entries_path(0, 2): bundle([b"a"])}, "has 1 entries, not 2"),
        ({entries_path(0, 2): bundle([b"a", b"b", b"c"])}, "has 3 entries, not 2"),
        ({entries_path(0, 2): bundle([b"a", b"b"])[:-1]}, "middle of an entry"),
        ({entries_path(0, 2): b""}, "has 0 entries, not 2"),
        ({entries_path(0): bundle([b"a", b"b"])}, "has 2 entries, not 256"),
    ],
)
def test_a_bundle_with_other_entries_is_no_file_of_the_log(files: dict[str, bytes], reason: str) -> None:
    with served(files) as (url, _), pytest.raises(IncompleteError, match=reason):
        list(LogReader(url).bundles(0, 2))


def test_a_bundle_that_is_missing_ends_the_reading_and_no_more_are_fetched() -> None:
    files = {entries_path(n): bundle([b""] * 256) for n in range(100) if n != 3}

    with served(files) as (url, asked):
        with pytest.raises(NotVerifiedError, match="003 is missing"):
            list(LogReader(url).bundles(0, 25_600))
        assert len(asked) < 20


@pytest.mark.parametrize(
    "url",
    ["", "trees.example/log", "file:///etc/passwd", "ftp://trees.example", "http://", "http://[", "http://x:99999",
     "https://x/log?a=b", "https://x/log#a", "https://x/ log", "https://x/\n", "https://树.example/log"],
)  # fmt: skip
def test_only_http_and_https_are_the_address_of_a_log(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        LogReader(url)


def test_a_path_begins_below_the_prefix() -> None:
    assert LogReader("https://trees.example/log/").url + "/" + tile_path(0, 1) == "https://trees.example/log/tile/0/001"
