"""Writes a file that says how to reach a deployed stack, and registers the stack's clients.

    python -m local.connect --stack saxaul --region ap-southeast-1

The command reads CloudFormation and Cognito with the AWS credentials of the environment, and writes
.local/<stack>.json, so that the other commands work with that stack. Only the file's owner may read that file, because
it contains the clients' secrets. Then the command adds the clients of catalog/clients.yaml that are missing in the
registry of the stack. If AWS_ENDPOINT_URL is set, the command connects to the laptop stack at that endpoint.
"""

import os

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.client import file_of
from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown
from local.deployed import DeployedStack, UnfitStackError
from local.deployment import client_arguments
from local.registration import load_clients, register
from local.sam import write_private


def connect(name: str, region: str) -> None:
    """Write the file of a stack and register its clients, or end the program and say why this failed."""
    file, endpoint = file_of(name), os.environ.get("AWS_ENDPOINT_URL") or None
    arguments = client_arguments(endpoint, region)
    try:
        clients = load_clients()
    except ValueError as error:
        exit_with(f"The file of clients has errors:\n{error}")
    try:
        known = DeployedStack(name, arguments, endpoint).describe()
    except UnfitStackError as error:
        exit_with(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        exit_with("There are no AWS credentials in this shell; set AWS_PROFILE, or log in to your AWS account.")
    except (BotoCoreError, ClientError) as error:
        exit_with(_explain(name, region, error))
    write_private(file, known)
    wrote = f"{name} at {known['api_url']}: wrote {len(known['clients'])} clients to {file}"
    console.print(f"[green]✓[/] {shown(wrote)}")
    try:
        registration = register(known, arguments, clients)
    except (BotoCoreError, ClientError) as error:
        exit_with(f"The clients of {name} could not be registered: {' '.join(str(error).split())}")
    if registration.added:
        console.print(f"registered the clients {shown(', '.join(registration.added))}")
    if registration.note:
        console.print(shown(registration.note))


def _explain(name: str, region: str, error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        refusal = error.response["Error"]
        if refusal.get("Code") == "ValidationError" and "does not exist" in refusal.get("Message", ""):
            return f"There is no stack {name} in {region}."
    return " ".join(f"{name} in {region} could not be read: {error}".split())


def main() -> None:
    parser = command_parser("local.connect", __doc__)
    parser.add_argument("--stack", type=non_empty, required=True, help="the stack's name")
    parser.add_argument("--region", type=non_empty, required=True, help="the AWS region")
    chosen = parser.parse_args()
    connect(chosen.stack, chosen.region)


if __name__ == "__main__":
    run_command(main)
