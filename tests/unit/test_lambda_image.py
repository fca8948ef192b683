"""How functions are run in Lambda's image: the command line, its environment, and what is read from its output."""

import json
import subprocess
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from local import lambda_image
from local.build import BUILT
from local.container_engine import Engine, EngineError
from local.lambda_image import LambdaImage, LocalRun, invocation_of, local_run
from tests.unit.fake_engine import serving

# sam has no types.
SAM_INVOKE = import_module("samcli.commands.local.invoke.cli").cli
RUNTIME: Any = import_module("samcli.local.docker.lambda_image").Runtime

ENDPOINT = "http://172.17.0.1:4566"
KNOWN = {
    "endpoint_url": "http://localhost:4566",
    "region": "ap-southeast-1",
    "functions": {"ViewForest": "saxaul-ViewForest-1"},
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
ON_LAMBDA = LambdaImage("python3.13", "arm64")
DOCKER = Engine("unix:///var/run/docker.sock", "Docker")
PODMAN = Engine("unix:///run/user/1000/podman/podman.sock", "Podman")
FINCH = Engine("unix:///Applications/Finch/lima/data/finch/sock/finch.sock", "Finch")

in_every_image = pytest.mark.parametrize(
    "image",
    [
        LambdaImage(f"python3.{minor}", architecture)
        for minor in (11, 12, 13, 14)
        for architecture in ("arm64", "x86_64")
    ],
)
with_every_engine = pytest.mark.parametrize("engine", [DOCKER, PODMAN, FINCH], ids=lambda engine: str(engine.name))


def a_run(engine: Engine = DOCKER, image: LambdaImage = ON_LAMBDA) -> LocalRun:
    return LocalRun(KNOWN, engine, image, ENDPOINT)


@in_every_image
@with_every_engine
def test_the_command_names_the_function_its_files_and_what_the_stack_was_built_for(
    engine: Engine, image: LambdaImage
) -> None:
    program, *arguments = a_run(engine, image).command("ViewForest", Path("/e/event.json"), Path("/e/env.json"))

    assert Path(program).name == "sam"
    assert Path(program).exists()
    assert arguments == [
        *("local", "invoke", "ViewForest"),
        *("--template-file", str(BUILT / "template.yaml"), "--region", "ap-southeast-1"),
        *("--event", "/e/event.json", "--env-vars", "/e/env.json", "--skip-pull-image", "--parameter-overrides"),
        *(f"PythonRuntime={image.runtime}", f"Architecture={image.architecture}", f"EndpointUrl={ENDPOINT}"),
    ]


def test_sam_understands_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("template.yaml", "event.json", "env.json"):
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(lambda_image, "BUILT", tmp_path)
    _, _, _, *arguments = a_run().command("ViewForest", tmp_path / "event.json", tmp_path / "env.json")

    read = SAM_INVOKE.make_context("invoke", arguments).params

    assert read["function_logical_id"] == "ViewForest"
    assert read["skip_pull_image"] is True
    assert read["event"] == str(tmp_path / "event.json")
    assert read["env_vars"] == str(tmp_path / "env.json")
    assert read["parameter_overrides"] == {
        "PythonRuntime": "python3.13",
        "Architecture": "arm64",
        "EndpointUrl": ENDPOINT,
    }


@in_every_image
def test_the_image_is_the_one_that_sam_looks_for(image: LambdaImage) -> None:
    assert image.name == f"public.ecr.aws/lambda/{RUNTIME.get_image_name_tag(image.runtime, image.architecture)}"
    assert image.platform == {"arm64": "arm64", "x86_64": "amd64"}[image.architecture]


def test_the_runtimes_with_an_image_are_those_that_sam_knows() -> None:
    known = {runtime.value for runtime in RUNTIME if runtime.value.startswith("python")}

    assert set(lambda_image._RUNTIMES) == known  # noqa: SLF001


@with_every_engine
def test_the_environment_has_the_credentials_of_the_function_and_nothing_else_of_aws(engine: Engine) -> None:
    inherited = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_CONFIG_FILE": "/home/me/.aws/config",
        "DOCKER_HOST": "unix:///another.sock",
    }

    environment = a_run(engine).environment(CREDENTIALS, inherited)

    of_engine = {} if engine is FINCH else {"DOCKER_HOST": engine.host}
    assert environment == {
        "PATH": "/bin",
        **CREDENTIALS,
        **of_engine,
        "AWS_DEFAULT_REGION": "ap-southeast-1",
        "AWS_ENDPOINT_URL": "http://localhost:4566",
        "SAM_CLI_TELEMETRY": "0",
    }


class Client:
    """Lambda and STS of the stack."""

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str) -> Any:  # noqa: N803, ANN401 - AWS's own
        assert (FunctionName, Qualifier) == ("saxaul-ViewForest-1", "live")
        return {"Role": "arn:role", "Timeout": 15, "Environment": {"Variables": {"LEDGER_TABLE": "saxaul-Ledger"}}}

    def assume_role(self, *, RoleArn: str, RoleSessionName: str) -> Any:  # noqa: N803, ANN401 - AWS's own
        assert (RoleArn, RoleSessionName) == ("arn:role", "ViewForest")
        return {"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t"}}


