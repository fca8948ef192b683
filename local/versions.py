"""The versions of the functions, and the alias through which everything invokes them.

Each change publishes a version, and moves the alias to it. SAM publishes a version of a function if its code, its
properties in the template or a layer have changed. It does not see the values of parameters: with `HarvestTime=08:00`
alone, the function would change, and the version that clients reach would not
(https://github.com/aws/serverless-application-model/issues/3820). So the layer of the project has a file that is
different for each set of parameters, and a changed layer publishes a version. No function reads that file.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.template import template

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LIVE: Final = "live"
"""The name of the alias; a test compares it with the template."""

LATEST: Final = "$LATEST"
"""What Lambda calls the state of a function that is not published, and that each configuration changes."""

SHIFT: Final = "Shift"
"""The parameter that says how a new version gets its traffic."""

AT_ONCE: Final = "AllAtOnce"
"""Its value without CodeDeploy."""

NOTE = "SaxaulLayer/parameters.sha256"
"""The file, in the folder of a build."""


def values_after(given: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
    """Return the values that the parameters of a stack have after a deployment, but the one that concerns no function.

    A parameter that is not given keeps its current value. In a new stack, it has its default.
    """
    declared = template()["Parameters"]
    defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
    kept = {name: value for name, value in current.items() if name in declared}
    return {name: value for name, value in {**defaults, **kept, **given}.items() if name != "DeletionProtection"}


def note_parameters(built: Path, parameters: Mapping[str, str]) -> None:
    """Write a hash of the template and the parameters of a deployment into the build. The file always has one size.

    The template counts, because SAM does not see either that what a function names by `!Ref` is replaced.
    """
    described = json.dumps([template(), dict(parameters)], sort_keys=True, default=str)
    found = hashlib.sha256(described.encode()).hexdigest()
    file = built / NOTE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # it may be a hard link
    file.write_text(f"{found}\n", "utf-8")


def at_once(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return parameters of a deployment with which its traffic moves at once.

    A rollback needs them: a bad version must not keep its traffic for minutes, and the alarms that it has set off would
    stop a gradual shift.
    """
    return {**parameters, SHIFT: AT_ONCE} if SHIFT in parameters else dict(parameters)


def published(arns: Iterable[str]) -> dict[str, str]:
    """Return the version of each function that a deployment has published, by the function's physical name.

    ``arns`` are the ARNs of the versions, as CloudFormation knows them.
    """
    found = (arn.split(":") for arn in arns)
    return {name: version for *_, name, version in found}


def point_to(client: "LambdaClient", name: str, version: str) -> str:
    """Let everything reach this version of the function with the physical name ``name``. Return the version before.

    It is for tests that break a function: they change ``$LATEST``, and let the alias point to it meanwhile.
    """
    before = client.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
    client.update_alias(FunctionName=name, Name=LIVE, FunctionVersion=version)
    return before
