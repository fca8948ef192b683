"""Deletes a dev stack with everything that is in it. For a prod stack, it says what would stay, and deletes nothing.

    python -m local.destroy --stack second [--region REGION] [--yes second]

It shows what it will delete, and asks for the name of the stack. CloudFormation leaves the tables, the buckets, the
user pool and the key of a stack, so they are deleted after it, and then the logs, the layers, the code and the records
of deployments, and the files of the stack on this machine. What is to be deleted is written down first. So the command
can be stopped anywhere, and be run again.
"""

import shutil
import sys
import time
from collections.abc import Iterable
from typing import Final, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.client import file_of
from local.command import non_empty, run_command, stack_parser
from local.console import console, exit_with, progress, shown, step
from local.deletions import Deletion, Resource, bucket_of_artefacts, forget, recall, remember
from local.deploy import build_folder
from local.deployed import DEV, PROD, PROJECT, PROJECT_TAG, stack_resources
from local.deployment import NO_CREDENTIALS, REGION, alone, code_prefix
from local.failures import flat
from local.good_deployments import GoodDeployments, records_of
from local.leftovers import Leftovers, delete_all, versions_in
from local.stack_contents import kept_resources, resources_by_tag, tags_of, waiting
from local.target import Target, account_of, target_of

_DELETES_WITHIN: Final = 3_600
"""Seconds to wait for CloudFormation."""

_KEPT_BY_PROD = (
    "the tables: the points of all persons, and with them what their trees cost",
    "the buckets of manifests and files: partners and certificates refer to them",
    "the user pool: apps have its clients and their secrets",
    "the signing key: without it, the log ends for ever",
)


def destroy(target: Target, name_given: str | None) -> None:
    """Delete a stack, after its name was typed or given. Ends the program if that is refused.

    Raises:
        ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
    """
    with alone("deploy" if target.endpoint else target.name):
        leftovers = Leftovers(target.client_arguments)
        deletion = deletable(target, leftovers)
        show(target, deletion, leftovers)
        confirm(target, name_given)
        refuse_if_changed(target, deletion)
        remember(target, deletion)
        delete_stack(target)
        remaining = delete_resources(leftovers, deletion.resources)
        delete_artefacts(target)
        delete_local_files(target)
        forget(target)
        delete_empty_bucket(target)
    say_what_remains(target, remaining)


def refuse_if_changed(target: Target, deletion: Deletion) -> None:
    """End the program if somebody has deployed the stack, or another one of its name, while the command asked."""
    deployments = GoodDeployments(target.name, target.client_arguments)
    now = deployments.current()
    if now and (deployments.stack_id(), now.parameters.get("Stage", DEV)) != (deletion.stack_id, deletion.stage):
        exit_with(f"{target.name} has changed while this command asked, so nothing was deleted. Run it again.")


def deletable(target: Target, leftovers: Leftovers) -> Deletion:
    """Return what is to be deleted, of kinds that can be. Ends the program if it is a prod stack, or nothing."""
    found = what_to_delete(target)
    deletion = found._replace(resources=tuple(one for one in found.resources if leftovers.knows(one)))
    if deletion.stage == PROD:
        refuse_prod(target, deletion, leftovers)
    return deletion


def what_to_delete(target: Target) -> Deletion:
    """Return what is to be deleted. Ends the program if there is no such stack, and nothing of it either."""
    account, begun = account_of(target), recall(target)
    if begun and begun.account != account:
        exit_with(f"The deletion of {target.name} was begun in the account {begun.account}, and this is {account}.")
    deployments = GoodDeployments(target.name, target.client_arguments)
    deployed = deployments.current()
    if deployed and not deployments.is_of_project():
        exit_with(
            f"{target.name} in {target.region} lacks the tag {PROJECT_TAG}={PROJECT}, so it is a stack of another "
            "project or was not deployed by make deploy. Nothing was deleted."
        )
    if deployed:
        stage = deployed.parameters.get("Stage", DEV)
        if stage == DEV and deployed.parameters.get("DeletionProtection") == "true":
            refuse_protected(target)
        known = dict.fromkeys([*kept_resources(target), *resources_by_tag(target, stage)])
        stack_id = deployments.stack_id()
        return Deletion(target.name, target.region, account, stage, tuple(known), stack_id).with_all_of(begun)
    return begun or what_is_left(target, account)


def refuse_protected(target: Target) -> NoReturn:
    """Say how a dev stack loses the protection that somebody gave it, and end the program."""
    exit_with(
        f"The data of {target.name} is protected, because its parameter DeletionProtection is true. "
        "Nothing was deleted. If the stack may be deleted, first take the protection away:",
        [f"  make deploy STACK={target.name} STAGE=dev FORCE=1"],
    )


def what_is_left(target: Target, account: str) -> Deletion:
    """Return what is left of a stack that is gone. Ends the program if nothing is, or if it was a prod stack."""
    tagged = tuple(resources_by_tag(target, DEV))
    if any(resources_by_tag(target, PROD)):
        exit_with(
            f"The stack {target.name} is gone, and it was a prod stack. It has left data, so nothing was deleted.",
            [
                "The Tag Editor of AWS's console shows it by these tags. If that is meant, delete it there:",
                *(f"  {key}={value}" for key, value in tags_of(target, PROD).items()),
            ],
        )
    if not tagged:
        exit_with(
            f"There is no stack {target.name} in {target.region} in the account {account}, and nothing is left of one.",
            [f"If it is gone for good, delete {file_of(target.name)}."] if file_of(target.name).exists() else [],
        )
    return Deletion(target.name, target.region, account, DEV, tagged)


