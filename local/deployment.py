"""Deploys the template to the endpoint of the laptop stack, and describes the result."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.build import BUILT, THIS_MACHINE, copy_build
from local.console import console
from local.deployed import DEV, PROJECT, PROJECT_TAG, STAGE_TAG, DeployedStack, found_stack, parameters_of
from local.gateway import give_gateway_responses
from local.good_deployments import GoodDeployments
from local.parameters import quoted
from local.sam import ROOT, sam, state
from local.versions import note_parameters, values_after

REGION: Final = "ap-southeast-1"
"""The region of the laptop stack. Other stacks on the emulator may be in another one."""
LAPTOP_STACK: Final = "saxaul"
"""The name of the laptop stack in the emulator's CloudFormation."""

ADMIN = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""Credentials of the emulator's administrator, who deploys. The functions run under the roles of the template."""

ACCEPTANCE_DAYS: Final = 40
"""How many days old an action may be on the laptop, so that a month of published rides can be replayed."""

_ON_LAPTOP = {
    **THIS_MACHINE,
    "AcceptanceDays": str(ACCEPTANCE_DAYS),
    "HarvestTime": "at-once",  # so that points can be harvested immediately
    "CatalogDelay": "2",  # so that a changed entry of the catalog can be tried at once
    "ErasureDelay": "15",  # so that a person is erased while one waits
    "PlantingSchedule": "rate(1 minute)",
    "OnLaptop": "true",
}
"""The parameters whose values on the laptop differ from the template's defaults."""


def laptop_parameters(endpoint: str) -> dict[str, str]:
    """Return the parameters of a stack on the emulator at an address, with the addresses of the stack."""
    return {
        **_ON_LAPTOP,
        "PublicUrl": f"{endpoint}/_aws/execute-api/{{api_id}}/v1",
        "TokenUrl": f"{endpoint}/oauth2/token",
        "FilesUrl": f"{endpoint}/{{bucket}}",
    }


def artefacts_on_laptop(endpoint: str, region: str) -> str:
    """Return the bucket of the emulator to which `sam deploy` uploads, and make it if it does not exist.

    Lambda reads code from a bucket of its own region only.
    """
    name = artefacts_of(region)
    s3 = boto3.client("s3", **client_arguments(endpoint, region))
    if name not in {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name, **_location(region))
    return name


def artefacts_of(region: str) -> str:
    """Return the name of the emulator's bucket for the code of the stacks of a region."""
    return f"saxaul-artefacts-{region}"


