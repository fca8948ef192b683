"""Builds for AWS, checks the build, and only then deploys a stack with `sam deploy`.

    python -m local.deploy --stack saxaul --region ap-southeast-1
    python -m local.deploy --stack saxaul --region ap-southeast-1 'Architecture=x86_64 HarvestTime="08:00"'

The template's parameters come from samconfig.toml and from the command line, which takes precedence. PythonRuntime and
Architecture are always passed to `sam deploy` with the values that the build used. Otherwise CloudFormation would keep
their values from the last deployment.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from local.build import FOR_AWS, ON_LAMBDA, build_for_aws, built_in
from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown, step
from local.sam import ROOT, STACK_NAME, SamError

CONFIG = ROOT / "samconfig.toml"

_PARAMETER = re.compile(r"[A-Za-z0-9]+=.*", re.DOTALL)

_UNWRITABLE = re.compile(r"""\\(?:[\s"']|$)""")
"""A backslash that sam would drop, or take as the beginning of an escape code."""


def deploy(stack: str, region: str, given: Iterable[str]) -> int:
    """Build, check and deploy; return the exit code of `sam deploy`.

    Raises:
        SamError: a parameter is not ``Name=value``, the build failed or has files that cannot run on Lambda, or the sam
            CLI is missing.
    """
    parameters = {**ON_LAMBDA, **parameters_in([configured(CONFIG), *given])}
    with step("building the functions and layers for AWS, and checking every file", usual=40):
        build_for_aws({name: parameters[name] for name in ON_LAMBDA})
    beside_python = str(Path(sys.executable).parent)
    program = shutil.which("sam", path=os.pathsep.join([os.environ["PATH"], beside_python]))
    if program is None:
        raise SamError("The sam CLI is not installed; install it with: make env")
    command = [
        program,
        "deploy",
        *("--template-file", str(built_in(FOR_AWS) / "template.yaml"), "--config-file", str(CONFIG)),
        *("--stack-name", stack, "--region", region),
        *("--parameter-overrides", *(f"{name}={quoted(value)}" for name, value in parameters.items())),
    ]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False).returncode


def configured(file: Path) -> object:
    """Return the ``parameter_overrides`` for deployments, as samconfig.toml has them, or an empty list.

    sam accepts a text, a mapping, or a list; ``parameters_in`` parses all three.
    """
    if not file.exists():
        return []
    environment = tomllib.loads(file.read_text("utf-8")).get("default", {})
    sections = (environment.get(command, {}).get("parameters", {}) for command in ("deploy", "global"))
    return next((found["parameter_overrides"] for found in sections if "parameter_overrides" in found), [])


def parameters_in(written: object) -> dict[str, str]:
    """Return parameters by name, from a text such as ``A=1 B="2 3"``, a mapping, or a list of texts and mappings.

    If a parameter occurs twice, the last value wins.

    Raises:
        SamError: a part is not ``Name=value``.
    """
    return dict(_pairs(written))


def quoted(value: str) -> str:
    """Return the value of a parameter in quotes, so that sam passes exactly this text on to CloudFormation.

    Raises:
        SamError: sam has no way to write this value.
    """
    if _UNWRITABLE.search(value):
        raise SamError(f"{value!r} cannot be passed to sam: it has a backslash before a space, a quote or its end.")
    return '"' + value.replace('"', '\\"') + '"'


def _pairs(written: object) -> Iterator[tuple[str, str]]:
    match written:
        case Mapping():
            yield from ((str(name), str(value)) for name, value in written.items())
        case list() | tuple():
            for part in written:
                yield from _pairs(part)
        case _:
            for part in shlex.split(str(written)):
                if not _PARAMETER.fullmatch(part):
                    raise SamError(f"{part!r} is not a parameter; write it as Name=value.")
                name, _, value = part.partition("=")
                yield name, value


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
    console.print(f"Next: make connect STACK={shown(chosen.stack)} REGION={shown(chosen.region)}")


if __name__ == "__main__":
    run_command(main)
