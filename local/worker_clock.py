"""Moves the clock of the workers of the laptop stack ahead of the clock of this machine.

The emulator puts the text of this file before the program of each worker that it starts (local/emulator.py). Nothing of
it is deployed. A worker then reads a file at each look at its clock, so a move reaches all workers at once, and also
those that start later. Its durations (``Clock.elapsed``) move too, so what it has cached is as old as the clock says,
and is read again. The deadline of an invocation does not move. Deployed code must read the time from ``saxaul.clock``
alone.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

SECOND_NS = 1_000_000_000


def offset_in(file: str) -> int:
    """Return by how many seconds the clock is ahead of this machine's: the number in the file, or 0 without it."""
    try:
        with open(file, encoding="ascii") as opened:  # noqa: PTH123 - at each look at the clock, and pathlib is slower
            return int(opened.read())
    except FileNotFoundError:
        return 0


def move(clock: Any, file: str) -> None:  # noqa: ANN401 - the class of a module that is not imported here
    """Let a class of clocks show the time of this machine plus the offset in the file."""
    now, now_ns, elapsed = clock.now, clock.now_ns, clock.elapsed
    clock.now = lambda self: now(self) + offset_in(file)
    clock.now_ns = lambda self: now_ns(self) + offset_in(file) * SECOND_NS
    clock.elapsed = lambda self: elapsed(self) + offset_in(file)


class ClockFinder:
    """Finds ``saxaul.clock`` as Python does, and moves its clock as soon as it is imported. Finds nothing else."""

    def __init__(self, file: str) -> None:
        self._file = file

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ANN401
        if name != "saxaul.clock":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            loader: Any = spec.loader
            run = loader.exec_module

            def run_and_move(module: Any) -> None:  # noqa: ANN401
                run(module)
                move(module.Clock, self._file)

            loader.exec_module = run_and_move
        return spec


def install(file: str) -> None:
    """Move the clock of this process, which has not imported ``saxaul.clock`` yet."""
    sys.meta_path.insert(0, ClockFinder(file))
