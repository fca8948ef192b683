"""Kills workers of the functions at random, as a failing host would.

The emulator runs each function in child processes. Each child has the name of its function in its environment. The
killer kills only such children.
"""

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import psutil

from local.sam import state


class WorkerKiller:
    """A context manager. While it is active, it kills a worker of the named functions with SIGKILL every few seconds.

    ``functions`` are logical ids of the template, such as ``AccruePoints``. ``kills`` counts the kills by function.
    A worker takes two seconds to start, more on a busy machine. It is not killed before it has connected to AWS,
    because killing a worker that has done nothing proves nothing.
    """

    def __init__(
        self,
        stack: Mapping[str, Any],
        functions: Iterable[str],
        *,
        pause: tuple[float, float] = (2.0, 4.0),
        seed: int = 0,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._victims = {str(stack["functions"][name]): name for name in functions}
        self._pause = pause
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker-killer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(*self._pause)):
            workers: defaultdict[str, list[psutil.Process]] = defaultdict(list)
            for function, worker in self.workers():
                workers[function].append(worker)
            if workers:
                # Choose the function first, and one that was hit least: by chance alone, one could never be hit.
                fewest = min(self.kills[function] for function in workers)
                function = self._random.choice(sorted(name for name in workers if self.kills[name] == fewest))
                self._random.choice(workers[function]).kill()
                self.kills[function] += 1

    def workers(self) -> Iterator[tuple[str, psutil.Process]]:
        """Yield the workers that are connected to AWS, each with its function. A worker that has ended is skipped."""
        for worker in _emulator().children(recursive=True):
            try:
                function = self._victims.get(worker.environ().get("AWS_LAMBDA_FUNCTION_NAME", ""))
                has_worked = bool(worker.net_connections(kind="tcp"))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if function and has_worked:
                yield function, worker


def start_new_workers(stack: Mapping[str, Any], *functions: str) -> None:
    """Kill every worker of these functions, so that the next invocation reads the catalog again."""
    killer = WorkerKiller(stack, functions)
    for _, worker in killer.workers():
        worker.kill()


def _emulator() -> psutil.Process:
    """Return the emulator process that the tests started.

    The creation time is compared, so that another process with the same id is never returned.
    """
    known = json.loads((state() / "process.json").read_text())
    emulator = psutil.Process(known["pid"])
    if emulator.create_time() != known["created"]:
        raise psutil.NoSuchProcess(known["pid"])
    return emulator
