"""Runs `sam deploy` for a stack, and takes its change set back if nobody confirms it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from local.console import exit_with, step
from local.deployed import PROJECT, PROJECT_TAG, DeployedStack, found_stack, is_absent
from local.deployment import ON_THE_EMULATOR, WITHOUT_ASKING, artefacts_on_laptop, deploy_arguments
from local.gateway import give_gateway_responses
from local.plan import Plan
from local.sam import ROOT, SamError
from local.target import Target

IN_REVIEW = "REVIEW_IN_PROGRESS"
"""The state of a stack that has nothing but change sets, because the first one was not confirmed yet."""


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


def change_sets(target: Target, *, all_of_them: bool = False) -> set[str]:
    """Return the names of the change sets that wait for somebody to execute them, or those of all change sets."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    try:
        pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=target.name)
        return {
            found["ChangeSetName"]
            for page in pages
            for found in page["Summaries"]
            if all_of_them or found.get("ExecutionStatus") == "AVAILABLE"
        }
    except ClientError as error:
        if is_absent(error):
            return set()
        raise


def is_reviewed_by_others(target: Target) -> bool:
    """Return whether a stack in review has a change set without the tag of this project."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    ours = {"Key": PROJECT_TAG, "Value": PROJECT}
    return any(
        ours not in cloudformation.describe_change_set(StackName=target.name, ChangeSetName=name).get("Tags", [])
        for name in change_sets(target, all_of_them=True)
    )


def forget_change_sets(target: Target, names: set[str]) -> None:
    """Delete change sets that nobody wants, and then a stack that was only to be made by them."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    for name in sorted(names):
        cloudformation.delete_change_set(StackName=target.name, ChangeSetName=name)
    found = found_stack(cloudformation, target.name)
    if found and found["StackStatus"] == IN_REVIEW and not change_sets(target, all_of_them=True) - names:
        delete_empty_stack(target)


def delete_empty_stack(target: Target) -> None:
    """Delete a stack that was never created completely. It has no data: its tables went with the first failure."""
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    with step("deleting the rest of a first deployment that did not succeed"):
        cloudformation.delete_stack(StackName=target.name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=target.name, WaiterConfig={"Delay": 2, "MaxAttempts": 600}
        )
