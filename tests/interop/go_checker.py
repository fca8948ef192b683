"""Builds and runs check_log.go, which checks a log with Go's own packages instead of ours."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("check_log.go")
PACKAGE = "golang-golang-x-mod-dev"
_MODULE = "/src/golang.org/x/mod/sumdb/tlog/tlog.go"


def build(folder: Path) -> Path:
    """Build the program into a folder, and return its path. The caches of the build lie beside it."""
    if not shutil.which("go"):
        raise FileNotFoundError(f"Go is not installed: apt-get install golang-go {PACKAGE}")
    program = folder / "check_log"
    places = {"GOPATH": _gocode(), "GOCACHE": str(Path(tempfile.gettempdir()) / f"saxaul-go-{os.getuid()}")}
    command = ["go", "build", "-o", str(program), str(SOURCE)]
    subprocess.run(command, env=os.environ | {"GO111MODULE": "off"} | places, check=True)  # noqa: S603
    return program


def _gocode() -> str:
    """Return Debian's folder of Go sources, in which GOPATH finds golang.org/x/mod."""
    try:
        listed = subprocess.run(["dpkg", "-L", PACKAGE], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        raise FileNotFoundError(f"golang.org/x/mod is not installed: apt-get install golang-go {PACKAGE}") from None
    return next(line.removesuffix(_MODULE) for line in listed.splitlines() if line.endswith(_MODULE))


def check(
    program: Path,
    url: str,
    vkey: str,
    *certificates: Path,
    witness: str = "",
    checkpoints: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the program on a log and certificates, and return what it printed and its exit code."""
    options = ["-log", url, "-vkey", vkey]
    options += ["-witness", witness] if witness else []
    options += ["-checkpoints", str(checkpoints)] if checkpoints else []
    command = [str(program), *options, *map(str, certificates)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603
