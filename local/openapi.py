"""Makes the OpenAPI 3.1 document of the API from the operations of all handlers, and from the types that they declare.

``python -m local.openapi`` writes functions/describe_api/openapi.json. A test says that the file is current.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, NotRequired, TypedDict

from functions.describe_api.handler import API_ADDRESS, TOKEN_ADDRESS
from local.command import command_parser, run_command
from local.console import step
from local.json_schemas import EXTENSIBLE, Schema, Schemas, text_of
from local.operations import operations
from local.problem_codes import API, ProblemCode, codes_below, codes_in_table, problem_codes
from local.sam import ROOT
from saxaul.catalog.clients import SCOPES_OF
from saxaul.catalog.entries import MODELS, Identifier, Kind
from saxaul.catalog.models import Field
from saxaul.catalog.versions import HIGHEST_VERSION
from saxaul.http.access import OF_MANY_PERSONS, WRONG_ROLE, Access
from saxaul.http.bodies import Listed, Record
from saxaul.http.catalog_views import EntryView
from saxaul.http.operations import ERASURE_IN_PROGRESS, REASON, Answer, HeaderField, Operation
from saxaul.http.order_views import ManifestView
from saxaul.http.query import Choice, Day, FreeText, QueryParameter, WholeNumber
from saxaul.http.reasons import TEXT, ReasonText
from saxaul.http.request import LANG
from saxaul.ledger.identifiers import Id
from saxaul.trees.manifests import COLUMNS, ManifestFile

DOCUMENT = ROOT / "functions/describe_api/openapi.json"
EXAMPLES = ROOT / "tests/contract/examples.json"

DESCRIPTION = """\
Apps report what people do for the environment. People earn points, and spend them on trees. Planting partners report
what became of each tree, in a log that anyone can check.

A request without a token, or with a wrong one, is refused with status 401. A client gets a token by the OAuth 2.0
client credentials flow. Each operation says which scope it needs, and who may send it.

All texts are UTF-8. All times are RFC 3339 with an offset. A later version may add fields to responses, so ignore
fields that you do not know. A field with `x-extensible-enum` has one of the listed values today, and a later version
may add values. A request with a field or a query parameter that is not described here is refused.

Every problem is `application/problem+json` (RFC 9457) with a `code` that does not change. Each operation lists its
codes, also as `x-saxaul-codes` for programs. Two codes belong to no operation: `unknown_path` and `refused`.
"""

_TAGS: Mapping[str, tuple[str, str]] = {
    "actions": ("Actions", "Apps report what people and facilities did."),
    "reversals": ("Actions", ""),
    "receipts": ("Actions", ""),
    "suggestions": ("Programme", "What a person can do, and what the programme offers."),
    "action-types": ("Programme", ""),
    "campaigns": ("Programme", ""),
    "tree-projects": ("Programme", ""),
    "wallet": ("Points", "What a person earned, and why."),
    "ledger": ("Points", ""),
    "statement": ("Points", ""),
    "harvest": ("Points", ""),
    "redemptions": ("Trees", "A person spends points on trees."),
    "forest": ("Trees", ""),
    "grants": ("Grants", "What a person lets third-party apps do."),
    "export": ("Privacy", "Everything that is held about a person is exported and erased."),
    "erasures": ("Privacy", ""),
    "planting-orders": ("Planting", "Partners plant the trees, and report what became of each."),
    "certificates": ("Proof", "What the log proves of each tree. Anyone may read it."),
    "log": ("Proof", ""),
    "impact": ("Figures", "The totals of the programme, and the factors behind them. Anyone may read them."),
    "factors": ("Figures", ""),
    "catalog": ("Catalog", "Operators write what the programme consists of."),
    "apps": ("Apps", "Operators register apps and planting partners, and end them."),
    "openapi.json": ("About", "This document."),
    "docs": ("About", ""),
}
"""The subject of each path: by its first segment, or by the segment after the person. The first of a subject has its
description."""

_IN_PATHS: Mapping[str, tuple[Any, str]] = {
    "user_id": (Id, "The id of a person, which the app chooses."),
    "receipt_id": (Id, "The id of a receipt, from the response to the call."),
    "redemption_id": (Id, "The id of a redemption."),
    "order_id": (Id, "The id of a planting order."),
    "erasure_id": (Id, "The id of an erasure, from the response to the request."),
    "app_id": (Identifier, "The id of an app."),
    "secret_id": (str, "The id of a secret of an app."),
    "kind": (Kind, "A kind of catalog entries."),
    "id": (Identifier, "The id of a catalog entry."),
    "version": (Annotated[int, Field(ge=1, le=HIGHEST_VERSION)], "The number of a version."),
    "action_type": (Identifier, "The id of an action type."),
    "number": (str, "The number of a certificate. With `.svg` or `.json` after it, it selects the form."),
    "file": (str, "The name of a file that the page loads."),
}
"""The type of each parameter of a path, and what it is."""

_SCOPES: Mapping[str, str] = {
    "actions.write": "Report and reverse actions, and follow what became of them.",
    "suggestions.read": "Search, and read action types, campaigns and tree projects.",
    "wallets.read": "Read the points and the trees of persons.",
    "trees.redeem": "Harvest and spend the points of persons.",
    "grants.write": "Record what persons let third-party apps do.",
    "planting.write": "Read planting orders, and report on their trees.",
    "catalog.write": "Read and write the catalog, search, and read action types, campaigns and tree projects.",
    "apps.write": "Register apps and planting partners, rotate their secrets, suspend and end them.",
    "users.read": "Read the points and the trees of any person, as an operator.",
    "users.admin": "Export and erase any person.",
}

_OF_EVERY_OPERATION = ("invalid_parameter", "throttled", "internal_error", "busy", "timeout")
_OF_NO_OPERATION = ("unknown_path", "refused")
_RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_PROBLEM = "application/problem+json"
JSON_LINES = "application/jsonl"
"""The media type of a text with a JSON value on each line."""
CODES = "x-saxaul-codes"
"""The keyword of a response for the codes of problems that it can have.

