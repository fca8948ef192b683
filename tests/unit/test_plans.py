"""A deployment has the parameters that its stage and its place need, and never takes a protection away by mistake."""

from collections.abc import Mapping, Sequence

import pytest

from local.build import ON_LAMBDA, THIS_MACHINE
from local.plan import GRADUAL, Plan, plan_for
from local.sam import SamError
from local.target import Target
from local.template import template

ON_AWS = Target("trees", "eu-west-1")
ON_LAPTOP = Target("trees", "eu-west-1", "http://localhost:4599")
PROTECTED_PROD = {"Stage": "prod", "DeletionProtection": "true"}


def planned(
    stage: str | None = None,
    current: Mapping[str, str] | None = None,
    *,
    target: Target = ON_AWS,
    written: Sequence[object] = (),
    force: bool = False,
) -> Plan:
    return plan_for(target, stage, written, current, force=force)


def test_a_new_stack_is_for_development_and_is_not_protected() -> None:
    made = planned()

    assert (made.stage, made.then_protects) == ("dev", False)
    assert made.parameters == {**ON_LAMBDA, "Stage": "dev"}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_deployment_without_a_stage_keeps_that_of_the_stack(stage: str) -> None:
    assert planned(None, {"Stage": stage, "DeletionProtection": "true"}).parameters["Stage"] == stage


def test_a_stack_of_an_earlier_template_is_for_development() -> None:
    assert planned(None, {"HarvestTime": "07:00"}).stage == "dev"


@pytest.mark.parametrize("current", [None, {"Stage": "dev"}, {"Stage": "dev", "DeletionProtection": "false"}])
def test_a_prod_stack_is_deployed_without_protection_first_and_then_with_it(current: Mapping[str, str] | None) -> None:
    made = planned("prod", current)

    assert made.then_protects
    assert made.parameters["DeletionProtection"] == "false"
    assert made.protected.parameters == {**made.parameters, "DeletionProtection": "true"}
    assert not made.protected.then_protects


def test_a_protected_prod_stack_is_deployed_once_and_keeps_its_protection() -> None:
    made = planned(None, PROTECTED_PROD)

    assert made.parameters["DeletionProtection"] == "true"
    assert not made.then_protects


def test_a_prod_stack_becomes_a_dev_stack_only_if_that_is_said() -> None:
    with pytest.raises(SamError, match="trees is a prod stack") as refused:
        planned("dev", PROTECTED_PROD)
    assert "make deploy STACK=trees STAGE=dev FORCE=1" in refused.value.details[0]

    made = planned("dev", PROTECTED_PROD, force=True)

    assert (made.parameters["Stage"], made.parameters["DeletionProtection"]) == ("dev", "false")
    assert not made.then_protects


def test_a_prod_stack_cannot_be_deployed_without_protection() -> None:
    with pytest.raises(SamError, match="protects its data"):
        planned(None, PROTECTED_PROD, written=["DeletionProtection=false"])


def test_a_dev_stack_may_be_protected_and_stays_so() -> None:
    assert planned(None, None, written=["DeletionProtection=true"]).parameters["DeletionProtection"] == "true"
    assert "DeletionProtection" not in planned(None, {"Stage": "dev", "DeletionProtection": "true"}).parameters


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Stage=prod", "use STAGE="),
        ("OnLaptop=true", "use ENDPOINT=laptop"),
        ("HarvestTime", "write it as Name=value"),
        ("NoSuch=1", "no parameter NoSuch"),
        ('HarvestTime="07:00', "cannot be read"),
    ],
)
def test_a_parameter_that_the_command_sets_or_nobody_knows_is_refused(written: str, said: str) -> None:
    with pytest.raises(SamError, match=said):
        planned(written=[written])


def test_later_parameters_take_precedence_over_those_of_the_configuration_and_of_the_build() -> None:
    made = planned(written=[{"HarvestTime": "08:00", "Architecture": "x86_64"}, 'HarvestTime="09:00" AlarmEmail=a@b.c'])

    assert made.parameters["HarvestTime"] == "09:00"
    assert made.parameters["Architecture"] == "x86_64"
    assert made.parameters["AlarmEmail"] == "a@b.c"


def test_a_stack_on_the_laptop_is_built_for_this_machine_and_has_its_addresses() -> None:
    made = planned(target=ON_LAPTOP)

    assert THIS_MACHINE.items() <= made.parameters.items()
    assert made.parameters["OnLaptop"] == "true"
    assert {made.parameters[name].split("/")[2] for name in ("PublicUrl", "TokenUrl", "FilesUrl")} == {"localhost:4599"}


@pytest.mark.parametrize(
    ("stage", "current", "shift"),
    [
        (None, PROTECTED_PROD, GRADUAL),
        (None, PROTECTED_PROD | {"Shift": "AllAtOnce"}, GRADUAL),
        (None, PROTECTED_PROD | {"Shift": "Linear10PercentEvery1Minute"}, None),
        ("prod", None, None),
        ("prod", {"Stage": "dev"}, None),
        (None, {"Stage": "dev"}, None),
    ],
)
def test_the_later_releases_of_a_prod_stack_get_their_traffic_gradually(
    stage: str | None, current: Mapping[str, str] | None, shift: str | None
) -> None:
    assert planned(stage, current).parameters.get("Shift") == shift


def test_the_template_has_the_gradual_shift() -> None:
    assert GRADUAL in template()["Parameters"]["Shift"]["AllowedValues"]


def test_a_shift_that_is_given_is_taken_and_the_laptop_has_none() -> None:
    assert planned(None, PROTECTED_PROD, written=["Shift=AllAtOnce"]).parameters["Shift"] == "AllAtOnce"
    assert "Shift" not in planned(None, PROTECTED_PROD, target=ON_LAPTOP).parameters
