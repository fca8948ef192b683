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

from local.build import BUILT, THIS_MACHINE
from local.console import console
from local.deployed import DeployedStack
from local.gateway import give_gateway_responses
from local.good_deployments import GoodDeployments
from local.parameters import quoted
from local.sam import ROOT, sam, state
from local.versions import note_parameters

REGION: Final = "ap-southeast-1"
LAPTOP_STACK: Final = "saxaul"
"""The name of the laptop stack in the emulator's CloudFormation."""

_ARTEFACTS = "saxaul-artefacts"

ADMIN = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""Credentials of the emulator's administrator, who deploys. The functions run under the roles of the template."""

ACCEPTANCE_DAYS: Final = 40
"""How many days old an action may be on the laptop, so that a month of published rides can be replayed."""

_PARAMETERS = {
    **THIS_MACHINE,
    "AcceptanceDays": str(ACCEPTANCE_DAYS),
    "HarvestTime": "at-once",  # so that points can be harvested immediately
    "CatalogDelay": "2",  # so that a changed entry of the catalog can be tried at once
    "ErasureDelay": "15",  # so that a person is erased while one waits
    "PlantingSchedule": "rate(1 minute)",
    "OnLaptop": "true",
}
"""The parameters whose values on the laptop differ from the template's defaults."""


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
        s3 = boto3.client("s3", **self._client_arguments)
        if _ARTEFACTS not in {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=_ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
        addresses = {
            "PublicUrl": f"{self.endpoint}/_aws/execute-api/{{api_id}}/v1",
            "TokenUrl": f"{self.endpoint}/oauth2/token",
            "FilesUrl": f"{self.endpoint}/{{bucket}}",
        }
        whole = {**_PARAMETERS, **parameters, **addresses}
        note_parameters(BUILT, whole)
        self.deploy_template(BUILT / "template.yaml", whole, lock)

    def deploy_template(self, template: Path, parameters: Mapping[str, str], lock: int) -> None:
        """Create or update the stack from a template, with these parameters.

        ``lock`` is what :func:`alone` has yielded.

        Raises:
            SamError: the deployment failed.
        """
        sam(
            "deploy",
            *("--template-file", str(template), "--config-file", str(ROOT / "samconfig.toml")),
            *("--stack-name", LAPTOP_STACK, "--region", REGION, "--s3-bucket", _ARTEFACTS, "--no-resolve-s3"),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--parameter-overrides", *(f"{name}={quoted(value)}" for name, value in parameters.items())),
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
def alone() -> Iterator[int]:
    """Wait until no other process builds for the laptop stack or deploys to it. Yield a descriptor of the locked file.

    A command that was killed may have left `sam deploy` behind, which goes on. It has the descriptor too, so the file
    stays locked until it has ended.
    """
    state().mkdir(parents=True, exist_ok=True)
    with (state() / "deploy.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("  waiting until another deployment to this stack has ended")  # inside of a step, perhaps
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def endpoint_of_shell() -> str | None:
    """Return the address that is used instead of AWS, if the shell has one."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


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
