"""A text stays one value where it passes a shell, a setting of a deployment or the template."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

from local.parameters import parameters_in, quoted
from local.sam import ROOT, SamError
from saxaul.catalog.entries import Phrase
from saxaul.log.canonical_json import encode
from saxaul.log.tiles import bundle
from tests.hostile_texts import HOSTILE
from tests.integration.each_text import SENT, accepts, for_each
from tests.template.reading import template


@for_each(HOSTILE)
def test_a_parameter_of_a_deployment_arrives_as_it_was_written(text: str) -> None:
    try:
        written = f"Name={quoted(text)}"
    except SamError:
        assert re.search(r"\\(\s|[\"']|$)", text)
        return
    if "\n" in text or "\r" in text or not text.isprintable() or len(text) > 5_000:
        return  # CloudFormation's parameters of this template have no such characters
    assert CfnParameterOverridesType().convert((written,), None, None) == {"Name": text}
    assert parameters_in({"Name": text}) == {"Name": text}


def substitutions(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the template
    match value:
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{([\w:.]+)\}", text)
        case {"Fn::Sub": [str(text), dict(given)]}:
            yield from re.findall(r"\$\{([\w:.]+)\}", text)
            for member in given.values():
                yield from references(member)
        case dict():
            for member in value.values():
                yield from substitutions(member)
        case list():
            for member in value:
                yield from substitutions(member)


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the template
    match value:
        case {"Ref": str(name)}:
            yield name
        case dict():
            for member in value.values():
                yield from references(member)
        case list():
            for member in value:
                yield from references(member)


def test_the_template_writes_no_parameter_into_another_text_but_a_name_of_a_host() -> None:
    parameters = template()["Parameters"]

    assert set(substitutions(template())) & parameters.keys() == {"DomainName"}
    accepted = re.compile(parameters["DomainName"]["AllowedPattern"])
    assert {text for text in HOSTILE.values() if accepted.fullmatch(text)} <= {""}


def test_the_command_of_the_readme_finds_only_real_numbers_in_a_bundle() -> None:
    finds_number = re.search(r"number=\$\(curl [^|]*\| (.*)\)\n", (ROOT / "README.md").read_text("utf-8"))
    assert finds_number
    for text in (text for text in SENT if accepts(Phrase, text)):
        leaf = {"by": text, "certificate": "45YW-R9YG-R3H2-Z", "project_id": text, "tag": text}
        packed = bundle([encode(leaf), encode(leaf)])
        done = subprocess.run(["sh", "-c", finds_number[1]], input=packed, capture_output=True, check=True)  # noqa: S603, S607
        assert done.stdout.strip() == b"45YW-R9YG-R3H2-Z", text
