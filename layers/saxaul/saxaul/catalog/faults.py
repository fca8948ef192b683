"""The faults of an input, in words."""

from pydantic import ValidationError


def faults(error: ValidationError) -> list[str]:
    """Each fault of a refused input as one line: where, and what was wrong."""
    return [
        ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, "))))
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
