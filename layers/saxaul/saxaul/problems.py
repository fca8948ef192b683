"""Why a request is refused. Services and handlers raise problems; the API returns them as problem+json (RFC 9457).

    Problem                     the base class
    ├── InvalidRequest   400    the request does not have the documented form
    ├── Forbidden        403    this client may not do this
    ├── NotFound         404    there is no such thing, or this client may not see it
    ├── Conflict         409    the current state does not allow the request
    ├── PreconditionFailed 412  the catalog entry does not meet If-Match or If-None-Match
    ├── KeyReused        422    the Idempotency-Key was already used for a different request
    └── InternalError    500    an error on our side; the function's log has the details

``code`` is stable and meant for programs; ``detail`` is meant for people and may change.
"""

from collections.abc import Sequence
from typing import ClassVar


class Problem(Exception):  # noqa: N818 - the name in RFC 9457
    """An error that the client can correct, except for InternalError.

    Attributes:
        status: the HTTP status.
        code: stable, in lower case with underscores.
        detail: one sentence that says what is wrong and what would be accepted.
        errors: one text for each invalid field or conflicting entry; empty if ``detail`` is enough.
    """

    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, code: str, detail: str, errors: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)


class InvalidRequest(Problem):
    status = 400
    title = "Invalid request"


class Forbidden(Problem):
    status = 403
    title = "Forbidden"


class NotFound(Problem):
    status = 404
    title = "Not found"


class Conflict(Problem):
    status = 409
    title = "Conflict"


class PreconditionFailed(Problem):
    status = 412
    title = "Precondition failed"


class KeyReused(Problem):
    status = 422
    title = "Idempotency key reused"


class InternalError(Problem):
    status = 500
    title = "Internal error"
