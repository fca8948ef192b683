"""All operations of the API, as the handlers of the functions declare them."""

from functools import cache
from importlib import import_module

from local.sam import ROOT
from saxaul.http.endpoint import Endpoint
from saxaul.http.operations import Operation


@cache
def operations() -> tuple[Operation, ...]:
    """Return every operation, by function in alphabetical order, and as the function lists them."""
    found: list[Operation] = []
    for path in sorted((ROOT / "functions").glob("*/handler.py")):
        handler = import_module(f"functions.{path.parent.name}.handler").handler
        if isinstance(handler, Endpoint):
            found += handler.operations
    return tuple(found)
