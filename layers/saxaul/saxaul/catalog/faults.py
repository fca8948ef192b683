"""The error messages for invalid input."""

from pydantic import ValidationError


def error_lines(error: ValidationError) -> list[str]:
    """Return one line for each error: the field and the message, such as ``unit: Field required``."""
    return [
        ": ".join(filter(None, (".".join(map(str, detail["loc"])), detail["msg"].removeprefix("Value error, "))))
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
