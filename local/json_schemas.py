"""Makes JSON Schemas (2020-12) of the types that parse requests and describe answers: models and typed dictionaries.

A class becomes a named schema, to which others refer. The docstring of a class is the description of its schema, and a
text below a field is the description of the field. Python drops such a text, so it is read from the source.

A model describes what a request may have, so its lists of values are closed. A typed dictionary describes an answer, so
a list of several values is open: ``x-extensible-enum`` has those of today.

pydantic can make JSON Schemas too, but it reads neither these texts nor typed dictionaries of Python 3.11. The tests
compare each schema of a model with what the model accepts.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from saxaul.catalog.models import NO_DEFAULT, Described, FieldInfo, Model, Url

Schema = dict[str, Any]
"""A JSON Schema."""

EXTENSIBLE = "x-extensible-enum"
"""The keyword for the values that a field of an answer has today. A later version may add values."""

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Decimal: {"type": "number"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    Url: {"type": "string", "format": "uri"},
    Any: {},
    object: {},
}

_KEYWORDS: Mapping[str, Mapping[str, str]] = {
    "string": {"pattern": "pattern", "min_length": "minLength", "max_length": "maxLength"},
    "number": {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "object": {"min_length": "minProperties", "max_length": "maxProperties"},
}
"""For each type of JSON, the keyword of each constraint. Other constraints do not restrict the JSON of a value."""


class Schemas:
    """Makes schemas of types, and collects those of classes by their names.

    Attributes:
        named: the schemas of the classes so far. Others refer to them with ``$ref``.
    """

    def __init__(self, place: str = "#/components/schemas/") -> None:
        self.named: dict[str, Schema] = {}
        self._place = place
        self._of_answer = False
        self._classes: dict[str, type] = {}

    def of(self, described: Any) -> Schema:  # noqa: ANN401 - any annotation of a type
        """Return the schema of a type. That of a class is a reference.

        Raises:
            TypeError: the type has no JSON Schema here, or two classes have the same name.
        """
        origin = get_origin(described)
        if origin is not None:
            return self._of_parts(origin, get_args(described))
        if isinstance(described, type) and issubclass(described, StrEnum):
            values = [member.value for member in described]
            return self._named(described, lambda: _one_of_values(values, is_open=False), of_answer=False)
        if isinstance(described, type) and issubclass(described, Model):
            return self._named(described, lambda: self._model(described), of_answer=False)
        if is_typeddict(described):
            return self._named(described, lambda: self._typed_dictionary(described), of_answer=True)
        if described not in _PLAIN:
            raise TypeError(f"no JSON Schema for {described!r}")
        return dict(_PLAIN[described])

    def _of_parts(self, origin: object, parts: Sequence[Any]) -> Schema:
        """Return the schema of a type that is made of others, such as a list."""
        match origin:
            case _ if origin is Annotated:
                return self._annotated(parts[0], parts[1:])
            case _ if origin in (Union, UnionType):
                return self._union(parts)
            case _ if origin in (NotRequired, Required):
                return self.of(parts[0])
            case _ if origin is Literal:
                return _one_of_values(parts, is_open=self._of_answer)
            case _ if origin in (list, Sequence) or (origin is tuple and parts[-1] is ...):
                return {"type": "array", "items": self.of(parts[0])}
            case _ if origin is tuple:
                members = [self.of(member) for member in parts]
                return {"type": "array", "prefixItems": members, "minItems": len(members), "items": False}
            case _ if origin in (dict, Mapping):
                return self._map(*parts)
        raise TypeError(f"no JSON Schema for {origin!r}")

    def _named(self, of: type, make: Callable[[], Schema], *, of_answer: bool) -> Schema:
        if self._classes.setdefault(of.__name__, of) is not of:
            raise TypeError(f"two classes are named {of.__name__}")
        if of.__name__ not in self.named:
            self.named[of.__name__] = {}  # so that the class can refer to itself
            outer, self._of_answer = self._of_answer, of_answer
            self.named[of.__name__] = _described(make(), text_of(of))
            self._of_answer = outer
        return {"$ref": f"{self._place}{of.__name__}"}

    def _annotated(self, described: Any, metadata: Sequence[object]) -> Schema:  # noqa: ANN401 - any type
        schema = self.of(described)
        for item in metadata:
            match item:
                case FieldInfo():
                    schema = constrained(schema, item.constraints)
                case Described():
                    schema = _added(schema, item.keywords)
        return schema

    def _union(self, members: Sequence[Any]) -> Schema:
        choices = [self.of(member) for member in members if member is not NoneType]
        if NoneType in members:
            return nullable(choices[0] if len(choices) == 1 else self._one_of(choices))
        return self._one_of(choices)

    def _one_of(self, choices: Sequence[Schema]) -> Schema:
        """Return a union. If each of its classes has another value in one field, that field is the discriminator."""
        types = [choice.get("type") for choice in choices if choice.keys() == {"type"}]
        if len(types) == len(choices):
            return {"type": types}
        for name in self._shared_fields(choices):
            values = [self._resolved(choice)["properties"][name].get("const") for choice in choices]
            if None not in values and len(set(values)) == len(values):
                mapping = {value: choice["$ref"] for value, choice in zip(values, choices, strict=True)}
                return {"oneOf": list(choices), "discriminator": {"propertyName": name, "mapping": mapping}}
        return {"anyOf": list(choices)}

    def _shared_fields(self, choices: Sequence[Schema]) -> list[str]:
        fields = [self._resolved(choice).get("properties", {}) for choice in choices]
        return [name for name in fields[0] if all(name in others for others in fields)]

    def _resolved(self, schema: Schema) -> Schema:
        return self.named[schema["$ref"].removeprefix(self._place)] if "$ref" in schema else schema

    def _map(self, key: Any, value: Any) -> Schema:  # noqa: ANN401 - any types
        schema: Schema = {"type": "object", "additionalProperties": self.of(value)}
        rules = {name: rule for name, rule in self.of(key).items() if name in ("pattern", "maxLength", "enum")}
        return schema | ({"propertyNames": rules} if rules else {})

    def _model(self, model: type[Model]) -> Schema:
        types, texts = get_type_hints(model, include_extras=True), texts_of_fields(model)
        properties = {}
        for name, field in model.model_fields.items():
            schema = constrained(self.of(types[name]), field.constraints)
            if field.default is not NO_DEFAULT and field.default is not None:
                schema = schema | {"default": _json_value(field.default)}
            properties[name] = _described(schema, texts.get(name))
        required = [name for name in model.model_fields if name in model.required_fields]
        return _object(properties, required) | {"additionalProperties": False} | dict(model.json_schema)

    def _typed_dictionary(self, of: Any) -> Schema:  # noqa: ANN401 - a class of a typed dictionary
        types, texts = get_type_hints(of, include_extras=True), texts_of_fields(of)
        schemas = {name: self.of(described) for name, described in types.items()}
        properties = {
            name: _described(schema, _with_values(texts.get(name), schema)) for name, schema in schemas.items()
        }
        return _object(properties, [name for name in types if name in of.__required_keys__])


def _described(schema: Schema, text: str | None) -> Schema:
    return (
        {"description": text} | {name: rule for name, rule in schema.items() if name != "description"}
        if text
        else schema
    )


def _with_values(text: str | None, schema: Schema) -> str | None:
    """Return the text below a field, with the values of an open list if it does not name each of them itself."""
    values = schema.get(EXTENSIBLE) or schema.get("items", {}).get(EXTENSIBLE, [])
    if not text or all(f"`{value}`" in text for value in values):
        return text
    *others, last = [f"`{value}`" for value in values]
    return f"{text} The values are {', '.join(others)} and {last}; more may come."


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {})


def _one_of_values(values: Sequence[Any], *, is_open: bool) -> Schema:
    kinds = sorted({{str: "string", int: "integer", bool: "boolean"}[type(value)] for value in values})
    found: Schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if len(values) == 1:
        return found | {"const": values[0]}
    return found | {EXTENSIBLE if is_open else "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may also be null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema and "const" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    if isinstance(schema.get("type"), list) and "enum" not in schema:
        return schema | {"type": [*schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def constrained(schema: Schema, constraints: Sequence[tuple[str, Any]]) -> Schema:
    """Return a schema with the constraints of a field, as keywords for its type. Later ones replace earlier ones."""
    if not constraints:
        return schema
    if "anyOf" in schema:
        return schema | {"anyOf": [constrained(choice, constraints) for choice in schema["anyOf"]]}
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    kinds = ["number" if name == "integer" else name for name in types]
    keywords = {
        _KEYWORDS[kind][name]: _json_value(limit)
        for kind in kinds
        for name, limit in constraints
        if name in _KEYWORDS.get(kind, {})
    }
    return _added(schema, keywords)


_LIMITS = {"minimum": "exclusiveMinimum", "exclusiveMinimum": "minimum"}


def _added(schema: Schema, keywords: Mapping[str, Any]) -> Schema:
    """Return a schema with more keywords. An open limit replaces a closed one, and the other way round."""
    replaced = {_LIMITS[name] for name in keywords if name in _LIMITS}
    return {name: value for name, value in schema.items() if name not in replaced} | dict(keywords)


def _json_value(value: Any) -> Any:  # noqa: ANN401 - any value of a field
    match value:
        case Model():
            return value.model_dump(mode="json", exclude_defaults=True)
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date():
            return value.isoformat()
        case tuple():
            return [_json_value(item) for item in value]
    return value


def closed(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a schema that refuses the fields of objects, and the values of open lists, that it does not describe.

    The schemas of answers are open in the document, because a later version may add fields and values. Tests close
    them.
    """
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: closed(part) for name, part in schema.items()}
    if EXTENSIBLE in schema:
        parts["enum"] = [*schema[EXTENSIBLE], None] if "null" in schema["type"] else schema[EXTENSIBLE]
    is_object = schema.get("type") == "object" and isinstance(schema.get("properties"), dict)
    return {"additionalProperties": False} | parts if is_object else parts


