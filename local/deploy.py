"""Builds a stack, checks the build, deploys it, and says whether it works: one command for each deployment of a stack.

    python -m local.deploy --stack saxaul --region ap-southeast-1
    python -m local.deploy --stack saxaul --stage prod 'Architecture=x86_64 HarvestTime="08:00"'
    python -m local.deploy --stack second --region eu-west-1 --endpoint laptop

It shows the changes and asks, deploys, writes .local/<stack>.json, checks each function, protects the data of a prod
stack, seeds the apps and the catalog, and tests the API over HTTP. A step that fails ends it with what to do. Every
step can be repeated, so the same command goes on after a failure.

The template's parameters come from samconfig.toml and from the command line, which takes precedence. PythonRuntime and
Architecture are always passed to `sam deploy` with the values that the build used. Otherwise CloudFormation would keep
their values from the last deployment.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.build import BUILT, ON_LAMBDA, THIS_MACHINE, build, build_for_aws, built_in
from local.client import file_of
from local.command import non_empty, path, run_command, stack_parser
from local.connect import connect
from local.console import console, exit_with, shown, step
from local.deletions import unfinished
from local.deployed import DEV, PROD, DeployedStack
from local.deployment import (
    NO_CREDENTIALS,
    ON_THE_EMULATOR,
    WITHOUT_ASKING,
    alone,
    artefacts_on_laptop,
    deploy_arguments,
)
from local.failures import flat
from local.function_check import check_as_registered, check_functions
from local.gateway import give_gateway_responses
from local.good_deployments import GoodDeployments, RecordError
from local.plan import Plan, plan_for
from local.sam import ROOT, SamError
from local.seed import FOLDER, seed
from local.smoke import smoke, wait_for_a_token
from local.target import Target, recorded_of, target_of
from local.versions import note_parameters

CONFIG = ROOT / "samconfig.toml"

_IN_REVIEW = "REVIEW_IN_PROGRESS"
_NEVER_CREATED = (_IN_REVIEW, "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""States of a stack whose first deployment failed, or was not confirmed. It has no data, and takes no deployment."""


class Wanted(NamedTuple):
    """What was given to the command.

    Attributes:
        stage: ``dev`` or ``prod``; None keeps the stage of the stack.
        parameters: the parameters, as they were written.
        folder: the folder with the catalog; None takes that of the last deployment from this machine.
        asks: whether the changes must be confirmed.
        force: whether a prod stack may become one for development.
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
        ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
    """
    deployments = GoodDeployments(target.name, target.client_arguments)
    with alone("deploy" if target.endpoint else target.name) as lock:
        status = deployments.status()
        if status not in ("", _IN_REVIEW) and not deployments.is_of_project():
            raise SamError(f"{target.name} in {target.region} is a stack of another project. Take another name.")
        if status in _NEVER_CREATED:
            delete_empty_stack(target)
        current = deployments.current()
        before = current.parameters if current else None
        plan = plan_for(target, wanted.stage, [configured(CONFIG), *wanted.parameters], before, force=wanted.force)
        console.print(f"{shown(target.name)} in {shown(target.region)} {_place(target)}, stage {plan.stage}")
        template = built_template(target, plan.parameters)
        run_sam_deploy(template, target, plan, asks=wanted.asks, lock=lock)
        after(target, template, plan, wanted, lock)


def after(target: Target, template: Path, plan: Plan, wanted: Wanted, lock: int) -> None:
    """Do what follows after the stack was deployed. Ends the program at the first step that fails.

    The protection comes after the check, because a stack with a broken function may be destroyed and deployed anew.
    The deployment is recorded after the protection, so that no rollback takes it away.
    """
    folder = str(wanted.folder or recorded_of(target.name).get("catalog") or FOLDER)
    advice = advice_for(target)
    deployments = GoodDeployments(target.name, target.client_arguments)
    known = connect(target, folder)
    os.environ["SAXAUL_STACK"] = target.name
    callers = check_functions(known, advice)
    if plan.then_protects:
        console.print("protecting the tables and the user pool")
        run_sam_deploy(template, target, plan.protected, asks=False, lock=lock)
    if callers.are_complete:
        deployments.record()
    wait_for_a_token(known, advice)
    seed(Path(folder))
    if not callers.are_complete:
        check_as_registered(known, callers, advice)
        deployments.record()
    smoke(connected(target), finds=Path(folder) == FOLDER, advice=advice)
    show_result(target, known, plan)


def connected(target: Target) -> dict[str, Any]:
    """Return the file of the stack, to which the seed has added the secrets of apps."""
    return recorded_of(target.name)


def built_template(target: Target, parameters: Mapping[str, str]) -> Path:
    """Build for where the stack is, and return the built template. Each stack on AWS has a folder for its build.

    Raises:
        SamError: the build failed, or has files that cannot run on Lambda.
    """
    if target.endpoint:
        with step("building the functions and layers"):
            build(THIS_MACHINE)
        note_parameters(BUILT, parameters)
        return BUILT / "template.yaml"
    folder = build_folder(target.name)
    folder.mkdir(parents=True, exist_ok=True)
    with step("building the functions and layers for AWS, and checking every file"):
        build_for_aws({name: parameters[name] for name in ON_LAMBDA}, folder)
    note_parameters(built_in(folder), parameters)
    return built_in(folder) / "template.yaml"


