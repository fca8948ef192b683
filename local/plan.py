"""Decides with which parameters a stack is deployed: by its stage, what it has now, and what was given.

A dev stack can be destroyed with all that is in it. A prod stack is protected: its tables and its user pool refuse to
be deleted. If a deployment makes a protected table and then fails, CloudFormation cannot undo it. So a deployment that
makes one is done without protection, and then the stack is deployed once more with it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from local.build import ON_LAMBDA, THIS_MACHINE
from local.deployed import DEV, PROD
from local.deployment import laptop_parameters
from local.parameters import parameters_in
from local.sam import SamError
from local.target import Target
from local.template import template

PROTECTED_KINDS: Final = ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool")
"""The kinds of resources that DeletionProtection protects."""

_OF_THE_COMMAND: Final = {
    "Stage": "STAGE=",
    "DeletionProtection": "STAGE=prod, which protects the data",
    "OnLaptop": "ENDPOINT=laptop",
}
"""Parameters that the command sets itself, and what to write instead."""


class Plan(NamedTuple):
    """How a stack is deployed.

    Attributes:
        stage: what it is for, ``dev`` or ``prod``.
        parameters: those of the deployment. The others keep their values.
        then_protects: whether it is deployed a second time, to protect its data.
        subscribes: whether AlarmEmail is another address than before, which must confirm that it wants the alarms.
    """

    stage: str
    parameters: Mapping[str, str]
    then_protects: bool = False
    subscribes: bool = False

    @property
    def protected(self) -> "Plan":
        """The second deployment, which changes nothing but the protection."""
        return self._replace(parameters={**self.parameters, "DeletionProtection": "true"}, then_protects=False)


class Existing(NamedTuple):
    """The stack as it is.

    Attributes:
        parameters: their values; none if there is no such stack.
        resources: the logical ids of its resources.
    """

    parameters: Mapping[str, str]
    resources: Collection[str]

    @property
    def is_protected(self) -> bool:
        return self.parameters.get("DeletionProtection") == "true"

    @property
    def lacks_protected_resources(self) -> bool:
        """Whether a deployment makes a table or a user pool."""
        wanted = (name for name, one in template()["Resources"].items() if one["Type"] in PROTECTED_KINDS)
        return any(name not in self.resources for name in wanted)


NOTHING: Final = Existing({}, ())
"""A stack that does not exist."""


def plan_for(target: Target, stage: str | None, written: Sequence[str], existing: Existing, *, force: bool) -> Plan:
    """Return how a stack is to be deployed.

    Args:
        target: the stack.
        stage: what was given; None keeps that of the stack, and a new stack is for development.
        written: the parameters as people wrote them; what comes later takes precedence.
        existing: the stack as it is.
        force: whether a stack may lose its protection.

    Raises:
        SamError: it cannot be deployed so.
    """
    given = _given(written)
    now = existing.parameters.get("Stage", DEV)
    wanted = stage or now
    if wanted == DEV and (now == PROD or existing.is_protected) and not force:
        raise SamError(
            f"{target.name} is a prod stack. As a dev stack, its data would lose its protection."
            if now == PROD
            else f"{target.name} is a dev stack, but its data is protected.",
            [f"If it is to be a dev stack without protection: make deploy STACK={target.name} STAGE=dev FORCE=1"],
        )
    then_protects = wanted == PROD and not existing.is_protected and existing.lacks_protected_resources
    protection = {"DeletionProtection": str(wanted == PROD and not then_protects).lower()}
    mail = given.get("AlarmEmail", "")
    subscribes = mail not in ("", existing.parameters.get("AlarmEmail"))
    return Plan(wanted, {**_of_the_place(target), **given, "Stage": wanted, **protection}, then_protects, subscribes)


def _given(written: Sequence[str]) -> dict[str, str]:
    try:
        given = parameters_in(written)
    except ValueError as error:
        raise SamError(f"The parameters cannot be read: {error}.") from None
    for name, instead in _OF_THE_COMMAND.items():
        if name in given:
            raise SamError(f"{name} is not given as a parameter; use {instead}")
    if unknown := sorted(given.keys() - template()["Parameters"].keys()):
        raise SamError(f"The template has no parameter {', '.join(unknown)}.")
    for name, value in given.items():
        _refuse_unfit(name, value)
    return given


def _refuse_unfit(name: str, value: str) -> None:
    """Refuse what CloudFormation accepts, and with which every function would then fail."""
    if template()["Parameters"][name]["Type"] == "Number" and not re.fullmatch(r"[0-9]+", value):
        raise SamError(f"{name} must be a whole number, not {value}.")
    if name == "TimeZone":
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise SamError(f"TimeZone must be the name of a time zone, such as Asia/Shanghai, not {value}.") from None


def _of_the_place(target: Target) -> Mapping[str, str]:
    """Return what a stack needs where it is. Without the runtime, CloudFormation would keep that of the last build."""
    return {**THIS_MACHINE, **laptop_parameters(target.endpoint)} if target.endpoint else ON_LAMBDA