def _location(region: str) -> dict[str, Any]:
    """Return where a bucket is to be made. S3 takes no name for its first region."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def deploy_arguments(template: Path, stack: str, region: str, parameters: Mapping[str, str], stage: str) -> list[str]:
    """Return the arguments of sam that deploy a template. The code of each stack is below a folder of its own.

    Raises:
        SamError: a parameter cannot be passed on.
    """
    return [
        "deploy",
        *("--template-file", str(template), "--config-file", str(ROOT / "samconfig.toml")),
        *("--stack-name", stack, "--region", region, "--s3-prefix", code_prefix(stack, region)),
        *("--tags", f"{PROJECT_TAG}={PROJECT}", f"{STAGE_TAG}={stage}"),
        *("--parameter-overrides", *(f"{name}={quoted(value)}" for name, value in parameters.items())),
    ]


def code_prefix(stack: str, region: str) -> str:
    """Return below what `sam deploy` uploads the code of a stack, in the bucket of artefacts. Nothing else is there."""
    return f"saxaul/{region}/{stack}"


def template_to_deploy(parameters: Mapping[str, str]) -> Path:
    """Return the template of a copy of the build for this machine, in which these parameters are noted.

    All stacks of a clone share the build: while one is deployed, another process may build again, or note its own
    parameters. Whoever calls this is :func:`alone`.
    """
    copy = state() / "deploying"
    copy_build(BUILT, copy)
    note_parameters(copy, parameters)
    return copy / "template.yaml"


WITHOUT_ASKING: Final = ("--no-confirm-changeset",)
ON_THE_EMULATOR: Final = ("--no-resolve-s3", "--no-progressbar")


class Deployment:
    """The laptop stack at one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._client_arguments = client_arguments(endpoint)

    def deploy(self, parameters: Mapping[str, str], lock: int) -> None:
        """Create or update the stack. ``parameters`` replaces values of the template's parameters on the laptop.

        ``lock`` is what :func:`alone` has yielded.

        Raises:
            SamError: the deployment failed.
        """
        whole = {**laptop_parameters(self.endpoint), **parameters}
        found = found_stack(boto3.client("cloudformation", **self._client_arguments), LAPTOP_STACK)
        self.deploy_template(template_to_deploy(values_after(whole, parameters_of(found))), whole, lock)

    def deploy_template(self, template: Path, parameters: Mapping[str, str], lock: int) -> None:
        """Create or update the stack from a template, with these parameters.

        ``lock`` is what :func:`alone` has yielded.

        Raises:
            SamError: the deployment failed.
        """
        bucket = artefacts_on_laptop(self.endpoint, REGION)
        sam(
            *deploy_arguments(template, LAPTOP_STACK, REGION, parameters, DEV),
            *("--s3-bucket", bucket, *WITHOUT_ASKING, *ON_THE_EMULATOR),
            log=state() / "deploy.log",
            env={**ADMIN, "AWS_ENDPOINT_URL": self.endpoint},
            keeps=[lock],
        )
        deployed = DeployedStack(LAPTOP_STACK, self._client_arguments, self.endpoint)
        give_gateway_responses(deployed.outputs["ApiId"], template.read_text("utf-8"), self._client_arguments)

    @property
    def deployments(self) -> GoodDeployments:
        """The deployments of the stack that passed the check."""
        return GoodDeployments(LAPTOP_STACK, self._client_arguments)

    def describe(self) -> dict[str, Any]:
        """Return how to reach the stack: addresses, names, and each client with its secret."""
        return self._deployed.describe()

    @cached_property
    def _deployed(self) -> DeployedStack:
        return DeployedStack(LAPTOP_STACK, self._client_arguments, self.endpoint)


NO_CREDENTIALS: Final = "There are no AWS credentials in this shell; set AWS_PROFILE, or log in to your AWS account."
"""What to say if botocore finds none, or a part of them only."""


@contextmanager
def alone(name: str = "deploy") -> Iterator[int]:
    """Wait until no other process builds for the emulator or deploys to it. Yield a descriptor of the locked file.

    ``name`` is that of a stack on AWS, to wait for the deployments to this stack only.

    A command that was killed may have left `sam deploy` behind, which goes on. It has the descriptor too, so the file
    stays locked until it has ended.
    """
    state().mkdir(parents=True, exist_ok=True)
    with (state() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("  waiting until another deployment has ended")  # inside of a step, perhaps
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


_SHELLS_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE")


def use_profile(profile: str) -> None:
    """Let the AWS clients of this process, and the programs that it starts, use a profile of the AWS configuration.

    botocore prefers keys in the environment to the profile that AWS_PROFILE names, so they are removed.
    """
    for name in _SHELLS_CREDENTIALS:
        os.environ.pop(name, None)
    os.environ["AWS_PROFILE"] = profile


def reach_directly(endpoint: str) -> None:
    """Let this process, and those that it starts, reach a laptop stack without a proxy and without a profile of AWS.

    A proxy of a company would answer in place of the stack, and a profile that does not exist would refuse its client.
    """
    names = [name for name in os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",") if name.strip()]
    if "*" not in names:
        own = ["localhost", "127.0.0.1", urlsplit(endpoint).hostname or ""]
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(dict.fromkeys(filter(None, [*names, *own])))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)


def client_arguments(endpoint: str | None, region: str = REGION) -> dict[str, Any]:
    """Return the arguments for a boto3 client that acts on a laptop stack as its administrator.

    If there is no endpoint, return the arguments for a client of AWS.
    """
    if not endpoint:
        config = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # the type stubs lack this argument
        return {"region_name": region, "config": config}
    reach_directly(endpoint)
    return {
        "endpoint_url": endpoint,
        "region_name": region,
        "aws_access_key_id": ADMIN["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": ADMIN["AWS_SECRET_ACCESS_KEY"],
    }
