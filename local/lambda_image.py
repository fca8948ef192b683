"""Runs functions of the laptop stack in Lambda's image, in a container, by `sam local invoke`.

The container has the code that `make up` built, the variables and the permissions of the deployed function, and the
stack's tables and queues. It has the clock of this machine.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3

from local.build import BUILT, THIS_MACHINE
from local.client import client_arguments_of_stack
from local.console import shown, step
from local.container_engine import Engine, EngineError, find_engine
from local.container_network import endpoint_for_containers
from local.invoking import Invocation
from local.sam import ROOT, state, write_private
from local.template import snake_case
from local.versions import LIVE

_DURATION = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms", re.MULTILINE)

_START_SECONDS = 60
"""The most seconds that sam takes besides the function: to put the layers into the image, and to start a container."""

_RUNTIMES = tuple(f"python3.{minor}" for minor in range(8, 15))
"""The runtimes of which sam knows an image."""


class LambdaImage(NamedTuple):
    """Lambda's image for a runtime and a processor, such as ``python3.13`` on ``arm64``."""

    runtime: str
    architecture: str

    @property
    def name(self) -> str:
        """The name by which sam looks for it."""
        version = self.runtime.removeprefix("python")
        return f"public.ecr.aws/lambda/python:{version}-{self.architecture}"

    @property
    def interpreter(self) -> str:
        return f"/var/lang/bin/{self.runtime}"

    @property
    def platform(self) -> str:
        """The processor as container engines call it."""
        return "arm64" if self.architecture == "arm64" else "amd64"


class LocalRun(NamedTuple):
    """How functions are run: by which engine, in which image, and at which address containers reach the stack."""

    known: Mapping[str, Any]
    engine: Engine
    image: LambdaImage
    endpoint: str

    def invoke(self, function: str, event: Path) -> Invocation:
        """Run a function with the event of a file, and wait until it has ended.

        Raises:
            EngineError: it has not ended long after its time-out.
        """
        deployed = boto3.client("lambda", **client_arguments_of_stack(self.known)).get_function_configuration(
            FunctionName=self.known["functions"][function], Qualifier=LIVE
        )
        variables = {**deployed["Environment"]["Variables"], "AWS_ENDPOINT_URL": self.endpoint}
        env_file = state() / "events" / f"{snake_case(function)}.env.json"
        write_private(env_file, {function: variables})
        began = perf_counter()
        patience = deployed["Timeout"] + _START_SECONDS
        try:
            finished = subprocess.run(
                self.command(function, event, env_file),
                cwd=ROOT,
                env=self.environment(self._credentials_of(deployed["Role"], function), os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=patience,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"sam did not run {function} within {patience} seconds; does {self.engine.name} still answer?"
            ) from None
        output, log = finished.stdout.decode("utf-8", "replace"), finished.stderr.decode("utf-8", "replace")
        with log_file().open("a", encoding="utf-8") as kept:
            kept.write(f"== {function} ==\n{log}\n{output}\n")
        return invocation_of(function, output, log, perf_counter() - began)

    def command(self, function: str, event: Path, env_file: Path) -> list[str]:
        """Return the command that runs a function with the event and the variables of these files."""
        # EndpointUrl makes sam take AWS_ENDPOINT_URL from the file: it takes the variables that the template declares.
        parameters = {
            "PythonRuntime": self.image.runtime,
            "Architecture": self.image.architecture,
            "EndpointUrl": self.endpoint,
        }
        return [
            str(Path(sys.executable).parent / "sam"),
            *("local", "invoke", function),
            *("--template-file", str(BUILT / "template.yaml"), "--region", self.known["region"]),
            *("--event", str(event), "--env-vars", str(env_file)),
            "--skip-pull-image",
            *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
        ]

    def environment(self, credentials: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the command. sam passes the credentials and the region on to the container.

        The endpoint is that for sam itself, which asks STS on this machine. What else the environment says of AWS, such
        as a profile, is left out.
        """
        return {
            **{name: value for name, value in inherited.items() if not name.startswith(("AWS_", "DOCKER_HOST"))},
            **credentials,
            **self.engine.variables,
            "AWS_DEFAULT_REGION": self.known["region"],
            "AWS_ENDPOINT_URL": self.known["endpoint_url"],
            "SAM_CLI_TELEMETRY": "0",
        }

    def _credentials_of(self, role: str, function: str) -> dict[str, str]:
        """Return credentials with the permissions of the function's role."""
        sts = boto3.client("sts", **client_arguments_of_stack(self.known))
        given = sts.assume_role(RoleArn=role, RoleSessionName=function)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }


def log_file() -> Path:
    """Return the file that has what sam printed for each function that the last command ran."""
    return state() / "sam-local.log"


@contextmanager
def local_run(known: Mapping[str, Any], parameters: Mapping[str, str] = THIS_MACHINE) -> Iterator[LocalRun]:
    """Find the engine, get the image if it is missing, and yield how functions are run meanwhile.

    Args:
        known: how to reach the laptop stack, as :func:`local.client.stack` returns it.
        parameters: the PythonRuntime and the Architecture for which the stack was built.

    Raises:
        EngineError: there is no engine, no image, or containers cannot reach the stack.
    """
    image = LambdaImage(parameters["PythonRuntime"], parameters["Architecture"])
    if image.runtime not in _RUNTIMES:
        raise EngineError(f"There is no image of Lambda for {image.runtime}. Without a container: make invoke.")
    engine = find_engine()
    if not engine.has_image(image.name):
        with step(f"fetching Lambda's image {shown(image.name)}"):
            engine.pull(image.name, image.platform)
    port = urlsplit(known["endpoint_url"]).port or 80
    log_file().unlink(missing_ok=True)
    with endpoint_for_containers(engine, image.name, image.interpreter, port) as endpoint:
        yield LocalRun(known, engine, image, endpoint)


def invocation_of(function: str, output: str, log: str, seconds: float) -> Invocation:
    """Return what became of an invocation, given what sam printed: the answer to its output, all else to its log.

    ``seconds`` is how long all of it took. It counts only if the log does not say how long the function took.
    """
    lines = [line.strip() for line in log.replace("\r", "\n").splitlines() if line.strip()]
    logged = tuple(line for line in lines if line.startswith("{"))
    try:
        answer = json.loads(output)
    except ValueError:
        answer = {"errorType": "sam local invoke", "errorMessage": _why(lines, output)}
    is_error = isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys()
    trace = "".join(answer.get("stackTrace") or ()) if is_error else ""
    took = _DURATION.search(log)
    return Invocation(
        function,
        answer,
        is_error,
        log=(*logged, *trace.splitlines()),
        seconds=float(took[1]) / 1000 if took else seconds,
    )


def _why(lines: Sequence[str], output: str) -> str:
    """Return why sam printed no answer: the first line that tells of an error, or else the last one."""
    telling = [line for line in lines if "rror" in line or "timed out" in line]
    said = [*telling[:1], *lines[-1:], *output.splitlines()[-1:], "it printed nothing"][0]
    return f"{said} (full output: {log_file()})"
