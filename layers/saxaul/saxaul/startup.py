"""Prepares a worker before its first request.

Lambda imports a function before the first request, and gives this phase a whole processor. During requests, a function
has a share of a processor that depends on its memory: 0.29 at 512 MB. So what every request needs is prepared here.
Anywhere else, such as in a test, importing a handler only defines it, and makes garbage collections rare.

Nothing depends on the preparation. What is not prepared, because a step failed or took too long, is made by the first
request that needs it.
"""

import gc
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from saxaul.deadline import DEADLINE
from saxaul.observability import logger

COLLECT_AFTER = 100_000
"""How many more objects exist when Python looks for garbage again. Python's default is 700 to 2,000, by version.

A start creates about 70,000 objects that stay. Looking for garbage among them takes 10 ms, and finds none. Later, up to
as many unused objects that refer to each other stay in memory until Python looks again: 10 to 25 MB if they are small
lists, records and dictionaries. Nothing limits what they hold. Objects that were still in use when Python looked, and
are unused now, wait until it has looked about ten more times.
"""

gc.set_threshold(COLLECT_AFTER)  # each handler imports this module first, so it holds for the other imports

PREPARED_WITHIN = 7.0
"""The most seconds that the preparation delays the first request.

Lambda allows 10 seconds for the whole phase, and starts it again if it takes longer.
"""

CALLS_WITHIN = 14.0
"""The most seconds after which the preparation begins no further AWS call.

That is enough to read the published catalog after the version of its head. PREPARED_WITHIN limits the delay by itself.
"""

ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
"""The environment variable that a worker has on Lambda, on the laptop stack and in a local container."""

Preparation = Callable[[], object]


def prepare(*steps: Preparation, reading: Preparation | None = None) -> None:
    """Run the steps if this process is a worker. ``reading`` reads data, which must be up to date.

    With SnapStart, Lambda stores the memory of a worker after this phase, as the image of SnapStart, and restores it
    much later, many times. The clock for durations may stand still in between, so what was read before would seem to be
    new. Therefore ``reading`` runs after each restore. So does a new seed for random numbers, which would be the same
    in all restored workers.
    """
    if ON_LAMBDA not in os.environ:
        return
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        _run(*steps, *filter(None, [reading]))
        return
    _run(*steps)
    with suppress(ImportError):  # a part of Lambda's runtime; without it, the first request reads the data
        from snapshot_restore_py import register_after_restore  # type: ignore[import-not-found] # noqa: PLC0415

        register_after_restore(random.seed)
        if reading:
            register_after_restore(_run, reading)


def _run(*steps: Preparation) -> None:
    """Run the steps in a thread, and wait for PREPARED_WITHIN seconds at most. The thread continues during requests."""
    thread = Thread(target=_run_each, args=(steps,), name="prepare", daemon=True)
    thread.start()
    thread.join(PREPARED_WITHIN)
    if thread.is_alive():
        logger.warning("the worker is not fully prepared", extra={"seconds": PREPARED_WITHIN})


def _run_each(steps: tuple[Preparation, ...]) -> None:
    began = time.perf_counter()
    with DEADLINE.within(CALLS_WITHIN):
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - whatever it is, a request that needs the step reports it
                logger.exception("a step of the preparation failed")
    logger.debug("prepared", extra={"ms": round((time.perf_counter() - began) * 1000, 1)})
