"""Says which stack a command is about: its name, its region, its AWS profile, and whether it is on the laptop.

``make deploy`` and ``make connect`` write all of this, and the AWS account, to the file of the stack,
.local/<stack>.json. So later commands need the name only. A command never acts on a stack in a place that contradicts
that file, and one that deploys or deletes compares the account too.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3

from local.client import file_of
from local.console import exit_with
from local.deployment import ADMIN, LAPTOP_STACK, client_arguments, reach_directly, use_profile
from local.sam import state
from local.stack import running_deployment

ON_THE_LAPTOP: Final = "laptop"
"""The value of ENDPOINT that means the emulator of the laptop stack."""


class Target(NamedTuple):
    """A stack that is deployed, or that a command will deploy.

    Attributes:
        name: its name in CloudFormation.
        region: its AWS region.
        endpoint: the address of the emulator that it is on; None on AWS.
        profile: the profile of the AWS configuration with which it is reached; None for that of the shell.
    """

    name: str
    region: str
    endpoint: str | None = None
    profile: str | None = None

    @property
    def client_arguments(self) -> dict[str, Any]:
        """The arguments of a boto3 client for the account and the region of the stack."""
        return client_arguments(self.endpoint, self.region)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program, such as sam, that acts on the account and the region of the stack."""
        if self.endpoint:
            reach_directly(self.endpoint)
            emulated = {**ADMIN, "AWS_DEFAULT_REGION": self.region, "AWS_ENDPOINT_URL": self.endpoint}
            return {**os.environ, **emulated, "AWS_REGION": self.region}
        of_shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ENDPOINT_URL")}
        return {**of_shell, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

    @property
    def of_stack(self) -> str:
        """What a make command needs to work with the stack, if nothing is recorded of it."""
        where = " ENDPOINT=laptop" if self.endpoint else ""
        profile = f" PROFILE={self.profile}" if self.profile else ""
        return f" STACK={self.name} REGION={self.region}{where}{profile}"


def target_of(name: str, region: str | None, endpoint: str | None, profile: str | None) -> Target:
    """Return the stack of a name, with what was given and what is recorded of it. Let AWS clients use its profile.

    Ends the program if no stack can have that name, if its region is not known, if what was given contradicts what is
    recorded, or if the emulator does not run.
    """
    recorded = recorded_of(name)
    known_region = recorded.get("region")
    found = region or known_region
    if not found:
        exit_with(f"The region of {name} is not known here. Name it, for example: REGION=ap-southeast-1")
    if known_region and region and region != known_region:
        exit_with(
            f"{name} is recorded here in {known_region}, and not in {region}.",
            [f"Choose another name, or move {file_of(name)} away, if it is about another stack."],
        )
    emulator = _emulator(name, endpoint, recorded)
    if emulator and name == LAPTOP_STACK:
        exit_with(f"{name} is the name of the laptop stack, which make up deploys. Choose another name.")
    if emulator and profile:
        exit_with("PROFILE is for AWS: the emulator of the laptop has no accounts.")
    used = None if emulator else profile or recorded.get("profile")
    if used:
        use_profile(used)
    return Target(name, str(found), emulator, used)


def _emulator(name: str, endpoint: str | None, recorded: Mapping[str, Any]) -> str | None:
    """Return the address of the emulator that the stack is on, or is to be on. None means AWS."""
    if endpoint and endpoint != ON_THE_LAPTOP:
        exit_with(f"ENDPOINT={endpoint} is not known. ENDPOINT=laptop deploys to the emulator of the laptop stack.")
    known = recorded.get("endpoint_url")
    if endpoint and recorded and not known:
        exit_with(
            f"{name} is recorded here as a stack on AWS.",
            [f"Choose another name, or move {file_of(name)} away, if it is about another stack."],
        )
    if not endpoint and not known:
        return None
    running = running_deployment()
    if running is None:
        exit_with("The laptop stack is not running; start it with: make up")
    return running.endpoint


def account_of(target: Target) -> str:
    """Return the AWS account that the credentials are for. Ends the program if the stack is recorded in another one.

    Raises:
        ClientError, BotoCoreError: AWS refused the credentials, or could not be reached.
    """
    account = boto3.client("sts", **target.client_arguments).get_caller_identity()["Account"]
    known = recorded_of(target.name).get("account")
    if known and known != account:
        exit_with(
            f"{target.name} is recorded here in the account {known}, and the credentials are for {account}.",
            [f"Choose other credentials, or move {file_of(target.name)} away, if it is about another stack."],
        )
    return account


def file_of_deletion(name: str) -> Path:
    """Return the file that says what is to be deleted of a stack. Such a file exists while this goes on."""
    return state() / "deleting" / f"{name}.json"


def recorded_of(name: str) -> dict[str, Any]:
    """Return what the file of a stack says, or that of its deletion; nothing if there is none.

    Ends the program if one is damaged: what it said of the account and the region would not be minded.
    """
    for file in (file_of(name), file_of_deletion(name)):
        try:
            found = json.loads(file.read_text("utf-8"))
        except OSError:
            continue
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        if file == file_of(name):
            exit_with(f"{file} is damaged. It may have secrets of apps: mend it, or move it away and run make connect.")
    return {}
