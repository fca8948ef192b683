"""Sends generated requests to each operation of the API, and holds the answers to the OpenAPI document.

Each operation gets four kinds of requests:

- honest ones, which a test gives, so that an answer of success is reached;
- valid ones, which schemathesis makes from the document. In half of them, some values are those of the test, such as
  the id of a person who exists;
- invalid ones, which differ from what the document allows;
- honest ones of strangers: without a token, with the token of another role, and with an unknown query parameter.

An answer is a fault if it has a status of 500 or more, or a status, a media type, a header or a field that the document
does not name. It is also a fault if the API accepts an invalid request, or refuses the form of a valid one. How a
request is sent is up to the test.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, NamedTuple

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests.structures import CaseInsensitiveDict
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Err, Result
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks

from local.json_schemas import closed
from local.openapi import CODES
from saxaul.http.operations import REASON

Document = Mapping[str, Any]
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Operation]
Answer = schemathesis.Response
Send = Callable[[requests.PreparedRequest], Answer]

_OF_EVERY_ANSWER = {"connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "server"}
_OF_EVERY_ANSWER |= {"access-control-allow-origin", "access-control-expose-headers", "cache-control", "vary"}
_OF_EVERY_ANSWER |= {"content-security-policy", "www-authenticate", "x-content-type-options"}
_OF_EVERY_ANSWER |= {"x-amz-apigw-id", "x-amz-request-id", "x-amzn-errortype", "x-amzn-requestid", "x-amzn-trace-id"}
"""Headers that any answer may have, so that the document does not name them. API Gateway adds most of them."""

_REFUSED = 400
"""The lowest status of a refusal."""

_MALFORMED = 400
_OF_FORM = {"invalid_body", "invalid_header", "invalid_identifier", "invalid_json", "invalid_parameter"}
"""The codes of requests that are refused because of their form."""

_OTHER_ROLES = {"app": "partner", "partner": "operator", "operator": "app"}
_A = {"app": "an app", "partner": "a partner", "operator": "an operator"}


class Honest(NamedTuple):
    """A request that succeeds."""

    path: Mapping[str, str] = {}
    body: Any = None
    query: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


class Known(NamedTuple):
    """What a test knows about its stack.

    Attributes:
        tokens: the value of the header Authorization, by the role of the client.
        honest: requests that succeed, by operation, such as ``GET /log``.
        values: what a field or a parameter may be, by its name.
        prepared: changes a request before it is sent, so that it disturbs nobody else.
    """

    tokens: Mapping[str, str]
    honest: Mapping[str, Sequence[Honest]]
    values: Mapping[str, Sequence[Any]]
    prepared: Callable[[Case], None] = lambda _: None


MALFORMED = "Valid request refused"
"""The title of the fault that a request which the document allows is refused because of its form."""

ACCEPTED = "Schema-violating request accepted"
"""The title of the fault that an invalid request is not refused."""


class Exclusion(NamedTuple):
    """A kind of fault that is none in some answers.

    Attributes:
        reason: why.
        title: the title of the fault.
        applies: returns whether this is such an answer.
    """

    reason: str
    title: str
    applies: Callable[[Case, Answer], bool]


class Outcome(NamedTuple):
    """What came of the requests to one operation.

    Attributes:
        faults: a text for each kind of fault, with the first request that showed it.
        statuses: how many answers had each status.
        excluded: how many answers each exclusion applied to, by its reason.
    """

    faults: list[str]
    statuses: Counter[int]
    excluded: Counter[str]

    @property
    def successes(self) -> int:
        return sum(count for status, count in self.statuses.items() if status < _REFUSED)

    @property
    def refusals(self) -> int:
        return self.statuses.total() - self.successes


def operations_of(document: Document) -> dict[str, Operation]:
    """Return the operations of a document by method and path. Answers have no other fields, and only listed values."""
    strict = deepcopy(dict(document))
    responses = [
        response
        for path in strict["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
    ]
    components = strict.get("components", {})
    components["schemas"] = closed(components.get("schemas", {}))
    for response in (*responses, *components.get("responses", {}).values()):
        for content in response.get("content", {}).values():
            content["schema"] = closed(content.get("schema", {}))
            if CODES in response:
                content["schema"] |= {"properties": {"code": {"enum": response[CODES]}}}
    config = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}}})
    schema = schemathesis.openapi.from_dict(strict, config=config)
    return {operation.label: operation for operation in map(_readable, schema.get_all_operations())}


def _readable(found: Result[Operation, InvalidSchema]) -> Operation:
    if isinstance(found, Err):
        raise found.err()
    return found.ok()


def role_of(operation: Operation) -> str | None:
    """Return the role of the clients of an operation; None if it is public."""
    found: str | None = operation.definition.raw.get("x-saxaul-access", {}).get("role")
    return found


def sender_of(case: Case) -> str | None:
    """Return the role of the client that sends a request. Only an operator gives a reason."""
    return "operator" if REASON in (case.query or {}) else role_of(case.operation)


def _no_other_headers(_: object, response: Answer, case: Case) -> None:
    """Check that the document names each header of an answer."""
    described = case.operation.responses.find_by_status_code(response.status_code)
    if described is None:
        return
    named = {name.lower() for name, _ in described.headers.items()} | _OF_EVERY_ANSWER
    if other := sorted(response.headers.keys() - named):
        raise AssertionError(f"the document does not name the headers {', '.join(other)}")


class MalformedError(Failure):
    """A request that the document allows is refused because of its form."""


def _not_malformed(_: object, response: Answer, case: Case) -> None:
    if response.status_code != _MALFORMED or not response.content:
        return
    code = json.loads(response.content)["code"]
    if code in _OF_FORM:
        raise MalformedError(operation=case.operation.label, title=MALFORMED, message=f"It is refused as {code}.")


_CHECKS: Sequence[CheckFunction] = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    _no_other_headers,
)


class Exercise:
    """Sends the requests of one operation, and keeps what came of them."""

    def __init__(
        self, operation: Operation, known: Known, send: Send, base_url: str, exclusions: Sequence[Exclusion] = ()
    ) -> None:
        self._operation = operation
        self._known = known
        self._send = send
        self._base_url = base_url
        self._exclusions = exclusions
        self._faults: dict[tuple[str, int], str] = {}
        self._statuses: Counter[int] = Counter()
        self._excluded: Counter[str] = Counter()

    def run(self, examples: int) -> Outcome:
        """Send the honest requests, those of strangers, and this many valid and invalid ones."""
        role = role_of(self._operation)
        honest = self._honest()
        for request in honest:
            self._exchange(self._case(request), sender_of(self._case(request)))
        unknown = honest[0]._replace(query={**honest[0].query, "no-such-parameter": "1"})
        self._exchange(self._case(unknown), role, wrong="with an unknown query parameter")
        if role:
            other = _OTHER_ROLES[role]
            self._exchange(self._case(honest[0]), None, wrong="without a token")
            self._exchange(self._case(honest[0]), other, wrong=f"of {_A[other]}")
        if self._has_parts():
            self._generate(self._informed(), examples, [*_CHECKS, _not_malformed])
            invalid = self._operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            with suppress(Unsatisfiable):  # no request of the operation is invalid
                self._generate(invalid, examples, [*_CHECKS, checks.negative_data_rejection])
        return Outcome([*self._faults.values()], self._statuses, self._excluded)

    def _generate(self, strategy: st.SearchStrategy[Case], examples: int, checked: Sequence[CheckFunction]) -> None:
        quick = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        quick(given(strategy)(lambda case: self._exchange(case, sender_of(case), checked=checked)))()

    def _honest(self) -> Sequence[Honest]:
        """Return the requests that succeed. Those of HEAD are those of GET."""
        label = self._operation.label.replace("HEAD ", "GET ", 1)
        return self._known.honest.get(label, [Honest()])

    def _case(self, request: Honest) -> Case:
        body = {} if request.body is None else {"body": request.body, "media_type": "application/json"}
        return self._operation.Case(
            path_parameters=dict(request.path),
            query=dict(request.query),
            headers=CaseInsensitiveDict(request.headers),
            **body,
        )

    def _has_parts(self) -> bool:
        return bool(self._operation.body) or any(True for _ in self._operation.iter_parameters())

    def _informed(self) -> st.SearchStrategy[Case]:
        """Make valid requests, in half of which some values are known ones."""
        honest = self._honest()

        @st.composite
        def informed(draw: st.DrawFn) -> Case:
            case: Case = draw(self._operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
            if not draw(st.booleans()):
                return case
            request = draw(st.sampled_from(honest))
            case.path_parameters = {**(case.path_parameters or {}), **request.path}
            case.headers = CaseInsensitiveDict({**(case.headers or {}), **request.headers})
            case.query = self._with_known(draw, case.query or {})
            case.body = self._with_known(draw, case.body)
            return case

        return informed()

    def _with_known(self, draw: st.DrawFn, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Replace fields, at any depth, by known values of the same name."""
        if isinstance(value, list):
            return [self._with_known(draw, item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: draw(st.sampled_from(self._known.values[name]))
            if name in self._known.values and part is not None
            else self._with_known(draw, part)
            for name, part in value.items()
        }

    def _exchange(
        self, case: Case, role: str | None, wrong: str = "", checked: Sequence[CheckFunction] = _CHECKS
    ) -> None:
        """Send a request with the token of a client of this role, and check the answer.

        ``wrong`` says what is wrong with the request, if it must be refused.
        """
        self._known.prepared(case)
        headers = {"Authorization": self._known.tokens[role]} if role else {}
        made = case.as_transport_kwargs(base_url=self._base_url, headers=headers)
        request = requests.Request(**made).prepare()
        answer = self._send(request)
        self._statuses[answer.status_code] += 1
        if wrong and answer.status_code < _REFUSED:
            self._add_fault(f"a request {wrong} is accepted", request, answer)
        try:
            case.validate_response(answer, checks=list(checked))
        except FailureGroup as failures:
            for failure in failures.exceptions:
                if not self._is_excluded(failure.title, case, answer):
                    self._add_fault(f"{failure.title}: {failure.message}", request, answer, failure.title)

    def _is_excluded(self, title: str, case: Case, answer: Answer) -> bool:
        for exclusion in self._exclusions:
            if exclusion.title == title and exclusion.applies(case, answer):
                self._excluded[exclusion.reason] += 1
                return True
        return False

    def _add_fault(self, text: str, request: requests.PreparedRequest, answer: Answer, title: str = "") -> None:
        """Keep a fault, unless one with the same title was found in an answer with the same status."""
        body = request.body.decode(errors="replace") if isinstance(request.body, bytes) else request.body
        sent = f"{request.method} {request.url} {json.dumps(body, ensure_ascii=False)}"
        received = f"{answer.status_code} {answer.content[:500].decode(errors='replace')}"
        fault = f"{self._operation.label}: {text[:800]}\n    {sent[:900]}\n    {received}"
        self._faults.setdefault((title or text, answer.status_code), fault)
