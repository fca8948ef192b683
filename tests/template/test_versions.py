"""Everything invokes the alias of a function, and each change moves the alias to a new version."""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest
from samtranslator.model.preferences.deployment_preference_collection import (  # type: ignore[import-untyped]
    CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST,
)

from local.template import Properties, template
from local.versions import LIVE
from tests.template.deploying import deployed, of_type
from tests.template.reading import functions, made, translation

GRADUALLY = {"Shift": "Canary10Percent5Minutes"}
AT_ONCE = {"Shift": "AllAtOnce"}

MOST_ALARMS = 10
"""The most alarms that CodeDeploy watches in a deployment."""


def alias(function: str) -> dict[str, str]:
    return {"Ref": f"{function}Alias{LIVE}"}


def versions(changed: str = "", **parameters: str) -> dict[str, str]:
    """Return the logical id of the version of each function. If it is another one, a version is published."""
    made = translation(tuple(parameters.items()), changed)["Resources"]
    return {
        resource["Properties"]["FunctionName"]["Ref"]: name
        for name, resource in made.items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


# --- What is invoked --------------------------------------------------------------------------------------------------


def test_each_function_has_the_alias_and_a_version_that_is_deleted_when_it_is_replaced() -> None:
    published = versions()

    assert published.keys() == functions().keys()
    for name, version in published.items():
        assert translation()["Resources"][version]["DeletionPolicy"] == "Delete"
        assert made("AWS::Lambda::Alias")[f"{name}Alias{LIVE}"] == {
            "Name": LIVE,
            "FunctionName": {"Ref": name},
            "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
        }


def test_the_api_calls_the_alias_and_only_the_alias_gives_it_the_permission() -> None:
    [api] = made("AWS::ApiGateway::RestApi").values()
    integrations = [
        method["x-amazon-apigateway-integration"] for path in api["Body"]["paths"].values() for method in path.values()
    ]
    called = [found for one in integrations for found in re.findall(r"functions/(.+)/invocations", str(one.get("uri")))]
    permitted = {str(found["FunctionName"]) for found in made("AWS::Lambda::Permission").values()}

    assert len(called) == len(made("AWS::Lambda::Permission"))
    assert set(called) <= {f"${{{name}Alias{LIVE}}}" for name in functions()}
    assert permitted <= {str(alias(name)) for name in functions()}


def test_each_queue_and_each_stream_is_read_by_the_alias() -> None:
    read = {str(found["FunctionName"]) for found in made("AWS::Lambda::EventSourceMapping").values()}

    assert len(read) == len(made("AWS::Lambda::EventSourceMapping"))
    assert read <= {str(alias(name)) for name in functions()}


def test_each_schedule_starts_the_alias_with_its_retries_and_may_start_nothing_else() -> None:
    started = [schedule["Target"] for schedule in made("AWS::Scheduler::Schedule").values()]
    configured = made("AWS::Lambda::EventInvokeConfig").values()

    for target in started:
        [role] = [made("AWS::IAM::Role")[target["RoleArn"]["Fn::GetAtt"][0]]]
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        assert [one["Resource"] for one in statements if one["Action"] == "lambda:InvokeFunction"] == [target["Arn"]]
    assert sorted(str(target["Arn"]) for target in started) == sorted(
        str(alias(one["FunctionName"]["Ref"])) for one in configured
    )
    assert {one["Qualifier"] for one in configured} == {LIVE}


# --- What publishes a version -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["DependenciesLayer", "SaxaulLayer"])
def test_a_changed_layer_alone_publishes_a_version_of_every_function(layer: str) -> None:
    before, after = versions(), versions(layer)

    assert not set(before.values()) & set(after.values())


def test_a_changed_function_publishes_a_version_of_that_function_only() -> None:
    before, after = versions(), versions("ViewForest")

    assert {name for name in before if before[name] != after[name]} == {"ViewForest"}


def test_sam_does_not_see_the_values_of_parameters_so_that_the_layer_must_change_with_them() -> None:
    assert versions(HarvestTime="08:00") == versions()


# --- How the traffic moves --------------------------------------------------------------------------------------------


def test_by_default_the_traffic_moves_at_once_and_codedeploy_is_not_used() -> None:
    made = deployed({})

    assert template()["Parameters"]["Shift"]["Default"] == AT_ONCE["Shift"]
    assert not [
        name for name, resource in made.items() if "CodeDeploy" in resource["Type"] or "UpdatePolicy" in resource
    ]
    assert not [name for name in made if name in ("ShiftRole", "CodeDeployServiceRole")]


def test_the_shifts_are_those_that_codedeploy_has_and_all_but_one_are_gradual() -> None:
    gradual = {name: shift["IsGradual"] for name, shift in template()["Mappings"]["Shifts"].items()}

    assert template()["Parameters"]["Shift"]["AllowedValues"] == list(gradual)
    assert set(gradual) == set(CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST)
    assert [name for name, found in gradual.items() if found != "true"] == ["AllAtOnce"]


def test_a_gradual_shift_has_a_deployment_group_for_each_function() -> None:
    groups = of_type("AWS::CodeDeploy::DeploymentGroup", GRADUALLY)
    chosen = ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": GRADUALLY["Shift"]}]

    assert groups.keys() == {f"{name}DeploymentGroup" for name in functions()}
    assert [group["DeploymentConfigName"] for group in groups.values()] == [{"Fn::Sub": chosen}] * len(groups)


def test_each_shift_is_taken_back_by_every_alarm_on_errors() -> None:
    alarms = {name for name in of_type("AWS::CloudWatch::Alarm", GRADUALLY) if name.endswith("ErrorsAlarm")}
    made = deployed(GRADUALLY)

    for name in functions():
        group = made[f"{name}DeploymentGroup"]["Properties"]
        watched = group["AlarmConfiguration"]
        assert watched["Enabled"] is True
        assert {alarm["Name"]["Ref"] for alarm in watched["Alarms"]} == alarms
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert made[f"{name}Alias{LIVE}"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"] == {
            "ApplicationName": group["ApplicationName"],
            "DeploymentGroupName": {"Ref": f"{name}DeploymentGroup"},
        }
    assert 0 < len(alarms) <= MOST_ALARMS


def test_codedeploy_may_move_the_aliases_of_the_functions_and_nothing_else() -> None:
    made = deployed(GRADUALLY)
    groups = of_type("AWS::CodeDeploy::DeploymentGroup", GRADUALLY).values()
    [policy] = made["ShiftRole"]["Properties"]["Policies"]
    [reading, moving] = policy["PolicyDocument"]["Statement"]

    assert "CodeDeployServiceRole" not in made
    assert all(group["ServiceRoleArn"] == {"Fn::GetAtt": "ShiftRole.Arn"} for group in groups)
    assert "ManagedPolicyArns" not in made["ShiftRole"]["Properties"]
    assert reading["Action"] == "cloudwatch:DescribeAlarms"
    assert moving["Action"] == ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"]
    assert sorted(found["Fn::Sub"] for found in moving["Resource"]) == sorted(
        f"${{{name}.Arn}}*" for name in functions()
    )


@pytest.mark.parametrize("parameters", [AT_ONCE, GRADUALLY])
def test_no_resource_waits_for_itself(parameters: dict[str, str]) -> None:
    made = deployed(parameters)
    needs = {name: set(needed_by(resource)) & made.keys() for name, resource in made.items()}

    assert list(TopologicalSorter(needs).static_order())


def needed_by(value: Any) -> Iterator[str]:  # noqa: ANN401 - any value of a template
    """Yield the logical id of each resource that a part of a resource names."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(attribute)}:
            yield attribute.partition(".")[0]
        case {"Fn::Sub": [str(text), dict(values)]}:
            yield from named_in(text)
            yield from needed_by(values)
        case {"Fn::Sub": str(text)}:
            yield from named_in(text)
        case dict():
            yield from depended_on(value)
            for part in value.values():
                yield from needed_by(part)
        case list():
            for part in value:
                yield from needed_by(part)


def named_in(text: str) -> list[str]:
    return re.findall(r"\$\{(\w+)[.}]", text)


def depended_on(resource: Properties) -> list[str]:
    needed = resource.get("DependsOn", [])
    return [needed] if isinstance(needed, str) else list(needed)
