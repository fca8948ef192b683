"""Says in one sentence why pip failed, and what to do. It needs only Python, because nothing is installed yet."""

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Trouble(NamedTuple):
    """Something for which pip fails."""

    signs: tuple[str, ...]
    """Patterns of what pip prints then."""
    sentence: str
    """It may contain {line}, the line with the sign; {free}, the room on the disk; and {python}, the version."""


TROUBLES = (
    Trouble(
        signs=("No space left on device", r"Errno 28\b", "Disk quota exceeded"),
        sentence="The disk is full: {free} are free, and installing needs about 1 GB. Make room, and run the same "
        "command again.",
    ),
    Trouble(
        signs=("CERTIFICATE_VERIFY_FAILED", "SSLCertVerificationError", "SSLError"),
        sentence="The certificate of the package index was not accepted. If a proxy replaces certificates, name the "
        "file with its certificate in PIP_CERT, and run the same command again.",
    ),
    Trouble(
        signs=(
            *("Temporary failure in name resolution", "Name or service not known", "nodename nor servname"),
            *("getaddrinfo failed", "NewConnectionError", "NameResolutionError", "ConnectTimeoutError"),
            *("ReadTimeoutError", "Network is unreachable", "Connection refused", "Connection reset", "ProxyError"),
            *("Max retries exceeded", "ProtocolError", "Connection broken", "Connection aborted"),
        ),
        sentence="The package index could not be reached. Check the network, the proxy (HTTPS_PROXY) and the index "
        "(pip config list), and run the same command again.",
    ),
    Trouble(
        signs=("Permission denied", r"Errno 13\b", "Read-only file system"),
        sentence="A file could not be written: {line}. Give the folder to the user who installs, and run the same "
        "command again.",
    ),
    Trouble(
        signs=(
            "Failed building wheel",
            "Failed to build",
            "subprocess-exited-with-error",
            "metadata-generation-failed",
        ),
        sentence="A package has no build for Python {python} on this machine, and could not be compiled. Try another "
        "Python: make env PYTHON=python3.13",
    ),
    Trouble(
        signs=("No matching distribution found", "requires a different Python", "Could not find a version"),
        sentence="A package is not offered for Python {python} on this machine: {line}. Try another Python: make env "
        "PYTHON=python3.13",
    ),
)
"""In the order in which they are looked for: pip that cannot connect also says that it found no version."""


def sentence_about(lines: Sequence[str], folder: Path) -> str:
    """Return why pip failed and what to do, from the lines that it printed. ``folder`` is on the disk in question."""
    for trouble in TROUBLES:
        having_a_sign = [line for line in lines if re.search("|".join(trouble.signs), line)]
        if having_a_sign:
            free = f"{shutil.disk_usage(folder).free / 1e9:.1f} GB"
            return trouble.sentence.format(line=_bare(having_a_sign[-1]), free=free, python=sys.version.split()[0])
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = [*(line for line in lines if line.strip()), *errors][-1:]
    return f"pip failed: {_bare(last[0]) if last else 'it printed nothing'}."


def _bare(line: str) -> str:
    """Return a line without what could control a terminal."""
    shown = "".join(char for char in line if char.isprintable())
    return shown.strip().removeprefix("ERROR: ").rstrip(".")
