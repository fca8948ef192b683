"""The examples of the OpenAPI document are real calls: a journey makes them again, and they fit their schemas."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from local.openapi import EXAMPLES, document
from local.sam import ROOT
from saxaul.catalog.entries import KINDS, MODELS
from tests.contract.journey import NOT_SHOWN, OPERATIONS
from tests.contract.record import text_of_calls

MADE = document()
RECORDED: list[dict[str, Any]] = json.loads(EXAMPLES.read_text("utf-8"))
SHOWN = [name for name in OPERATIONS if name not in NOT_SHOWN]


def test_the_recorded_calls_are_those_of_the_journey() -> None:
    assert EXAMPLES.read_text("utf-8") == text_of_calls(), "python -m tests.contract.record writes them"


@pytest.mark.parametrize("name", SHOWN)
def test_every_operation_has_an_example_of_a_successful_call(name: str) -> None:
    calls = [call for call in RECORDED if call["operation"] == name and call["status"] < 400]

    assert [call["name"] for call in calls if call["response"] is not None]
    assert len({call["name"] for call in calls}) == len(calls)
    assert all(call["request"] is not None for call in calls) is (OPERATIONS[name].body is not None)


def test_the_examples_are_of_the_default_programme_so_that_a_reader_can_use_them() -> None:
    written = {call["name"]: call["request"] for call in RECORDED if call["name"].startswith("Write ")}
    [projects] = [call["response"]["projects"] for call in RECORDED if call["operation"] == "list_tree_projects"]
    prices = {call["request"]["max_points"] for call in RECORDED if "max_points" in (call["request"] or {})}

    for kind in KINDS:
        documents = yaml.safe_load((ROOT / f"catalog/{kind}.yaml").read_text("utf-8"))
        [identifier] = [name for name in documents if f"Write {name}" in written][:1]
        model = MODELS[kind].model_validate
        assert model(written[f"Write {identifier}"]) == model(documents[identifier])
    assert {project["price_points"] * 2 for project in projects} == prices


def contents(part: Any) -> list[Any]:  # noqa: ANN401 - any part of the document
    """Return each content of a request or response that has a schema and examples."""
    if isinstance(part, list):
        return [found for member in part for found in contents(member)]
    if not isinstance(part, dict):
        return []
    own = [part] if "schema" in part and "examples" in part else []
    return own + [found for name, member in part.items() if name != "examples" for found in contents(member)]


def test_the_examples_fit_their_schemas() -> None:
    components = {"components": {"schemas": MADE["components"]["schemas"]}}
    found = [*contents(MADE["paths"]), *contents(MADE["components"]["responses"])]

    assert len(found) > len(SHOWN)
    for content in found:
        validator = Draft202012Validator({**content["schema"], **components})
        for name, example in content["examples"].items():
            assert [error.message for error in validator.iter_errors(example["value"])] == [], name


def test_the_parameters_have_values_of_recorded_calls() -> None:
    for path, methods in MADE["paths"].items():
        for method, made in methods.items():
            for parameter in made["parameters"]:
                if parameter["in"] == "path" and method != "head" and made["operationId"] in SHOWN:
                    assert "example" in parameter, (path, parameter["name"])
                if "example" in parameter:
                    validator = Draft202012Validator(parameter["schema"])
                    assert [error.message for error in validator.iter_errors(parameter["example"])] == []
