"""Decides with which parameters a stack is deployed: by its stage, what it has now, and what was given.

A dev stack can be destroyed with all that is in it. A prod stack is protected: its tables and its user pool refuse to
be deleted. If a deployment makes a protected table and then fails, CloudFormation cannot undo it. So a stack that is
not protected yet is first deployed without protection, and then once more with it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from local.build import ON_LAMBDA, THIS_MACHINE
from local.deployed import DEV, PROD
from local.deployment import laptop_parameters
from local.parameters import parameters_in
from local.sam import SamError
from local.target import Target
from local.template import template
from local.versions import AT_ONCE, SHIFT

GRADUAL: Final = "Canary10Percent5Minutes"
"""How a prod stack takes a new release, unless something else was given."""

PROTECTED: Final = {"DeletionProtection": "true"}

_OF_THE_COMMAND = ("Stage", "OnLaptop")
"""Parameters that the command sets itself."""


class Plan(NamedTuple):
    """How a stack is deployed.

    Attributes:
        stage: what it is for, ``dev`` or ``prod``.
        parameters: those of the deployment. The others keep their values.
        then_protects: whether it is deployed a second time, to protect its data.
    """

    stage: str
    parameters: Mapping[str, str]
    then_protects: bool = False

    @property
    def protected(self) -> "Plan":
        """The second deployment, which changes nothing but the protection."""
        return self._replace(parameters={**self.parameters, **PROTECTED}, then_protects=False)


def plan_for(
    target: Target, stage: str | None, written: Sequence[object], current: Mapping[str, str] | None, *, force: bool
) -> Plan:
    """Return how a stack is to be deployed.

    Args:
        target: the stack.
        stage: what was given; None keeps that of the stack, and a new stack is for development.
        written: the parameters as people wrote them; what comes later takes precedence.
        current: the values of the parameters that the stack has; None if there is no such stack.
        force: whether a prod stack may become one for development.

    Raises:
        SamError: it cannot be deployed so.
    """
    given = _given(written)
    now = (current or {}).get("Stage", DEV)
    wanted = stage or now
    if (now, wanted) == (PROD, DEV) and not force:
        raise SamError(
            f"{target.name} is a prod stack. As a dev stack, its data would lose its protection.",
            [f"If this is meant: make deploy STACK={target.name} STAGE=dev FORCE=1"],
        )
    is_protected = (current or {}).get("DeletionProtection") == "true"
    if wanted == PROD and given.get("DeletionProtection") == "false":
        raise SamError("A prod stack protects its data: leave DeletionProtection out, or deploy it with STAGE=dev.")
    chosen = {**_of_the_place(target), **given, "Stage": wanted}
    chosen |= _shift(target, wanted, now, given, current)
    if wanted == PROD:
        return Plan(wanted, chosen | {"DeletionProtection": str(is_protected).lower()}, not is_protected)
    if now == PROD:
        chosen = {"DeletionProtection": "false", **chosen}
    return Plan(wanted, chosen)


def _given(written: Sequence[object]) -> dict[str, str]:
    try:
        given = parameters_in(list(written))
    except ValueError as error:
        raise SamError(f"The parameters cannot be read: {error}.") from None
    for name in _OF_THE_COMMAND:
        if name in given:
            advice = "STAGE=" if name == "Stage" else "ENDPOINT=laptop"
            raise SamError(f"{name} is not given as a parameter; use {advice}")
    if unknown := sorted(given.keys() - template()["Parameters"].keys()):
        raise SamError(f"The template has no parameter {', '.join(unknown)}.")
    return given


def _of_the_place(target: Target) -> Mapping[str, str]:
    """Return what a stack needs where it is. Without the runtime, CloudFormation would keep that of the last build."""
    return {**THIS_MACHINE, **laptop_parameters(target.endpoint)} if target.endpoint else ON_LAMBDA


def _shift(
    target: Target, wanted: str, now: str, given: Mapping[str, str], current: Mapping[str, str] | None
) -> dict[str, str]:
    """Return the parameter that lets a prod stack take its next releases gradually, on AWS only.

    The first deployment of a stack has no earlier version, from which traffic could be shifted.
    """
    if target.endpoint or SHIFT in given or wanted != PROD or now != PROD:
        return {}
    return {SHIFT: GRADUAL} if (current or {}).get(SHIFT, AT_ONCE) == AT_ONCE else {}
