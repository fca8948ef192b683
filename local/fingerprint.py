"""Says whether a build is still that of its sources, so that it need not be made again."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.sam import ROOT

SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers", "local/build.py", "local/dependencies.py")
"""The files and folders that a build is made from. The last two decide what is removed, and how pip installs."""


def is_current(built: Path, parameters: Mapping[str, str], root: Path = ROOT) -> bool:
    """Return whether a folder has the complete build of the sources as they are, with these parameters."""
    try:
        return _record(built).read_text("utf-8") == _fingerprint(built, parameters, root)
    except OSError:
        return False


def forget(built: Path) -> None:
    """Let the build count as none, before it is changed."""
    _record(built).unlink(missing_ok=True)


def remember(built: Path, parameters: Mapping[str, str], root: Path = ROOT) -> None:
    """Note from what the build was made."""
    _record(built).write_text(_fingerprint(built, parameters, root), "utf-8")


def _record(built: Path) -> Path:
    return built.parent / "built.json"


def _fingerprint(built: Path, parameters: Mapping[str, str], root: Path) -> str:
    """Return the hash of the contents of all sources, and that of the names and sizes of all built files."""
    sources, result = hashlib.sha256(), hashlib.sha256()
    for file in _files(root / name for name in SOURCES):
        content = file.read_bytes()
        sources.update(f"{file.relative_to(root)}:{len(content)}:".encode())
        sources.update(content)
    for file in _files([built]):
        result.update(f"{file.relative_to(built)}:{file.stat().st_size}\n".encode())
    known = {"parameters": dict(parameters), "python": sys.version}
    return json.dumps({**known, "sources": sources.hexdigest(), "result": result.hexdigest()}, indent=2) + "\n"


def _files(places: Iterator[Path] | list[Path]) -> Iterator[Path]:
    """Yield all files in these places in a fixed order, without the bytecode that Python writes beside sources."""
    for place in places:
        if place.is_file():
            yield place
        for folder, folders, names in os.walk(place, followlinks=True):
            folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.endswith(".egg-info"))
            for name in sorted(names):
                yield Path(folder) / name
