"""A container engine that answers as Docker does, on a Unix socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


class FakeEngine:
    """What the engine has and does.

    Attributes:
        components: the names of its parts.
        images: the images on the machine.
        refusal: why no image can be downloaded, or None.
        output: what each container prints.
        broken: the beginning of the paths at which it answers with its own failure.
        silent: the beginning of the paths at which it closes the connection without an answer.
        calls: the methods and paths of the requests.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.components = ["Engine", "containerd"]
        self.images: set[str] = set()
        self.refusal: str | None = None
        self.output = ""
        self.starts = True
        self.broken = self.silent = "none"
        self.calls: list[str] = []
        self.made: list[Any] = []

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        address = urlsplit(target)
        self.calls.append(f"{method} {address.path}")
        path = address.path.removeprefix("/v1.43")
        if path.startswith(self.broken):
            return 500, b'{"message": "no space left on device"}'
        if path == "/images/create":
            return self._pull(parse_qs(address.query))
        if path == "/containers/create":
            self.made.append(json.loads(body))
        if path.startswith("/images/"):
            return (200 if path.removeprefix("/images/").removesuffix("/json") in self.images else 404), b"{}"
        return self._answers().get(f"{method} {path}", (404, b'{"message": "page not found"}'))

    def _answers(self) -> dict[str, tuple[int, bytes]]:
        networks = [_network("bridge", "172.17.0"), _network("other", "172.18.0")]
        return {
            "GET /version": (200, json.dumps({"Components": [{"Name": name} for name in self.components]}).encode()),
            "GET /networks": (200, json.dumps(networks).encode()),
            "POST /containers/create": (201, b'{"Id": "c-1"}'),
            "POST /containers/c-1/start": (204, b"") if self.starts else (500, b'{"message": "no runc"}'),
            "POST /containers/c-1/wait": (200, b'{"StatusCode": 0}'),
            "GET /containers/c-1/logs": (200, self.output.encode()),
            "DELETE /containers/c-1": (204, b""),
        }

    def _pull(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        lines: list[dict[str, str]] = [{"status": "Pulling"}]
        if self.refusal:
            return 200, b"\n".join(json.dumps(line).encode() for line in [*lines, {"error": self.refusal}])
        self.images.add(f"{query['fromImage'][0]}:{query['tag'][0]}")
        return 200, json.dumps(lines[0]).encode()


def _network(name: str, start: str) -> dict[str, Any]:
    return {"Name": name, "IPAM": {"Config": [{"Subnet": f"{start}.0/16", "Gateway": f"{start}.1"}]}}


@contextmanager
def serving(socket: Path) -> Iterator[FakeEngine]:
    """Serve an engine at the path of a socket meanwhile."""
    engine = FakeEngine(f"unix://{socket}")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.client_address = ("engine", 0)  # a Unix socket has none
            super().handle_one_request()

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path.startswith(engine.silent):
                self.close_connection = True
                return
            status, content = engine.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingUnixStreamServer(str(socket), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield engine
        finally:
            server.shutdown()
