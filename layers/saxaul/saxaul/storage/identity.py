"""The clients of apps in Cognito, and their secrets. Each app has one client, with the id of the app as its name.

    UnknownClientError      there is no such client
    LastSecretError         a client keeps its last secret
    TooManySecretsError     a client has two secrets already
    TooManyClientsError     the user pool has no room for another client
    IdentityBusyError       Cognito did nothing, because there were too many requests or changes at once

Each call is attempted once. If no answer comes, botocore does not repeat the call, because that could make a second
client or secret.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from botocore.exceptions import ClientError

from saxaul.catalog.clients import SCOPES_OF
from saxaul.races import OverloadedError
from saxaul.storage.clients import cognito

_PAGE = 60
"""The most clients that Cognito lists at once."""

_REFUSED = ("LimitExceededException", "InvalidParameterException")
"""With these codes, Cognito refuses a third secret, and the deletion of the last one. They have other reasons too."""

_BUSY = ("TooManyRequestsException", "ConcurrentModificationException")


class UnknownClientError(Exception):
    """Cognito has no such client."""


class LastSecretError(Exception):
    """The client has no other secret, so this one was not deleted."""


class TooManySecretsError(Exception):
    """The client has two secrets, so no other one was added."""


class TooManyClientsError(Exception):
    """The user pool has as many clients as its quota allows."""


class IdentityBusyError(OverloadedError):
    """Cognito refused a call because of the rate of calls, and did nothing. It is safe to try again."""


class MadeClient(NamedTuple):
    """A client that was made, with its first secret."""

    client_id: str
    secret: str


class ListedSecret(NamedTuple):
    """A secret that Cognito has, without its value. ``created_at`` is an instant in seconds."""

    secret_id: str
    created_at: int


class MadeSecret(NamedTuple):
    """A secret that was added. ``created_at`` is an instant in seconds."""

    secret_id: str
    created_at: int
    secret: str


class Identity:
    """The clients of a user pool."""

    def __init__(self, user_pool: str) -> None:
        self._pool = user_pool

    def create(self, app_id: str, scopes: Sequence[str]) -> MadeClient:
        """Make a client for an app.

        Raises:
            TooManyClientsError: the pool has no room.
        """
        try:
            answer = _call(cognito().create_user_pool_client, **self._client(app_id, scopes), GenerateSecret=True)
        except ClientError as refusal:
            if _code(refusal) == "LimitExceededException":
                raise TooManyClientsError from None
            raise
        made = answer["UserPoolClient"]
        return MadeClient(made["ClientId"], made["ClientSecret"])

    def update(self, client_id: str, app_id: str, scopes: Sequence[str]) -> None:
        """Give a client these scopes, in place of others.

        Raises:
            UnknownClientError: there is no such client.
        """
        _call(cognito().update_user_pool_client, ClientId=client_id, **self._client(app_id, scopes))

    def delete(self, client_id: str) -> None:
        """Delete a client. If there is none, change nothing."""
        try:
            _call(cognito().delete_user_pool_client, UserPoolId=self._pool, ClientId=client_id)
        except UnknownClientError:
            return

    def clients_named(self, app_id: str) -> list[str]:
        """Return the ids of the clients with the name of this app. It reads the names of all clients."""
        return [client["ClientId"] for client in self._clients() if client["ClientName"] == app_id]

    def secrets(self, client_id: str) -> list[ListedSecret]:
        """Return the secrets of a client, oldest first.

        Raises:
            UnknownClientError: there is no such client.
        """
        answer = _call(cognito().list_user_pool_client_secrets, UserPoolId=self._pool, ClientId=client_id)
        found = [
            ListedSecret(one["ClientSecretId"], _instant(one["ClientSecretCreateDate"]))
            for one in answer["ClientSecrets"]
        ]
        return sorted(found, key=lambda secret: secret.created_at)

    def add_secret(self, client_id: str) -> MadeSecret:
        """Add a secret to a client.

        Raises:
            TooManySecretsError: it has two.
            UnknownClientError: there is no such client.
        """
        try:
            answer = _call(cognito().add_user_pool_client_secret, UserPoolId=self._pool, ClientId=client_id)
        except ClientError as refusal:
            if _code(refusal) in _REFUSED and len(self.secrets(client_id)) > 1:
                raise TooManySecretsError from None
            raise
        made = answer["ClientSecretDescriptor"]
        return MadeSecret(made["ClientSecretId"], _instant(made["ClientSecretCreateDate"]), made["ClientSecretValue"])

    def delete_secret(self, client_id: str, secret_id: str) -> None:
        """Delete a secret of a client. If there is no such secret or client, change nothing.

        Raises:
            LastSecretError: the client has no other secret.
        """
        named = {"UserPoolId": self._pool, "ClientId": client_id, "ClientSecretId": secret_id}
        try:
            _call(cognito().delete_user_pool_client_secret, **named)
        except UnknownClientError:
            return
        except ClientError as refusal:
            if _code(refusal) not in _REFUSED:
                raise
            left = [secret.secret_id for secret in self.secrets(client_id)]
            if left == [secret_id]:
                raise LastSecretError from None
            if secret_id in left:
                raise

    def _client(self, app_id: str, scopes: Sequence[str]) -> dict[str, Any]:
        return {
            "UserPoolId": self._pool,
            "ClientName": app_id,
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthFlows": ["client_credentials"],
            "AllowedOAuthScopes": [f"{SCOPES_OF}/{scope}" for scope in scopes],
        }

    def _clients(self) -> Iterator[Any]:
        request: dict[str, Any] = {"UserPoolId": self._pool, "MaxResults": _PAGE}
        while True:
            page = _call(cognito().list_user_pool_clients, **request)
            yield from page["UserPoolClients"]
            if "NextToken" not in page:
                return
            request["NextToken"] = page["NextToken"]


def _call(operation: Callable[..., Any], **arguments: Any) -> Any:  # noqa: ANN401 - of each operation
    """Call an operation of Cognito, and translate the errors that every one of them can have."""
    try:
        return operation(**arguments)
    except ClientError as refusal:
        _translate(refusal)


def _translate(refusal: ClientError) -> NoReturn:
    code = _code(refusal)
    if code == "ResourceNotFoundException":
        raise UnknownClientError from None
    if code in _BUSY:
        raise IdentityBusyError from refusal
    raise refusal


def _code(refusal: ClientError) -> str:
    return refusal.response["Error"]["Code"]


def _instant(created: Any) -> int:  # noqa: ANN401 - a datetime
    return int(created.timestamp())
