"""The OpenAPI document is valid, current and complete: it has every operation, every code and every field."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.openapi import DOCUMENT, document, text_of_document
from local.operations import operations
from local.problem_codes import problem_codes
from saxaul.trees.manifests import COLUMNS
from saxaul.trees.states import UNPAID, State
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
        route: [{"oauth2": [f"saxaul/{scope}"]} for scope in declared.access.scopes]
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

    assert {code for response in shown for code in response["x-saxaul-codes"]} == set(problem_codes())
    assert SCHEMAS["Problem"]["properties"]["code"]["x-extensible-enum"] == list(problem_codes())


def test_a_problem_is_one_named_object_so_that_generated_clients_have_its_fields() -> None:
    shown = MADE["components"]["responses"].values()
    schemas = [response["content"]["application/problem+json"]["schema"] for response in shown]

    assert {tuple(schema) for schema in schemas} == {("$ref",)}
    for name in {schema["$ref"].rpartition("/")[2] for schema in schemas}:
        assert SCHEMAS[name].keys() == {"description", "type", "properties", "required"}
        assert {"title", "status", "code", "detail", "errors"} <= SCHEMAS[name]["properties"].keys()


def schemas_in(part: Any) -> set[str]:  # noqa: ANN401 - any part of the document
    """Return the names of the schemas to which a part of the document refers, also within other schemas."""
    found: set[str] = set()
    todo = [part]
    while todo:
        match todo.pop():
            case {"$ref": str(reference)} if (name := reference.rpartition("/")[2]) in SCHEMAS and name not in found:
                found.add(name)
                todo.append(SCHEMAS[name])
            case dict(inner):
                todo += inner.values()
            case list(inner):
                todo += inner
    return found


def enums(part: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - any part of the document
    match part:
        case dict():
            yield from [place] if "enum" in part else []
            for name, inner in part.items():
                yield from enums(inner, f"{place}.{name}")
        case list():
            for inner in part:
                yield from enums(inner, place)


def test_no_list_of_values_in_an_answer_is_closed_because_more_values_may_come() -> None:
    answers = [response for _, _, made in OPERATIONS for response in made["responses"].values()]
    named = schemas_in([*answers, *MADE["components"]["responses"].values()])

    assert {"LedgerLineView", "Problem", "RefusedItemView"} <= named
    assert [place for name in sorted(named) for place in enums(SCHEMAS[name], name)] == []


def test_a_field_that_lists_its_values_names_each_of_them_in_its_description() -> None:
    for name in SCHEMAS.keys() - {"Problem"}:  # the description of a response has those of the operation
        for place, described in properties(SCHEMAS[name], name):
            values = [*described.get("x-extensible-enum", ()), *described.get("items", {}).get("x-extensible-enum", ())]
            assert [value for value in values if f"`{value}`" not in described["description"]] == [], place


def test_the_files_of_a_manifest_are_described() -> None:
    links = SCHEMAS["ManifestView"]["properties"]

    assert "`ManifestFile`" in links["json"]["description"]
    assert "ordered_trees" in SCHEMAS["ManifestFile"]["properties"]
    assert all(f"`{column}`" in links["csv"]["description"] for column in COLUMNS)


def test_a_certificate_is_not_said_to_have_a_state_in_which_it_cannot_be_read() -> None:
    states = SCHEMAS["CertificateView"]["properties"]["state"]["x-extensible-enum"]

    assert not {*states} & UNPAID
    assert {*states} | {State.REQUESTED} == {*SCHEMAS["ForestTreeView"]["properties"]["state"]["x-extensible-enum"]}


def test_the_etag_of_a_search_is_described_as_missing_in_the_response_for_a_person() -> None:
    header = MADE["paths"]["/suggestions"]["get"]["responses"]["200"]["headers"]["ETag"]

    assert "does not have it" in header["description"]
    assert "required" not in header
    assert "person" not in MADE["components"]["headers"]["ETag"]["description"]


@pytest.mark.parametrize(
    ("name", "field", "code"),
    [
        ("FlaggedItemView", "code", "over_plausible_quantity"),
        ("WarningView", "code", "high_multiplier"),
        ("LedgerLineView", "reason", "over_units_cap"),
        ("RedemptionView", "reason", "sold_out"),
        ("RequestedRedemptionView", "reason", "sold_out"),
    ],
)
def test_the_document_says_what_each_code_and_reason_means(name: str, field: str, code: str) -> None:
    assert f"`{code}`: " in SCHEMAS[name]["properties"][field]["description"]


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
