"""API Gateway throttles its one stage, and the errors that it sends have the right status and code."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.operations import operations
from local.sam import ROOT
from tests.template.deploying import ALL_OPTIONS, PARAMETER_SETS, of_type
from tests.template.reading import events, made, resources

HTTP = ROOT / "layers/saxaul/saxaul/http"

ANSWERS = {
    "BAD_REQUEST_BODY": (400, "invalid_body"),
    "BAD_REQUEST_PARAMETERS": (400, "invalid_parameter"),
    "UNAUTHORIZED": (401, "unauthorized"),
    "EXPIRED_TOKEN": (401, "unauthorized"),
    "ACCESS_DENIED": (403, "forbidden"),
    "INVALID_API_KEY": (403, "forbidden"),
    "INVALID_SIGNATURE": (403, "forbidden"),
    "WAF_FILTERED": (403, "forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "unknown_path"),
    "RESOURCE_NOT_FOUND": (404, "unknown_path"),
    "REQUEST_TOO_LARGE": (413, "too_large"),
    "THROTTLED": (429, "throttled"),
    "QUOTA_EXCEEDED": (429, "throttled"),
    "API_CONFIGURATION_ERROR": (500, "internal_error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "internal_error"),
    "AUTHORIZER_FAILURE": (500, "internal_error"),
    "INTEGRATION_FAILURE": (504, "timeout"),
    "INTEGRATION_TIMEOUT": (504, "timeout"),
}
"""Every kind of error that API Gateway sends without a function, with the status and code of its response.

