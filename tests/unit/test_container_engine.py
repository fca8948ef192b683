import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import container_engine
from local.container_engine import Engine, EngineError, find_engine, hosts
from tests.unit.fake_engine import FakeEngine, serving

IMAGE = "public.ecr.aws/lambda/python:3.13-arm64"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    with serving(tmp_path / "docker.sock") as engine:
        yield engine


def engine_of(fake: FakeEngine) -> Engine:
    return Engine(fake.host, "Docker")


def nowhere(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    """Let an engine answer at these addresses only, whatever is installed on this machine."""
    monkeypatch.setattr(container_engine, "hosts", lambda environment: iter(found))  # noqa: ARG005


def test_the_engine_of_docker_host_is_the_only_one_that_is_asked() -> None:
    assert list(hosts({"DOCKER_HOST": "unix:///mine.sock"})) == ["unix:///mine.sock"]
    assert list(hosts({"DOCKER_HOST": "tcp://127.0.0.1:2375"})) == ["tcp://127.0.0.1:2375"]


def test_an_engine_on_another_machine_is_refused_with_its_address() -> None:
    with pytest.raises(EngineError, match="ssh://me@there, but `make local` needs an engine of this machine"):
        list(hosts({"DOCKER_HOST": "ssh://me@there"}))


@pytest.mark.parametrize("host", ["http://[::1", "unix://[::1", "tcp://[zz]:1", "tcp://127.0.0.1:99999", "http://\x7f"])
def test_an_address_that_is_none_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(EngineError, match="DOCKER_HOST"):
        find_engine({"DOCKER_HOST": host})


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Darwin", {"/var/run/docker.sock", "/home/.docker/run/docker.sock", "/home/.colima/default/docker.sock"}),
        (
            "Darwin",
            {"/Applications/Finch/lima/data/finch/sock/finch.sock", "/t/podman/podman-machine-default-api.sock"},
        ),
        ("Linux", {"/var/run/docker.sock", "/run/user/7/docker.sock", "/home/.docker/desktop/docker.sock"}),
        ("Linux", {"/var/run/finch.sock", "/run/podman/podman.sock", "/run/user/7/podman/podman.sock"}),
    ],
)
def test_each_engine_is_looked_for_where_it_has_its_socket(system: str, expected: set[str]) -> None:
    environment = {"HOME": "/home", "XDG_RUNTIME_DIR": "/run/user/7", "TMPDIR": "/t"}

    found = list(hosts(environment, system))

    assert {f"unix://{path}" for path in expected} <= set(found)
    assert found[0] == "unix:///var/run/docker.sock"
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("components", "name"), [(["Engine"], "Docker"), (["Podman Engine", "Conmon"], "Podman"), ([], "Docker")]
)
def test_an_engine_that_answers_is_found_by_its_name(fake: FakeEngine, components: list[str], name: str) -> None:
    fake.components = components

    found = find_engine({"DOCKER_HOST": fake.host})

    assert found == Engine(fake.host, name)
    assert found.variables == {"DOCKER_HOST": fake.host}


def test_finch_is_known_by_its_socket_and_sam_finds_it_itself(tmp_path: Path) -> None:
    with serving(tmp_path / "finch.sock") as finch:
        found = find_engine({"DOCKER_HOST": finch.host})

    assert found.name == "Finch"
    assert found.variables == {}
    assert finch.calls == ["GET /v1.43/version"]


def test_the_first_engine_that_answers_is_taken(
    fake: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left))  # and nobody listens any more
    nowhere(monkeypatch, f"unix://{tmp_path}/none.sock", f"unix://{left}", fake.host)

    assert find_engine({}).host == fake.host


def test_without_an_engine_one_sentence_says_what_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch, f"unix://{tmp_path}/none.sock")

    with pytest.raises(EngineError, match=r"^No container engine is running\. Start Docker, Finch or Podman .* invoke"):
        find_engine({})


def test_an_engine_that_is_named_and_does_not_answer_is_named_in_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"unix://{tmp_path}/none.sock cannot be used: .*No such file"):
        find_engine({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})


def test_an_engine_that_may_not_be_used_is_named_in_the_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    nowhere(monkeypatch, "unix:///var/run/docker.sock")
    monkeypatch.setattr(container_engine, "_connect", refused)

    with pytest.raises(EngineError, match=r"unix:///var/run/docker.sock cannot be used: .*Permission denied\. Start"):
        find_engine({"HOME": str(tmp_path)})


def test_an_image_is_downloaded_if_it_is_missing(fake: FakeEngine) -> None:
    engine = engine_of(fake)
    assert not engine.has_image(IMAGE)

    engine.pull(IMAGE, "arm64")

    assert engine.has_image(IMAGE)


def test_an_image_that_cannot_be_downloaded_is_named_with_the_reason(fake: FakeEngine) -> None:
    fake.refusal = "dial tcp: lookup public.ecr.aws: no such host"

    with pytest.raises(
        EngineError, match=f"^Lambda's image {IMAGE} is not on this machine .*no such host.*make invoke"
    ):
        engine_of(fake).pull(IMAGE, "arm64")


def test_a_program_runs_in_a_container_that_is_removed(fake: FakeEngine) -> None:
    fake.output = "reached 10.0.2.2\r\n"

    assert engine_of(fake).output_of(IMAGE, ["/bin/true", "x"]) == "reached 10.0.2.2\r\n"

    assert fake.made == [{"Image": IMAGE, "Entrypoint": ["/bin/true", "x"], "Cmd": [], "Tty": True}]
    assert fake.calls[-1] == "DELETE /containers/c-1"


def test_a_container_that_does_not_start_is_removed_and_its_refusal_is_told(fake: FakeEngine) -> None:
    fake.starts = False

    with pytest.raises(EngineError, match=r"refused /containers/c-1/start: .*no runc"):
        engine_of(fake).output_of(IMAGE, ["/bin/true"])

    assert fake.calls[-1] == "DELETE /containers/c-1"


def ask_for_the_image(engine: Engine) -> object:
    return engine.has_image(IMAGE)


def run_a_program(engine: Engine) -> object:
    return engine.output_of(IMAGE, ["/bin/true"])


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (ask_for_the_image, "/images/"),
        (Engine.gateways, "/networks"),
        (run_a_program, "/containers/create"),
        (run_a_program, "/containers/c-1/wait"),
    ],
)
def test_an_engine_that_fails_or_ends_meanwhile_is_one_sentence(
    fake: FakeEngine, ask: Callable[[Engine], object], path: str
) -> None:
    fake.broken = path
    with pytest.raises(EngineError, match=f"^The container engine refused {path}.*no space left on device"):
        ask(engine_of(fake))

    fake.broken, fake.silent = "none", path
    with pytest.raises(EngineError, match=f"^The container engine did not answer {path}"):
        ask(engine_of(fake))


def test_the_gateway_of_the_default_network_is_known_with_the_range_of_the_network(fake: FakeEngine) -> None:
    assert engine_of(fake).gateways() == {"172.17.0.1": "172.17.0.0/16"}


def test_the_system_is_that_of_this_machine_by_default() -> None:
    finch = "unix:///Applications/Finch/lima/data/finch/sock/finch.sock"

    assert (finch in hosts({"HOME": "/home"})) == (sys.platform == "darwin")
