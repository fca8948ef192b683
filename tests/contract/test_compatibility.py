"""The comparison of two OpenAPI documents finds each change that breaks clients, and no other."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.compatibility import breaking_changes

Change = Callable[[dict[str, Any]], object]


def refusal(*codes: str) -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"x-saxaul-codes": list(codes), "content": {"application/problem+json": problem}}


def document() -> dict[str, Any]:
    """Return a document with one operation, whose request and answer have fields of each kind."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trees", "version": "1"},
        "security": [{"oauth": ["trees.read"]}],
        "paths": {
            "/people/{user_id}/trees": {
                "parameters": [{"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "post": {
                    "x-saxaul-access": {
                        "role": "app",
                        "cover": None,
                        "first_party": False,
                        "person_in_query": {"scope": "wallets.read"},
                    },
                    "parameters": [
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100, "default": 50}},
                        {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}},
                    ],
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}},
                    },
                    "responses": {
                        "200": {"$ref": "#/components/responses/Planted"},
                        "202": {"content": {"application/json": {"schema": {"type": "object"}}}},
                        "400": refusal("invalid_body", "invalid_parameter"),
                        "403": refusal("forbidden"),
                    },
                },
            }
        },
        "components": {
            "responses": {
                "Planted": {
                    "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Tree"}},
                        "text/html": {"schema": {"type": "string"}},
                    },
                }
            },
            "schemas": {
                "Wish": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["project"],
                    "properties": {
                        "project": {"type": "string", "pattern": "^[a-z]+$", "minLength": 1, "maxLength": 64},
                        "trees": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
                        "state": {"enum": ["alive", "dead"]},
                        "quantity": {"anyOf": [{"type": "number"}, {"type": "string"}]},
                        "covers": {"type": "array", "items": {"enum": ["read", "spend"]}, "maxItems": 3},
                        "names": {"type": "object", "additionalProperties": {"type": "string"}},
                        "with": {"anyOf": [{"$ref": "#/components/schemas/Wish"}, {"type": "null"}]},
                    },
                },
                "Tree": {
                    "type": "object",
                    "required": ["certificate", "state", "points", "lines"],
                    "properties": {
                        "certificate": {"type": "string"},
                        "state": {"type": "string", "enum": ["alive", "dead"]},
                        "points": {"type": "integer", "minimum": 0},
                        "reason": {"type": ["string", "null"]},
                        "planted_at": {"type": "string", "format": "date-time"},
                        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
                        "totals": {"type": "object", "additionalProperties": {"type": "integer"}},
                        "replaces": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
                    },
                },
                "Problem": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
                },
                "Line": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["kind", "points"],
                            "properties": {"kind": {"const": "award"}, "points": {"type": "integer"}},
                        },
                        {
                            "type": "object",
                            "required": ["kind", "grams"],
                            "properties": {"kind": {"const": "effect"}, "grams": {"type": "number"}},
                        },
                    ]
                },
            },
        },
    }


PATH = "/people/{user_id}/trees"