def build_folder(stack: str) -> Path:
    """Return the folder in which a stack for AWS is built."""
    return ROOT / ".local" / "builds" / stack


def run_sam_deploy(template: Path, target: Target, plan: Plan, *, asks: bool, lock: int) -> None:
    """Deploy a template with `sam deploy`. It shows the changes, and asks before it makes them, unless told not to.

    ``lock`` is a descriptor that stays open until sam has ended. Ends the program if the changes were not confirmed.

    Raises:
        SamError: sam failed, a parameter cannot be passed on, or the sam CLI is missing.
    """
    beside_python = str(Path(sys.executable).parent)
    program = shutil.which("sam", path=os.pathsep.join([os.environ["PATH"], beside_python]))
    if program is None:
        raise SamError("The sam CLI is not installed; install it with: make env")
    command = [program, *deploy_arguments(template, target.name, target.region, plan.parameters, plan.stage)]
    if target.endpoint:
        command += ["--s3-bucket", artefacts_on_laptop(target.endpoint, target.region), *ON_THE_EMULATOR]
    if not asks:
        command += WITHOUT_ASKING
    waiting = change_sets(target)
    environment = {**target.environment, "SAM_CLI_TELEMETRY": "0"}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False, pass_fds=[lock]).returncode
    if code:
        raise SamError(f"sam deploy failed with exit code {code}; its output is above.")
    if declined := change_sets(target) - waiting:
        forget_change_sets(target, declined)
        exit_with("The changes were not confirmed, so nothing was deployed.")
    if target.endpoint:
        api = DeployedStack(target.name, target.client_arguments, target.endpoint).outputs["ApiId"]
        give_gateway_responses(api, template.read_text("utf-8"), target.client_arguments)


def change_sets(target: Target) -> set[str]:
    """Return the names of the change sets that wait for somebody to execute them."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    try:
        pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=target.name)
        return {
            found["ChangeSetName"]
            for page in pages
            for found in page["Summaries"]
            if found.get("ExecutionStatus") == "AVAILABLE"
        }
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return set()
        raise


def forget_change_sets(target: Target, names: set[str]) -> None:
    """Delete change sets that nobody wants, and a stack that was only to be made by them."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    for name in sorted(names):
        cloudformation.delete_change_set(StackName=target.name, ChangeSetName=name)
    if GoodDeployments(target.name, target.client_arguments).status() == _IN_REVIEW:
        delete_empty_stack(target)


def delete_empty_stack(target: Target) -> None:
    """Delete a stack that was never created completely. It has no data: its tables went with the first failure."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    with step("deleting the rest of a first deployment that did not succeed"):
        cloudformation.delete_stack(StackName=target.name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=target.name, WaiterConfig={"Delay": 2, "MaxAttempts": 600}
        )


def advice_for(target: Target) -> list[str]:
    """Return what to do if a step after a deployment fails."""
    return [
        "Fix this and deploy again, or go back to the last deployment that passed the check of its functions:",
        f"  make rollback STACK={target.name}",
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
    if mail:
        console.print(f"Next: {shown(mail)} gets a message from AWS; no alarm arrives before it is confirmed.")
    else:
        again = f"make deploy STACK={target.name} PARAMETERS=AlarmEmail=you@example.org"
        console.print(f"No alarm reaches anybody, because AlarmEmail is empty. Next: {shown(again)}")
    console.print(f"How it is: make status STACK={shown(target.name)}")
    if not target.endpoint:
        console.print(f"Keep a copy of {shown(file_of(target.name))}: only it has the secrets of the apps.")


def _place(target: Target) -> str:
    return f"on the emulator at {shown(target.endpoint)}" if target.endpoint else "on AWS"


def configured(file: Path) -> object:
    """Return the ``parameter_overrides`` for deployments, as samconfig.toml has them, or an empty list.

    sam accepts a text, a mapping, or a list; ``local.parameters`` parses all three.
    """
    if not file.exists():
        return []
    environment = tomllib.loads(file.read_text("utf-8")).get("default", {})
    sections = (environment.get(command, {}).get("parameters", {}) for command in ("deploy", "global"))
    return next((found["parameter_overrides"] for found in sections if "parameter_overrides" in found), [])


def main() -> None:
    parser = stack_parser("local.deploy", __doc__)
    parser.add_argument("--stage", choices=[DEV, PROD], help="what the stack is for; by default, as it is")
    parser.add_argument("--folder", type=path, help="the folder with the catalog; by default, that of the last time")
    parser.add_argument("--yes", action="store_true", help="do not ask whether the changes are right")
    parser.add_argument("--force", action="store_true", help="let a prod stack become a dev stack")
    parser.add_argument("parameters", type=non_empty, nargs="*", help="the template's parameters, as Name=value")
    chosen = parser.parse_args()
    target = target_of(chosen.stack, chosen.region, chosen.endpoint, chosen.profile)
    if unfinished(target.name):
        exit_with(
            f"The deletion of {target.name} has begun, and has not ended.",
            [f"Go on with it first: make destroy STACK={target.name}"],
        )
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