All problems have the same schema, so that generators of clients make one type of them. Few can merge two schemas.
"""
_ALL_REFUSED = "all_refused"
"""The code of a problem that also has the fields of the usual response."""


_CODES: Mapping[tuple[str, str], Callable[[], list[ProblemCode]]] = {
    ("RefusedItemView", "code"): partial(codes_below, "Codes of one action or reversal"),
    ("RefusedReportView", "code"): partial(codes_below, "Codes of one confirmation, failure, inspection or correction"),
    ("FlaggedItemView", "code"): partial(codes_in_table, "reason of the grams"),
    ("WarningView", "code"): partial(codes_in_table, "warning", API),
    ("LedgerLineView", "avoided_g_reason"): partial(codes_in_table, "reason of the grams"),
    ("RedemptionView", "reason"): partial(codes_in_table, "reason of a rejected redemption"),
    ("RequestedRedemptionView", "reason"): partial(codes_in_table, "reason of a rejected redemption"),
}
"""The fields of answers whose codes are described in docs/problems.md or docs/api.md, and where they are."""

_REASONS_OF_A_LINE = partial(codes_in_table, "reason of a line")
"""The codes among the reasons of a ledger line. An app writes other reasons as it likes."""

_IN_A_WRITE: Mapping[str, Schema] = {
    name: {"description": "Ignored. The response to a GET has it, and can be sent back."}
    for name in EntryView.__annotations__
} | {
    "id": {"description": "The id in the path.", "type": "string"},
    "effective_at": {
        "description": "When the change takes effect. Without it, after the delay of the catalog.",
        "type": ["string", "null"],
        "format": "date-time",
    },
}
"""The fields that the body of a write may have besides those of the entry."""


class Problem(TypedDict):
    """Why a request failed (RFC 9457)."""

    title: str
    """The kind of problem."""
    status: NotRequired[int]
    """The HTTP status. A problem with the code `refused` does not have it."""
    code: str
    """What is wrong, for programs. A code never changes its meaning."""
    detail: str
    """What is wrong, for people. It may change."""
    errors: NotRequired[list[str]]
    """Each error, if there are several. At most 50 are listed."""


def codes_of(declared: Operation) -> dict[int, list[ProblemCode]]:
    """Return the problems that an operation can have, by status, each in the order of docs/problems.md.

    Raises:
        LookupError: docs/problems.md does not describe a code, or gives it no status.
    """
    known = problem_codes()
    possible = {*_OF_EVERY_OPERATION, *declared.problems, *_codes_of_access(declared), *_codes_of_body(declared)}
    if missing := sorted(code for code in possible if code not in known or known[code].status is None):
        raise LookupError(f"docs/problems.md does not describe {', '.join(missing)} of {' '.join(declared.route)}")
    found: dict[int, list[ProblemCode]] = {}
    for code in known.values():
        if code.code in possible and code.status:
            found.setdefault(code.status, []).append(code)
    return found


def _codes_of_access(declared: Operation) -> Iterator[str]:
    access = declared.access
    if access.scope is None or access.role is None:
        return
    yield from ("unauthorized", "forbidden", "unknown_client", "app_suspended", WRONG_ROLE[access.role][0])
    if access.role != "operator":
        yield "too_many_calls"
    if access.first_party:
        yield "not_first_party"
    if declared.needs_reason:
        yield "reason_required"
    if declared.names_a_person or access.optional or access.data in OF_MANY_PERSONS:
        yield "not_yours"
    if access.optional or (access.cover and declared.names_a_person):
        yield "not_granted"


def _codes_of_body(declared: Operation) -> Iterator[str]:
    if declared.body is None:
        yield from () if declared.method == "GET" else ("invalid_body",)
        return
    yield from ("invalid_json", "too_large")
    if isinstance(declared.body, Listed):
        yield from ("invalid_body", declared.body.too_many)
    elif isinstance(declared.body, Record):
        yield "invalid_body"


class _Document:
    """The document while it is made."""

    def __init__(self, calls: list[Any]) -> None:
        self._schemas = Schemas()
        self._headers: dict[str, Any] = {}
        self._responses_of_problems: dict[str, Any] = {}
        self._refusals = [call for call in calls if call["status"] >= HTTPStatus.BAD_REQUEST]
        self._calls = [call for call in calls if call["status"] < HTTPStatus.BAD_REQUEST]

    def made(self) -> dict[str, Any]:
        declared = operations()
        paths: dict[str, Any] = {}
        for operation in sorted(declared, key=_order):
            for method, path in operation.routes:
                paths.setdefault(path, {})[method.lower()] = self._operation(operation, method)
        for code in _OF_NO_OPERATION:
            self._problems([problem_codes()[code]])
        self._schemas.of(ManifestFile)  # behind a link, so no operation refers to it
        self._complete_schemas()
        return {
            "openapi": "3.1.0",
            "info": _info(),
            "servers": [{"url": API_ADDRESS}],
            "tags": [{"name": name, "description": text} for name, text in _TAGS.values() if text],
            "paths": paths,
            "components": {
                "schemas": dict(sorted(self._schemas.named.items())),
                "responses": dict(sorted(self._responses_of_problems.items())),
                "headers": dict(sorted(self._headers.items())),
                "securitySchemes": {"oauth2": _security_scheme()},
            },
        }

    def _complete_schemas(self) -> None:
        """Add what the types do not say: the codes of refused items, and the fields around those of an entry."""
        for (name, field), find in _CODES.items():
            codes = {code.code: code for code in find()}
            described = self._schemas.named[name]["properties"][field]
            described[EXTENSIBLE] = list(codes)
            described["description"] += "\n\n" + _listed(codes.values())
        self._schemas.named[Problem.__name__]["properties"]["code"][EXTENSIBLE] = list(problem_codes())
        reason = self._schemas.named["LedgerLineView"]["properties"]["reason"]
        reason["description"] += "\n\n" + _listed(_REASONS_OF_A_LINE())
        csv = self._schemas.named[ManifestView.__name__]["properties"]["csv"]
        csv["description"] += f"\n\nIts columns are {', '.join(f'`{column}`' for column in COLUMNS)}."
        for model in MODELS.values():
            properties = self._schemas.named[model.__name__]["properties"]
            properties |= {name: schema for name, schema in _IN_A_WRITE.items() if name not in properties}
        self._schemas.named[EntryView.__name__]["additionalProperties"] = {"description": "A field of the entry."}

    def _operation(self, declared: Operation, method: str) -> dict[str, Any]:
        is_head = method == "HEAD"
        summary, more = _first_sentence(text_of(declared.run))
        examples = [] if is_head else [call for call in self._calls if call["operation"] == declared.run.__name__]
        made: dict[str, Any] = {
            "operationId": f"{declared.run.__name__}_head" if is_head else declared.run.__name__,
            "summary": f"The status and the headers of: {summary}" if is_head else summary,
            "description": "\n\n".join(filter(None, (more, who(declared)))),
            "tags": [_tag_of(declared.path)],
            "security": [{"oauth2": [f"{SCOPES_OF}/{scope}"]} for scope in declared.access.scopes],
            "x-saxaul-access": _access(declared.access),
            "parameters": [*self._parameters(declared, examples)],
        }
        if declared.body is not None:
            content = {"schema": self._body(declared.body)} | _examples_of(examples, "request")
            required = not (isinstance(declared.body, Record) and declared.body.is_optional)
            made["requestBody"] = {"required": required, "content": {"application/json": content}}
        made["responses"] = self._responses(declared, examples, is_head=is_head)
        return made

    def _parameters(self, declared: Operation, examples: list[Any]) -> Iterator[dict[str, Any]]:
        """Yield the parameters of the path, of the query and in headers, with the values of a recorded call."""
        for place, name, required, text, schema in self._described_parameters(declared):
            sent = [call[place][name] for call in examples if name in call[place]]
            value = {"example": int(sent[0]) if schema.get("type") == "integer" else sent[0]} if sent else {}
            made = {"name": name, "in": place, "description": text} | ({"required": True} if required else {})
            yield made | {"schema": schema} | value

    def _described_parameters(self, declared: Operation) -> Iterator[tuple[str, str, bool, str, Schema]]:
        for name in declared.path_parameters:
            described, text = _IN_PATHS[name]
            yield "path", name, True, text, self._schemas.of(described)
        for parameter in declared.query:
            yield "query", parameter.name, False, parameter.text, _schema_of_parameter(parameter)
        if optional := declared.access.optional:
            text = f"A person. The token must have the scope `saxaul/{optional.scope}` too."
            yield "query", optional.parameter, False, text, self._schemas.of(Id)
        if declared.needs_reason:
            yield "query", REASON, False, TEXT, self._schemas.of(ReasonText)
        if LANG in declared.query:
            text = "The languages that the reader prefers, if `lang` is missing."
            yield "header", "Accept-Language", False, text, {"type": "string"}
        for header in declared.headers:
            pattern = {"pattern": header.pattern} if header.pattern else {}
            yield "header", header.name, header.required, header.text, {"type": "string"} | pattern

    def _body(self, body: Any) -> Schema:  # noqa: ANN401 - a type or a list of items
        if not isinstance(body, Listed):
            return self._schemas.of(body.model if isinstance(body, Record) else body)
        text = "Each item is checked by itself. The response names those that are refused."
        items = {"type": "array", "description": text, "items": self._schemas.of(body.item)}
        return {
            "type": "object",
            "properties": {body.name: items | {"minItems": 1, "maxItems": body.most}},
            "required": [body.name],
            "additionalProperties": False,
        }

    def _responses(self, declared: Operation, examples: list[Any], *, is_head: bool) -> dict[str, Any]:
        made = {
            status: self._answer(status, answer, [of for of in examples if of["status"] == status], declared)
            for status, answer in declared.answers.items()
        }
        for status, codes in codes_of(declared).items():
            problem = self._problems(codes, declared if status == HTTPStatus.UNPROCESSABLE_ENTITY else None)
            page = declared.answers.get(status)
            made[status] = self._also_as(page, problem) if page else problem
        if is_head:
            made = {status: self._without_body(response) for status, response in made.items()}
        return {str(status): made[status] for status in sorted(made)}

    def _also_as(self, page: Answer, problem: dict[str, Any]) -> dict[str, Any]:
        """Return the response of a problem that browsers get as a page."""
        shared: dict[str, Any] = self._responses_of_problems[problem["$ref"].rpartition("/")[2]]
        content = shared["content"] | {media: {"schema": {"type": "string"}} for media in page.media}
        return shared | {"content": content}

    def _without_body(self, response: dict[str, Any]) -> dict[str, Any]:
        if reference := response.get("$ref"):
            response = self._responses_of_problems[reference.rpartition("/")[2]]
        return {name: part for name, part in response.items() if name != "content"}

    def _answer(self, status: int, answer: Answer, examples: list[Any], declared: Operation) -> dict[str, Any]:
        schema = {} if answer.body is None else self._schemas.of(answer.body)
        content = {
            media: {"schema": _schema_of_body(media, schema)}
            | _examples_of([of for of in examples if of["media"] == media], "response")
            for media in answer.media
        }
        headers = [*answer.headers]
        if LANG in declared.query and answer.media:
            headers.append(
                HeaderField("Content-Language", "The language of the response: `en` or `zh`.", required=True)
            )
        made: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if headers:
            made["headers"] = {header.name: self._header(header) for header in headers}
        return made | ({"content": content} if content else {})

    def _header(self, header: HeaderField) -> dict[str, Any]:
        """Return a reference to the description of a header, or a description of its own if it has another text."""
        made: dict[str, Any] = {"description": header.text, "schema": {"type": "string"}}
        if header.required:
            made["required"] = True
        is_shared = self._headers.setdefault(header.name, made) == made
        return {"$ref": f"#/components/headers/{header.name}"} if is_shared else made

    def _problems(self, codes: list[ProblemCode], declared: Operation | None = None) -> dict[str, Any]:
        """Return the response of a status with the codes that it can have. Operations with the same codes share it.

        ``declared`` is the operation if the problem may have the fields of its usual response.
        """
        name = "".join(word.capitalize() for code in codes for word in code.code.split("_"))
        listed = [code.code for code in codes]
        status = codes[0].status
        schema = self._schemas.of(Problem)
        if declared and _ALL_REFUSED in listed:
            usual = self._usual_response(declared)
            name += f"In{usual}"
            schema = self._all_refused(usual)
        made: dict[str, Any] = {"description": _listed(codes), CODES: listed}
        if status in _RETRIED or ERASURE_IN_PROGRESS in listed:
            always = status in _RETRIED or listed == [ERASURE_IN_PROGRESS]
            text = "After how many seconds the request may be sent again."
            which = text if always else f"{text} Only with the code `{ERASURE_IN_PROGRESS}`."
            made["headers"] = {"Retry-After": self._header(HeaderField("Retry-After", which, required=always))}
        refusals = [
            call | {"name": call["response"]["code"]}
            for call in self._refusals
            if call["response"]["code"] in listed and (declared is None or call["operation"] == declared.run.__name__)
        ]
        made["content"] = {_PROBLEM: {"schema": schema}}
        shared = self._responses_of_problems.setdefault(name, made)
        shared["content"][_PROBLEM] |= _examples_of(refusals, "response")
        return {"$ref": f"#/components/responses/{name}"}

    def _all_refused(self, usual: str) -> Schema:
        """Return the schema of a problem that also has the fields of the usual response, whose schema has this name.

        It repeats the fields of a problem, as few generators of clients can merge two schemas.
        """
        name = f"{usual.removesuffix('View')}RefusedProblem"
        of_problem, fields = self._schemas.named[Problem.__name__], self._schemas.named[usual]["properties"]
        code = {"description": f"`{_ALL_REFUSED}`.", "type": "string", EXTENSIBLE: [_ALL_REFUSED]}
        more = {"code": code, "accepted": fields["accepted"] | {"const": 0}, "refused": fields["refused"]}
        self._schemas.named[name] = of_problem | {
            "description": "Every item of the request was refused.",
            "properties": of_problem["properties"] | more,
            "required": [*of_problem["required"], "accepted", "refused"],
        }
        return {"$ref": f"#/components/schemas/{name}"}

    def _usual_response(self, declared: Operation) -> str:
        """Return the name of the schema of the successful response."""
        [answer] = declared.answers.values()
        reference: str = self._schemas.of(answer.body)["$ref"]
        return reference.rpartition("/")[2]


def _listed(codes: Iterable[ProblemCode]) -> str:
    return "\n".join(f"- `{code.code}`: {code.text}" for code in codes)


def _first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence without its full stop, and the rest."""
    first, *rest = re.split(r"\.(?=\s|$)", text, maxsplit=1)
    return first, "".join(rest).strip()


