"""Distributes the tests over processes. The end-to-end tests run in one process, because they share one stack."""

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_END_TO_END = "tests/e2e/"


class OneStackScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Runs the end-to-end tests in one process, and any other test in the next free process.

    The mark ``xdist_group`` would do the same, but pytest-xdist 3.8 ignores it with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _END_TO_END if nodeid.startswith(_END_TO_END) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStackScheduling:
    return OneStackScheduling(config, log)
