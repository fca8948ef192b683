"""Runs a test with each of the hostile texts, or with those that a field accepts."""

import re
from collections.abc import Callable, Mapping
from inspect import Signature, signature
from typing import Any

import pytest

from saxaul.catalog.entries import Phrase
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.ledger.identifiers import Id
from tests.hostile_texts import HOSTILE

SENT = list(HOSTILE.values())
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def for_each(texts: Mapping[str, str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that runs a test once for each text, as subtests. The test has the parameter ``text``."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        parameters = dict(signature(test).parameters)

        def run(subtests: pytest.Subtests, **given: Any) -> None:  # noqa: ANN401 - fixtures and parameters
            for name, text in texts.items():
                with subtests.test(name):
                    test(text=text, **given)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        changed = [parameter for name, parameter in parameters.items() if name != "text"]
        run.__signature__ = Signature([signature(run).parameters["subtests"], *changed])  # type: ignore[attr-defined]
        return run

    return decorate


def accepts(type_: Any, text: str) -> bool:  # noqa: ANN401 - any annotated type
    try:
        TypeAdapter(type_).validate_python(text)
    except ValidationError:
        return False
    return True


IN_CATALOG = {name: text for name, text in HOSTILE.items() if accepts(Phrase, text)}
"""The hostile texts that an operator can write into the catalog, for example as the name of a partner."""
SHORT = {name: text for name, text in HOSTILE.items() if len(text) <= 1_000}
"""The hostile texts that are not too long for any field that is shown."""
IDS = [text for text in SENT if accepts(Id, text)]
"""The hostile texts that an app can use as an id."""
