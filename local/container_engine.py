"""Finds the container engine of this machine (Docker, Finch or Podman), and asks it for what `make local` needs.

All of them understand the Docker Engine API, over a Unix socket or TCP.
"""

import json
import os
import platform
import socket
import tempfile
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

_SECONDS = 20
"""The most seconds for an answer of the engine, apart from a download and a container that runs."""

_DOWNLOAD_SECONDS = 1_800

_DEFAULT_NETWORKS = ("bridge", "podman")
"""The network of a container that names none. Docker and Finch call it bridge, and Podman calls it either."""

_ADVICE = (
    "Start Docker, Finch or Podman (`systemctl --user start podman.socket` or `podman machine start`), or name its "
    "socket: DOCKER_HOST=unix:///path/to.sock. Without a container: make invoke."
)


class EngineError(Exception):
    """No container engine can be used, or it refused something. The message says what to do."""


class Engine(NamedTuple):
    """A container engine that runs.

    Attributes:
        host: its address as ``DOCKER_HOST`` has it, such as ``unix:///var/run/docker.sock``.
        name: as people know it: Docker, Podman or Finch.
    """

    host: str
    name: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which sam finds this engine. It finds Finch itself, and refuses its socket."""
        return {} if self.name == "Finch" else {"DOCKER_HOST": self.host}

    def has_image(self, image: str) -> bool:
        """Return whether an image is on this machine.

        Raises:
            EngineError: the engine does not say so.
        """
        with _client(self.host) as client:
            answer = _request(client, "GET", f"/images/{image}/json")
        return answer.status_code != HTTPStatus.NOT_FOUND and _checked(answer).is_success

    def pull(self, image: str, architecture: str) -> None:
        """Download an image for a processor such as ``amd64``.

        Raises:
            EngineError: it cannot be downloaded.
        """
        name, _, tag = image.rpartition(":")
        query = {"fromImage": name, "tag": tag, "platform": f"linux/{architecture}"}
        try:
            with (
                _client(self.host, _DOWNLOAD_SECONDS) as client,
                client.stream("POST", "/images/create", params=query) as answer,
            ):
                lines = [json.loads(line) for line in answer.iter_lines() if line.strip()]
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError(_not_pulled(image, str(error))) from None
        refusal = next((line.get("error") or line.get("message") for line in lines if "error" in line), None)
        if not answer.is_success or refusal:
            raise EngineError(_not_pulled(image, str(refusal or lines)))

    def output_of(self, image: str, program: list[str]) -> str:
        """Run a program in a new container of an image, in the engine's default network. Return what it printed.

        Raises:
            EngineError: the container could not be run.
        """
        wanted = {"Image": image, "Entrypoint": program, "Cmd": [], "Tty": True}
        with _client(self.host, 60) as client:
            made = _checked(_request(client, "POST", "/containers/create", json=wanted)).json()["Id"]
            try:
                _checked(_request(client, "POST", f"/containers/{made}/start"))
                _checked(_request(client, "POST", f"/containers/{made}/wait"))
                return _checked(_request(client, "GET", f"/containers/{made}/logs", params={"stdout": "1"})).text
            finally:
                _request(client, "DELETE", f"/containers/{made}", params={"force": "1"})

    def gateways(self) -> dict[str, str]:
        """Return the addresses of this machine in the engine's default network, each with the range of the network.

        Raises:
            EngineError: the engine does not say so.
        """
        with _client(self.host) as client:
            networks = _checked(_request(client, "GET", "/networks")).json()
        return {
            configured["Gateway"]: configured["Subnet"]
            for network in networks
            if network.get("Name") in _DEFAULT_NETWORKS
            for configured in (network.get("IPAM") or {}).get("Config") or ()
            if {"Gateway", "Subnet"} <= configured.keys()
        }


def find_engine(environment: Mapping[str, str] = os.environ) -> Engine:
    """Return the container engine that runs on this machine: that of DOCKER_HOST, or the first one that answers.

    Raises:
        EngineError: none runs, or the one that is named cannot be used.
    """
    refused = []
    for host in hosts(environment):
        try:
            _connect(host)
            with _client(host) as client:
                return Engine(host, _name_of(host, _checked(_request(client, "GET", "/version")).json()))
        except (OSError, httpx.InvalidURL, EngineError, ValueError) as error:
            if isinstance(error, PermissionError) or environment.get("DOCKER_HOST"):
                refused.append(f"{host} cannot be used: {error}")
    raise EngineError(f"{refused[0]}. {_ADVICE}" if refused else f"No container engine is running. {_ADVICE}")


def hosts(environment: Mapping[str, str], system: str = platform.system()) -> Iterator[str]:
    """Yield the addresses at which an engine may answer, as ``DOCKER_HOST`` has them. If it is set, it is the only one.

    Raises:
        EngineError: the address in DOCKER_HOST is of another kind.
    """
    if named := environment.get("DOCKER_HOST"):
        if _scheme_of(named) not in ("unix", "tcp", "http"):
            raise EngineError(f"DOCKER_HOST is {named}, but `make local` needs an engine of this machine, by unix://.")
        yield named
        return
    home = Path(environment.get("HOME") or Path.home())
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    yield "unix:///var/run/docker.sock"
    if system == "Darwin":
        yield f"unix://{home}/.docker/run/docker.sock"
        yield f"unix://{home}/.colima/default/docker.sock"
        yield f"unix://{home}/.orbstack/run/docker.sock"
        yield "unix:///Applications/Finch/lima/data/finch/sock/finch.sock"
        yield f"unix://{environment.get('TMPDIR') or tempfile.gettempdir()}/podman/podman-machine-default-api.sock"
        yield f"unix://{home}/.local/share/containers/podman/machine/podman.sock"
    else:
        yield f"unix://{home}/.docker/desktop/docker.sock"
        yield f"unix://{runtime}/docker.sock"
        yield "unix:///var/run/finch.sock"
        yield "unix:///run/podman/podman.sock"
        yield f"unix://{runtime}/podman/podman.sock"


def _scheme_of(host: str) -> str:
    try:
        return urlsplit(host).scheme
    except ValueError:  # a bracket that is not closed
        return ""


def _connect(host: str) -> None:
    """Check that something listens on a Unix socket.

    Raises:
        OSError: nothing does, or this user may not connect to it.
    """
    address = urlsplit(host)
    if address.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address.path)


def _client(host: str, seconds: float = _SECONDS) -> httpx.Client:
    address = urlsplit(host)
    transport = httpx.HTTPTransport(uds=address.path) if address.scheme == "unix" else None
    base = "http://engine" if transport else f"http://{address.netloc}"
    base += "/v1.43" if _is_finch(host) else ""  # Finch answers only paths with a version of the API
    return httpx.Client(transport=transport, base_url=base, timeout=seconds, trust_env=False)


def _request(client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401 - any JSON value
    """Return the answer of the engine, of any status. ``content`` is its ``json`` or its ``params``.

    Raises:
        EngineError: the engine did not answer.
    """
    try:
        return client.request(method, path, **content)
    except httpx.HTTPError as error:
        raise EngineError(f"The container engine did not answer {path}: {str(error) or type(error).__name__}") from None


def _checked(answer: httpx.Response) -> httpx.Response:
    """Return an answer.

    Raises:
        EngineError: it is a refusal.
    """
    if not answer.is_success:
        raise EngineError(f"The container engine refused {answer.request.url.path}: {answer.text.strip()[:300]}")
    return answer


def _name_of(host: str, version: Mapping[str, Any]) -> str:
    """Return the name of an engine, given its address and its answer to ``GET /version``."""
    if _is_finch(host):
        return "Finch"
    parts = " ".join(str(part.get("Name")) for part in version.get("Components") or ())
    return "Podman" if "Podman" in parts else "Docker"


def _is_finch(host: str) -> bool:
    return host.endswith("/finch.sock")


def _not_pulled(image: str, reason: str) -> str:
    return (
        f"Lambda's image {image} is not on this machine and cannot be downloaded: {reason[:300]}. Try again with a "
        "network, or without a container: make invoke."
    )
