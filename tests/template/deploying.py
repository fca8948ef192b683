"""What CloudFormation creates of template.yaml with given parameters: translated by SAM, each condition decided."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.template import Properties, template
from tests.template.reading import translation

ON_LAPTOP: Mapping[str, str] = {"OnLaptop": "true"}
ALL_OPTIONS: Mapping[str, str] = {
    "AccessLogs": "true",
    "Tracing": "Active",
    "WebAcl": "managed",
    "DataKey": "arn:aws:kms:eu-west-1:123456789012:key/0000",
    "Backups": "35",
    "MonthlyBudget": "500",
    "AlarmEmail": "operators@example.org",
    "DomainName": "api.example.org",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/0000",
    "DeletionProtection": "true",
    "SnapStart": "PublishedVersions",
    "Shift": "Canary10Percent5Minutes",
}
"""Each option of the template switched on."""

PARAMETER_SETS: Mapping[str, Mapping[str, str]] = {"default": {}, "laptop": ON_LAPTOP, "all options": ALL_OPTIONS}
"""The sets of parameters with which the template is translated and checked."""

_NOTHING = object()
"""What `AWS::NoValue` stands for: the property is left out."""


def deployed(parameters: Mapping[str, str]) -> dict[str, Properties]:
    """Return each resource that CloudFormation creates with these parameters, by logical id."""
    translated = translation(tuple(sorted(parameters.items())))
    declared = template()["Parameters"].items()
    defaults = {name: str(parameter["Default"]) for name, parameter in declared}
    decision = _Decision(translated["Conditions"], {**defaults, **parameters})
    return {
        name: decision.of(resource)
        for name, resource in translated["Resources"].items()
        if "Condition" not in resource or decision.holds({"Condition": resource["Condition"]})
    }


def of_type(type_: str, parameters: Mapping[str, str]) -> dict[str, Properties]:
    """Return the properties of each resource of a type that is created with these parameters, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in deployed(parameters).items()
        if resource["Type"] == type_
    }


def statements(resource: Properties) -> Iterator[Properties]:
    """Yield each statement of all policies in a resource: of a role, a policy, a key, a queue, a topic or a bucket."""
    if isinstance(resource.get("Statement"), list):  # a rule of the firewall has a statement of another kind
        yield from resource["Statement"]
    for value in resource.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from statements(part)


class _Decision:
    """Decides the conditions of a template by the values of its parameters."""

    def __init__(self, conditions: Mapping[str, Any], values: Mapping[str, str]) -> None:
        self._conditions = conditions
        self._values = values

    def holds(self, condition: Properties) -> bool:
        match condition:
            case {"Condition": str(name)}:
                return self.holds(self._conditions[name])
            case {"Fn::Equals": [one, other]}:
                return self._text(one) == self._text(other)
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": [*inner]}:
                return all(map(self.holds, inner))
            case {"Fn::Or": [*inner]}:
                return any(map(self.holds, inner))
        raise AssertionError(condition)

    def of(self, value: Any) -> Any:  # noqa: ANN401 - any value of the template
        """Return a value in which each `Fn::If` is decided, without what then has no value."""
        match value:
            case {"Fn::If": [name, chosen, other]}:
                return self.of(chosen if self.holds({"Condition": name}) else other)
            case {"Ref": "AWS::NoValue"}:
                return _NOTHING
            case dict():
                pairs = ((key, self.of(inner)) for key, inner in value.items())
                return {key: inner for key, inner in pairs if inner is not _NOTHING}
            case list():
                return [inner for inner in map(self.of, value) if inner is not _NOTHING]
        return value

    def _text(self, value: Any) -> str:  # noqa: ANN401 - a text, a number, or a reference to a parameter
        return self._values[value["Ref"]] if isinstance(value, dict) else str(value)
