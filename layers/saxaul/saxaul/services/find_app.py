"""Finds a registered app."""

from saxaul.catalog.apps import AppRecord
from saxaul.problems import NotFound
from saxaul.storage.apps import Apps


def find_app(apps: Apps, app_id: str) -> AppRecord:
    """Return an app, in any state.

    Raises:
        NotFound: ``unknown_app``: it was never registered.
    """
    record = apps.get(app_id)
    if record is None:
        raise NotFound("unknown_app", "No app with this id is registered; GET /apps lists the registered apps.")
    return record
