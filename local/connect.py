"""Writes a file that says how to reach a deployed stack, so that the other commands work with that stack.

    python -m local.connect --stack saxaul --region ap-southeast-1

The command reads CloudFormation and Cognito with the AWS credentials of the environment, and writes
.local/<stack>.json. Only the file's owner may read that file, because it contains the clients' secrets. If
AWS_ENDPOINT_URL is set, the command connects to the laptop stack at that endpoint.
"""

import argparse
import os

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from rich.markup import escape

from local.client import file_of
from local.console import console, exit_with
from local.deployed import DeployedStack, UnfitStackError
from local.deployment import client_arguments
from local.sam import write_private


def connect(name: str, region: str) -> None:
    """Write the file of a stack, or end the program with one sentence that says why this failed."""
    file, endpoint = file_of(name), os.environ.get("AWS_ENDPOINT_URL") or None
    try:
        known = DeployedStack(name, client_arguments(endpoint, region), endpoint).describe()
    except UnfitStackError as error:
        exit_with(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        exit_with("There are no AWS credentials in this shell; set AWS_PROFILE, or log in to your AWS account.")
    except (BotoCoreError, ClientError) as error:
        exit_with(_explain(name, region, error))
    write_private(file, known)
    console.print(f"[green]✓[/] {escape(name)} at {known['api_url']}: wrote {len(known['clients'])} clients to {file}")


def _explain(name: str, region: str, error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        if refusal.get("Code") == "ValidationError" and "does not exist" in refusal.get("Message", ""):
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
