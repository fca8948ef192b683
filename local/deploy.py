"""Builds a stack, checks the build, deploys it, and says whether it works: one command for each deployment of a stack.

    python -m local.deploy --stack saxaul --region ap-southeast-1
    python -m local.deploy --stack saxaul --stage prod 'Architecture=x86_64 HarvestTime="08:00"'
    python -m local.deploy --stack second --region eu-west-1 --endpoint laptop

It shows the changes and asks, deploys, protects the data of a prod stack, writes .local/<stack>.json, checks each
function, seeds the apps and the catalog, and tests the API over HTTP. A step that fails ends it with what to do. Every
step can be repeated, so the same command goes on after a failure.

PythonRuntime and Architecture are always passed to `sam deploy` with the values that the build used. Otherwise
CloudFormation would keep their values from the last deployment.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.build import ON_LAMBDA, THIS_MACHINE, build, build_for_aws, built_in
from local.client import file_of
from local.command import non_empty, path, run_command, stack_parser
from local.connect import connect
from local.console import console, exit_with, shown, step
from local.deletions import recall
from local.deployed import DEV, PROD, PROJECT, PROJECT_TAG, DeployedStack, stack_resources
from local.deployment import NO_CREDENTIALS, alone, template_to_deploy
from local.failures import flat
from local.function_check import check_as_registered, check_functions
from local.good_deployments import GoodDeployments, RecordError
from local.plan import NOTHING, Existing, Plan, plan_for
from local.sam import ROOT, SamError
from local.sam_deploy import IN_REVIEW, delete_empty_stack, is_reviewed_by_others, run_sam_deploy
from local.seed import FOLDER, seed
from local.smoke import smoke, wait_for_a_token
from local.target import Target, account_of, recorded_of, target_of
from local.versions import note_parameters, values_after

_NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""States of a stack whose first deployment failed. It has no data, and takes no deployment."""


class Wanted(NamedTuple):
    """What was given to the command.

    Attributes:
        stage: ``dev`` or ``prod``; None keeps the stage of the stack.
        parameters: the parameters, as they were written.
        folder: the folder with the catalog; None takes that of the last deployment from this machine.
        asks: whether the changes must be confirmed.
        force: whether a protected stack may become one for development.
    """

    stage: str | None = None
    parameters: Sequence[str] = ()
    folder: Path | None = None
    asks: bool = True
    force: bool = False


def deploy(target: Target, wanted: Wanted) -> None:
    """Deploy a stack, and do everything that a deployment needs. Ends the program at the first step that fails.

    Raises:
        SamError: nothing was deployed.
        RecordError: the stack is deployed and works, but `make rollback` will not find this deployment.
        ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
    """
    with alone("deploy" if target.endpoint else target.name) as lock:
        account = account_of(target)
        refuse_while_it_is_deleted(target)
        now = existing(target)
        plan = plan_for(target, wanted.stage, wanted.parameters, now, force=wanted.force)
        place = f"on the emulator at {target.endpoint}" if target.endpoint else f"in the AWS account {account}"
        console.print(f"{shown(target.name)} in {shown(target.region)}, {shown(place)}, stage {shown(plan.stage)}")
        template = built_template(target, values_after(plan.parameters, now.parameters))
        run_sam_deploy(template, target, plan, asks=wanted.asks, lock=lock)
        if plan.then_protects:
            protect(template, target, plan, lock)
        after(target, plan, wanted)


def refuse_while_it_is_deleted(target: Target) -> None:
    """End the program if a deletion of the stack was begun, and has not ended."""
    if recall(target):
        exit_with(
            f"The deletion of {target.name} has begun, and has not ended.",
            [f"Go on with it first: make destroy STACK={target.name}"],
        )


def existing(target: Target) -> Existing:
    """Return the stack as it is. Delete what is left of one whose first deployment failed.

    Raises:
        SamError: it is not a stack that `make deploy` has deployed.
    """
    deployments = GoodDeployments(target.name, target.client_arguments)
    status = deployments.status()
    is_foreign = is_reviewed_by_others(target) if status == IN_REVIEW else status and not deployments.is_of_project()
    if is_foreign:
        raise SamError(
            f"{target.name} in {target.region} lacks the tag {PROJECT_TAG}={PROJECT}, so it is a stack of another "
            "project or was not deployed by make deploy."
        )
    if status in _NEVER_CREATED:
        delete_empty_stack(target)
    if status in ("", IN_REVIEW, *_NEVER_CREATED):
        return NOTHING
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    resources = {one["LogicalResourceId"] for one in stack_resources(cloudformation, target.name)}
    return Existing(DeployedStack(target.name, target.client_arguments).parameters, resources)


def protect(template: Path, target: Target, plan: Plan, lock: int) -> None:
    """Protect the data of a stack whose tables were just made. Ends the program if this fails.

    It comes before the check of the functions: from now on, nothing that may fail deletes a table.
    """
    console.print("protecting the tables and the user pool")
    try:
        run_sam_deploy(template, target, plan.protected, asks=False, lock=lock)
    except SamError as error:
        exit_with(
            f"{target.name} is deployed, but its data is not protected yet: {error.sentence}",
            [*error.details, f"Go on with: make deploy{target.of_stack}"],
        )


