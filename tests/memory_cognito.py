"""Cognito's clients and their secrets in memory, for the calls that storage/identity.py makes.

moto does not know the calls for secrets. The contract is that of AWS's documentation: a client has one secret or two,
and only the answer that makes a secret has its value. ``tests/proof/test_identity_contract.py`` checks the emulator
by the same contract.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from saxaul.clock import Clock

POOL = "pool_1"
PAGE = 60


class MemoryCognito:
    """A user pool. ``before`` is called before each call, with its name, and may raise an error in its place."""

    def __init__(self, clock: Clock, before: Callable[[str], None] = lambda _: None) -> None:
        self.clock = clock
        self.before = before
        self.clients: dict[str, dict[str, Any]] = {}
        self._made = 0

    def create_user_pool_client(self, **wanted: Any) -> Any:  # noqa: ANN401 - as botocore
        self._begin("CreateUserPoolClient", wanted["UserPoolId"])
        client_id = self._token("client")[:26]
        self.clients[client_id] = {**wanted, "secrets": {}}
        secret = self._add(client_id)
        return {"UserPoolClient": {"ClientId": client_id, "ClientSecret": secret["ClientSecretValue"]}}

    def update_user_pool_client(self, *, ClientId: str, **wanted: Any) -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("UpdateUserPoolClient", wanted["UserPoolId"])
        self._client(ClientId).update(wanted)
        return {"UserPoolClient": {"ClientId": ClientId}}

    def delete_user_pool_client(self, *, UserPoolId: str, ClientId: str) -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("DeleteUserPoolClient", UserPoolId)
        self._client(ClientId)
        del self.clients[ClientId]
        return {}

    def list_user_pool_clients(self, *, UserPoolId: str, MaxResults: int, NextToken: str = "0") -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("ListUserPoolClients", UserPoolId)
        assert 1 <= MaxResults <= PAGE
        first = int(NextToken)
        shown = list(self.clients.items())[first : first + MaxResults]
        more = {"NextToken": str(first + MaxResults)} if first + MaxResults < len(self.clients) else {}
        return {"UserPoolClients": [{"ClientId": i, "ClientName": c["ClientName"]} for i, c in shown], **more}

    def list_user_pool_client_secrets(self, *, UserPoolId: str, ClientId: str) -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("ListUserPoolClientSecrets", UserPoolId)
        known = self._client(ClientId)["secrets"].values()
        return {"ClientSecrets": [{**one, "ClientSecretValue": None} for one in reversed(known)]}

    def add_user_pool_client_secret(self, *, UserPoolId: str, ClientId: str) -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("AddUserPoolClientSecret", UserPoolId)
        if len(self._client(ClientId)["secrets"]) > 1:
            raise refusal("LimitExceededException")
        return {"ClientSecretDescriptor": self._add(ClientId)}

    def delete_user_pool_client_secret(self, *, UserPoolId: str, ClientId: str, ClientSecretId: str) -> Any:  # noqa: N803, ANN401 - as botocore
        self._begin("DeleteUserPoolClientSecret", UserPoolId)
        known = self._client(ClientId)["secrets"]
        if ClientSecretId not in known:
            raise refusal("ResourceNotFoundException")
        if len(known) == 1:
            raise refusal("InvalidParameterException")
        del known[ClientSecretId]
        return {}

    def values_of(self, client_id: str) -> set[str]:
        """Return the secrets with which a client gets tokens."""
        return {one["ClientSecretValue"] for one in self.clients.get(client_id, {"secrets": {}})["secrets"].values()}

    def named(self, app_id: str) -> list[str]:
        return [client_id for client_id, client in self.clients.items() if client["ClientName"] == app_id]

    def _begin(self, call: str, pool: str) -> None:
        if pool != POOL:
            raise refusal("ResourceNotFoundException")
        self.before(call)

    def _client(self, client_id: str) -> dict[str, Any]:
        if client_id not in self.clients:
            raise refusal("ResourceNotFoundException")
        return self.clients[client_id]

    def _add(self, client_id: str) -> dict[str, Any]:
        value = self._token("secret")
        made = {
            "ClientSecretId": f"{client_id}--{self._made}",
            "ClientSecretValue": value,
            "ClientSecretCreateDate": datetime.fromtimestamp(self.clock.now(), UTC),
        }
        self.clients[client_id]["secrets"][made["ClientSecretId"]] = made
        return made

    def _token(self, kind: str) -> str:
        self._made += 1
        return sha256(f"{kind} {self._made}".encode()).hexdigest()[:51]


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "a call")
