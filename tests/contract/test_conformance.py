"""Each kind of fault of an API is found, and an API that does what its document says has none."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.contract.conformance import Answer, Case, Exclusion, Exercise, Honest, Known, Outcome, operations_of

BASE_URL = "http://localhost/v1"
CODES = ["forbidden", "invalid_body", "invalid_json", "invalid_parameter", "not_an_app", "unauthorized"]
PROBLEM = {
    "description": "The request is refused.",
    "x-saxaul-codes": CODES,
    "content": {
        "application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"},
        }
    },
}
DOCUMENT: Mapping[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Trees", "version": "1"},
    "components": {
        "schemas": {
            "Problem": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
        }
    },
    "paths": {
        "/people/{user_id}/trees": {
            "post": {
                "x-saxaul-access": {"role": "app"},
                "parameters": [
                    {
                        "name": "user_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[a-z]{1,8}$"},
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["trees"],
                                "properties": {"trees": {"type": "integer", "minimum": 1, "maximum": 10}},
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Planted.",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["certificate"],
                                    "properties": {"certificate": {"type": "string"}},
                                }
                            }
                        },
                    },
                    **dict.fromkeys(("400", "401", "403"), PROBLEM),
                },
            }
        },
        "/log": {
            "get": {
                "x-saxaul-access": {"role": None},
                "responses": {"200": {"description": "The log."}, "400": PROBLEM},
            }
        },
    },
}
PLANT = "POST /people/{user_id}/trees"


class Sent(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str] = {}


PLANTED = Sent(200, {"certificate": "A-1"}, {"content-type": "application/json", "etag": '"1"'})
Api = Callable[[requests.PreparedRequest], Sent]


def refused(status: int, code: str) -> Sent:
    return Sent(status, {"code": code}, {"content-type": "application/problem+json"})


def plant(request: requests.PreparedRequest) -> Sent:
    """Do what the document says of the first operation."""
    address = urlsplit(str(request.url))
    user_id = address.path.split("/")[3]
    if not (user_id.isascii() and user_id.isalpha() and user_id.islower() and len(user_id) <= 8):
        return refused(400, "invalid_parameter")
    if "authorization" not in request.headers:
        return refused(401, "unauthorized")
    if request.headers["authorization"] != "app":
        return refused(403, "not_an_app")
    if parse_qsl(address.query, keep_blank_values=True):
        return refused(400, "invalid_parameter")
    try:
        body = json.loads(request.body) if isinstance(request.body, str | bytes) else None
    except ValueError:
        return refused(400, "invalid_json")
    trees = body.get("trees") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(trees, int | float) or isinstance(trees, bool) or trees not in range(1, 11):
        return refused(400, "invalid_body")
    return PLANTED


def outcome(api: Api, label: str = PLANT, exclusions: tuple[Exclusion, ...] = ()) -> Outcome:
    def send(request: requests.PreparedRequest) -> Answer:
        status, body, headers = api(request)
        content = json.dumps(body).encode()
        listed = {name: [value] for name, value in headers.items()}
        return Answer(status, listed, content, request, elapsed=0.0, verify=False)

    known = Known(
        tokens={role: role for role in ("app", "partner", "operator")},
        honest={PLANT: [Honest({"user_id": "mei"}, {"trees": 1})]},
        values={},
    )
    return Exercise(operations_of(DOCUMENT)[label], known, send, BASE_URL, exclusions).run(20)


def changed(**parts: Any) -> Api:  # noqa: ANN401 - parts of an answer
    """Return an API whose answers of success differ from what the document says."""

    def api(request: requests.PreparedRequest) -> Sent:
        sent = plant(request)
        return sent._replace(**parts) if sent.status == 200 else sent

    return api


def with_headers(**more: str) -> Api:
    return changed(headers={"content-type": "application/json", "etag": '"1"'} | more)


def but(status: int, other: Sent) -> Api:
    """Return an API that gives another answer than one with this status."""

    def api(request: requests.PreparedRequest) -> Sent:
        sent = plant(request)
        return other if sent.status == status else sent

    return api


FAULTS: Mapping[str, tuple[Api, str]] = {
    "a server error": (but(403, refused(500, "internal_error")), "Server error"),
    "another status of success": (changed(status=201), "Undocumented status code"),
    "another status of refusal": (but(401, refused(404, "unauthorized")), "Undocumented status code"),
    "another media type": (changed(headers={"content-type": "text/html", "etag": "1"}), "Undocumented Content-Type"),
    "no required header": (changed(headers={"content-type": "application/json"}), "Missing required response headers"),
    "another header": (with_headers(location="/x"), "does not name the headers location"),
    "a field of another type": (changed(body={"certificate": 1}), "Response violates schema"),
    "another field of a refusal": (
        but(400, Sent(400, {"code": "invalid_body", "new": 1}, {"content-type": "application/problem+json"})),
        "Response violates schema",
    ),
    "an undocumented code": (but(403, refused(403, "not_yours")), "Response violates schema"),
    "a valid request that is refused": (but(200, refused(400, "invalid_body")), "Valid request refused"),
    "a missing field": (changed(body={}), "Response violates schema"),
    "another field": (changed(body={"certificate": "A-1", "new": 1}), "Response violates schema"),
    "a request without a token that is accepted": (but(401, PLANTED), "a request without a token is accepted"),
    "the token of another role that is accepted": (but(403, PLANTED), "a request of a partner is accepted"),
    "an invalid request that is accepted": (but(400, PLANTED), "Schema-violating request accepted"),
}


def test_an_api_that_does_what_its_document_says_has_no_fault_and_is_reached_in_each_way() -> None:
    found = outcome(plant)

    assert found.faults == []
    assert found.statuses.keys() == {200, 400, 401, 403}
    assert found.successes > 5
    assert found.refusals > 5


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    api, title = FAULTS[name]

    assert any(title in fault for fault in outcome(api).faults)


def test_an_operation_without_parameters_that_accepts_a_query_parameter_is_found() -> None:
    [fault] = outcome(lambda _: Sent(200, None), "GET /log").faults

    assert "a request with an unknown query parameter is accepted" in fault


def test_an_exclusion_hides_the_answers_that_it_names_and_no_others() -> None:
    def applies(_: Case, answer: Answer) -> bool:
        return answer.status_code == 500

    exclusions = (
        Exclusion("the emulator", "Server error", applies),
        Exclusion("", "Undocumented status code", applies),
    )
    found = outcome(but(403, refused(500, "x")), exclusions=exclusions)

    assert found.faults == []
    assert found.excluded["the emulator"] > 0
    assert outcome(but(403, refused(500, "x")), exclusions=exclusions[:1]).faults, "another fault of the same answer"
    assert outcome(changed(status=201), exclusions=exclusions).faults, "the same fault of another answer"
