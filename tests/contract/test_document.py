"""The OpenAPI document is valid, current and complete: it has every operation, every code and every field."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.openapi import DOCUMENT, document, text_of_document
from local.operations import operations
from local.problem_codes import problem_codes
from tests.template.reading import events

MADE = document()
SCHEMAS = MADE["components"]["schemas"]
OPERATIONS = [(method, path, made) for path, methods in MADE["paths"].items() for method, made in methods.items()]

of_every_operation = pytest.mark.parametrize(
    "made", [made for _, _, made in OPERATIONS], ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)


def properties(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any part of a schema
    """Yield each property in a schema, with its place. Rules that refer to properties are not descriptions of them."""
    match schema:
        case dict():
            for name, described in schema.get("properties", {}).items():
                yield f"{place}.{name}", described
            for name, part in schema.items():
                if name not in ("if", "then", "else", "oneOf", "examples"):
                    yield from properties(part, f"{place}.{name}" if name != "properties" else place)
        case list():
            for part in schema:
                yield from properties(part, place)


def test_the_committed_document_is_the_generated_one() -> None:
    assert DOCUMENT.read_text("utf-8") == text_of_document(), "make openapi writes it"


def test_the_document_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(MADE).iter_errors()] == []


def test_the_document_has_the_methods_paths_and_scopes_of_the_operations() -> None:
    made = {(method.upper(), path): made["security"] for method, path, made in OPERATIONS}

    assert made == {
        route: [{"oauth2": [f"saxaul/{declared.access.scope}"]}] if declared.access.scope else []
        for declared in operations()
        for route in declared.routes
    }


def test_the_document_has_the_methods_and_paths_of_the_template() -> None:
    template = {(event["Method"].upper(), event["Path"]) for _, event in events("Api")}

    assert {(method.upper(), path) for method, path, _ in OPERATIONS} == template


def test_every_scope_of_the_document_is_explained_and_in_use() -> None:
    used = {scope for _, _, made in OPERATIONS for required in made["security"] for scope in required["oauth2"]}

    assert used == set(MADE["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"])


def test_the_document_has_every_code_of_a_problem() -> None:
    shown = MADE["components"]["responses"].values()
    schemas = [response["content"]["application/problem+json"]["schema"] for response in shown]
    codes = {code for schema in schemas for code in schema["allOf"][1]["properties"]["code"]["enum"]}

    assert codes == set(problem_codes())


def test_every_tag_is_described_and_in_use() -> None:
    assert {tag for _, _, made in OPERATIONS for tag in made["tags"]} == {tag["name"] for tag in MADE["tags"]}


def test_no_two_operations_have_the_same_id() -> None:
    ids = [made["operationId"] for _, _, made in OPERATIONS]

    assert len(ids) == len(set(ids))


@of_every_operation
def test_an_operation_has_a_summary_and_describes_its_parameters(made: dict[str, Any]) -> None:
    assert 0 < len(made["summary"]) <= 150
    assert made["description"]
    assert [parameter["name"] for parameter in made["parameters"] if not parameter["description"]] == []


@of_every_operation
def test_an_operation_names_the_schema_of_its_answer(made: dict[str, Any]) -> None:
    for status, response in made["responses"].items():
        for media, content in response.get("content", {}).items():
            if media == "application/json" and not made["operationId"].startswith("view_document"):
                assert content["schema"].keys() & {"$ref", "oneOf", "anyOf"}, status


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_describes_itself_and_its_fields(name: str) -> None:
    schema = SCHEMAS[name]
    fields = [(place, described) for place, described in properties(schema)]

    assert schema.get("description")
    assert [place for place, described in fields if not described.get("description")] == []
