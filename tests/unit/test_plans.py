"""A deployment has the parameters that its stage and its place need, and never takes a protection away by mistake."""

from collections.abc import Sequence

import pytest

from local.build import ON_LAMBDA, THIS_MACHINE
from local.plan import NOTHING, PROTECTED_KINDS, Existing, Plan, plan_for
from local.sam import SamError
from local.target import Target
from local.template import template

ON_AWS = Target("trees", "eu-west-1")
ON_LAPTOP = Target("trees", "eu-west-1", "http://localhost:4599")
MADE = {name for name, one in template()["Resources"].items() if one["Type"] in PROTECTED_KINDS}
DEV = Existing({"Stage": "dev", "DeletionProtection": "false"}, MADE)
UNPROTECTED_PROD = Existing({"Stage": "prod", "DeletionProtection": "false"}, MADE)
PROTECTED_PROD = Existing({"Stage": "prod", "DeletionProtection": "true"}, MADE)
PROTECTED_DEV = Existing({"Stage": "dev", "DeletionProtection": "true"}, MADE)


def planned(
    stage: str | None = None,
    existing: Existing = NOTHING,
    *,
    target: Target = ON_AWS,
    written: Sequence[str] = (),
    force: bool = False,
) -> Plan:
    return plan_for(target, stage, written, existing, force=force)


def test_a_new_stack_is_for_development_and_is_not_protected() -> None:
    made = planned()

    assert (made.stage, made.then_protects) == ("dev", False)
    assert made.parameters == {**ON_LAMBDA, "Stage": "dev", "DeletionProtection": "false"}


@pytest.mark.parametrize("existing", [DEV, PROTECTED_PROD])
def test_a_deployment_without_a_stage_keeps_that_of_the_stack(existing: Existing) -> None:
    assert planned(None, existing).parameters["Stage"] == existing.parameters["Stage"]


@pytest.mark.parametrize("existing", [NOTHING, DEV._replace(resources=MADE - {min(MADE)})])
def test_a_prod_stack_whose_tables_are_to_be_made_is_deployed_without_protection_first_and_then_with_it(
    existing: Existing,
) -> None:
    made = planned("prod", existing)

    assert made.then_protects
    assert made.parameters["DeletionProtection"] == "false"
    assert made.protected.parameters == {**made.parameters, "DeletionProtection": "true"}
    assert not made.protected.then_protects


@pytest.mark.parametrize(
    ("stage", "existing"), [("prod", DEV), (None, UNPROTECTED_PROD), (None, PROTECTED_PROD), ("prod", PROTECTED_DEV)]
)
def test_a_prod_stack_whose_tables_exist_is_deployed_once_with_protection(
    stage: str | None, existing: Existing
) -> None:
    made = planned(stage, existing)

    assert (made.stage, made.parameters["DeletionProtection"]) == ("prod", "true")
    assert not made.then_protects


def test_a_prod_stack_becomes_a_dev_stack_only_if_that_is_said() -> None:
    with pytest.raises(SamError, match="trees is a prod stack") as refused:
        planned("dev", PROTECTED_PROD)
    assert "make deploy STACK=trees STAGE=dev FORCE=1" in refused.value.details[0]

    made = planned("dev", PROTECTED_PROD, force=True)

    assert (made.parameters["Stage"], made.parameters["DeletionProtection"]) == ("dev", "false")
    assert not made.then_protects


@pytest.mark.parametrize("stage", [None, "dev"])
def test_a_protected_dev_stack_loses_its_protection_only_if_that_is_said(stage: str | None) -> None:
    with pytest.raises(SamError, match="its data is protected"):
        planned(stage, PROTECTED_DEV)

    assert planned(stage, PROTECTED_DEV, force=True).parameters["DeletionProtection"] == "false"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Stage=prod", "use STAGE="),
        ("DeletionProtection=true", "use STAGE=prod"),
        ("DeletionProtection=false", "use STAGE=prod"),
        ("OnLaptop=true", "use ENDPOINT=laptop"),
        ("HarvestTime", "write it as Name=value"),
        ("NoSuch=1", "no parameter NoSuch"),
        ('HarvestTime="07:00', "cannot be read"),
    ],
)
def test_a_parameter_that_the_command_sets_or_nobody_knows_is_refused(written: str, said: str) -> None:
    with pytest.raises(SamError, match=said):
        planned(written=[written])


def test_later_parameters_take_precedence_over_earlier_ones_and_over_those_of_the_build() -> None:
    made = planned(written=["HarvestTime=08:00 Architecture=x86_64", 'HarvestTime="09:00" AlarmEmail=a@b.c'])

    assert made.parameters["HarvestTime"] == "09:00"
    assert made.parameters["Architecture"] == "x86_64"
    assert made.parameters["AlarmEmail"] == "a@b.c"


def test_a_stack_on_the_laptop_is_built_for_this_machine_and_has_its_addresses() -> None:
    made = planned(target=ON_LAPTOP)

    assert THIS_MACHINE.items() <= made.parameters.items()
    assert made.parameters["OnLaptop"] == "true"
    assert {made.parameters[name].split("/")[2] for name in ("PublicUrl", "TokenUrl", "FilesUrl")} == {"localhost:4599"}


@pytest.mark.parametrize("existing", [NOTHING, DEV, PROTECTED_PROD])
def test_how_traffic_shifts_stays_as_it_is_unless_it_is_given(existing: Existing) -> None:
    gradual = "Canary10Percent5Minutes"

    assert "Shift" not in planned(None, existing).parameters
    assert planned(None, existing, written=[f"Shift={gradual}"]).parameters["Shift"] == gradual


@pytest.mark.parametrize(
    ("before", "given", "subscribes"),
    [
        (None, "AlarmEmail=a@b.c", True),
        ("", "AlarmEmail=a@b.c", True),
        ("a@b.c", "AlarmEmail=d@b.c", True),
        ("a@b.c", "AlarmEmail=a@b.c", False),
        ("a@b.c", "HarvestTime=08:00", False),
        ("a@b.c", "AlarmEmail=", False),
    ],
)
def test_only_another_address_must_confirm_that_it_wants_the_alarms(
    before: str | None, given: str, subscribes: bool
) -> None:
    existing = NOTHING if before is None else DEV._replace(parameters={**DEV.parameters, "AlarmEmail": before})

    assert planned(None, existing, written=[given]).subscribes is subscribes


@pytest.mark.parametrize("given", ["TimeZone=Asia/Shanghia", "TimeZone=../x", "AcceptanceDays=7.5", "CatalogDelay=x"])
def test_a_value_with_which_every_function_would_fail_is_refused_before_the_deployment(given: str) -> None:
    with pytest.raises(SamError, match="must be"):
        plan_for(Target("trees", "eu-west-1", None, None), None, [given], NOTHING, force=False)
