"""What in a new OpenAPI 3.1 document would break a client that was written for an older one.

A request breaks if the old document allows it and the new one does not. An answer breaks if the new document allows it
and the old one does not. So both are one question: is each value that one schema allows also allowed by another? Where
this cannot be decided, such as for two different patterns, the change counts as breaking.

A client must ignore fields and headers of an answer that it does not know, and treat a status that it does not know
like the first one of its class (RFC 9110, section 15), and a problem code that it does not know by its status. So new
fields, headers, refusals and codes are compatible. A code that is gone is compatible too, unless the operation has a
new one, which may have taken its place. A value that an ``enum`` of an answer did not have before is not compatible,
because clients list these values. If more values may come, the document lists the known ones as ``x-extensible-enum``,
which no rule here reads. The codes of a refusal are in ``x-saxaul-codes`` of the answer.

No tool from PyPI does this for OpenAPI 3.1: those that know its schemas, such as oasdiff, are programs in Go.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

Document = Mapping[str, Any]
Schema = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_TYPES = ("null", "boolean", "number", "string", "array", "object")
_ANY: Schema = {}
_NOTHING: Schema = {"not": {}}
_SAYS_NOTHING = {"$comment", "$defs", "contentEncoding", "contentMediaType", "default", "deprecated", "description"}
_SAYS_NOTHING |= {"discriminator", "example", "examples", "readOnly", "title", "writeOnly"}
"""Keywords that allow and forbid no value. A changed default is compared apart from them."""

_COMPARED = {"$ref", "allOf", "anyOf", "const", "enum", "multipleOf", "not", "oneOf", "type", "uniqueItems"}
_COMPARED |= {"additionalProperties", "items", "properties", "propertyNames", "required"}
_COMPARED |= {"exclusiveMaximum", "exclusiveMinimum", "maximum", "maxItems", "maxLength", "maxProperties"}
_COMPARED |= {"minimum", "minItems", "minLength", "minProperties"}
_LOWER, _UPPER = ("minLength", "minItems", "minProperties"), ("maxLength", "maxItems", "maxProperties")


def breaking_changes(released: Document, current: Document) -> list[str]:
    """Return a sentence for each change that would break a client of the released document."""
    found = [*_Comparison(released, current).changes()]
    return list(dict.fromkeys(found))


class _Place(NamedTuple):
    """Where a schema is.

    Attributes:
        name: the place in words, for the sentences.
        is_answer: whether the schema is that of an answer, so that the new values must be allowed by the old schema.
    """

    name: str
    is_answer: bool

    def below(self, step: str) -> "_Place":
        return self._replace(name=f"{self.name}{step}")

    def says(self, request: str, answer: str) -> str:
        return f"{self.name} {answer if self.is_answer else request}"


class _Comparison:
    def __init__(self, released: Document, current: Document) -> None:
        self._released = released
        self._current = current
        self._comparing: set[str] = set()

    def changes(self) -> Iterator[str]:
        currents = {_unnamed(path): (path, item) for path, item in self._current.get("paths", {}).items()}
        for path, item in self._released.get("paths", {}).items():
            if _unnamed(path) not in currents:
                yield f"{path} is gone"
                continue
            current_path, current_item = currents[_unnamed(path)]
            for method in _METHODS:
                if method not in item:
                    continue
                name = f"{method.upper()} {path}"
                if method not in current_item:
                    yield f"{name} is gone"
                    continue
                old = {**item[method], "parameters": _parameters(self._released, path, item, method)}
                new = {
                    **current_item[method],
                    "parameters": _parameters(self._current, current_path, current_item, method),
                }
                yield from self._operation(name, old, new)

    def _operation(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        yield from self._security(name, old, new)
        yield from self._parameters(name, old["parameters"], new["parameters"])
        yield from self._body(name, old, new)
        yield from self._answers(name, old.get("responses", {}), new.get("responses", {}))

    # Who may send a request

    def _security(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        before = old.get("security", self._released.get("security")) or [{}]
        now = new.get("security", self._current.get("security")) or [{}]
        for one in before:
            if not any(_grants(one, other) for other in now):
                yield f"{name} needs more than {_scopes(one)}: {' or '.join(map(_scopes, now))}"
        yield from _access(name, old.get("x-saxaul-access") or {}, new.get("x-saxaul-access") or {})

    # Requests

    def _parameters(self, name: str, old: "_Parameters", new: "_Parameters") -> Iterator[str]:
        for key, parameter in old.items():
            label = f"{name}: {_label(parameter)}"
            if key not in new:
                yield f"{label} is gone"
                continue
            if new[key].get("required") and not parameter.get("required"):
                yield f"{label} is now required"
            if any(new[key].get(part) != parameter.get(part) for part in ("style", "explode", "allowReserved")):
                yield f"{label} is written in another way"
            yield from self._schemas(_Place(label, is_answer=False), parameter.get("schema"), new[key].get("schema"))
            yield from self._contents(_Place(label, is_answer=False), parameter, new[key])
        for key in new.keys() - old.keys():
            if new[key].get("required"):
                yield f"{name}: {_label(new[key])} is new and required"

    def _body(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        before = _resolved(self._released, old.get("requestBody") or {})
        now = _resolved(self._current, new.get("requestBody") or {})
        if before and not now:
            yield f"{name}: the body is gone"
            return
        if now.get("required") and not before.get("required"):
            yield f"{name}: a body is now required"
        yield from self._contents(_Place(f"{name}: the body", is_answer=False), before, now)

    def _contents(self, place: _Place, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        now = new.get("content", {})
        for media, content in old.get("content", {}).items():
            if media not in now:
                yield f"{place.name} can no longer be {media}"
                continue
            yield from self._schemas(place, content.get("schema"), now[media].get("schema"))

    # Answers

    def _answers(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        yield from self._codes(name, old, new)
        for status, answer in old.items():
            label = f"{name}: the answer {status}"
            if status not in new:
                if _is_success(status):
                    yield f"{label} is gone"
                continue
            before, now = _resolved(self._released, answer), _resolved(self._current, new[status])
            yield from self._contents(_Place(label, is_answer=True), before, now)
            if now.get("content") and not before.get("content"):
                yield f"{label} has a body now"
            yield from self._headers(label, before.get("headers", {}), now.get("headers", {}))
        for status in new.keys() - old.keys():
            if _is_success(status) and status != "304":
                yield f"{name}: the answer {status} is new"

    def _codes(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        before, now = _codes_in(self._released, old), _codes_in(self._current, new)
        added = ", ".join(f"{status} {code}" for status, code in sorted(now - before))
        for status, code in sorted(before - now):
            if added:
                yield f"{name}: the refusal {status} {code} may have another code or status now: {added}"

    def _headers(self, label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        now = {name.lower(): _resolved(self._current, header) for name, header in new.items()}
        for name, header in old.items():
            before, where = _resolved(self._released, header), f"{label}: the header {name}"
            if name.lower() not in now:
                yield f"{where} is gone"
                continue
            if before.get("required") and not now[name.lower()].get("required"):
                yield f"{where} is no longer always there"
            yield from self._schemas(
                _Place(where, is_answer=True), before.get("schema"), now[name.lower()].get("schema")
            )

    # Schemas

    def _schemas(self, place: _Place, old: Schema | None, new: Schema | None) -> Iterator[str]:
        """Compare the schema of one place in both documents."""
        old, new = _ANY if old is None else old, _ANY if new is None else new
        if not place.is_answer:
            before, now = (_flat(self._released, old).get("default"), _flat(self._current, new).get("default"))
            if before is not None and before != now:
                yield f"{place.name} has another default: {json.dumps(now)}, not {json.dumps(before)}"
        narrow, wide = (new, old) if place.is_answer else (old, new)
        yield from self._differences(place, narrow, wide)

    def _differences(self, place: _Place, narrow: Any, wide: Any) -> Iterator[str]:  # noqa: ANN401 - any schema
        """Yield why a value that ``narrow`` allows may be refused by ``wide``."""
        pair = json.dumps([narrow, wide, place.is_answer])
        if pair in self._comparing:
            return  # a schema that contains itself
        self._comparing.add(pair)
        of_narrow, of_wide = self._documents(place)
        targets = list(_branches(of_wide, wide))
        for option in _branches(of_narrow, narrow):
            if "enum" in option:
                yield from self._values(place, option, targets)
            else:
                yield from self._option(place, option, targets)
        self._comparing.discard(pair)

    def _documents(self, place: _Place) -> tuple[Document, Document]:
        """Return the document of the narrow and that of the wide schema."""
        return (self._current, self._released) if place.is_answer else (self._released, self._current)

    def _values(self, place: _Place, option: Schema, targets: Sequence[Schema]) -> Iterator[str]:
        of_wide = self._documents(place)[1]
        for value in option["enum"]:
            if not any(_accepts(of_wide, target, value) for target in targets):
                text = json.dumps(value, ensure_ascii=False)
                yield place.says(f"may no longer be {text}", f"may now be {text}")

    def _option(self, place: _Place, option: Schema, targets: Sequence[Schema]) -> Iterator[str]:
        kind = option["type"]
        fitting = [target for target in targets if target["type"] in (kind, "number" if kind == "integer" else kind)]
        if not fitting:
            yield place.says(f"may no longer be {_a(kind)}", f"may now be {_a(kind)}")
            return
        found = [list(self._one(place, option, target)) for target in fitting]
        yield from min(found, key=len)

    def _one(self, place: _Place, narrow: Schema, wide: Schema) -> Iterator[str]:
        """Compare two schemas of the same type, neither of which has alternatives."""
        if "enum" in wide:
            values = json.dumps(wide["enum"], ensure_ascii=False)
            yield place.says(f"may now be one of {values} only", f"may now be other than {values}")
        yield from self._limits(place, narrow, wide)
        for keyword in sorted(wide.keys() - _COMPARED - _SAYS_NOTHING):
            if not keyword.startswith("x-") and narrow.get(keyword) != wide[keyword]:
                change = f"has another {keyword}: {json.dumps(narrow.get(keyword))} and {json.dumps(wide[keyword])}"
                yield f"{place.name} {change}"
        if "not" in wide and narrow.get("not") != wide["not"]:
            yield f"{place.name} excludes other values"
        if narrow["type"] == "array":
            yield from self._differences(place.below("[]"), narrow.get("items", _ANY), wide.get("items", _ANY))
        if narrow["type"] == "object":
            yield from self._objects(place, narrow, wide)

    def _limits(self, place: _Place, narrow: Schema, wide: Schema) -> Iterator[str]:
        for keyword in _LOWER:
            if narrow.get(keyword, 0) < wide.get(keyword, 0):
                yield f"{place.name} has another {keyword}: {narrow.get(keyword)} and {wide[keyword]}"
        for keyword in _UPPER:
            if keyword in wide and narrow.get(keyword, float("inf")) > wide[keyword]:
                yield f"{place.name} has another {keyword}: {narrow.get(keyword)} and {wide[keyword]}"
        if _least(narrow) < _least(wide) or _most(narrow) < _most(wide):
            yield place.says("has a narrower range", "has a wider range")
        step = wide.get("multipleOf")
        if step and (narrow.get("multipleOf", 1 if narrow["type"] == "integer" else step / 2) % step):
            yield f"{place.name} has another multipleOf"
        if wide.get("uniqueItems") and not narrow.get("uniqueItems"):
            yield place.says("must not repeat an item now", "may now repeat an item")

    def _objects(self, place: _Place, narrow: Schema, wide: Schema) -> Iterator[str]:
        mine, theirs = narrow.get("properties", {}), wide.get("properties", {})
        for name in sorted(mine.keys() & theirs.keys()):
            old, new = (theirs, mine) if place.is_answer else (mine, theirs)
            yield from self._schemas(place.below(f".{name}"), old[name], new[name])
        gone = theirs.keys() - mine.keys() if place.is_answer else mine.keys() - theirs.keys()
        for name in sorted(gone):
            yield f"{place.name}.{name} is gone"
        for name in sorted({*wide.get("required", ())} - {*narrow.get("required", ())} - gone):
            yield place.below(f".{name}").says("is now required", "is no longer always there")
        yield from self._other_fields(
            place, narrow.get("additionalProperties", True), wide.get("additionalProperties", True)
        )
        if "propertyNames" in wide:
            names = [{"type": "string"} | schema.get("propertyNames", {}) for schema in (narrow, wide)]
            yield from self._differences(place.below(": a name of a field"), *names)

    def _other_fields(self, place: _Place, narrow: Any, wide: Any) -> Iterator[str]:  # noqa: ANN401 - any schema
        """Compare what fields may hold that neither schema names. New fields of an answer break nothing."""
        if narrow is False:
            return
        if wide is False:
            if not place.is_answer:
                yield f"{place.name} may no longer have other fields"
            elif _says_something(narrow):
                yield f"{place.name} may now have fields of any name"
        elif _says_something(wide):
            yield from self._differences(place.below(".*"), narrow, wide)


_Parameters = Mapping[tuple[str, str], Mapping[str, Any]]


def _unnamed(path: str) -> str:
    """Return a path without the names of its parameters, which no request contains."""
    return re.sub(r"{[^}]*}", "{}", path)


def _parameters(document: Document, path: str, item: Mapping[str, Any], method: str) -> _Parameters:
    """Return the parameters of an operation by place and name; those of the path by place and number."""
    numbers = {name: str(number) for number, name in enumerate(re.findall(r"{([^}]*)}", path))}
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for listed in (*item.get("parameters", ()), *item[method].get("parameters", ())):
        parameter = _resolved(document, listed)
        name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
        found[parameter["in"], numbers.get(name, name) if parameter["in"] == "path" else name] = parameter
    return found


def _label(parameter: Mapping[str, Any]) -> str:
    return f"the {parameter['in']} parameter {parameter['name']}"


def _grants(released: Mapping[str, Sequence[str]], current: Mapping[str, Sequence[str]]) -> bool:
    """Return whether what the released document asks for is enough for what the current one asks for."""
    return all(name in released and {*scopes} <= {*released[name]} for name, scopes in current.items())


def _scopes(requirement: Mapping[str, Sequence[str]]) -> str:
    return " and ".join(f"{name} ({' '.join(scopes)})" for name, scopes in requirement.items()) or "nothing"


def _access(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Compare who may send a request: what is asked for now, and was not asked for before, shuts clients out."""
    before, now = old.get("person_in_query"), new.get("person_in_query")
    asked = {part: new.get(part) for part in ("role", "cover", "first_party")}
    if before:
        asked["person_in_query"] = now
    for part, value in asked.items():
        if value and value != old.get(part):
            yield f"{name} is for other clients: {part} is {json.dumps(value)}, not {json.dumps(old.get(part))}"


