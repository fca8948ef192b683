"""Reads template.yaml for the tests, both as written and as SAM translates it for CloudFormation."""

import os
from copy import deepcopy
from functools import cache
from unittest.mock import patch

from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from local.template import Properties, resources, template

__all__ = ["attribute_of", "events", "functions", "made", "made_resources", "resources", "sources", "template"]


def functions() -> dict[str, Properties]:
    shared = template()["Globals"]["Function"]
    return {name: {**shared, **properties} for name, properties in resources("AWS::Serverless::Function").items()}


def events(type_: str) -> list[tuple[str, Properties]]:
    """Return each event of a type, with the logical id of its function."""
    return [
        (name, event["Properties"])
        for name, function in functions().items()
        for event in function.get("Events", {}).values()
        if event["Type"] == type_
    ]


def sources(ending: str) -> list[tuple[str, Properties]]:
    """Return each event source mapping whose source ARN has this ending, with the logical id of its function."""
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    return [
        (mapping["FunctionName"]["Ref"].removesuffix(".Alias"), mapping)
        for mapping in mappings
        if mapping["EventSourceArn"]["Fn::GetAtt"].endswith(ending)
    ]


def attribute_of(value: Properties) -> str:
    """Return the logical id of the resource of which ``value`` is an attribute."""
    return str(value["Fn::GetAtt"]).partition(".")[0]


@cache
def translation(parameters: tuple[tuple[str, str], ...] = (), changed: str = "") -> Properties:
    """Return the template as SAM translates it for CloudFormation with these parameters, its conditions undecided.

    ``changed`` is the function or the layer whose content is not the usual one.
    """
    written = deepcopy(template())
    for name, resource in written["Resources"].items():
        for place in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][place] = "s3://bucket/changed" if name == changed else "s3://bucket/key"
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-west-1"}):
        translated: Properties = Translator({}, Parser()).translate(written, dict(parameters))
    return translated


def made_resources() -> dict[str, Properties]:
    """Return every resource that CloudFormation creates, by logical id."""
    return dict(translation()["Resources"])


def made(type_: str) -> dict[str, Properties]:
    """Return the properties of each resource of a type that CloudFormation creates, by logical id."""
    return {
        name: resource.get("Properties", {}) for name, resource in made_resources().items() if resource["Type"] == type_
    }
