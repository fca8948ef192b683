"""The clients of apps and their secrets behave the same in memory as on MiniStack with our corrections.

Both follow AWS's documentation: a client has one secret or two, the last one cannot be deleted, and only the answer
that makes a secret has its value.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage.identity import (
    Identity,
    LastSecretError,
    TooManySecretsError,
    UnknownClientError,
)
from tests.memory_cognito import POOL, MemoryCognito
from tests.proof.test_statements import client_of

HasToken = Callable[[str, str], bool]
"""Returns whether a client gets a token with a secret."""
SCOPES = ("actions.write", "wallets.read")


@pytest.fixture(params=["memory", "MiniStack"])
def cognito(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Identity, HasToken]:
    """A user pool, and who gets a token of it."""
    if request.param == "memory":
        memory = MemoryCognito(SYSTEM_CLOCK)
        monkeypatch.setattr("saxaul.storage.identity.cognito", lambda: memory)
        return Identity(POOL), lambda client_id, secret: secret in memory.values_of(client_id)
    address: str = request.getfixturevalue("endpoint")
    client = client_of("cognito-idp", address)
    monkeypatch.setattr("saxaul.storage.identity.cognito", lambda: client)
    pool: str = client.create_user_pool(PoolName="saxaul")["UserPool"]["Id"]
    scopes = [{"ScopeName": scope, "ScopeDescription": scope} for scope in SCOPES]
    client.create_resource_server(UserPoolId=pool, Identifier="saxaul", Name="Saxaul", Scopes=scopes)

    def has_token(client_id: str, secret: str) -> bool:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = httpx.post(f"{address}/oauth2/token", data=form)
        assert answer.status_code == 200 or answer.json()["error"] == "invalid_client"
        return answer.status_code == 200

    return Identity(pool), has_token


def test_a_client_gets_tokens_with_each_of_two_secrets_and_with_no_other(cognito: tuple[Identity, HasToken]) -> None:
    identity, has_token = cognito
    client_id, first = identity.create("bikes", SCOPES)
    assert has_token(client_id, first)
    [listed] = identity.secrets(client_id)

    made = identity.add_secret(client_id)

    assert {secret.secret_id for secret in identity.secrets(client_id)} == {listed.secret_id, made.secret_id}
    assert made.secret_id != listed.secret_id
    assert [has_token(client_id, secret) for secret in (first, made.secret, "", "x" * 51)] == [True, True, False, False]
    with pytest.raises(TooManySecretsError):
        identity.add_secret(client_id)

    identity.delete_secret(client_id, listed.secret_id)

    assert [has_token(client_id, secret) for secret in (first, made.secret)] == [False, True]
    with pytest.raises(LastSecretError):
        identity.delete_secret(client_id, made.secret_id)
    assert has_token(client_id, made.secret)
    identity.delete_secret(client_id, listed.secret_id)  # it is gone already
    again = identity.add_secret(client_id)
    assert [has_token(client_id, secret) for secret in (first, made.secret, again.secret)] == [False, True, True]


def test_a_deleted_client_has_no_secrets_and_gets_no_token(cognito: tuple[Identity, HasToken]) -> None:
    identity, has_token = cognito
    client_id, secret = identity.create("bikes", SCOPES)
    other, _ = identity.create("bikes", SCOPES[:1])
    assert sorted(identity.clients_named("bikes")) == sorted([client_id, other])
    assert identity.clients_named("bike") == []

    for _ in range(2):
        identity.delete(client_id)

    assert identity.clients_named("bikes") == [other]
    assert not has_token(client_id, secret)
    identity.delete_secret(client_id, "any")
    calls: list[Callable[[], Any]] = [
        lambda: identity.secrets(client_id),
        lambda: identity.add_secret(client_id),
        lambda: identity.update(client_id, "bikes", SCOPES),
    ]
    for call in calls:
        with pytest.raises(UnknownClientError):
            call()


def test_an_update_changes_the_scopes_and_no_secret(cognito: tuple[Identity, HasToken]) -> None:
    identity, has_token = cognito
    client_id, first = identity.create("bikes", SCOPES)
    second = identity.add_secret(client_id)

    identity.update(client_id, "bikes", SCOPES[:1])

    assert has_token(client_id, first)
    assert has_token(client_id, second.secret)
    assert identity.clients_named("bikes") == [client_id]


def test_all_clients_with_a_name_are_found_on_several_pages(cognito: tuple[Identity, HasToken]) -> None:
    identity, _ = cognito
    made = [identity.create("bikes" if number % 40 == 0 else f"app-{number}", SCOPES) for number in range(125)]

    expected = [client.client_id for number, client in enumerate(made) if number % 40 == 0]
    assert sorted(identity.clients_named("bikes")) == sorted(expected)
