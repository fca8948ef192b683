"""Brings back the last deployment of a stack that passed the check of its functions.

    python -m local.rollback                                   the laptop stack
    python -m local.rollback --to 2027-06-05T01:00:00Z         an earlier deployment; --to list shows their times
    python -m local.rollback --stack saxaul [--region REGION]  a stack that make deploy has deployed; --yes does not ask

The template and its parameters come back, and with them the code of the functions. The data stays as it is: the tables,
the queues, the catalog and the apps.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from local.command import command_parser, non_empty, run_command
from local.connect import connect
from local.console import console, exit_with, shown, step
from local.deployed import UnfitStackError
from local.deployment import NO_CREDENTIALS, alone
from local.failures import flat
from local.function_check import check_functions
from local.good_deployments import GoodDeployment, GoodDeployments, RecordError
from local.plan import Plan
from local.sam import SamError
from local.sam_deploy import run_sam_deploy
from local.stack import running_deployment, write_files
from local.target import Target, account_of, target_of
from local.template import parsed
from local.versions import AT_ONCE, LIVE, SHIFT, at_once

LIST = "list"
"""What is given in place of a time to list all deployments."""

_KEPT = ("Stage", "DeletionProtection")
"""Parameters that a rollback leaves as they are: an earlier deployment may have been one without protection."""

_SETTLES_WITHIN = 1_800
"""Seconds to wait for a deployment that still runs."""


class Restorable(NamedTuple):
    """A stack that can be rolled back.

    Attributes:
        deployments: its recorded deployments.
        deploy: deploys a template with parameters.
        describe: returns how to reach it.
        of_stack: what a make command needs to work with it.
    """

    deployments: GoodDeployments
    deploy: Callable[[Path, Mapping[str, str]], None]
    describe: Callable[[], dict[str, Any]]
    of_stack: str


def rollback(stack: Restorable, to: str | None) -> None:
    """Deploy a recorded deployment again, and check its functions. Ends the program if that is not possible."""
    known = stack.deployments.all()
    for key in sorted(stack.deployments.unreadable):
        console.print(f"[yellow]![/] the record {shown(key)} cannot be read by this release, and is left out")
    if to == LIST:
        list_deployments(known, stack.deployments.current())
        return
    wait_until_settled(stack.deployments)
    now = stack.deployments.current()
    wanted = as_protected_as(now, chosen_of(known, to, stack.of_stack))
    refuse_earlier_release(wanted)
    named = f"the deployment of {wanted.checked_at}, release {wanted.release}"
    is_there = now is not None and wanted.is_same_as(now)
    if is_there:
        console.print(f"The stack already has this deployment: {shown(named)}.")
    else:
        console.print(f"bringing back {shown(named)}")
        with TemporaryDirectory() as folder:
            template = Path(folder, "template.yaml")
            template.write_text(wanted.template, "utf-8")
            stack.deploy(template, at_once(wanted.parameters))
    check_functions(stack.describe(), [f"Each deployment that is known: make rollback TO=list{stack.of_stack}"])
    stack.deployments.record()
    if not is_there:
        console.print(f"[bold]The stack is back at[/] {shown(named)}. Its data is as it was.")
        console.print("The files of this folder are as they were, too: mend them before you deploy again.")
        if at_once(wanted.parameters) != wanted.parameters:
            console.print(f"Its traffic moved at once: {shown(SHIFT)} is {shown(AT_ONCE)} now.")


def chosen_of(known: Sequence[GoodDeployment], to: str | None, of_stack: str) -> GoodDeployment:
    """Return the newest deployment, or that of the time ``to``. Ends the program if there is none."""
    if not known:
        exit_with(
            "No deployment of this stack has passed the check of its functions yet, so there is nothing to go back to.",
            [f"Fix what failed, and deploy again: {'make deploy' + of_stack if of_stack else 'make up'}"],
        )
    if to is None:
        return known[-1]
    found = [one for one in known if one.checked_at == to]
    if not found:
        exit_with(
            f"There is no deployment of {to}. These passed the check of their functions, the newest last:",
            [*(f"  {_line(one)}" for one in known), f"For example: make rollback TO={known[-1].checked_at}{of_stack}"],
        )
    return found[-1]


def as_protected_as(now: GoodDeployment | None, wanted: GoodDeployment) -> GoodDeployment:
    """Return a deployment that leaves the stage of the stack and the protection of its data as they are now."""
    found = {name: value for name, value in (now.parameters if now else {}).items() if name in _KEPT}
    return wanted._replace(parameters={name: found.get(name, value) for name, value in wanted.parameters.items()})


def refuse_earlier_release(wanted: GoodDeployment) -> None:
    """End the program if a deployment is of a release without stages or aliases, which cannot be checked any more."""
    made_of = parsed(wanted.template)
    found = made_of.get("Globals", {}).get("Function", {})
    if "Stage" not in made_of.get("Parameters", {}) or found.get("AutoPublishAlias") != LIVE:
        exit_with(
            f"The deployment of {wanted.checked_at}, release {wanted.release}, is of a release before the stages and "
            "the aliases of functions, so this release cannot bring it back."
        )


def list_deployments(known: Sequence[GoodDeployment], current: GoodDeployment | None) -> None:
    """Print the deployments that can be brought back, the newest last, and which of them is deployed now."""
    for one in known:
        is_deployed = current is not None and one.is_same_as(current)
        console.print(shown(f"{_line(one)}{', deployed now' * is_deployed}"))
    if known:
        console.print("A deployment that changed neither code nor parameters is listed once.")
    else:
        console.print("No deployment of this stack has passed the check of its functions yet.")


def _line(one: GoodDeployment) -> str:
    return f"{one.checked_at}  release {one.release}"


def wait_until_settled(deployments: GoodDeployments) -> None:
    """Wait until no deployment of the stack runs: `make up` may have been stopped while CloudFormation works.

    Ends the program if CloudFormation cannot deploy to the stack.
    """
    deadline = time.monotonic() + _SETTLES_WITHIN
    status = deployments.status()
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        with step("waiting until CloudFormation has ended the deployment that still runs"):
            while status.endswith("_IN_PROGRESS"):
                if time.monotonic() > deadline:
                    exit_with(f"CloudFormation still works on the stack ({status}); try again when it has ended.")
                time.sleep(1)
                status = deployments.status()
    if status.endswith("ROLLBACK_FAILED"):
        exit_with(
            f"CloudFormation could not undo its last deployment ({status}), and deploys nothing until that is done.",
            ["See why in the events of the stack, fix it, and run: aws cloudformation continue-update-rollback"],
        )


@contextmanager
def laptop_stack() -> Iterator[Restorable]:
    """Yield the laptop stack, to which no other process deploys meanwhile. Ends the program if it does not run."""
    deployment = running_deployment()
    if deployment is None:
        exit_with("The laptop stack is not running; start it with: make up")
    with alone() as lock:  # make up may have been killed while sam deploys

        def deploy(template: Path, parameters: Mapping[str, str]) -> None:
            with step("deploying the earlier template.yaml"):
                deployment.deploy_template(template, parameters, lock)

        yield Restorable(deployment.deployments, deploy, lambda: write_files(deployment), "")


@contextmanager
def deployed_stack(target: Target, *, asks: bool) -> Iterator[Restorable]:
    """Yield a stack that `make deploy` has deployed, to which no other process of this machine deploys meanwhile.

    ``asks`` is whether a rollback shows the changes, and asks before it makes them. Ends the program if the credentials
    are for another account than that of the stack.
    """
    with alone("deploy" if target.endpoint else target.name) as lock:
        account_of(target)

        def deploy(template: Path, parameters: Mapping[str, str]) -> None:
            run_sam_deploy(template, target, Plan(parameters["Stage"], parameters), asks=asks, lock=lock)

        deployments = GoodDeployments(target.name, target.client_arguments)
        yield Restorable(deployments, deploy, lambda: connect(target), target.of_stack)


def main() -> None:
    parser = command_parser("local.rollback", __doc__, is_whole=True)
    parser.add_argument("--stack", type=non_empty, help="the name of a deployed stack; by default the laptop stack")
    parser.add_argument("--region", type=non_empty, help="the region of that stack, if it is not recorded here")
    parser.add_argument("--profile", type=non_empty, help="the profile of the AWS configuration")
    parser.add_argument("--to", type=non_empty, help="the time of an earlier deployment, or: list")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask whether the changes to a deployed stack are right"
    )
    chosen = parser.parse_args()
    if (chosen.region or chosen.profile) and not chosen.stack:
        parser.error("--region and --profile need --stack")
    target = target_of(chosen.stack, chosen.region, None, chosen.profile) if chosen.stack else None
    try:
        with deployed_stack(target, asks=not chosen.yes) if target else laptop_stack() as stack:
            rollback(stack, chosen.to)
    except (NoCredentialsError, PartialCredentialsError):
        exit_with(f"The stack was not brought back. {NO_CREDENTIALS}")
    except (SamError, UnfitStackError, RecordError) as error:
        exit_with(f"The stack was not brought back. {error}")
    except (ClientError, BotoCoreError) as error:
        exit_with(f"The stack was not brought back: {flat(error)}.")


if __name__ == "__main__":
    run_command(main)