def operation(changed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = changed["paths"][PATH]["post"]
    return found


def schema(changed: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = changed["components"]["schemas"][name]
    return found


def planted(changed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = changed["components"]["responses"]["Planted"]
    return found


def field(of: str, name: str, value: object) -> Change:
    """Give a field of a schema another schema."""

    def change(changed: dict[str, Any]) -> None:
        schema(changed, of)["properties"][name] = value

    return change


def keyword(of: str, name: str, word: str, value: object) -> Change:
    """Give a keyword of the schema of a field another value. None removes the keyword."""

    def change(changed: dict[str, Any]) -> None:
        described = schema(changed, of)["properties"][name]
        described.pop(word, None)
        if value is not None:
            described[word] = value

    return change


def required(of: str, *names: str) -> Change:
    return lambda changed: schema(changed, of).update(required=list(names))


def parameter(number: int, **parts: object) -> Change:
    return lambda changed: operation(changed)["parameters"][number].update(parts)


def limit(**keywords: object) -> Change:
    return lambda changed: operation(changed)["parameters"][0]["schema"].update(keywords)


def without(of: str, name: str) -> Change:
    return lambda changed: schema(changed, of)["properties"].pop(name)


def access(**parts: object) -> Change:
    return lambda changed: operation(changed)["x-saxaul-access"].update(parts)


def security(*requirements: Mapping[str, list[str]]) -> Change:
    return lambda changed: operation(changed).update(security=list(requirements))


def answer(status: str, described: object) -> Change:
    return lambda changed: operation(changed)["responses"].update({status: described})


def rename(changed: dict[str, Any]) -> None:
    """Give the parameter of the path another name, which changes no request."""
    item = changed["paths"].pop(PATH)
    item["parameters"][0]["name"] = "person"
    changed["paths"]["/people/{person}/trees"] = item


def inline(changed: dict[str, Any]) -> None:
    """Write a schema where it is used, instead of a reference to it."""
    content = operation(changed)["requestBody"]["content"]["application/json"]
    content["schema"] = deepcopy(schema(changed, "Wish"))


def in_all_of(changed: dict[str, Any]) -> None:
    """Split the schema of an answer into two, both of which hold."""
    tree = schema(changed, "Tree")
    state = tree["properties"].pop("state")
    part = {"type": "object", "required": ["state"], "properties": {"state": state}}
    tree["required"].remove("state")
    changed["components"]["schemas"]["Tree"] = {"allOf": [tree, part]}


WISH, TREE = "the body", "the answer 200"
BREAKING: Mapping[str, tuple[Change, str]] = {
    # paths and operations
    "a path is gone": (lambda d: d["paths"].pop(PATH), "/people/{user_id}/trees is gone"),
    "a method is gone": (lambda d: d["paths"][PATH].update(get=d["paths"][PATH].pop("post")), "POST /people"),
    # who may call
    "another scope": (security({"oauth": ["trees.write"]}), "needs more than oauth (trees.read): oauth (trees.write)"),
    "one more scope": (security({"oauth": ["trees.read", "trees.write"]}), "needs more than oauth (trees.read)"),
    "another scheme": (security({"key": []}), "needs more"),
    "another role": (access(role="partner"), 'role is "partner", not "app"'),
    "for first-party apps only": (access(first_party=True), "first_party is true"),
    "needs a grant": (access(cover="read"), 'cover is "read", not null'),
    "another scope for a person in the query": (
        access(person_in_query={"scope": "trees.read"}),
        'person_in_query is {"scope": "trees.read"}, not {"scope": "wallets.read"}',
    ),
    # parameters
    "a parameter is gone": (lambda d: operation(d)["parameters"].pop(0), "the query parameter limit is gone"),
    "a parameter is now required": (parameter(0, required=True), "the query parameter limit is now required"),
    "a new required parameter": (
        lambda d: operation(d)["parameters"].append({"name": "to", "in": "query", "required": True}),
        "the query parameter to is new and required",
    ),
    "a lower maximum of a parameter": (limit(maximum=99), "limit has a narrower range"),
    "another default of a parameter": (limit(default=20), "limit has another default: 20, not 50"),
    "no default of a parameter": (limit(default=None), "limit has another default: null, not 50"),
    "another type of a parameter": (limit(type="boolean"), "limit may no longer be an integer"),
    "a list is written in another way": (parameter(0, explode=False), "limit is written in another way"),
    # bodies of requests
    "a body is now required": (lambda d: operation(d)["requestBody"].update(required=True), "a body is now required"),
    "no body any more": (lambda d: operation(d).pop("requestBody"), "the body is gone"),
    "another media type of a body": (
        lambda d: operation(d).update(requestBody={"content": {"text/csv": {}}}),
        "the body can no longer be application/json",
    ),
    "a field of a body is gone": (without("Wish", "trees"), f"{WISH}.trees is gone"),
    "a field of a body is now required": (required("Wish", "project", "trees"), f"{WISH}.trees is now required"),
    "a new required field of a body": (
        lambda d: (field("Wish", "new", {"type": "string"})(d), required("Wish", "project", "new")(d)),
        f"{WISH}.new is now required",
    ),
    "a shorter longest text": (keyword("Wish", "project", "maxLength", 63), "project has another maxLength: 64 and 63"),
    "a longer shortest text": (keyword("Wish", "project", "minLength", 2), "project has another minLength: 1 and 2"),
    "another pattern": (keyword("Wish", "project", "pattern", "^[a-z]{2}$"), "project has another pattern"),
    "a new pattern": (
        keyword("Wish", "names", "additionalProperties", {"type": "string", "pattern": "x"}),
        "names.* has another pattern",
    ),
    "a new format": (keyword("Wish", "project", "format", "uuid"), "project has another format"),
    "a higher minimum": (keyword("Wish", "trees", "minimum", 2), "trees has a narrower range"),
    "a minimum that is excluded": (keyword("Wish", "trees", "exclusiveMinimum", 1), "trees has a narrower range"),
    "another default of a field": (keyword("Wish", "trees", "default", 2), "trees has another default: 2, not 1"),
    "whole tens only": (keyword("Wish", "trees", "multipleOf", 10), "trees has another multipleOf"),
    "a value of an enum is gone": (keyword("Wish", "state", "enum", ["alive"]), 'state may no longer be "dead"'),
    "a new enum": (keyword("Wish", "project", "enum", ["a"]), 'project may now be one of ["a"] only'),
    "one of two types is gone": (field("Wish", "quantity", {"type": "number"}), "quantity may no longer be a string"),
    "whole numbers only": (
        field("Wish", "quantity", {"type": ["integer", "string"]}),
        "quantity may no longer be a number",
    ),
    "null is refused": (field("Wish", "with", {"$ref": "#/components/schemas/Wish"}), "with may no longer be null"),
    "fewer items": (keyword("Wish", "covers", "maxItems", 2), "covers has another maxItems: 3 and 2"),
    "no repeated items": (keyword("Wish", "covers", "uniqueItems", value=True), "covers must not repeat an item now"),
    "a value of an item is gone": (
        keyword("Wish", "covers", "items", {"const": "read"}),
        '[] may no longer be "spend"',
    ),
    "a map of other values": (
        keyword("Wish", "names", "additionalProperties", {"type": "integer"}),
        "names.* may no longer be a string",
    ),
    "no other fields": (keyword("Wish", "names", "additionalProperties", value=False), "may no longer have other"),
    "names of fields are limited": (
        keyword("Wish", "names", "propertyNames", {"maxLength": 2}),
        "names: a name of a field has another maxLength: None and 2",
    ),
    "a keyword that is not compared": (keyword("Wish", "covers", "contains", {"const": "read"}), "another contains"),
    # statuses and media types of answers
    "a success is gone": (lambda d: operation(d)["responses"].pop("202"), "the answer 202 is gone"),
    "a new success": (answer("201", {}), "the answer 201 is new"),
    "a redirection": (answer("303", {}), "the answer 303 is new"),
    "a media type of an answer is gone": (lambda d: planted(d)["content"].pop("text/html"), "no longer be text/html"),
    "another media type of a refusal": (
        answer("400", {"content": {"application/json": {}}}),
        "the answer 400 can no longer be application/problem+json",
    ),
    # refusals
    "another name of a code": (
        answer("400", refusal("invalid_body", "invalid_query")),
        "the refusal 400 invalid_parameter may have another code or status now: 400 invalid_query",
    ),
    "another status of a code": (
        lambda d: operation(d)["responses"].update(
            {"400": refusal("invalid_body"), "422": refusal("invalid_parameter")}
        ),
        "the refusal 400 invalid_parameter may have another code or status now: 422 invalid_parameter",
    ),
    "a field of a problem is gone": (without("Problem", "detail"), "the answer 400.detail is gone"),
    "a code may be missing": (required("Problem", "detail"), "the answer 403.code is no longer always there"),
    # headers of answers
    "a header is gone": (lambda d: planted(d)["headers"].clear(), "the header Location is gone"),
    "a header is no longer always there": (
        lambda d: planted(d)["headers"]["Location"].update(required=False),
        "the header Location is no longer always there",
    ),
    "another type of a header": (
        lambda d: planted(d)["headers"]["Location"].update(schema={"type": "integer"}),
        "the header Location may now be an integer",
    ),
    # bodies of answers
    "a field of an answer is gone": (without("Tree", "points"), f"{TREE}.points is gone"),
    "an optional field of an answer is gone": (without("Tree", "reason"), f"{TREE}.reason is gone"),
    "a field is no longer always there": (
        required("Tree", "certificate", "state", "lines"),
        f"{TREE}.points is no longer always there",
    ),
    "a field may now be null": (keyword("Tree", "points", "type", ["integer", "null"]), "points may now be null"),
    "a field has another type": (field("Tree", "certificate", {"type": "integer"}), "may now be an integer"),
    "a field may have a fraction": (keyword("Tree", "points", "type", "number"), "points may now be a number"),
    "a field may be negative": (keyword("Tree", "points", "minimum", None), "points has a wider range"),
    "a time is any text": (keyword("Tree", "planted_at", "format", None), "planted_at has another format"),
    "a new value of an enum": (keyword("Tree", "state", "enum", ["alive", "dead", "x"]), 'state may now be "x"'),
    "an enum becomes open": (keyword("Tree", "state", "enum", None), 'state may now be other than ["alive", "dead"]'),
    "a map of other answers": (
        keyword("Tree", "totals", "additionalProperties", {"type": "null"}),
        ".* may now be null",
    ),
    "any map": (keyword("Tree", "totals", "additionalProperties", value=True), "totals.* may now be a string"),
    "a new kind of item": (
        lambda d: schema(d, "Line")["oneOf"].append({"type": "object", "properties": {"kind": {"const": "x"}}}),
        "lines[].",
    ),
    "a field of one kind of item is gone": (
        lambda d: schema(d, "Line")["oneOf"][1]["properties"].pop("grams"),
        "lines[].grams is gone",
    ),
    "an item may be null": (lambda d: schema(d, "Line")["oneOf"].append({"type": "null"}), "lines[] may now be null"),
}
COMPATIBLE: Mapping[str, Change] = {
    "nothing": lambda _: None,
    # paths and operations
    "a new path": lambda d: d["paths"].update({"/new": {"get": {"responses": {"200": {}}}}}),
    "a new method": lambda d: d["paths"][PATH].update(get={"responses": {"200": {}}}),
    "another name of a parameter of the path": rename,
    "deprecated": lambda d: operation(d).update(deprecated=True, description="Gone soon.", tags=["old"]),
    # who may call
    "no scope": lambda d: operation(d).update(security=[]),
    "a second way to be admitted": security({"oauth": ["trees.read"]}, {"key": []}),
    "operators may send it too": lambda d: [
        security({"oauth": ["trees.read"]}, {"oauth": ["users.read"]})(d),
        access(operator_scope="users.read")(d),
    ],
    "any role": access(role=None),
    # parameters
    "a new optional parameter": lambda d: operation(d)["parameters"].append({"name": "to", "in": "query"}),
    "a parameter is now optional": parameter(1, required=False),
    "another case of a header": parameter(1, name="idempotency-key"),
    "a higher maximum of a parameter": limit(maximum=200),
    # bodies of requests
    "a new optional field of a body": field("Wish", "new", {"type": "string"}),
    "a field of a body is now optional": required("Wish"),
    "a body of another media type too": lambda d: operation(d)["requestBody"]["content"].update({"text/csv": {}}),
    "a longer longest text": keyword("Wish", "project", "maxLength", None),
    "no pattern": keyword("Wish", "project", "pattern", None),
    "a lower minimum": keyword("Wish", "trees", "minimum", 0),
    "no enum": field("Wish", "state", {"type": "string"}),
    "an enum is the same as alternatives": field("Wish", "state", {"oneOf": [{"const": "alive"}, {"const": "dead"}]}),
    "a new value of an enum in a request": keyword("Wish", "state", "enum", ["alive", "dead", "x"]),
    "one more type in a request": field("Wish", "quantity", {"type": ["number", "string", "null"]}),
    "any value": field("Wish", "quantity", {}),
    "a list of types instead of alternatives": field("Wish", "quantity", {"type": ["string", "number"]}),
    "other fields are allowed": lambda d: schema(d, "Wish").update(additionalProperties=True),
    # statuses and media types of answers
    "a new refusal": answer("409", refusal("stale")),
    "a refusal is gone": lambda d: operation(d)["responses"].pop("403"),
    "a new code": answer("403", refusal("forbidden", "unknown_client")),
    "a code is gone": answer("400", refusal("invalid_body")),
    "an answer for a copy of the client": answer("304", {}),
    "a new media type of an answer": lambda d: planted(d)["content"].update({"image/svg+xml": {}}),
    # headers of answers
    "a new header": lambda d: planted(d)["headers"].update(ETag={"schema": {"type": "string"}}),
    # bodies of answers
    "a new field of an answer": field("Tree", "new", {"type": "string"}),
    "a field of an answer is now always there": required("Tree", "certificate", "state", "points", "lines", "reason"),
    "a field is no longer null": keyword("Tree", "reason", "type", "string"),
    "whole numbers instead of numbers": lambda d: schema(d, "Line")["oneOf"][1]["properties"].update(
        grams={"type": "integer"}
    ),
    "a narrower range of an answer": keyword("Tree", "points", "minimum", 1),
    "a value of an enum of an answer is gone": keyword("Tree", "state", "enum", ["alive"]),
    "fewer kinds of items": lambda d: schema(d, "Line")["oneOf"].pop(),
    # the same, written in another way
    "inline": inline,
    "in all of two schemas": in_all_of,
    "other words": lambda d: schema(d, "Tree").update(title="A tree", description="Planted.", examples=[{}]),
    "a constant instead of an enum of one": lambda d: schema(d, "Line")["oneOf"][0]["properties"].update(
        kind={"enum": ["award"]}
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_clients_is_found(name: str) -> None:
    change, sentence = BREAKING[name]
    current = document()
    change(current)

    found = breaking_changes(document(), current)

    assert [one for one in found if sentence in one], found


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_change_that_breaks_no_client_is_not_found(name: str) -> None:
    current = document()
    COMPATIBLE[name](current)

    assert breaking_changes(document(), current) == []


def test_the_comparison_of_a_schema_that_contains_itself_ends() -> None:
    current = document()
    keyword("Tree", "state", "enum", ["alive", "dead", "x"])(current)

    assert breaking_changes(document(), current) == [
        'POST /people/{user_id}/trees: the answer 200.replaces.state may now be "x"',
        'POST /people/{user_id}/trees: the answer 200.state may now be "x"',
    ]


def test_values_may_be_added_to_an_open_list_of_an_answer() -> None:
    released, current = document(), document()
    field("Tree", "state", {"type": "string", "x-extensible-enum": ["alive"]})(released)
    field("Tree", "state", {"type": "string", "x-extensible-enum": ["alive", "dead"]})(current)

    assert breaking_changes(released, current) == []
