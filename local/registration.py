"""Registers the clients of a stack, as catalog/clients.yaml describes them.

It writes the missing items of the registry directly to the table of the catalog, with the credentials of whoever
deploys. An item that exists is never changed, so an operator's change stays.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import yaml

from local.sam import ROOT
from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import ValidationError
from saxaul.storage.registry import to_item
from saxaul.storage.table import IS_NEW, raw

FILE = ROOT / "catalog" / "clients.yaml"


class Registration(NamedTuple):
    """The names of the clients that were registered now, and of the stack's clients that the file does not have."""

    added: list[str]
    unknown: list[str]

    @property
    def note(self) -> str:
        """A line about the clients that the file does not have, or an empty text if it has all of them."""
        names = ", ".join(self.unknown)
        return f"· not registered, because catalog/clients.yaml lacks them: {names}" if names else ""


def load_clients(file: Path = FILE) -> dict[str, RegisteredClient]:
    """Read the clients by their ClientName in the user pool, which is also their name in the registry.

    Raises:
        ValueError: the file has errors; the message lists all of them.
    """
    try:
        documents = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if not isinstance(documents, dict):
        raise ValueError(f"{file} is not a mapping of client names to clients")  # noqa: TRY004 - as for every other error
    found: list[str] = []
    clients: dict[str, RegisteredClient] = {}
    for name, document in documents.items():
        if not isinstance(document, dict) or "name" in document:
            found.append(f"{name}: this must be a mapping with a role, and without a name")
            continue
        try:
            clients[name] = RegisteredClient.model_validate({**document, "name": name})
        except ValidationError as error:
            found += [f"{name}: {line}" for line in error_lines(error)]
    if found:
        raise ValueError("\n".join(found))
    return clients


def register(
    known: Mapping[str, Any], client_arguments: Mapping[str, Any], clients: Mapping[str, RegisteredClient]
) -> Registration:
    """Write the missing clients of a stack to its registry. ``known`` is what ``DeployedStack.describe`` returns.

    Raises:
        ClientError, BotoCoreError: the table cannot be written.
    """
    table: str = known["tables"]["catalog"]
    ids = {name: client["client_id"] for name, client in known["clients"].items()}
    dynamodb = boto3.client("dynamodb", **client_arguments)
    added = []
    for name in [name for name in clients if name in ids]:
        try:
            dynamodb.put_item(TableName=table, Item=raw(to_item(ids[name], clients[name])), ConditionExpression=IS_NEW)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            continue
        added.append(name)
    return Registration(added, sorted(ids.keys() - clients.keys()))
