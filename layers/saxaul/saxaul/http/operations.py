"""Operations: each request that the API answers is declared once, at the function that answers it.

    @operation("GET", "/users/{user_id}/wallet", TO_READ_A_PERSON, answers={200: WalletView})
    def view_wallet(request: Request) -> Response:
        ...

    handler = endpoint(view_wallet, find_client=registered_client)

``endpoint`` checks requests by this declaration, and the OpenAPI document is generated from it. The docstring of the
function is the description in the document. Query parameters and bodies are objects that read and describe what they
name. Headers, answers and problems are only described; the tests compare each response with them.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.http.access import Access
from saxaul.http.query import QueryParameter

if TYPE_CHECKING:
    from types import UnionType

    from saxaul.http.bodies import Listed, Record
    from saxaul.http.request import Request, Response

    Run = Callable[[Request], Response]


ERASURE_IN_PROGRESS = "erasure_in_progress"
"""The code of the problem of a request that would change or export something of a person who is being erased."""

REASON = "reason"
"""The name of the query parameter in which an operator says why a person is read (reasons.py)."""


class HeaderField(NamedTuple):
    """A header of a request or of a response.

    Attributes:
        text: what the header says.
        required: whether a request without the header is refused, or whether each such response has the header.
        pattern: a regular expression that each value matches; empty if there is none. It is not checked here.
    """

    name: str
    text: str
    required: bool = False
    pattern: str = ""


ETAG = HeaderField("ETag", "Names this version of the response, for If-None-Match or If-Match.", required=True)
LOCATION = HeaderField("Location", "The address at which the state of what was requested can be read.", required=True)
IF_NONE_MATCH = HeaderField(
    "If-None-Match", "The ETags of the responses that the client has. If one is current, the status is 304."
)
IF_NONE_MATCH_OF_A_WRITE = HeaderField(
    "If-None-Match", "An asterisk allows the write only if the entry does not exist."
)
IF_MATCH = HeaderField("If-Match", "The ETags or numbers of the versions of which one must be the current version.")


class Answer(NamedTuple):
    """A successful response of an operation.

    Attributes:
        body: the type of the JSON body, usually a TypedDict; None if the response has no JSON body.
        media: the media types of the body.
        headers: the headers that belong to this response. Those of every response are not listed.
    """

    body: Any = None
    media: tuple[str, ...] = ("application/json",)
    headers: tuple[HeaderField, ...] = ()


NOT_MODIFIED = Answer(media=(), headers=(ETAG,))
"""The response with status 304. It has no body."""


class Operation(NamedTuple):
    """A method and path of the API, who may use them, what a request has and what a response has.

    Attributes:
        path: the path as in the template, such as ``/users/{user_id}/wallet``.
        run: the function that answers the request.
        query: the query parameters. A request with another one is refused.
        headers: the headers that the operation reads, besides those that every operation reads.
        body: the object that reads the body; or a union of models, if the path selects the model; None if the request
            has no body.
        answers: the successful responses by status; and the page that browsers get instead of a problem, by its status.
        problems: the codes of the problems that only this operation can have. Those that follow from the access, the
            path, the query and the body are not listed. An operation with ``ERASURE_IN_PROGRESS``, which is a
            change or an export, is refused while the person in the path is being erased.
    """

    method: str
    path: str
    access: Access
    run: "Run"
    query: tuple[QueryParameter, ...] = ()
    headers: tuple[HeaderField, ...] = ()
    body: "Record[Any] | Listed | UnionType | None" = None
    answers: Mapping[int, Answer] = {}
    problems: tuple[str, ...] = ()

    @property
    def route(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """The methods and paths that run this operation. HEAD is one of them if GET is public."""
        is_public_read = self.method == "GET" and self.access.scope is None
        return (self.route, ("HEAD", self.path)) if is_public_read else (self.route,)

    @property
    def names_a_person(self) -> bool:
        return "{user_id}" in self.path

    @property
    def waits_for_erasure(self) -> bool:
        """Whether the request is refused while the person in the path is being erased."""
        return ERASURE_IN_PROGRESS in self.problems

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names of the parameters of the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def needs_reason(self) -> bool:
        """Whether an operator who sends the request must say why."""
        return self.names_a_person and self.access.operator_scope is not None

    @property
    def of_person(self) -> "Operation | None":
        """The operation if the query names a person; None if the query cannot name one."""
        access = self.access.of_person
        return self._replace(access=access) if access else None

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the query parameters that a request may have, without the reason of an operator."""
        names = {parameter.name for parameter in self.query}
        return frozenset(names | {self.access.optional.parameter} if self.access.optional else names)


def operation(
    method: str,
    path: str,
    access: Access,
    *,
    answers: Mapping[int, Any],
    query: tuple[QueryParameter, ...] = (),
    headers: tuple[HeaderField, ...] = (),
    body: "Record[Any] | Listed | UnionType | None" = None,
    problems: tuple[str, ...] = (),
) -> "Callable[[Run], Operation]":
    """Declare the operation that a function answers.

    ``answers`` may have the type of a JSON body in place of an ``Answer``.
    """
    complete = {status: answer if isinstance(answer, Answer) else Answer(answer) for status, answer in answers.items()}

    def declare(run: "Run") -> Operation:
        return Operation(method, path, access, run, query, headers, body, complete, problems)

    return declare
