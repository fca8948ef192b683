"""Query parameters: each object reads one parameter of a request, and describes it in the OpenAPI document."""

from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Protocol

from saxaul.catalog.sentences import counted
from saxaul.problems import InvalidRequest

if TYPE_CHECKING:
    from saxaul.http.request import Request


class QueryParameter(Protocol):
    """A parameter of the query.

    Attributes:
        text: what the parameter selects, as a sentence.
    """

    @property
    def name(self) -> str: ...

    @property
    def text(self) -> str: ...


class WholeNumber(NamedTuple):
    """A whole number from ``minimum`` to ``maximum``; ``default`` if the parameter is missing."""

    name: str
    text: str
    default: int
    maximum: int
    minimum: int = 1

    def of(self, request: "Request") -> int:
        """Return the number in a request.

        Raises:
            InvalidRequest: the value is not such a number.
        """
        value = request.query.get(self.name)
        return self.default if value is None else checked_number(self.name, value, self.maximum, minimum=self.minimum)


class Day(NamedTuple):
    """A date from 2000 to 2099."""

    name: str
    text: str

    def of(self, request: "Request") -> date | None:
        """Return the date in a request, or None if the parameter is missing.

        Raises:
            InvalidRequest: the value is not such a date.
        """
        value = request.query.get(self.name)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = date.min
        if day.isoformat() != value or not 2000 <= day.year < 2100:  # noqa: PLR2004 - no programme runs outside these years
            raise InvalidRequest(
                "invalid_parameter", f"{self.name} must be a date such as 2026-06-05, from 2000 to 2099."
            )
        return day


class Choice(NamedTuple):
    """One of some words. ``default`` is what a missing parameter means; None if it means nothing."""

    name: str
    text: str
    values: tuple[str, ...]
    default: str | None = None

    def of(self, request: "Request") -> str | None:
        """Return the word in a request, or the default.

        Raises:
            InvalidRequest: the value is not one of the words.
        """
        value = request.query.get(self.name)
        if value is None:
            return self.default
        if value not in self.values:
            raise InvalidRequest("invalid_parameter", f"{self.name} must be one of {', '.join(self.values)}.")
        return value


class FreeText(NamedTuple):
    """A text, which the operation checks itself if it has more rules than the length and the pattern.

    Attributes:
        longest: the most characters; None if another rule bounds them.
        pattern: a regular expression that each value matches; empty if there is none. It is not checked here.
    """

    name: str
    text: str
    longest: int | None = None
    pattern: str = ""

    def of(self, request: "Request") -> str | None:
        """Return the text in a request, or None if the parameter is missing.

        Raises:
            InvalidRequest: the text is too long.
        """
        value = request.query.get(self.name)
        if value is not None and self.longest is not None and len(value) > self.longest:
            raise InvalidRequest(
                "invalid_parameter", f"{self.name} must have at most {counted(self.longest, 'character')}."
            )
        return value


CURSOR = FreeText(
    "cursor",
    "The place after which the page begins: the cursor of an earlier response for the same list. The other parameters "
    "of the request are the same too, except `limit` and `lang`.",
    pattern="^[A-Za-z0-9_=-]+$",
)
"""The parameter that Cursors (cursors.py) read."""


def checked_number(name: str, text: str, maximum: int, *, minimum: int = 1) -> int:
    """Return the whole number that a parameter contains.

    Raises:
        InvalidRequest: the text is not a whole number from ``minimum`` to ``maximum``.
    """
    is_plain = text.isascii() and text.isdigit() and len(text) <= len(str(maximum)) and text == str(int(text))
    if not (is_plain and minimum <= int(text) <= maximum):
        raise InvalidRequest("invalid_parameter", f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)
