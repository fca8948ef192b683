"""Writes a file that says how to reach a deployed stack.

    python -m local.connect --stack saxaul --region ap-southeast-1

The command reads CloudFormation and Cognito with the AWS credentials of the environment, and writes
.local/<stack>.json, so that the other commands work with that stack. Only the file's owner may read that file, because
it contains secrets: that of the operators' client, and those of the apps that were registered from this machine, which
the command keeps. If AWS_ENDPOINT_URL is set, the command connects to the laptop stack at that endpoint.
"""

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.client import file_of
from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown
from local.credentials import apps_of_another, write_stack
from local.deployed import DeployedStack, UnfitStackError
from local.deployment import NO_CREDENTIALS, client_arguments, endpoint_of_shell


def connect(name: str, region: str) -> None:
    """Write the file of a stack, or end the program and say why this failed."""
    file, endpoint = file_of(name), endpoint_of_shell()
    try:
        known = DeployedStack(name, client_arguments(endpoint, region), endpoint).describe()
    except UnfitStackError as error:
        exit_with(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(NO_CREDENTIALS)
    except (BotoCoreError, ClientError) as error:
        exit_with(_explain(name, region, error))
    if others := apps_of_another(file, known["api_url"]):
        exit_with(f"{file} has the secrets of apps of another stack: {', '.join(others)}. Move the file away first.")
    kept = write_stack(file, known)
    wrote = f"{name} at {known['api_url']}: wrote the operators' client to {file}"
    console.print(f"[green]✓[/] {shown(wrote)}")
    if kept:
        console.print(f"kept the secrets of {shown(', '.join(kept))}")


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
