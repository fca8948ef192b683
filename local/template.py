"""Reads template.yaml as plain data. A tag such as `!Ref Name` becomes `{"Ref": "Name"}`."""

import re
from functools import cache
from typing import Any

import yaml

from local.sam import ROOT

Properties = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """A SafeLoader that accepts CloudFormation's tags."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Properties:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has only these three kinds of nodes
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


@cache
def template() -> Properties:
    return parsed((ROOT / "template.yaml").read_text())


def parsed(text: str) -> Properties:
    """Return a template as plain data."""
    loaded: Properties = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return loaded


def resources(type_: str, of: Properties | None = None) -> dict[str, Properties]:
    """Return the properties of each resource of a type, such as AWS::SQS::Queue, by logical id.

    They are those of template.yaml, or of another template.
    """
    found = (of or template())["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == type_}


def snake_case(function: str) -> str:
    """Return the name of a function as its folder and its example have it: of ``ViewForest``, ``view_forest``."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", function).lower()


def on_aws(value: Any) -> Any:  # noqa: ANN401 - any value of the template
    """Return the value that AWS gets of one that the laptop stack replaces by another (`!If [IsOnAws, …]`)."""
    match value:
        case {"Fn::If": ["IsOnAws", chosen, _]}:
            return chosen
        case _:
            return value