def who(declared: Operation) -> str:
    """Return as sentences who may send a request."""
    access = declared.access
    if access.role is None:
        return "Anyone may send this request. It needs no token."
    kind = {"app": "an app", "partner": "a planting partner", "operator": "an operator"}[access.role]
    sender = "a first-party app" if access.first_party else kind
    sentences = [f"The token must be that of {sender}, and have the scope `saxaul/{access.scope}`."]
    if access.operator_scope:
        reason = f"; the query parameter `{REASON}` then says why, for the log" if declared.needs_reason else ""
        sentences.append(f"Or it is that of an operator, and has the scope `saxaul/{access.operator_scope}`{reason}.")
    if access.cover:
        sentences.append(f"A third-party app needs a grant of the person that covers `{access.cover}`.")
    if access.optional:
        sentences.append(
            f"If the query names a person, the token must be that of {sender} and have the scope "
            f"`saxaul/{access.optional.scope}` too, and a third-party app needs a grant of the person that covers "
            f"`{access.optional.cover}`."
        )
    return " ".join(sentences)


def _access(access: Access) -> dict[str, Any]:
    made: dict[str, Any] = {"data": str(access.data)}
    if access.role:
        made |= {"role": access.role, "first_party": access.first_party, "cover": access.cover}
    if access.operator_scope:
        made["operator_scope"] = access.operator_scope
    if access.optional:
        made["person_in_query"] = access.optional._asdict()
    return made


