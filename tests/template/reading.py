"""What the tests ask of template.yaml."""

from local.template import Properties, resources, template

__all__ = ["events", "functions", "resources", "template"]


def functions() -> dict[str, Properties]:
    shared = template()["Globals"]["Function"]
    return {name: {**shared, **properties} for name, properties in resources("AWS::Serverless::Function").items()}


def events(type_: str) -> list[tuple[str, Properties]]:
    """Each event of a type, with the logical id of its function."""
    return [
        (name, event["Properties"])
        for name, function in functions().items()
        for event in function["Events"].values()
        if event["Type"] == type_
    ]
