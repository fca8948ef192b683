"""A text that somebody sent never fails a route, and never becomes a header, an address or another person's path."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from local.operations import operations
from saxaul.catalog.entries import Text
from tests.builders import USER, make_suggestion
from tests.integration.each_text import IDS, IN_CATALOG, SENT
from tests.integration.log_lines import Lines
from tests.integration.stack import DOMAIN, SCOPES, Stack, api_event, invoke
from tests.template.reading import events, template

EVIL_HOST = "evil.example"


def routes() -> list[tuple[str, str, str]]:
    """Return the function, the method and the path of every route."""
    folders = {name: ROOT_OF[name] for name, _ in events("Api")}
    return [(folders[name], event["Method"].upper(), event["Path"]) for name, event in events("Api")]


ROOT_OF = {
    name: Path(str(resource["Properties"]["CodeUri"])).name
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
CLIENTS = {"take_reports": "partner-client", "manage_catalog": "operator-client", "manage_apps": "operator-client"}
HEADERS = (
    *("Accept", "Accept-Language", "Host", "X-Forwarded-Host"),
    *("If-Match", "If-None-Match", "Idempotency-Key", "User-Agent"),
)
PARAMETERS = {route: declared.parameters for declared in operations() for route in declared.routes}
"""The names of the query parameters of each operation."""


def bodies_with(text: str) -> Iterator[Any]:
    """Yield bodies that have a text wherever a client may write one."""
    yield {text: text}
    yield {
        name: [dict.fromkeys((*fields, "unknown"), text)]
        for name, fields in {
            "actions": ("action_id", "user_id", "type", "quantity", "occurred_at", "evidence_id"),
            "reversals": ("action_id", "user_id", "reason", "occurred_at"),
            "confirmations": ("certificate", "tag", "planted_at", "photo_url"),
        }.items()
    }
    yield {"project_id": text, "trees": 1, "dedication": text}
    yield {"names": {"en": text, "zh": text}, "words": [text, text], "partner": text, "multipliers": {text: text}}


def ask(function: str, method: str, path: str, text: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    names = re.findall(r"\{(\w+)\}", path)
    headers = dict.fromkeys(HEADERS, text) | {"Host": EVIL_HOST, "X-Forwarded-Host": EVIL_HOST}
    event = api_event(
        method,
        path,
        path=dict.fromkeys(names, text),
        query=dict.fromkeys(sorted(PARAMETERS[method, path]), text),
        headers=headers,
    )
    event["requestContext"]["authorizer"] = {
        "claims": {"client_id": CLIENTS.get(function, "alipay-client"), "scope": SCOPES}
    }
    return invoke(function, event | {"body": None if body is None else json.dumps(body)})


def assert_neutral(response: Mapping[str, Any], text: str) -> None:
    assert response["statusCode"] < 500, (text[:80], response)
    for name, value in response["headers"].items():
        assert re.fullmatch("[a-z-]+", name)
        assert value.isascii()
        assert value.isprintable(), (name, value)
    assert response["headers"]["x-content-type-options"] == "nosniff"
    assert response["headers"]["content-type"] in {
        *("application/json", "application/jsonl", "application/problem+json"),
        *("application/x-pem-file", "image/svg+xml"),
        "text/html; charset=utf-8",
    }
    assert len(response["body"].encode()) < 6_000_000
    if "json" in response["headers"]["content-type"] and response["body"]:
        json.loads(response["body"])
    assert EVIL_HOST not in response["headers"].get("location", "")


@pytest.mark.slow
def test_no_route_fails_or_answers_with_a_header_that_a_client_can_break(stack: Stack, lines: Lines) -> None:
    stack.seed_catalog()
    stack.seed("suggestions", bus=make_suggestion())
    asked: Counter[int] = Counter()
    for function, method, path in routes():
        for text in SENT:
            for body in bodies_with(text) if method in {"POST", "PUT"} else [None]:
                if len(text) <= 5_000 or body is None:
                    response = ask(function, method, path, text, body)
                    assert_neutral(response, text)
                    asked[response["statusCode"]] += 1
        for line in lines.taken():
            assert json.loads(line)["service"] == "saxaul"
    assert asked[400] > 1_000
    assert asked[200] > 100


def test_an_address_is_never_made_of_the_host_that_a_client_sends(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1600)
    event = api_event(
        "POST",
        "/users/{user_id}/redemptions",
        path={"user_id": USER.id},
        headers={"Idempotency-Key": "k", "Host": EVIL_HOST, "X-Forwarded-Host": EVIL_HOST, "Forwarded": EVIL_HOST},
    ) | {"body": '{"project_id": "saxaul-alxa"}'}
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client", "scope": SCOPES}}

    location = invoke("redeem_trees", event)["headers"]["location"]

    assert urlsplit(location).netloc == DOMAIN


def test_a_location_leads_to_the_person_whose_id_it_contains(stack: Stack) -> None:
    stack.seed_catalog(saplings=1000)
    for user_id in IDS:
        stack.add_wallet(160, user_id)
        assert_location_leads_to(user_id)


def assert_location_leads_to(user_id: str) -> None:
    event = api_event(
        "POST", "/users/{user_id}/redemptions", path={"user_id": user_id}, headers={"Idempotency-Key": "k"}
    ) | {"body": '{"project_id": "saxaul-alxa"}'}
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client", "scope": SCOPES}}

    address = urlsplit(invoke("redeem_trees", event)["headers"]["location"])

    assert (address.query, address.fragment) == ("", "")
    assert [unquote(part) for part in address.path.split("/")][2:-1] == ["users", user_id, "redemptions"]


def test_a_match_of_the_search_is_a_part_of_the_exact_text_of_the_catalog(stack: Stack) -> None:
    stack.seed_catalog()
    titles = {f"s-{number}": f"{text} bus" for number, text in enumerate(IN_CATALOG.values()) if len(text) < 400}
    for name, title in titles.items():
        texts = Text(en=title, zh=title)
        stack.seed("suggestions", **{name: make_suggestion().model_copy(update={"titles": texts, "texts": texts})})
    event = api_event("GET", "/suggestions", query={"q": "bus", "limit": "50"})
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client", "scope": SCOPES}}

    found = json.loads(invoke("suggest_campaigns", event)["body"])["suggestions"]

    assert len(found) > 10
    for suggestion in found:
        assert suggestion["title"] == titles[suggestion["id"]]
        [match] = suggestion["matched"]
        assert "".join(part["text"] for part in match["parts"]) == match["text"] == suggestion["title"]
        assert [part["text"].lower() for part in match["parts"] if part["match"]] == ["bus"]