def test_a_function_gets_the_variables_and_the_permissions_that_it_has_on_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[str], Mapping[str, str]]] = []

    def run(command: list[str], *, env: Mapping[str, str], timeout: float, **_: object) -> Any:  # noqa: ANN401
        assert timeout == 15 + 60
        ran.append((command, env))
        return SimpleNamespace(stdout=b'{"statusCode": 200}', stderr=b"START\n")

    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())
    monkeypatch.setattr(subprocess, "run", run)

    found, _ = (a_run().invoke("ViewForest", tmp_path / "event.json") for _ in range(2))

    command, environment = ran[0]
    variables_file = Path(command[command.index("--env-vars") + 1])
    variables = json.loads(variables_file.read_text())
    assert variables_file == tmp_path / "events" / "view_forest.env.json"
    assert variables == {"ViewForest": {"LEDGER_TABLE": "saxaul-Ledger", "AWS_ENDPOINT_URL": ENDPOINT}}
    assert environment["AWS_SESSION_TOKEN"] == "t"
    assert found.status == 200
    assert (tmp_path / "sam-local.log").read_text() == 2 * '== ViewForest ==\nSTART\n\n{"statusCode": 200}\n'


def test_a_function_that_never_ends_is_given_up_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(command: list[str], *, timeout: float, **_: object) -> Any:  # noqa: ANN401 - never returns
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())
    monkeypatch.setattr(subprocess, "run", hang)

    with pytest.raises(
        EngineError, match=r"^sam did not run ViewForest within 75 seconds; does Docker still answer\?$"
    ):
        a_run().invoke("ViewForest", tmp_path / "event.json")


def test_an_answer_and_the_logged_lines_are_told_apart_from_what_sam_prints() -> None:
    log = 'Invoking handler\nSTART RequestId: 1\n{"level":"INFO","message":"settled"}\nEND RequestId: 1\nREPORT x\n'

    found = invocation_of("SettleRedemptions", '{"batchItemFailures": []}', log, 1.5)

    assert (found.answer, found.failure, found.seconds) == ({"batchItemFailures": []}, None, 1.5)
    assert found.log == ('{"level":"INFO","message":"settled"}',)


def test_the_time_of_a_function_is_its_own_and_not_that_of_its_container() -> None:
    log = "REPORT RequestId: 1\tInit Duration: 0.05 ms\tDuration: 1734.83 ms\tBilled Duration: 1735 ms\n"

    assert invocation_of("ViewForest", "{}", log, 20).seconds == pytest.approx(1.73483)


def test_nothing_is_an_answer_too() -> None:
    assert invocation_of("FindRepeats", "null", "", 1).failure is None


def test_an_error_of_the_function_is_told_with_its_traceback() -> None:
    answer = {
        "errorType": "KeyError",
        "errorMessage": "'X'",
        "stackTrace": ['  File "/var/task/handler.py"\n', "  x\n"],
    }

    found = invocation_of("ViewForest", json.dumps(answer), "", 1)

    assert found.failure == "KeyError: 'X'"
    assert found.log == ('  File "/var/task/handler.py"', "  x")


@pytest.mark.parametrize(
    ("output", "log", "told"),
    [
        ("", "Invoking\nError: Could not find the image\nDone\n", "Error: Could not find the image"),
        ("", "Function 'ViewForest' timed out after 15 seconds\n", "Function 'ViewForest' timed out after 15 seconds"),
        ("", "Invoking\nKilled\n", "Killed"),
        ("half of an answ", "", "half of an answ"),
        ("", "", "it printed nothing"),
    ],
)
def test_if_there_is_no_answer_the_line_that_says_why_is_told(output: str, log: str, told: str) -> None:
    found = invocation_of("ViewForest", output, log, 1)

    assert found.is_error
    assert str(found.failure).startswith(f"sam local invoke: {told} (full output: ")


def test_a_runtime_without_an_image_is_refused_before_anything_is_started() -> None:
    with (
        pytest.raises(EngineError, match=r"no image of Lambda for python3\.99"),
        local_run(KNOWN, {"PythonRuntime": "python3.99", "Architecture": "arm64"}),
    ):
        pass


@pytest.mark.parametrize("is_there", [True, False])
def test_the_image_is_fetched_if_it_is_missing_and_the_address_of_the_stack_is_asked_for(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    (tmp_path / "sam-local.log").write_text("of an earlier command")
    image = LambdaImage("python3.13", "arm64")
    with serving(tmp_path / "docker.sock") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        engine.output = "reached 192.168.65.254\r\n"
        engine.images |= {image.name} if is_there else set()
        with local_run(KNOWN, {"PythonRuntime": "python3.13", "Architecture": "arm64"}) as found:
            pass

    assert found == LocalRun(KNOWN, Engine(engine.host, "Docker"), image, "http://192.168.65.254:4566")
    assert not (tmp_path / "sam-local.log").exists()
    assert ("POST /images/create" in engine.calls) != is_there
    [probe] = engine.made
    assert probe["Entrypoint"][0] == "/var/lang/bin/python3.13"
    assert probe["Entrypoint"][3:] == ["4566", "host.docker.internal", "host.containers.internal", "172.17.0.1"]


def test_a_stack_that_no_container_reaches_ends_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "docker.sock") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        engine.images.add(LambdaImage("python3.13", "arm64").name)
        with (
            pytest.raises(EngineError, match="No container of Docker reaches the stack on port 4566"),
            local_run(KNOWN, {"PythonRuntime": "python3.13", "Architecture": "arm64"}),
        ):
            pass