def _is_success(status: str) -> bool:
    return status[0] in "23"


def _codes_in(document: Document, responses: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the codes of the problems of an operation, each with its status."""
    found: set[tuple[str, str]] = set()
    for status, response in responses.items():
        found |= {(status, code) for code in _resolved(document, response).get("x-saxaul-codes", ())}
    return found


def _resolved(document: Document, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a ``$ref`` within the document."""
    while reference := _reference(part):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        rest = {name: value for name, value in part.items() if name != "$ref"}
        part = _both(found, rest) if rest else found
    return part


def _reference(part: Any) -> str:  # noqa: ANN401 - any schema, which may be true or false
    return str(part.get("$ref", "")) if isinstance(part, Mapping) else ""


def _says_something(schema: Any) -> bool:  # noqa: ANN401 - any schema, which may be true or false
    return isinstance(schema, Mapping) and bool(schema)


def _flat(document: Document, schema: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema, which may be true or false
    """Return a schema without references and ``allOf``."""
    if isinstance(schema, bool):
        return dict(_ANY if schema else _NOTHING)
    flat = dict(_resolved(document, schema))
    for part in flat.pop("allOf", ()):
        flat = _both(flat, _flat(document, part))
    if "const" in flat:
        flat["enum"] = [flat.pop("const")]
    return flat


def _both(one: Schema, other: Schema) -> dict[str, Any]:
    """Return a schema for the values that both schemas allow. Of two values of a keyword, the second is used."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        shared = one["properties"].keys() & other["properties"].keys()
        merged["properties"] = {**one["properties"], **other["properties"]} | {
            name: {"allOf": [one["properties"][name], other["properties"][name]]} for name in shared
        }
    if "required" in one and "required" in other:
        merged["required"] = sorted({*one["required"], *other["required"]})
    return merged


def _branches(document: Document, schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any schema
    """Yield schemas of one type each that together allow the same values, without alternatives at their top."""
    flat = _flat(document, schema)
    if flat.get("not") == {}:
        return
    for keyword in ("anyOf", "oneOf"):
        if keyword in flat:
            rest = {name: value for name, value in flat.items() if name != keyword}
            for option in flat[keyword]:
                yield from _branches(document, _both(rest, _flat(document, option)))
            return
    declared = flat.get("type", _TYPES)
    for kind in [declared] if isinstance(declared, str) else declared:
        if "enum" in flat:
            values = [value for value in flat["enum"] if _is(value, kind)]
            if values:
                yield {**flat, "type": kind, "enum": values}
        else:
            yield {**flat, "type": kind}


def _is(value: object, kind: str) -> bool:
    return Draft202012Validator({"type": kind}).is_valid(value)


def _accepts(document: Document, schema: Schema, value: object) -> bool:
    """Return whether a schema, whose references are those of the document, allows a value."""
    return Draft202012Validator({**schema, "components": document.get("components", {})}).is_valid(value)


def _least(schema: Schema) -> tuple[float, bool]:
    """Return the lower end of the range, and whether it is excluded. A greater tuple is a narrower range."""
    ends = [(schema[name], name.startswith("excl")) for name in ("minimum", "exclusiveMinimum") if name in schema]
    return max(ends, default=(float("-inf"), False))


def _most(schema: Schema) -> tuple[float, bool]:
    """Return the negative upper end of the range, and whether it is excluded. A greater tuple is a narrower range."""
    ends = [(-schema[name], name.startswith("excl")) for name in ("maximum", "exclusiveMaximum") if name in schema]
    return max(ends, default=(float("-inf"), False))


def _a(kind: str) -> str:
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
