"""Writes down how to reach a stack that is deployed, so that the commands here work against that stack.

    python -m local.connect --stack saxaul --region ap-southeast-1

CloudFormation and Cognito are asked with the AWS credentials of the environment. The result goes to
.local/<stack>.json, which nobody else on this machine may read: the clients' secrets are in there. Where
AWS_ENDPOINT_URL is set, that is a laptop stack.
"""

import argparse
import os

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from rich.markup import escape

from local.client import file_of
from local.console import console, give_up
from local.deployed import DeployedStack, UnfitStackError
from local.deployment import session_for
from local.sam import write_private


def connect(name: str, region: str) -> None:
    """Write the file of a stack; whatever prevents that is one sentence."""
    file, endpoint = file_of(name), os.environ.get("AWS_ENDPOINT_URL") or None
    try:
        known = DeployedStack(name, session_for(endpoint, region), endpoint).describe()
    except UnfitStackError as error:
        give_up(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        give_up("There are no AWS credentials here; set AWS_PROFILE, or log in as your AWS account asks for.")
    except (BotoCoreError, ClientError) as error:
        give_up(_sentence(name, region, error))
    write_private(file, known)
    console.print(f"[green]✓[/] {escape(name)} at {known['api_url']}: {len(known['clients'])} clients, in {file}")


def _sentence(name: str, region: str, error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        if told.get("Code") == "ValidationError" and "does not exist" in told.get("Message", ""):
            return f"There is no stack {name} in {region}."
    return " ".join(f"{name} in {region} could not be read: {error}".split())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.connect", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--region", required=True, help="the AWS region")
    chosen = parser.parse_args()
    connect(chosen.stack, chosen.region)


if __name__ == "__main__":
    main()
