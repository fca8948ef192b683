"""The credentials in the file of a stack, .local/<stack>.json.

The API shows the secret of an app only once. So each one is written right after its answer, and a crash loses none.
Two commands at the same moment can lose one, because each reads the file and then replaces it. ``make secret`` then
makes another.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.sam import write_private
from saxaul.catalog.clients import OPERATOR


def apps_of_another(file: Path, api_url: str) -> list[str]:
    """Return the names of the apps whose credentials a file has, if it is about the stack of another API."""
    earlier = _read(file)
    return [] if earlier.get("api_url") == api_url else sorted(earlier.get("clients", {}).keys() - {OPERATOR})


def write_stack(file: Path, known: Mapping[str, Any]) -> list[str]:
    """Write how to reach a stack, and keep the credentials of apps that the file has for the same API.

    Returns the names of these apps.
    """
    earlier = _read(file)
    is_same = earlier.get("api_url") == known["api_url"]
    kept = {name: found for name, found in earlier.get("clients", {}).items() if is_same and name != OPERATOR}
    write_private(file, {**known, "clients": {**kept, **known["clients"]}})
    return sorted(kept)


def remember(file: Path, app_id: str, client_id: str, client_secret: str, scopes: tuple[str, ...]) -> None:
    """Write the credentials of an app. Its scopes are named without ``saxaul/``."""
    known = _read(file)
    full = [f"saxaul/{scope}" for scope in scopes]
    credentials = {"client_id": client_id, "client_secret": client_secret, "scopes": full}
    write_private(file, {**known, "clients": {**known["clients"], app_id: credentials}})


def _read(file: Path) -> dict[str, Any]:
    """Return the content of the file; an empty one if there is none, or if it is not one of ours."""
    try:
        known = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
