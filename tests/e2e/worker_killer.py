"""Kills the functions' workers at random, as a host that fails would.

The emulator runs each function in processes of its own, its children, and each tells in its environment which function
it works for. Nothing but these is ever killed.
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
    """While it is entered, kills a worker of the named functions every few seconds, with no chance to tidy up.

    ``functions`` are logical ids of the template, such as ``AccruePoints``. ``kills`` counts, by function.
    A worker takes two seconds to start, many on a busy machine, and is left alone until it has talked to AWS: killing
    those that start would only show that a function which never runs does nothing.
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
            for function, worker in self._workers():
                workers[function].append(worker)
            if workers:
                # A function with many workers does not shield one that has a single one.
                function = self._random.choice(sorted(workers))
                self._random.choice(workers[function]).kill()
                self.kills[function] += 1

    def _workers(self) -> Iterator[tuple[str, psutil.Process]]:
        """The workers that talk to AWS, each with its function. One that ends meanwhile is passed over."""
        for worker in _emulator().children(recursive=True):
            try:
                function = self._victims.get(worker.environ().get("AWS_LAMBDA_FUNCTION_NAME", ""))
                has_worked = bool(worker.net_connections(kind="tcp"))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if function and has_worked:
                yield function, worker


def _emulator() -> psutil.Process:
    """The process of the laptop stack that the tests started; psutil never takes another of the same id for it."""
    known = json.loads((state() / "process.json").read_text())
    emulator = psutil.Process(known["pid"])
    if emulator.create_time() != known["created"]:
        raise psutil.NoSuchProcess(known["pid"])
    return emulator
