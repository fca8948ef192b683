"""The errors of an invalid input, in words."""

from pydantic import ValidationError


def faults(error: ValidationError) -> list[str]:
    """Return each error of an invalid input as one line: the field, and what is wrong with it."""
    return [
        ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, "))))
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
