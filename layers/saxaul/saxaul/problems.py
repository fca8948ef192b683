"""Problems: errors that the API returns as ``application/problem+json`` (RFC 9457). Services and handlers raise them.

    Problem                     the base class
    ├── InvalidRequest   400    the request does not have the documented form
    ├── Forbidden        403    this client may not send this request
    ├── NotFound         404    the object does not exist, or this client may not see it
    ├── Conflict         409    the current state does not allow the request
    ├── PreconditionFailed 412  the version of the catalog entry does not satisfy If-Match or If-None-Match
    ├── KeyReused        422    the Idempotency-Key was already used for a different request
    ├── InternalError    500    an error on our side; the function's log has the details
    └── Unavailable      503    too much is going on; the client repeats the request after ``Retry-After``

Each problem has a ``code``, which is stable and meant for programs, and a ``detail``, which is meant for people and may
change.
"""

from collections.abc import Sequence
from typing import ClassVar


class Problem(Exception):  # noqa: N818 - the name in RFC 9457
    """An error that the API returns. The client can correct every problem below 500.

    Attributes:
        status: the HTTP status.
        code: stable, in lower case with underscores.
        detail: a text that says what is wrong and, where possible, what to do instead.
        errors: one text for each invalid field or conflicting entry; empty if ``detail`` says everything.
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


class Unavailable(Problem):
    status = 503
    title = "Service unavailable"