def _schema_of_parameter(parameter: QueryParameter) -> Schema:
    match parameter:
        case WholeNumber():
            limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
            return {"type": "integer", **limits, "default": parameter.default}
        case Day():
            return {"type": "string", "format": "date", "pattern": "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"}
        case Choice():
            default = {} if parameter.default is None else {"default": parameter.default}
            return {"type": "string", "enum": list(parameter.values), **default}
        case FreeText():
            longest = {} if parameter.longest is None else {"maxLength": parameter.longest}
            return {"type": "string", **longest} | ({"pattern": f"^{parameter.pattern}$"} if parameter.pattern else {})
    raise TypeError(f"no schema for the query parameter {parameter!r}")


def _schema_of_body(media: str, schema: Schema) -> Schema:
    """Return the schema of a body. JSON Lines are a text, whose lines are described like the items of an array."""
    if media == JSON_LINES:
        return {"type": "string", "contentMediaType": media, "contentSchema": {"type": "array", "items": schema}}
    return schema if media.endswith("json") else {"type": "string"}


def _examples_of(calls: list[Any], part: str) -> dict[str, Any]:
    """Return the recorded requests or responses as examples. The key of each is made of its name."""
    named = {
        re.sub(r"[^a-z0-9_]+", "-", call["name"].lower()): {"summary": call["name"], "value": call[part]}
        for call in calls
        if call.get(part) is not None
    }
    return {"examples": named} if named else {}


