"""Lets containers reach the laptop stack, which listens on this machine's 127.0.0.1 only.

The virtual machines of Docker Desktop, Finch and Podman on macOS, and Docker Desktop on Linux, have a name for this
machine, by which its 127.0.0.1 is reached. An engine on Linux itself has none: there, a container reaches this machine
at the gateway of the engine's network. A relay listens at that gateway while a function runs, admits the containers of
that network only, and passes on to 127.0.0.1. Which of these works is tried by a container, which reports it.

The network of the host, in which a container on Linux has this machine's 127.0.0.1, cannot be used: `sam local invoke
--docker-network host` connects the container to no network, and so leaves it in the default one.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_address, ip_network
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from local.container_engine import Engine, EngineError

NAMES = ("host.docker.internal", "host.containers.internal")
"""The names that engines give this machine within containers."""

_PROBE = """
import socket, sys, urllib.request
port, *names = sys.argv[1:]
for name in names:
    try:
        address = socket.getaddrinfo(name, port, socket.AF_INET)[0][4][0]
        urllib.request.urlopen(f"http://{address}:{port}/_ministack/ready", timeout=3).read()
    except OSError:
        continue
    print(f"reached {address}")
    break
"""

_FREEBIND = 15
"""Linux's IP_FREEBIND: the address may appear later. Podman makes its network with the first container."""

_CHUNK = 65_536


@contextmanager
def endpoint_for_containers(engine: Engine, image: str, interpreter: str, port: int) -> Iterator[str]:
    """Yield the URL at which a container reaches the stack on this port of 127.0.0.1. It works inside of the context.

    Args:
        image: an image that is on this machine, with a Python.
        interpreter: the path of that Python in the image.

    Raises:
        EngineError: no container reaches the stack.
    """
    gateways = engine.gateways()
    with ExitStack() as relays:
        for gateway, network in gateways.items():
            with suppress(OSError):  # the gateway is in a virtual machine, or another command has this relay
                relays.enter_context(relay(gateway, port, network))
        printed = engine.output_of(image, [interpreter, "-c", _PROBE, str(port), *NAMES, *gateways])
        address = printed.rpartition("reached ")[2].strip()
        if not address:
            tried = ", ".join([*NAMES, *gateways])
            raise EngineError(
                f"No container of {engine.name} reaches the stack on port {port} of this machine (tried {tried}); "
                "docs/laptop.md says what to set. Without a container: make invoke."
            )
        yield f"http://{address}:{port}"


@contextmanager
def relay(address: str, port: int, network: str) -> Iterator[None]:
    """Pass connections from a network to this address on to 127.0.0.1, port to the same port, meanwhile.

    Raises:
        OSError: this machine has no such address, or the port is taken there.
    """

    class Relay(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def server_bind(self) -> None:
            if sys.platform == "linux":
                self.socket.setsockopt(socket.IPPROTO_IP, _FREEBIND, 1)
            super().server_bind()

        def verify_request(self, request: object, client_address: tuple[str, int]) -> bool:  # noqa: ARG002 - its signature
            return ip_address(client_address[0]) in ip_network(network)

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as stack:
                back = Thread(target=_pass_on, args=(stack, self.request), daemon=True)
                back.start()
                _pass_on(self.request, stack)
                back.join()

    with Relay((address, port), Connection) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
