"""What a call can raise.

SaxaulError
├── Problem             the API refused the request: a status of 400 or more
├── UnreachableError    no response after all attempts
├── TokenError          the token endpoint gave no token
├── AnswerError         a response that cannot be understood
├── IncompleteError     one of several calls failed; it has what the earlier ones said
├── NotHashedError      a photo was uploaded, but not hashed in time, or it was refused
└── NotErasedError      a person was not erased in time; the erasure goes on

No error contains a secret, a token, or a header of a request. An error names the route, such as
``GET /users/{user_id}/wallet``, and not the person.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saxaul_client.models import Reported


class SaxaulError(Exception):
    """A call failed.

    Attributes:
        route: the method and the path of the call, as it was written, such as ``GET /users/{user_id}/wallet``.
        idempotency_key: the key of a redemption request, with which it can be repeated; None for other calls.
    """

    route: str = ""
    idempotency_key: str | None = None

    def __str__(self) -> str:
        said = super().__str__()
        return f"{self.route}: {said}" if self.route else said


class Problem(SaxaulError):  # noqa: N818 - the name in RFC 9457
    """The API refused the request (RFC 9457).

    Attributes:
        status: the HTTP status of the response.
        code: for programs, such as ``insufficient_points``; empty if the response has none, because it does not come
            from Saxaul.
        title, detail: for people. ``detail`` is cut after 1,000 characters.
        errors: the single errors, if there are several.
        members: all other members of the problem.
        request_id: the id that API Gateway gave the request; None if the response has none.
        retry_after: the seconds after which the response asks to repeat the request; None if it does not.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        errors: tuple[str, ...] = (),
        members: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code or title}" + (f": {detail}" if detail else ""))
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = errors
        self.members: Mapping[str, Any] = members or {}
        self.request_id = request_id
        self.retry_after = retry_after


class UnreachableError(SaxaulError):
    """No response arrived. The request may have had its effect; every request is safe to repeat unchanged."""


class TokenError(SaxaulError):
    """The token endpoint refused the client, or answered with no token."""


class AnswerError(SaxaulError):
    """A response is not what the API sends: no JSON, a wrong type, a wrong index, a redirect, or a list without end."""


class IncompleteError(SaxaulError):
    """Of several calls for one long list, one failed. The later ones were not made. ``__cause__`` is its error.

    Attributes:
        reported: what the earlier calls said, with the indexes of the whole list.
        answered: how many items of the list these calls had. To go on, report the items from this index on.
    """

    def __init__(self, reported: "Reported", answered: int, cause: SaxaulError) -> None:
        super().__init__(f"only the first {answered} items were answered; then: {cause}")
        self.reported = reported
        self.answered = answered


class NotHashedError(SaxaulError):
    """A photo was uploaded, but was not hashed in time. If it is no valid photo of its type, it never will be."""


class NotErasedError(SaxaulError):
    """A person was not erased in time. The erasure goes on."""
