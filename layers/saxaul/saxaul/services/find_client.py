"""Finds the registered client that a token belongs to."""

from saxaul.catalog.clients import RegisteredClient
from saxaul.services import wiring


def registered_client(client_id: str) -> RegisteredClient | None:
    """Return a client by its id in Cognito, or None if it is not registered. The result is at most 3 seconds old."""
    return wiring.registry().find(client_id)
