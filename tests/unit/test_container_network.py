"""Containers reach a stack that listens on 127.0.0.1. Other addresses of the loopback stand for those of engines."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from local import container_network
from local.container_engine import Engine, EngineError
from local.container_network import endpoint_for_containers, relay

GATEWAY = "127.0.0.2"


class Probed(Engine):
    """An engine whose containers are processes of this machine."""

    __slots__ = ()

    def output_of(self, image: str, program: list[str]) -> str:
        assert image == "image"
        return subprocess.run(program, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own program

    def gateways(self) -> dict[str, str]:
        return {"192.0.2.1": "192.0.2.0/24", GATEWAY: "127.0.0.0/8"}


ENGINE = Probed("unix:///none", "Docker")


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a stack on 127.0.0.1."""

    class Stack(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"y" * 300_000)

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Stack) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def get(address: str, port: int) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.get(f"http://{address}:{port}/")


def test_a_relay_passes_on_what_is_sent_and_what_is_answered(port: int) -> None:
    with relay(GATEWAY, port, "127.0.0.0/8"), httpx.Client(trust_env=False) as client:
        assert client.get(f"http://{GATEWAY}:{port}/").content == b"y" * 300_000
        assert client.post(f"http://{GATEWAY}:{port}/", content=b"x" * 300_000).content == b"x" * 300_000


def test_a_relay_admits_no_connection_from_outside_of_its_network(port: int) -> None:
    with relay(GATEWAY, port, "10.88.0.0/16"), pytest.raises(httpx.HTTPError):
        get(GATEWAY, port)


def test_a_relay_ends_with_its_context(port: int) -> None:
    with relay(GATEWAY, port, "127.0.0.0/8"):
        assert get(GATEWAY, port).is_success

    with pytest.raises(httpx.ConnectError):
        get(GATEWAY, port)


def test_the_name_that_the_engine_gives_this_machine_is_used_if_it_leads_to_the_stack(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_network, "NAMES", ("no-such-name.invalid", "localhost"))

    with endpoint_for_containers(ENGINE, "image", sys.executable, port) as endpoint:
        assert endpoint == f"http://127.0.0.1:{port}"


def test_without_such_a_name_the_gateway_leads_to_the_stack_by_a_relay(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_network, "NAMES", ("no-such-name.invalid",))

    with endpoint_for_containers(ENGINE, "image", sys.executable, port) as endpoint:
        assert endpoint == f"http://{GATEWAY}:{port}"
        assert get(GATEWAY, port).is_success


def test_if_nothing_leads_to_the_stack_the_refusal_says_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_network, "NAMES", ("no-such-name.invalid",))
    monkeypatch.setattr(Probed, "gateways", lambda _: {})

    with (
        pytest.raises(EngineError, match=r"reaches the stack on port 1 of .*tried no-such-name\.invalid.*laptop\.md"),
        endpoint_for_containers(ENGINE, "image", sys.executable, 1),
    ):
        pass