def text_of(of: Any) -> str:  # noqa: ANN401 - a class or a function
    """Return its docstring as Markdown, without the sections for callers in Python. A paragraph is one line."""
    own = of.__dict__.get("__doc__") if isinstance(of, type) else of.__doc__  # not that of a base class
    text = inspect.cleandoc(own or "")
    return _markdown(re.split(r"^(?:Raises|Attributes|Args|Returns):", text, flags=re.MULTILINE)[0])


def texts_of_fields(of: type) -> Mapping[str, str]:
    """Return the text below each field of a class, also of its base classes."""
    texts: dict[str, str] = {}
    for source in reversed(list(_with_bases(of))):
        for field, below in zip(source.body, source.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    texts[name] = _markdown(inspect.cleandoc(text))
    return texts


def _with_bases(of: type) -> Iterator[ast.ClassDef]:
    """Yield the source of a class, then of its bases. A typed dictionary does not know its bases; its source does."""
    module = sys.modules[of.__module__]
    source = _classes_in(of.__module__).get(of.__name__)
    if source is None:
        return
    yield source
    for base in source.bases:
        found = vars(module).get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(found, type) and (is_typeddict(found) or issubclass(found, Model)):
            yield from _with_bases(found)


@cache
def _classes_in(module: str) -> Mapping[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _markdown(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "`")
