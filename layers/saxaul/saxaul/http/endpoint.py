"""The handler of every function behind the REST API. It parses the event, runs the operation and returns a response.

If a path needs a token, API Gateway has already checked the token and its scope. Before an operation runs, the handler
checks what its declaration (operations.py) requires: that the client of the token is registered, has the right role
and calls within its limit, and, if it is a third-party app, has a grant of the person in the path or in the query. If
the token of an app has a username, it must be equal to the user id in the path or in the query. What would change or
export something of a person is refused while the person in the path is being erased. An operator who reads or erases a
person gives a reason, which is logged. A query parameter that is not declared, or that is sent more than once, is
refused. Every error response is an application/problem+json document.

HEAD on a public path runs the operation of GET, and the response has no body.

An event with ``"read_again": true`` beside the members of API Gateway first reads again what the process has in memory
from S3 and KMS. API Gateway never sends it, so a client cannot. The check after a deployment does, by invoking the
function itself: a process that answers from memory would not show that it may no longer read.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from time import perf_counter
from traceback import format_tb
from typing import TYPE_CHECKING, Any

from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.faults import bounded_lines, shortened
from saxaul.deadline import DEADLINE, OutOfTimeError, UnansweredError
from saxaul.http.access import OF_MANY_PERSONS, Access, Data
from saxaul.http.operations import REASON, Operation
from saxaul.http.parameters import query_names, query_values
from saxaul.http.reasons import with_reason
from saxaul.http.request import ApiEvent, Request, Response
from saxaul.http.sizes import fits_response
from saxaul.ledger.grants import Cover
from saxaul.observability import logger, metrics
from saxaul.people.erasures import ErasureMark
from saxaul.problems import ErasureInProgress, Forbidden, InternalError, InvalidRequest, NotFound, Problem, Unavailable
from saxaul.races import ContendedError, OverloadedError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_NOT_MODIFIED = 304
_MAX_DETAIL_BYTES = 1000
_MAX_ERRORS = 50
"""The most errors that a problem lists. An entry has at most 10 of its own, and those of its references come on top."""

_BUSY = Unavailable("busy", "The request could not be finished in time; repeat it unchanged after a few seconds.")

_TRACE = re.compile(
    r"(?:(?P<first>00)|(?!00|ff)[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    r"(?(first)|(?:-.*)?)"
)
"""The header ``traceparent`` (https://www.w3.org/TR/trace-context/). Only versions after 00 may add parts."""

FindClient = Callable[[str], RegisteredClient | None]
"""Returns the registered client with a client id."""
TakeCall = Callable[[RegisteredClient], None]
"""Counts a call of a client. Raises TooManyRequests if the client is over its limit."""
CoversOf = Callable[[str, str], Collection[Cover]]
"""Returns what the grant of a person, named by user id, to an app covers."""
FindMark = Callable[[str], ErasureMark | None]
"""Returns the mark of the newest erasure of a person, named by user id; None if there was none."""
ReadAgain = Callable[[], None]
"""Reads again what the process has in memory from S3 and KMS."""
Measure = Callable[[Response], Mapping[str, int]]
"""Returns the metrics of a response: their names and values. It is empty if the response has none."""


def _no_client(client_id: str) -> RegisteredClient | None:  # noqa: ARG001 - for any client
    return None


def _no_limit(client: RegisteredClient) -> None:
    """Let each call through."""


def _no_covers(user_id: str, app: str) -> Collection[Cover]:  # noqa: ARG001 - for any grant
    return ()


def _no_mark(user_id: str) -> ErasureMark | None:  # noqa: ARG001 - for any person
    return None


def _nothing_to_read() -> None:
    """Read nothing, because the function reads neither S3 nor KMS before a request needs it."""


def _no_metrics(response: Response) -> Mapping[str, int]:  # noqa: ARG001 - for any response
    return {}


class Endpoint:
    """A Lambda handler for some operations.

    Attributes:
        operations: what it answers.
    """

    def __init__(
        self,
        operations: tuple[Operation, ...],
        find_client: FindClient,
        take_call: TakeCall,
        covers_of: CoversOf,
        find_mark: FindMark,
        *,
        read_again: ReadAgain,
        measure: Measure,
    ) -> None:
        self.operations = operations
        self._by_route = {route: declared for declared in operations for route in declared.routes}
        self._find_client = find_client
        self._take_call = take_call
        self._covers_of = covers_of
        self._find_mark = find_mark
        self._read_again = read_again
        self._measure = measure

    def __call__(self, event: ApiEvent, context: "LambdaContext") -> dict[str, Any]:
        began = perf_counter()
        method, resource = event["httpMethod"], event["resource"]
        request = Request(event)
        DEADLINE.set(context.get_remaining_time_in_millis() / 1000)
        try:
            if event.get("read_again") is True:
                self._read_again()
            declared = self._operation_for(method, resource)
            request = request._replace(registered=self._client_of(request, declared))
            self._check_client(request, declared)
            request = with_reason(request, declared)
            response = declared.run(self._admitted(request, declared))
        except Problem as problem:
            response = _refusal(problem)
        except (ContendedError, OutOfTimeError, OverloadedError, UnansweredError) as error:
            _log_delay(error, request, context.aws_request_id)
            response = _refusal(_BUSY)
        except Exception as error:  # noqa: BLE001 - a client must never get a stack trace
            _log_failure(error, request, context.aws_request_id)
            response = _refusal(
                InternalError(
                    "internal_error", "The request failed because of an error on our side; it is safe to repeat it."
                )
            )
        finally:
            DEADLINE.clear()
        measured = {} if request.is_of_the_check else self._measure(response)
        body = utf8_text(response.body)
        if not fits_response(body):
            logger.error("the response is too large", extra={"status": response.status, "characters": len(body)})
            response = _refusal(_too_large(method))
            body = utf8_text(response.body)
        logger.info(
            f"{method} {resource}",
            extra={
                "status": response.status,
                "code": _code_of(response),
                "ms": round((perf_counter() - began) * 1000, 1),
                "request_id": context.aws_request_id,
                **_client_of(request),
                **_refused_in(response),
                **_ids_of(request),
                **({"check": True} if request.is_of_the_check else {}),
                **metrics(context.function_name, measured),
            },
        )
        return {
            "statusCode": response.status,
            "headers": {
                "content-type": "application/json",
                "access-control-allow-origin": "*",
                "access-control-expose-headers": "ETag,Location,Retry-After,Deprecation,Sunset,Link,x-amzn-requestid",
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
                **response.headers,
                **_language_headers(response),
            },
            "body": "" if method == "HEAD" else body,
        }

    def _operation_for(self, method: str, resource: str) -> Operation:
        declared = self._by_route.get((method, resource))
        if declared is None:
            raise NotFound("unknown_path", f"The API has no endpoint {method} {resource}.")
        return declared

    def _client_of(self, request: Request, declared: Operation) -> RegisteredClient | None:
        """Return the registered client of a request; None if it has none, or if the operation is public."""
        return None if _access_of(request, declared).scope is None else self._find_client(request.client_id)

    def _check_client(self, request: Request, declared: Operation) -> None:
        """Check that the client of a request may send this kind of request, and count the call.

        Raises:
            Forbidden: the client is not registered, or may not send this request.
            TooManyRequests: the client has used up its calls.
        """
        access = _access_of(request, declared)
        if access.scope is None:
            return
        client = request.caller
        access.check_client(client)
        scope = access.scope_of(client.role)
        if scope and not request.has_scope(scope):
            raise Forbidden("forbidden", f"The token needs the scope {scope}.")
        self._take_call(client)

    def _admitted(self, request: Request, declared: Operation) -> Request:
        """Check whom a request of this client reaches and what it has, and return it with the person in its query.

        The grants of persons in a body are checked where the body is read, because each item is refused by itself.

        Raises:
            Forbidden: the client may not reach the person in the path or in the query.
            InvalidRequest: the user id in the path or in the query cannot be an identifier; the query has a parameter
                that the operation does not have, or a parameter twice; or there is a body, and the operation has none.
            ErasureInProgress: the person in the path is being erased, and the operation is a change or an export.
        """
        access = _access_of(request, declared)
        if access.scope is None:
            _check_query(request, declared)
            return request
        client = request.caller
        if access.data in OF_MANY_PERSONS and request.person_of_token is not None:
            raise Forbidden("not_yours", "A token with a username can be used only for the paths of that person.")
        if declared.names_a_person:
            self._require_grant(client, request.user_id, access.cover)
        _check_query(request, declared)
        _check_body(request, declared)
        request = self._after_erasure(request, declared)
        if access.optional and access.data is Data.PERSON_IN_QUERY:
            parameter, scope, cover = access.optional
            if not request.has_scope(scope):
                raise Forbidden("forbidden", f"A request with {parameter} needs the scope {scope} too.")
            person = request.user_id_in(parameter)
            self._require_grant(client, person, cover)
            return request._replace(person=person)
        return request

    def _after_erasure(self, request: Request, declared: Operation) -> Request:
        """Refuse to change or export something of a person who is being erased.

        Return the request with the last erasure of the id, if there was one.

        Raises:
            ErasureInProgress: the erasure is not finished.
        """
        mark = self._find_mark(request.user_id) if declared.waits_for_erasure else None
        if mark and not mark.is_finished:
            raise ErasureInProgress
        return request._replace(erasure_id=mark.erasure_id) if mark else request

    def _require_grant(self, client: RegisteredClient, user_id: str, cover: Cover | None) -> None:
        """Check that a client may reach a person. A cover of None requires no grant.

        Raises:
            Forbidden: the client is a third-party app, and the person has no grant for it that has the cover.
        """
        if cover and client.needs_grants and cover not in self._covers_of(user_id, client.name):
            raise Forbidden(
                "not_granted", f"This person has no grant that lets {client.name} {cover}; ask the person for one."
            )


def endpoint(
    *operations: Operation,
    find_client: FindClient = _no_client,
    take_call: TakeCall = _no_limit,
    covers_of: CoversOf = _no_covers,
    find_mark: FindMark = _no_mark,
    read_again: ReadAgain = _nothing_to_read,
    measure: Measure = _no_metrics,
) -> Endpoint:
    """Return a Lambda handler for these operations.

    A function that gives no ``find_client`` can serve only public operations, without ``take_call`` it limits no
    client, and without ``covers_of`` no third-party app reaches a person.

    Raises:
        ValueError: an operation waits for erasures, and there is no ``find_mark``.
    """
    waiting = [declared.path for declared in operations if declared.waits_for_erasure]
    if waiting and find_mark is _no_mark:
        raise ValueError(f"without find_mark, nothing is refused while a person is erased: {waiting}")
    return Endpoint(operations, find_client, take_call, covers_of, find_mark, read_again=read_again, measure=measure)


def _access_of(request: Request, declared: Operation) -> Access:
    """Return what a request requires, which is more if its query names a person."""
    access = declared.access
    if access.optional and query_values(request.event, access.optional.parameter):
        return access.of_person or access
    return access


def _check_query(request: Request, declared: Operation) -> None:
    allowed = declared.parameters if request.reason is None else declared.parameters | {REASON}
    for name in query_names(request.event):
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise InvalidRequest(
                "invalid_parameter",
                f"There is no query parameter {shortened(repr(name))} here; the parameters are: {known}.",
            )
        if len(query_values(request.event, name)) > 1:
            raise InvalidRequest("invalid_parameter", f"{name} must be sent only once.")


def _check_body(request: Request, declared: Operation) -> None:
    """Refuse a body that the operation would ignore. An empty object says nothing, so it is allowed."""
    if declared.body is None and declared.method != "GET" and request.body_text.strip() not in ("", "{}"):
        raise InvalidRequest("invalid_body", "This request has no body; its parameters are in the path and the query.")


def _code_of(response: Response) -> str | None:
    """Return the code of a problem, for the log. A problem that a browser gets as a page has none."""
    is_problem = response.status >= InvalidRequest.status and isinstance(response.body, Mapping)
    return response.body.get("code") if is_problem else None


def _refused_in(response: Response) -> Mapping[str, Mapping[str, int]]:
    """Return how many items of a list were refused for which reason, for the log. It is empty if none were."""
    refused = response.body.get("refused") if isinstance(response.body, Mapping) else None
    codes = Counter(item["code"] for item in refused) if isinstance(refused, list) else None
    return {"refused": dict(codes)} if codes else {}


def _ids_of(request: Request) -> Mapping[str, str]:
    """Return by what a client may name its request, for the log.

    ``api_request_id`` is what API Gateway returns in the header ``x-amzn-requestid``. A client can choose it. The
    ``trace_id`` is that of the header ``traceparent``, which is ignored if it is malformed.
    """
    given = request.event["requestContext"].get("requestId")
    found = _TRACE.fullmatch(request.header("traceparent") or "")
    named = {"api_request_id": shortened(given)} if given else {}
    return named | ({"trace_id": found["trace_id"]} if found else {})


def _log_delay(error: Exception, request: Request, request_id: str) -> None:
    """Log that there was not enough time. The text of the error is left out, as in ``_log_failure``."""
    text = repr(error) if request.is_of_the_check else type(error).__name__
    logger.warning("could not finish in time", extra={"error": text, "request_id": request_id})


def _log_failure(error: Exception, request: Request, request_id: str) -> None:
    """Log an error that is our fault, by its type and place, and those of the errors behind it.

    The text of an error can name a person, whom the log never names. Only the check after a deployment names nobody, so
    its errors are logged with their text.
    """
    if request.is_of_the_check:
        logger.exception("unexpected failure", extra={"request_id": request_id})
        return
    where = "".join(map(_place_of, [*_behind(error)][::-1]))
    logger.error("unexpected failure", extra={"error": type(error).__name__, "where": where, "request_id": request_id})


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, the one that it was raised from or during, and so on."""
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place_of(error: BaseException) -> str:
    return f"{''.join(format_tb(error.__traceback__))}{type(error).__name__}\n"


def _client_of(request: Request) -> Mapping[str, str]:
    """Return the app or the partner that sent a request, or the operator and why a person is read, for the log."""
    if request.registered is None:
        return {}
    if request.registered.role != "operator":
        return {"app": request.registered.name}
    named = {"operator": shortened(request.username_or_client)}
    return named if request.reason is None else named | {"reason": request.reason}


def _language_headers(response: Response) -> Mapping[str, str]:
    """Return the headers that tell caches and readers about the language of a response.

    A response with status 304 has no body, so it does not name the language of one (RFC 9110, section 15.4.5).
    """
    if response.language is None:
        return {}
    varying = {"vary": ", ".join([*filter(None, [response.headers.get("vary")]), "Accept-Language"])}
    return varying if response.status == _NOT_MODIFIED else varying | {"content-language": response.language}


def _refusal(problem: Problem) -> Response:
    detail = shortened(problem.detail, _MAX_DETAIL_BYTES)
    members = {"title": problem.title, "status": problem.status, "code": problem.code, "detail": detail}
    errors = {"errors": bounded_lines(problem.errors, _MAX_ERRORS)} if problem.errors else {}
    retry = {"retry-after": str(problem.retry_after)} if problem.retry_after else {}
    body = {**members, **errors, **problem.members}
    return Response(body, problem.status, {"content-type": "application/problem+json", **retry})


def _too_large(method: str) -> InvalidRequest:
    done = (
        ""
        if method in ("GET", "HEAD")
        else "The request was carried out, but its response is too large to be returned. "
    )
    return InvalidRequest(
        "response_too_large",
        f"{done}The response would be larger than 5.5 MB. Request less: a smaller limit, fewer items, or fewer days.",
    )


def utf8_text(body: Any) -> str:  # noqa: ANN401 - a text or any JSON value
    """Return a body as text that UTF-8 can encode.

    UTF-8 cannot encode a lone surrogate (half of a UTF-16 pair). A client may send one, and the response may contain
    what the client sent, so each lone surrogate becomes a question mark.
    """
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()
