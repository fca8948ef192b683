"""Why a request is refused. Services raise these; the API answers with them as problem+json (RFC 9457).

    Problem                     the base of all
    ├── InvalidRequest   400    the request is not of the documented shape
    ├── Forbidden        403    the caller may not do this
    ├── NotFound         404    there is no such thing, or not for this caller
    ├── Conflict         409    the state of things does not allow it
    ├── PreconditionFailed 412  the entry is no longer what the caller read
    ├── KeyReused        422    the Idempotency-Key came with another request before
    └── InternalError    500    something broke on our side; the log says what

``code`` is stable and for programs; ``detail`` is for people and may change.
"""

from collections.abc import Sequence
from typing import ClassVar


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """An error that the caller can correct; of the families, only InternalError is ours.

    Attributes:
        status: the HTTP status.
        code: stable, in lower case with underscores.
        detail: one sentence on what was wrong and what would be right.
        errors: each fault by name, where there are several.
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
