"""Hypothesis profiles of the proof. They set how long Hypothesis searches for a counterexample.

The short profile takes half a minute, and ``SAXAUL_PROFILE=long`` takes half an hour. This file registers the
profiles but does not load them, so the tests outside this folder keep their own settings.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.proof.published import Publication, publish

_COMMON = settings(
    deadline=None,
    print_blob=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)

settings.register_profile("proof-short", _COMMON, max_examples=60, stateful_step_count=40)
settings.register_profile("proof-long", _COMMON, max_examples=2500, stateful_step_count=60)


@pytest.fixture(scope="session")
def published() -> Publication:
    with pytest.MonkeyPatch.context() as patch:
        return publish(patch)
