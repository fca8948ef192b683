"""The conditions that a write can set on the current version of a catalog entry."""

from typing import NamedTuple


class Versions(NamedTuple):
    """The versions that an If-Match or If-None-Match header lists: some numbers (as text), or ``any`` version.

    ``has_weak`` tells whether the header also lists weak ETags, which a write ignores.
    """

    numbers: frozenset[str] = frozenset()
    any: bool = False
    has_weak: bool = False

    def include(self, version: int | None) -> bool:
        """Return whether a version is one of these. None stands for a missing entry; the result is then False."""
        return version is not None and (self.any or str(version) in self.numbers)


class Condition(NamedTuple):
    """The condition of a write: the current version is one of ``required`` and is not one of ``excluded``.

    If ``required`` is None, the entry may be missing or have any version that is not excluded.
    """

    required: Versions | None = None
    excluded: Versions = Versions()

    @property
    def names_weak_tags(self) -> bool:
        """Whether If-Match lists weak ETags. They never match."""
        return self.required is not None and self.required.has_weak

    def is_stale(self, version: int | None) -> bool:
        """Return whether this write was based on a version that is not the current one."""
        return self.required is not None and not self.required.include(version)

    def excludes(self, version: int | None) -> bool:
        """Return whether the current version is an excluded one."""
        return self.excluded.include(version)
