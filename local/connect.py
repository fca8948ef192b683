"""Writes a file that says how to reach a deployed stack.

    python -m local.connect --stack saxaul --region ap-southeast-1 [--profile NAME] [--endpoint laptop]

The command reads CloudFormation and Cognito with the credentials of the profile, or those of the environment, and
writes .local/<stack>.json, so that the other commands work with that stack. Only the file's owner may read that file,
because it contains secrets: that of the operators' client, and those of the apps that were registered from this
machine, which the command keeps. `make deploy` writes the same file.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.client import file_of
from local.command import run_command, stack_parser
from local.console import console, exit_with, shown
from local.credentials import apps_of_another, write_stack
from local.deployed import DeployedStack, UnfitStackError, is_absent
from local.deployment import NO_CREDENTIALS
from local.target import Target, account_of, recorded_of, target_of


def connect(target: Target, catalog: str | None = None) -> dict[str, Any]:
    """Write the file of a stack, and return how to reach the stack. Ends the program if this failed, and says why.

    ``catalog`` names the folder of the catalog that the stack is seeded with, and is empty for the default catalog;
    None leaves what the file has.
    """
    file = file_of(target.name)
    try:
        account_of(target)
        known = DeployedStack(target.name, target.client_arguments, target.endpoint).describe()
    except UnfitStackError as error:
        exit_with(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(NO_CREDENTIALS)
    except (BotoCoreError, ClientError) as error:
        exit_with(_explain(target.name, target.region, error))
    if others := apps_of_another(file, known["api_url"]):
        exit_with(f"{file} has the secrets of apps of another stack: {', '.join(others)}. Move the file away first.")
    known["profile"] = target.profile
    known["catalog"] = recorded_of(target.name).get("catalog", "") if catalog is None else catalog
    kept = write_stack(file, known)
    wrote = f"{target.name} at {known['api_url']}: wrote the operators' client to {file}"
    console.print(f"[green]✓[/] {shown(wrote)}")
    if kept:
        console.print(f"kept the secrets of {shown(', '.join(kept))}")
    return known


def _explain(name: str, region: str, error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError) and is_absent(error):
        return f"There is no stack {name} in {region}."
    return " ".join(f"{name} in {region} could not be read: {error}".split())


def main() -> None:
    chosen = stack_parser("local.connect", __doc__).parse_args()
    connect(target_of(chosen.stack, chosen.region, chosen.endpoint, chosen.profile))


if __name__ == "__main__":
    run_command(main)