def _info() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    paragraphs = [" ".join(paragraph.split()) for paragraph in DESCRIPTION.strip().split("\n\n")]
    return {
        "title": "Saxaul",
        "summary": project["description"],
        "description": "\n\n".join(paragraphs),
        "license": {"name": project["license"], "identifier": project["license"]},
        "version": project["version"],
    }


def _security_scheme() -> dict[str, Any]:
    scopes = {f"{SCOPES_OF}/{scope}": text for scope, text in _SCOPES.items()}
    return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": TOKEN_ADDRESS, "scopes": scopes}}}


_PERSON = "/users/{user_id}"
"""The path of a person, which only an erasure has."""


def _tag_of(path: str) -> str:
    segments = path.split("/")
    if path == _PERSON:
        return _TAGS["erasures"][0]
    return _TAGS[segments[3] if segments[1] == "users" else segments[1]][0]


def _order(declared: Operation) -> tuple[int, str, int]:
    tags = list(dict.fromkeys(name for name, _ in _TAGS.values()))
    methods = ("GET", "PUT", "POST", "DELETE")
    return tags.index(_tag_of(declared.path)), declared.path, methods.index(declared.method)


def document() -> dict[str, Any]:
    """Return the OpenAPI document of all operations, with the recorded examples."""
    calls = json.loads(EXAMPLES.read_text("utf-8")) if EXAMPLES.exists() else []
    return _Document(calls).made()


def text_of_document() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    command_parser("local.openapi", __doc__).parse_args()
    DOCUMENT.parent.mkdir(exist_ok=True)
    with step("writing the document of the API"):
        DOCUMENT.write_text(text_of_document(), "utf-8")


if __name__ == "__main__":
    run_command(main)
