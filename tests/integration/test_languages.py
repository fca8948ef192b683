"""A response is in the language that the request asks for, and says so to caches."""

import pytest

from saxaul.http.request import LANG
from tests.builders import USER, make_campaign, make_suggestion
from tests.integration.stack import HANDLERS, Response, Stack, call, redeem

LOCALIZED = [
    (function, *declared.route)
    for function, module in HANDLERS.items()
    for declared in getattr(module.handler, "operations", ())
    if LANG in declared.query
]
"""The function, the method and the path of each route whose response depends on the language."""

in_each_route = pytest.mark.parametrize(
    ("function", "method", "resource"), LOCALIZED, ids=lambda part: part if "/" in part else ""
)


@pytest.fixture
def number(stack: Stack) -> str:
    """The certificate of a tree. The catalog has an entry for each route."""
    stack.seed_catalog()
    stack.seed("campaigns", wed=make_campaign())
    stack.seed("suggestions", bus=make_suggestion())
    stack.add_wallet(160)
    certificate: str = redeem().body["certificates"][0]
    stack.settle(*stack.receive_all(stack.redemptions_url))
    return certificate


def ask(function: str, method: str, resource: str, number: str, lang: str | None = None, **headers: str) -> Response:
    values = {"user_id": USER.id, "id": "wed", "number": number}
    return call(
        function,
        method,
        resource,
        path={name: value for name, value in values.items() if f"{{{name}}}" in resource},
        query={"lang": lang} if lang else None,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_these_routes_answer_in_a_language() -> None:
    assert sorted(path for _, _, path in LOCALIZED) == [
        "/action-types",
        "/campaigns",
        "/campaigns/{id}",
        "/certificates/{number}",
        "/suggestions",
        "/tree-projects",
        "/users/{user_id}/forest",
    ]


@in_each_route
def test_without_lang_the_preferred_language_of_the_client_is_used(
    number: str, function: str, method: str, resource: str
) -> None:
    default = ask(function, method, resource, number)
    preferred = ask(function, method, resource, number, Accept_Language="zh-Hant-TW, en;q=0.5")

    assert (default.status, preferred.status) == (200, 200)
    assert (default.headers["content-language"], preferred.headers["content-language"]) == ("en", "zh")
    assert default.body != preferred.body
    assert preferred.body == ask(function, method, resource, number, lang="zh").body


@in_each_route
def test_lang_wins_over_the_preferred_language(number: str, function: str, method: str, resource: str) -> None:
    response = ask(function, method, resource, number, lang="en", Accept_Language="zh")

    assert response.headers["content-language"] == "en"
    assert response.body == ask(function, method, resource, number).body


@in_each_route
def test_an_unsupported_lang_is_refused_whatever_the_client_prefers(
    number: str, function: str, method: str, resource: str
) -> None:
    refused = ask(function, method, resource, number, lang="fr", Accept_Language="zh")

    assert (refused.status, refused.code) == (400, "invalid_parameter")
    assert "content-language" not in refused.headers


@in_each_route
def test_a_cache_is_told_that_the_response_depends_on_the_preferred_language(
    number: str, function: str, method: str, resource: str
) -> None:
    vary = ask(function, method, resource, number).headers["vary"]

    before = {"/suggestions": "Authorization, ", "/certificates/{number}": "accept, "}
    assert vary == f"{before.get(resource, '')}Accept-Language"


@in_each_route
def test_a_response_without_a_body_still_says_what_it_depends_on(
    number: str, function: str, method: str, resource: str
) -> None:
    etag = ask(function, method, resource, number).headers.get("etag")
    if etag:
        unchanged = ask(function, method, resource, number, If_None_Match=etag)
        other = ask(function, method, resource, number, If_None_Match=etag, Accept_Language="zh")

        assert (unchanged.status, other.status) == (304, 200)
        assert unchanged.headers["vary"].endswith("Accept-Language")
        assert "content-language" not in unchanged.headers


def test_a_response_that_is_the_same_in_each_language_does_not_name_one(number: str) -> None:
    assert number
    wallet = call("view_forest", "GET", "/users/{user_id}/wallet", path={"user_id": USER.id})

    assert not {"content-language", "vary"} & wallet.headers.keys()
