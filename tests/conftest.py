"""Distributes the tests over processes, and spares them work that proves nothing."""

import gc

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_END_TO_END = "tests/e2e/"

_OWN_STACK = ("tests/e2e/test_clock.py", "tests/e2e/test_handbook.py")
"""The end-to-end tests that start a stack of their own, and use no other."""

_LONG = ("tests/proof/", "tests/integration/", "tests/search/test_any_query.py")
"""The tests of which some take half a minute. They begin before the others, so that no process waits at the end."""


class OneStackScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Runs the tests that share a stack in one process, those with a stack of their own in another, and any other test
    in the next free process.

    The mark ``xdist_group`` would do the same, but pytest-xdist 3.8 ignores it with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_OWN_STACK):
            return "a stack of their own"
        return _END_TO_END if nodeid.startswith(_END_TO_END) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStackScheduling:
    # In the order of the collection: xdist's own order would begin with what has the most tests, and that says nothing.
    config.option.loadscopereorder = False
    return OneStackScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the end-to-end tests, which take longest, and go on with other long tests."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.nodeid.startswith(_END_TO_END):
        return 0
    return 1 if item.nodeid.startswith(_LONG) else 2


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what the collection has made, and look for garbage less often.

    Each process has millions of objects that last to the end. To look at them again and again takes an eighth of the
    time of the tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
