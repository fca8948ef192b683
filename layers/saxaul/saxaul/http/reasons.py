"""The reason for which an operator reads, exports or erases a person.

An operator must give a reason with each such request, and the log line of the request has it. The log must not name the
person, so a reason that contains the user id is refused.
"""

import re
import unicodedata
from html import unescape
from typing import Annotated
from urllib.parse import unquote

from saxaul.catalog.entries import CHARACTERS_OF_A_PHRASE, checked_phrase
from saxaul.catalog.models import AfterValidator, Field
from saxaul.catalog.sentences import counted
from saxaul.http.operations import REASON, Operation
from saxaul.http.parameters import query_values
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest

SHORTEST, LONGEST = 5, 200
"""The fewest and the most characters of a reason."""


def checked_reason(text: str, *, longest: int = LONGEST) -> str:
    """Return a reason that may be logged.

    Raises:
        ValueError: it has fewer than ``SHORTEST`` or more than ``longest`` characters, or is not a phrase.
    """
    if not SHORTEST <= len(text) <= longest:
        raise ValueError(f"this must have {SHORTEST} to {counted(longest, 'character')}")
    return checked_phrase(text)


ReasonText = Annotated[
    str, Field(min_length=SHORTEST, max_length=LONGEST), AfterValidator(checked_reason), CHARACTERS_OF_A_PHRASE
]

TEXT = (
    "Why an operator reads or erases the person, such as `ticket 4711`. Operators must send it, and nobody else may. "
    "It is logged, so it must not contain an id of the path, and should say nothing else about the person."
)
"""The description of the parameter in the OpenAPI document."""


def with_reason(request: Request, declared: Operation) -> Request:
    """Return the request with the reason of its operator; the same request if it needs none.

    Raises:
        InvalidRequest: an operator gives no reason, or one that cannot be logged, or the user id is malformed.
    """
    if not declared.needs_reason or request.caller.role != "operator":
        return request
    values = query_values(request.event, REASON)
    if not "".join(values).strip():
        raise InvalidRequest(
            "reason_required", "An operator who reads or erases a person must say why, in the query parameter reason."
        )
    if len(values) > 1:
        raise InvalidRequest("invalid_parameter", "reason must be sent only once.")
    [reason] = values
    try:
        checked_reason(reason)
    except ValueError as error:
        raise InvalidRequest("invalid_parameter", f"reason: {error}.") from None
    if any(has_word(reason, request.identifier(name)) for name in declared.path_parameters):
        raise InvalidRequest("invalid_parameter", "reason must not contain an id of the path, because it is logged.")
    return request._replace(reason=reason)


def has_word(text: str, identifier: str) -> bool:
    """Return whether a text contains an identifier that is not a part of a longer word, in any case of letters.

    Only ASCII letters and digits continue a word, because Chinese is written without spaces.
    """
    return re.search(rf"(?<![a-z0-9]){re.escape(_plain(identifier))}(?![a-z0-9])", _plain(text)) is not None


def _plain(text: str) -> str:
    """Return a text in small letters of usual width, without escapes, invisible characters and marks on letters.

    A client may encode a text twice, and other programs replace hyphens by dashes.
    """
    folded = unicodedata.normalize("NFKD", unescape(unquote(text))).casefold()
    return "".join("-" if _is_dash(each) else each for each in folded if not _is_unseen(each))


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == "Pd"


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Mn", "Me") or character in _FILLERS


_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters of Unicode that are shown as nothing."""