def refuse_prod(target: Target, deletion: Deletion, leftovers: Leftovers) -> None:
    """Say what a prod stack keeps, and end the program."""
    show(target, deletion, leftovers)
    exit_with(
        f"{target.name} is a prod stack, so nothing was deleted. These outlive even a deletion by CloudFormation:",
        [
            *(f"  {kept}" for kept in _KEPT_BY_PROD),
            "To end it for good, first let it be a dev stack, whose deployment takes the protection away:",
            f"  make deploy STACK={target.name} STAGE=dev FORCE=1",
            f"  make destroy STACK={target.name}",
        ],
    )


def show(target: Target, deletion: Deletion, leftovers: Leftovers) -> None:
    """Print what there is of a stack, and how much is in it."""
    found = [leftovers.about(one) for one in deletion.resources]
    layers = sum(row is not None and row[0] == "layer" for row in found)
    rows: list[tuple[str, str, str]] = [row for row in found if row and row[0] != "layer"]
    rows += [("layer", f"{layers} versions", "")] if layers else []
    rows += [("queue", name, f"{number:,} messages wait in it") for name, number in waiting(target)]
    where = f"{target.region}, account {deletion.account}, stage {deletion.stage}"
    console.print(f"[bold]{shown(target.name)}[/] in {shown(where)}, has:")
    for what, name, content in rows:
        console.print(f"  {what:<11} {shown(name)}{shown(f': {content}' if content else '')}")
    if any(row[0] == "queue" for row in rows):
        console.print("[yellow]![/] What waits in a queue was accepted, and is lost with the queue.")


def confirm(target: Target, name_given: str | None) -> None:
    """Ask for the name of the stack. Ends the program if it is not given, or another one."""
    if name_given is None:
        if not sys.stdin.isatty():
            exit_with("Nothing was deleted. Without a terminal, name the stack:", [f"  YES={target.name}"])
        name_given = console.input("All of it will be deleted for ever. Type the name of the stack: ")
    if name_given.strip() != target.name:
        exit_with(f"Nothing was deleted: {name_given!r} is not {target.name}.")


def delete_stack(target: Target) -> None:
    """Let CloudFormation delete the stack, if it still exists. Ends the program if it cannot."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    deployments = GoodDeployments(target.name, target.client_arguments)
    status = deployments.status()
    if not status:
        return
    with step("waiting until CloudFormation has deleted the stack"):
        cloudformation.delete_stack(StackName=target.name)
        deadline = time.monotonic() + _DELETES_WITHIN
        while status := deployments.status():
            if status == "DELETE_FAILED":
                break
            if time.monotonic() > deadline:
                exit_with(f"CloudFormation still deletes {target.name}; run the command again when it has ended.")
            time.sleep(1)
    if status:
        reasons = [
            f"  {one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'no reason')}"
            for one in stack_resources(cloudformation, target.name)
            if one["ResourceStatus"] == "DELETE_FAILED"
        ]
        exit_with("CloudFormation could not delete these. Mend it, and run the command again:", reasons)


def delete_resources(leftovers: Leftovers, resources: Iterable[Resource]) -> list[str]:
    """Delete what CloudFormation has left, and return what remains for a while."""
    wanted, remaining = list(resources), []
    with progress("deleting what CloudFormation leaves", "resources", len(wanted)) as tell:
        for number, one in enumerate(wanted, start=1):
            if remains := leftovers.delete(one):
                remaining.append(remains)
            tell(number)
    return remaining


def delete_artefacts(target: Target) -> None:
    """Delete the code of the stack and the records of its deployments from the bucket of artefacts."""
    bucket = bucket_of_artefacts(target)
    if bucket is None:
        return
    s3 = boto3.client("s3", **target.client_arguments)
    with step("deleting its code and the records of its deployments"):
        for prefix in (f"{code_prefix(target.name, target.region)}/", records_of(target.name)):
            for versions in versions_in(s3, bucket, prefix):
                delete_all(s3, bucket, versions)


def delete_empty_bucket(target: Target) -> None:
    """Delete the emulator's bucket of artefacts of another region, if no stack uses it any more."""
    if not target.endpoint or target.region == REGION:
        return
    bucket, s3 = bucket_of_artefacts(target), boto3.client("s3", **target.client_arguments)
    if bucket and not any(versions_in(s3, bucket)):
        s3.delete_bucket(Bucket=bucket)


def delete_local_files(target: Target) -> None:
    """Delete the file of the stack and its build from this machine."""
    file_of(target.name).unlink(missing_ok=True)
    if not target.endpoint:
        shutil.rmtree(build_folder(target.name), ignore_errors=True)


def say_what_remains(target: Target, remaining: Iterable[str]) -> None:
    """Print what AWS keeps for a while, although nothing can be done with it any more."""
    console.print(f"[bold]{shown(target.name)} is deleted.[/]")
    kept = list(remaining)
    if not target.endpoint:
        kept += [
            "a backup of each table, which DynamoDB keeps for 35 days at no cost",
            "the bucket of sam for this region, which other stacks use too",
        ]
    for one in kept:
        console.print(f"  remains: {shown(one)}")


def main() -> None:
    parser = stack_parser("local.destroy", __doc__)
    parser.add_argument("--yes", type=non_empty, metavar="NAME", help="the name of the stack, instead of typing it")
    chosen = parser.parse_args()
    target = target_of(chosen.stack, chosen.region, chosen.endpoint, chosen.profile)
    try:
        destroy(target, chosen.yes)
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(f"Nothing was deleted. {NO_CREDENTIALS}")
    except (BotoCoreError, ClientError) as error:
        exit_with(f"Not all of it is deleted: {flat(error)}.", [f"Go on with: make destroy{target.of_stack}"])


if __name__ == "__main__":
    run_command(main)