UNSUPPORTED_MEDIA_TYPE is not among them: API Gateway passes each body on to a Lambda proxy integration, whatever its
media type.
"""

OF_AWS = {"EXPIRED_TOKEN": 403, "MISSING_AUTHENTICATION_TOKEN": 403}
"""The default status in AWS, for the kinds of errors to which our template gives another one."""

EXPOSED = "'ETag,Location,Retry-After,Deprecation,Sunset,Link,x-amzn-requestid'"
"""The headers of a response that a page of another site may read."""

SAFELISTED = {"accept", "accept-language", "content-language"}
"""The request headers that a page of another site may always send (https://fetch.spec.whatwg.org, CORS-safelisted)."""


def responses() -> dict[str, Any]:
    [api] = made("AWS::ApiGateway::RestApi").values()
    found: dict[str, Any] = api["Body"]["x-amazon-apigateway-gateway-responses"]
    return found


def body(kind: str) -> dict[str, Any]:
    template = responses()[kind]["responseTemplates"]["application/json"]
    filled: dict[str, Any] = json.loads(template.replace("$context.error.messageString", '"as AWS says"'))
    return filled


def header(kind: str, name: str) -> str | None:
    found: str | None = responses()[kind]["responseParameters"].get(f"gatewayresponse.header.{name}")
    return found


def test_every_kind_of_error_has_its_own_response_and_all_others_have_a_default() -> None:
    assert set(responses()) == ANSWERS.keys() | {"DEFAULT_4XX", "DEFAULT_5XX"}


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_the_body_of_an_error_has_the_status_of_the_response_and_a_code(kind: str) -> None:
    status, code = ANSWERS[kind]
    sent = int(responses()[kind].get("statusCode", OF_AWS.get(kind, status)))

    assert sent == status
    assert (body(kind)["status"], body(kind)["code"]) == (status, code)


@pytest.mark.parametrize(("kind", "code"), [("DEFAULT_4XX", "refused"), ("DEFAULT_5XX", "internal_error")])
def test_the_body_of_a_default_response_has_no_status_because_it_serves_several(kind: str, code: str) -> None:
    assert "status" not in body(kind)
    assert "statusCode" not in responses()[kind]
    assert body(kind)["code"] == code


@pytest.mark.parametrize("kind", [*ANSWERS, "DEFAULT_4XX", "DEFAULT_5XX"])
def test_an_error_is_a_problem_document_that_a_browser_may_read(kind: str) -> None:
    assert header(kind, "Content-Type") == "'application/problem+json'"
    assert header(kind, "Access-Control-Allow-Origin") == "'*'"
    assert header(kind, "Access-Control-Expose-Headers") == EXPOSED
    assert {"title", "code", "detail"} <= body(kind).keys()


def test_a_browser_may_read_the_same_headers_of_a_response_by_a_function() -> None:
    exposed = re.findall(r'"access-control-expose-headers": "(.*)"', (HTTP / "endpoint.py").read_text("utf-8"))

    assert exposed == [EXPOSED.strip("'")]


def test_a_browser_may_send_every_method_and_every_header_that_a_route_reads() -> None:
    [api] = resources("AWS::Serverless::Api").values()
    sources = [*(ROOT / "functions").rglob("handler.py"), *HTTP.glob("*.py")]
    read = {
        name
        for source in sources
        for name in re.findall(r'header(?:_values)?\((?:[\w.]+, )?"([a-z-]+)"', source.read_text())
    }
    declared = {header.name.lower() for declared in operations() for header in declared.headers}
    allowed = set(api["Cors"]["AllowHeaders"].strip("'").split(","))

    assert {"if-match", "if-none-match", "idempotency-key"} <= declared <= read
    assert read - SAFELISTED <= allowed
    assert {"authorization", "content-type", "traceparent"} <= allowed
    assert set(api["Cors"]["AllowMethods"].strip("'").split(",")) == {
        event["Method"].upper() for _, event in events("Api")
    } | {"OPTIONS"}


def test_every_public_path_answers_head_too() -> None:
    public = {
        (event["Method"], event["Path"], name)
        for name, event in events("Api")
        if event["Auth"] == {"Authorizer": "NONE"}
    }
    read = {(path, name) for method, path, name in public if method == "get"}

    assert read == {(path, name) for method, path, name in public if method == "head"}
    assert {"/certificates/{number}", "/log", "/impact", "/openapi.json", "/docs"} <= {path for path, _ in read}


def test_responses_to_throttled_and_timed_out_requests_say_when_to_retry() -> None:
    waiting = {kind for kind in responses() if header(kind, "Retry-After")}

    assert waiting == {kind for kind, (status, _) in ANSWERS.items() if status in (429, 504)}


def test_there_is_one_stage_and_each_of_its_methods_is_throttled() -> None:
    [stage] = made("AWS::ApiGateway::Stage").values()
    [deployment] = made("AWS::ApiGateway::Deployment").values()
    [settings] = stage["MethodSettings"]

    assert "StageName" not in deployment, "a deployment that names a stage creates it"
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (2000, 4000)


def test_metrics_of_each_method_are_off_because_they_cost_money() -> None:
    [api] = resources("AWS::Serverless::Api").values()

    assert not any(settings.get("MetricsEnabled") for settings in api["MethodSettings"])


PERSONAL = (
    ".path",
    "sourceIp",
    "userAgent",
    "message",
    "querystring",
    "identity",
    "extendedRequestId",
    "$context.domain",
)
"""Parts of variables of API Gateway that may have the id or the address of a person, or the reason of an operator."""


@pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=PARAMETER_SETS)
def test_api_gateway_logs_no_execution_which_would_have_the_ids_of_persons_and_the_reasons_of_operators(
    parameters: Mapping[str, str],
) -> None:
    [stage] = of_type("AWS::ApiGateway::Stage", parameters).values()

    assert ("AccessLogSetting" in stage) == (parameters is ALL_OPTIONS)
    assert "TracingEnabled" not in stage, "a trace of API Gateway has the path of the request"
    assert not any(settings.keys() & {"LoggingLevel", "DataTraceEnabled"} for settings in stage["MethodSettings"])


def test_a_line_of_the_access_log_is_json_and_has_nothing_of_a_person() -> None:
    [stage] = of_type("AWS::ApiGateway::Stage", ALL_OPTIONS).values()
    line = json.loads(stage["AccessLogSetting"]["Format"])

    assert {variable for variable in line.values() if any(part in variable for part in PERSONAL)} == set()
    assert all(re.fullmatch(r"\$context(\.\w+)+", variable) for variable in line.values())
    assert line["request_id"] == "$context.requestId", "API Gateway refuses a format without it"
    assert line["resource"] == "$context.resourcePath"
    assert {"client_id", "status", "latency_ms", "function_latency_ms", "error"} <= line.keys()
    assert "\n" not in stage["AccessLogSetting"]["Format"]
