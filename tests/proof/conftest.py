"""Hypothesis profiles of the proof, and an emulator with nothing in it.

The profiles set how long Hypothesis searches for a counterexample. The short profile takes half a minute, and
``SAXAUL_PROFILE=long`` takes half an hour. This file registers the profiles but does not load them, so the tests
outside this folder keep their own settings.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from local.sam import ROOT
from local.stack import down

_COMMON = settings(
    deadline=None,
    print_blob=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)

settings.register_profile("proof-short", _COMMON, max_examples=60, stateful_step_count=40)
settings.register_profile("proof-long", _COMMON, max_examples=2500, stateful_step_count=60)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start MiniStack with nothing in it, and stop it at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAXAUL_STATE", str(tmp_path_factory.mktemp("ministack")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        # In a process of its own, because a process that starts the emulator must not forget it while it runs.
        command = [sys.executable, "-c", f"from local.stack import start; start({port})"]
        subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own
        try:
            yield f"http://localhost:{port}"
        finally:
            down()
