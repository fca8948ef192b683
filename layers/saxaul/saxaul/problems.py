"""Problems: errors that the API returns as ``application/problem+json`` (RFC 9457). Services and handlers raise them.

    Problem                     the base class
    ├── InvalidRequest   400    the request does not have the documented form
    ├── Forbidden        403    this client may not send this request
    ├── NotFound         404    the object does not exist, or this client may not see it
    ├── Conflict         409    the current state does not allow the request
    ├── PreconditionFailed 412  the version of the catalog entry does not satisfy If-Match or If-None-Match
    ├── KeyReused        422    the Idempotency-Key was already used for a different request
    ├── AllRefused       422    every item in the list of the request was refused
    ├── TooManyRequests  429    the client has used up a limit; it repeats the request after ``Retry-After``
    ├── InternalError    500    an error on our side; the function's log has the details
    └── Unavailable      503    too much is going on; the client repeats the request after ``Retry-After``

Each problem has a ``code``, which is stable and meant for programs, and a ``detail``, which is meant for people and may
change.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar


class Problem(Exception):  # noqa: N818 - the name in RFC 9457
    """An error that the API returns. The client can correct every problem below 500.

    Attributes:
        status: the HTTP status.
        code: stable, in lower case with underscores.
        detail: a text that says what is wrong and, where possible, what to do instead.
        errors: one text for each invalid field or conflicting entry; empty if ``detail`` says everything.
        members: the extension members (RFC 9457, section 3.2) of the problem, besides ``code`` and ``errors``.
        retry_after: the number of seconds after which the client may repeat the request; None if it should not.
    """

    status: ClassVar[int]
    title: ClassVar[str]
    members: Mapping[str, object] = MappingProxyType({})
    retry_after: int | None = None

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


class ErasureInProgress(Conflict):
    """The request would change or export something of a person who is being erased."""

    retry_after = 60

    def __init__(self) -> None:
        super().__init__(
            "erasure_in_progress",
            "This person is being erased, which takes a few minutes. Until then, nothing of the person can be changed "
            "or exported.",
        )


class PreconditionFailed(Problem):
    status = 412
    title = "Precondition failed"


class KeyReused(Problem):
    status = 422
    title = "Idempotency key reused"


class AllRefused(Problem):
    """The request has a list of items, and every item was refused, so nothing has changed.

    ``members`` has the fields of the usual response: ``accepted``, which is 0, and ``refused``.
    """

    status = 422
    title = "All items refused"

    def __init__(self, refused: Sequence[object]) -> None:
        super().__init__(
            "all_refused", "Every item of the request was refused, so nothing has changed; refused says why."
        )
        self.members = {"accepted": 0, "refused": refused}


class TooManyRequests(Problem):
    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class InternalError(Problem):
    status = 500
    title = "Internal error"


class Unavailable(Problem):
    status = 503
    title = "Service unavailable"
    retry_after = 2
