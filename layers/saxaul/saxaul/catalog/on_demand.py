"""A mapping that makes each of its values when it is first needed."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class OnDemand(Mapping[str, Value], Generic[Value]):
    """A mapping of some of the ``names`` to the values that ``make`` returns for them.

    A name for which ``make`` returns None is not in the mapping. ``make`` is called once for each name, or twice if two
    threads need the name at the same time.
    """

    def __init__(self, names: Collection[str], make: Callable[[str], Value | None]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, Value | None] = {}

    def __getitem__(self, name: str) -> Value:
        if (value := self._find(name)) is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if self._find(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _find(self, name: str) -> Value | None:
        if name not in self._made:
            self._made[name] = self._make(name) if name in self._names else None
        return self._made[name]
