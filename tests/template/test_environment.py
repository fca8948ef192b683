"""Each function gets the environment variables that its code reads, and permissions on the resources that they name."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from local.sam import ROOT
from tests.template.reading import functions, resources, template

PACKAGE = ROOT / "layers/saxaul"
READ_BY_WIRING = {
    "ledger": {"ledger_table"},
    "activity": {"activity_table"},
    "catalog_store": {"catalog_table"},
    "published_catalog": {"catalog_table", "catalog_bucket"},
    "read_catalog": {"catalog_table", "catalog_bucket"},
    "registry": {"catalog_table"},
    "public_log": {"files_bucket", "files_url", "log_origin"},
}
"""The settings that the factories of services/wiring.py read."""
READ_BY_ALL = {"calendar", "catalog_delay", "release", "operator_client"}
"""The settings that every function gets from Globals."""


def code_of(function: dict[str, Any]) -> dict[Path, ast.Module]:
    """Return the handler and every service module that it imports, directly or through another service."""
    found: dict[Path, ast.Module] = {}
    waiting = [ROOT / function["CodeUri"] / "handler.py"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = ast.parse(path.read_text())
        for module in imports_of(found[path]):
            source = PACKAGE / f"{module.replace('.', '/')}.py"
            if module.startswith("saxaul.services.") and module != "saxaul.services.wiring" and source.exists():
                waiting.append(source)
    return found


def imports_of(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def settings_read(function: dict[str, Any]) -> set[str]:
    """Return the settings that the code reads through ``settings()``, the factories of wiring, or ``base_url``."""
    found = set()
    for node in chain.from_iterable(map(ast.walk, code_of(function).values())):
        match node:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="settings")), attr=name):
                found.add(name)
            case ast.Attribute(value=ast.Name(id="wiring"), attr=name) if name in READ_BY_WIRING:
                found |= READ_BY_WIRING[name]
            case ast.Attribute(attr="base_url"):
                found.add("public_url")
    return found - READ_BY_ALL


def variables(function: dict[str, Any]) -> dict[str, Any]:
    """Return the environment variables in the section of a function, without those of Globals."""
    found: dict[str, Any] = function["Environment"]["Variables"]
    return found


VALUES = {
    "LEDGER_TABLE": {"Ref": "LedgerTable"},
    "CATALOG_TABLE": {"Ref": "CatalogTable"},
    "ACTIVITY_TABLE": {"Ref": "ActivityTable"},
    "CATALOG_BUCKET": {"Ref": "CatalogBucket"},
    "ACTION_QUEUE_URL": {"Ref": "ActionQueue"},
    "REDEMPTION_QUEUE_URL": {"Ref": "RedemptionQueue"},
    "PLANTING_QUEUE_URL": {"Ref": "PlantingQueue"},
    "LOG_QUEUE_URL": {"Ref": "LogQueue"},
    "CHECKPOINT_QUEUE_URL": {"Ref": "CheckpointQueue"},
    "ERASE_QUEUE_URL": {"Ref": "EraseQueue"},
    "ERASURE_DELAY": {"Ref": "ErasureDelay"},
    "MANIFEST_BUCKET": {"Ref": "ManifestBucket"},
    "UPLOAD_BUCKET": {"Ref": "UploadBucket"},
    "EXPORT_BUCKET": {"Ref": "ExportBucket"},
    "FILES_BUCKET": {"Ref": "FilesBucket"},
    "FILES_URL": template()["Outputs"]["FilesUrl"]["Value"],
    "LOG_ORIGIN": {"Ref": "LogOrigin"},
    "WITNESSES": {"Ref": "Witnesses"},
    "BUS_NAME": {"Ref": "Bus"},
    "SIGNING_KEY": {"Fn::GetAtt": "SigningKey.Arn"},
    "PUBLIC_URL": {
        "Fn::If": [
            "HasPublicUrl",
            {"Ref": "PublicUrl"},
            {"Fn::If": ["HasDomainName", {"Fn::Sub": "https://${DomainName}/v1"}, ""]},
        ]
    },
    "TOKEN_URL": template()["Outputs"]["TokenUrl"]["Value"],
    "TIME_ZONE": {"Ref": "TimeZone"},
    "ACCEPTANCE_DAYS": {"Ref": "AcceptanceDays"},
    "HARVEST_TIME": {"Ref": "HarvestTime"},
    "CATALOG_DELAY": {"Ref": "CatalogDelay"},
    "OPERATOR_CLIENT": {"Ref": "OperatorClient"},
    "USER_POOL": {"Ref": "UserPool"},
    "RELEASE": {"Ref": "SaxaulLayer"},
}
"""The value of each variable, wherever a function has it. ``Ref`` gives the name of a table and the URL of a queue."""


def test_a_variable_has_the_same_value_in_every_function() -> None:
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    for name, value in [*shared.items(), *chain.from_iterable(variables(f).items() for f in functions().values())]:
        if name != "AWS_ENDPOINT_URL":
            assert value == VALUES[name], name


@pytest.mark.parametrize("name", sorted(functions()))
def test_a_function_gets_the_variables_that_its_code_reads_and_no_others(name: str) -> None:
    function = functions()[name]

    assert {variable.lower() for variable in variables(function)} == settings_read(function)


def test_the_template_sets_every_variable_that_the_settings_know_and_no_others() -> None:
    shared = template()["Globals"]["Function"]["Environment"]["Variables"].keys() - {"AWS_ENDPOINT_URL"}
    known = {
        node.value
        for node in ast.walk(ast.parse((PACKAGE / "saxaul/settings.py").read_text()))
        if isinstance(node, ast.Constant) and re.fullmatch(r"[A-Z]+(_[A-Z]+)*", str(node.value))
    }

    assert known == shared.union(*map(variables, functions().values()))


def resource_of(value: Any) -> str:  # noqa: ANN401 - Ref, Fn::GetAtt or Fn::Sub
    """Return the logical id of the resource that a value in the template refers to."""
    [reference] = value.values()
    return str(reference).removeprefix("${").partition(".")[0]


def resources_named(name: str) -> set[str]:
    """Return the resources that the environment variables of a function name, except for its clients."""
    addresses = {"TOKEN_URL", "FILES_URL", "PUBLIC_URL"}
    named = {variable: value for variable, value in variables(functions()[name]).items() if variable not in addresses}
    return {resource_of(value) for value in named.values()} - set(template()["Parameters"])


def resources_permitted(name: str) -> set[str]:
    """Return the resources that a function may call, except the queues and streams that invoke it, and dead letters."""
    sections = [functions()[name]["Policies"], attached_policies(name)]
    statements = [statement for policy in chain(*sections) for statement in policy["Statement"]]
    called = [statement for statement in statements if not set(statement["Action"]) & INVOKING_ACTIONS]
    named = {resource_of(statement["Resource"]) for statement in called} - set(template()["Parameters"])
    return named - dead_letter_queues()


INVOKING_ACTIONS = {"sqs:ReceiveMessage", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}


def attached_policies(name: str) -> list[dict[str, Any]]:
    """Return the policies of a function's role that the template defines outside the section of the function."""
    policies = resources("AWS::IAM::Policy").values()
    return [policy["PolicyDocument"] for policy in policies if {"Ref": f"{name}Role"} in policy["Roles"]]


def dead_letter_queues() -> set[str]:
    return {name for name in resources("AWS::SQS::Queue") if name.endswith("DeadLetterQueue")}


@pytest.mark.parametrize("name", sorted(functions()))
def test_a_function_may_call_the_resources_that_its_variables_name_and_no_others(name: str) -> None:
    assert resources_permitted(name) == resources_named(name)