def after(target: Target, plan: Plan, wanted: Wanted) -> None:
    """Do what follows after the stack was deployed. Ends the program at the first step that fails."""
    folder = ROOT / (wanted.folder or recorded_of(target.name).get("catalog") or FOLDER)
    advice = advice_for(target)
    deployments = GoodDeployments(target.name, target.client_arguments)
    known = connect(target, _as_recorded(folder))
    os.environ["SAXAUL_STACK"] = target.name
    callers = check_functions(known, advice)
    if callers.are_complete:
        deployments.record()
    later = advice_after_the_check(target)
    wait_for_a_token(known, later)
    seed(folder)
    if not callers.are_complete:
        check_as_registered(known, callers, advice)
        deployments.record()
    smoke(recorded_of(target.name), finds=folder == FOLDER, advice=later)  # the seed has added secrets to the file
    show_result(target, known, plan)


def _as_recorded(folder: Path) -> str:
    """Return the folder of a catalog as the file of a stack has it, which may be copied to another clone or machine."""
    if folder == FOLDER:
        return ""
    return str(folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder)


def built_template(target: Target, parameters: Mapping[str, str]) -> Path:
    """Build for where the stack is, and return the built template. Each stack on AWS has a folder for its build.

    Raises:
        SamError: the build failed, or has files that cannot run on Lambda.
    """
    if target.endpoint:
        with step("building the functions and layers"):
            build(THIS_MACHINE)
        return template_to_deploy(parameters)
    folder = build_folder(target.name)
    folder.mkdir(parents=True, exist_ok=True)
    with step("building the functions and layers for AWS, and checking every file"):
        build_for_aws({name: parameters[name] for name in ON_LAMBDA}, folder)
    note_parameters(built_in(folder), parameters)
    return built_in(folder) / "template.yaml"


def build_folder(stack: str) -> Path:
    """Return the folder in which a stack for AWS is built."""
    return ROOT / ".local" / "builds" / stack


def advice_for(target: Target) -> list[str]:
    """Return what to do if a step after a deployment fails."""
    return [
        "Fix this and deploy again, or go back to the last deployment that passed the check of its functions:",
        f"  make rollback STACK={target.name}",
    ]


def advice_after_the_check(target: Target) -> list[str]:
    """Return what to do if a later step fails. By then, this deployment is the last one that passed the check."""
    return [
        "Fix this and deploy again, or go back to an earlier deployment, which this lists:",
        f"  make rollback STACK={target.name} TO=list",
    ]


def show_result(target: Target, known: Mapping[str, Any], plan: Plan) -> None:
    """Print the addresses of the stack, and what to do next."""
    lines = {
        "API": known["api_url"],
        "docs page": f"{known['api_url']}/docs",
        "dashboard": known.get("dashboard_url") or "",
        "data": "protected" if plan.stage == PROD else f"not protected: make destroy STACK={target.name} deletes all",
    }
    console.print(f"[bold]{shown(target.name)} is deployed and works.[/]")
    for title, text in lines.items():
        if text:
            console.print(f"  {title:<10} {shown(text)}")
    mail = DeployedStack(target.name, target.client_arguments, target.endpoint).parameters.get("AlarmEmail")
    if plan.subscribes:
        console.print(f"Next: {shown(mail)} gets a message from AWS; no alarm arrives before it is confirmed.")
    if not mail:
        again = f"make deploy STACK={target.name} PARAMETERS=AlarmEmail=you@example.org"
        console.print(f"No alarm reaches anybody, because AlarmEmail is empty. Next: {shown(again)}")
    console.print(f"How it is: make status STACK={shown(target.name)}")
    if not target.endpoint:
        console.print(f"Keep a copy of {shown(file_of(target.name))}: only it has the secrets of the apps.")


def main() -> None:
    parser = stack_parser("local.deploy", __doc__)
    parser.add_argument("--stage", choices=[DEV, PROD], help="what the stack is for; by default, as it is")
    parser.add_argument("--folder", type=path, help="the folder with the catalog; by default, that of the last time")
    parser.add_argument("--yes", action="store_true", help="do not ask whether the changes are right")
    parser.add_argument("--force", action="store_true", help="let a prod stack become a dev stack")
    parser.add_argument("parameters", type=non_empty, nargs="*", help="the template's parameters, as Name=value")
    chosen = parser.parse_args()
    target = target_of(chosen.stack, chosen.region, chosen.endpoint, chosen.profile)
    run(target, chosen)


def run(target: Target, chosen: argparse.Namespace) -> None:
    """Deploy, and end the program with a sentence if this fails."""
    wanted = Wanted(chosen.stage, chosen.parameters, chosen.folder, not chosen.yes, chosen.force)
    try:
        deploy(target, wanted)
    except SamError as error:
        exit_with(f"Not deployed: {error.sentence}", error.details)
    except RecordError as error:
        exit_with(f"The stack is deployed, but make rollback will not find it: {error}")
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(f"Not deployed. {NO_CREDENTIALS}")
    except (BotoCoreError, ClientError) as error:
        exit_with(f"Not deployed completely: {flat(error)}.", [f"Go on with: make deploy{target.of_stack}"])


if __name__ == "__main__":
    run_command(main)
