"""Builds for AWS, checks the build, and only then deploys a stack with `sam deploy`.

    python -m local.deploy --stack saxaul --region ap-southeast-1
    python -m local.deploy --stack saxaul --region ap-southeast-1 'Architecture=x86_64 HarvestTime="08:00"'

The template's parameters come from samconfig.toml and from the command line, which takes precedence. PythonRuntime and
Architecture are always passed to `sam deploy` with the values that the build used. Otherwise CloudFormation would keep
their values from the last deployment.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.build import FOR_AWS, ON_LAMBDA, build_for_aws, built_in
from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown, step
from local.deployed import DeployedStack, UnfitStackError
from local.deployment import NO_CREDENTIALS, client_arguments, endpoint_of_shell
from local.failures import flat
from local.function_check import check_functions
from local.good_deployments import GoodDeployments, RecordError
from local.parameters import parameters_in, quoted
from local.sam import ROOT, STACK_NAME, SamError
from local.versions import note_parameters

CONFIG = ROOT / "samconfig.toml"

ADVICE = (
    "Fix this and deploy again, or go back to the last deployment that passed this check:",
    "  make rollback STACK={stack} REGION={region}",
)
"""What to do if a function fails after a deployment."""


def deploy(stack: str, region: str, given: Iterable[str]) -> int:
    """Build, check and deploy; return the exit code of `sam deploy`.

    Raises:
        SamError: a parameter is not ``Name=value``, the build failed or has files that cannot run on Lambda, or the sam
            CLI is missing.
    """
    parameters = {**ON_LAMBDA, **parameters_in([configured(CONFIG), *given])}
    with step("building the functions and layers for AWS, and checking every file"):
        build_for_aws({name: parameters[name] for name in ON_LAMBDA})
    note_parameters(built_in(FOR_AWS), parameters)
    return run_sam_deploy(built_in(FOR_AWS) / "template.yaml", stack, region, parameters)


def run_sam_deploy(template: Path, stack: str, region: str, parameters: Mapping[str, str]) -> int:
    """Deploy a template with `sam deploy`, which asks before it changes anything. Return its exit code.

    Raises:
        SamError: a parameter cannot be passed on, or the sam CLI is missing.
    """
    beside_python = str(Path(sys.executable).parent)
    program = shutil.which("sam", path=os.pathsep.join([os.environ["PATH"], beside_python]))
    if program is None:
        raise SamError("The sam CLI is not installed; install it with: make env")
    command = [
        program,
        "deploy",
        *("--template-file", str(template), "--config-file", str(CONFIG)),
        *("--stack-name", stack, "--region", region),
        *("--parameter-overrides", *(f"{name}={quoted(value)}" for name, value in parameters.items())),
    ]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False).returncode


def check_deployed(stack: str, region: str) -> None:
    """Check each function of the stack that was deployed, and record that it passed.

    Ends the program if a function fails.
    """
    advice = [line.format(stack=stack, region=region) for line in ADVICE]
    try:
        check_functions(described(stack, region), advice)
        GoodDeployments(stack, client_arguments(endpoint_of_shell(), region)).record()
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(f"The stack is deployed, but its functions were not checked. {NO_CREDENTIALS}")
    except (BotoCoreError, ClientError, UnfitStackError, RecordError) as error:
        exit_with(f"The stack is deployed, but its functions were not checked: {flat(error)}.")


def described(stack: str, region: str) -> dict[str, Any]:
    """Return how to reach a stack on AWS."""
    return DeployedStack(stack, client_arguments(endpoint_of_shell(), region), endpoint_of_shell()).describe()


def configured(file: Path) -> object:
    """Return the ``parameter_overrides`` for deployments, as samconfig.toml has them, or an empty list.

    sam accepts a text, a mapping, or a list; ``local.parameters`` parses all three.
    """
    if not file.exists():
        return []
    environment = tomllib.loads(file.read_text("utf-8")).get("default", {})
    sections = (environment.get(command, {}).get("parameters", {}) for command in ("deploy", "global"))
    return next((found["parameter_overrides"] for found in sections if "parameter_overrides" in found), [])


def main() -> None:
    parser = command_parser("local.deploy", __doc__)
    parser.add_argument("--stack", type=non_empty, required=True, help="the stack's name")
    parser.add_argument("--region", type=non_empty, required=True, help="the AWS region")
    parser.add_argument("parameters", type=non_empty, nargs="*", help="the template's parameters, as Name=value")
    chosen = parser.parse_args()
    if not STACK_NAME.fullmatch(chosen.stack):
        exit_with(f"{chosen.stack!r} is not a stack name: use a letter, then letters, digits and hyphens.")
    try:
        code = deploy(chosen.stack, chosen.region, chosen.parameters)
    except SamError as error:
        exit_with(f"Nothing was deployed. {error.sentence}", error.details)
    except ValueError as error:
        exit_with(f"Nothing was deployed. {error}")
    if code:
        exit_with(f"sam deploy failed with exit code {code}; its output is above.")
    check_deployed(chosen.stack, chosen.region)
    console.print(f"Next: make connect STACK={shown(chosen.stack)} REGION={shown(chosen.region)}")


if __name__ == "__main__":
    run_command(main)
