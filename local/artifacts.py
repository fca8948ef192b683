"""Checks that every binary and every bytecode file of a build can run on the target runtime and processor.

AWS accepts a build for another processor or another Python version, but then no function can be imported. The check
only reads the files, so it needs neither the target processor nor the target Python.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

MACHINES = {"x86_64": 62, "arm64": 183}
"""``e_machine`` of an ELF file for each value of the template's Architecture (elf.h: EM_X86_64, EM_AARCH64)."""

MAGIC = {"python3.11": 3495, "python3.12": 3531, "python3.13": 3571, "python3.14": 3627}
"""The first two bytes of bytecode for each runtime (pycore_magic_number.h of CPython). All patch releases share it."""

UNCHECKED_HASH = 1
"""The flags of unchecked-hash bytecode, which Python uses without comparing it with its source (PEP 552)."""

_PLATFORMS = {"x86_64": "x86_64", "arm64": "aarch64"}
"""How the file name of an extension module names each processor (PEP 3149)."""

_MACHINE_NAMES = {3: "32-bit x86", 40: "32-bit arm", 62: "x86_64", 183: "arm64", 243: "riscv"}
_ELF_HEADER = 20
_PYC_HEADER = 16
_BINARY = re.compile(r"\.(so(\.\d+)*|dylib|pyd|dll)$", re.IGNORECASE)
_TAG = re.compile(r"\.(?P<tag>[^.]+)\.so$")


class WrongFile(NamedTuple):
    """A file that cannot run on the target: its path in the build, and the reason, worded as the end of a sentence."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path} {self.why}"


def wrong_files(built: Path, parameters: Mapping[str, str]) -> list[WrongFile]:
    """Return the files of a build that cannot run on the given PythonRuntime and Architecture, binaries first.

    Raises:
        LookupError: the folder has no build, or this check does not know the runtime or the architecture.
    """
    runtime, architecture = parameters["PythonRuntime"], parameters["Architecture"]
    if runtime not in MAGIC or architecture not in MACHINES:
        known = f"{', '.join(MAGIC)} on {' and '.join(MACHINES)}"
        raise LookupError(f"A build for {runtime} on {architecture} cannot be checked; the check knows {known}.")
    if not (built / "template.yaml").exists():
        raise LookupError(f"Nothing is built in {built}.")
    found = [
        WrongFile(file.relative_to(built), why)
        for file in sorted(built.rglob("*"))
        if file.is_file()
        for why in _faults(file, runtime, architecture)
    ]
    return sorted(found, key=lambda wrong: wrong.path.suffix == ".pyc")


def _faults(file: Path, runtime: str, architecture: str) -> Iterator[str]:
    with file.open("rb") as opened:
        header = opened.read(_ELF_HEADER)
    if file.suffix == ".pyc":
        yield from _bytecode_faults(header, runtime)
    elif header.startswith(b"\x7fELF") or _BINARY.search(file.name):
        wrong_machine = list(_machine_faults(header, architecture))
        yield from wrong_machine or _platform_faults(file.name, architecture)
        yield from _tag_faults(file.name, runtime)


def _machine_faults(header: bytes, architecture: str) -> Iterator[str]:
    if len(header) < _ELF_HEADER or not header.startswith(b"\x7fELF"):
        yield "is not a Linux binary"
        return
    is_64_bit, is_little = header[4] == 2, header[5] == 1  # noqa: PLR2004 - ELFCLASS64, ELFDATA2LSB
    (machine,) = struct.unpack_from("<H" if is_little else ">H", header, 18)
    if machine != MACHINES[architecture]:
        yield f"is for {_MACHINE_NAMES.get(machine, f'machine {machine}')}, not for {architecture}"
    elif not (is_64_bit and is_little):
        yield "is not 64-bit little-endian"


def _tag_faults(name: str, runtime: str) -> Iterator[str]:
    """Check the Python version in a file name. ``abi3`` fits every version, and an ordinary library has no tag."""
    found = _TAG.search(name)
    tag = found["tag"] if found else ""
    ours = runtime.removeprefix("python").replace(".", "")
    kind, _, rest = tag.partition("-")
    if kind == "cpython":
        version = rest.partition("-")[0]
        if version != ours:
            yield f"is for cpython-{version}, not for {runtime}"
    elif kind.startswith(("pypy", "graalpy")):
        yield f"is for {kind}, not for {runtime}"
    if tag.endswith("-musl"):
        yield "is for musl, which Lambda does not have"


def _platform_faults(name: str, architecture: str) -> Iterator[str]:
    """Check the processor in a file name. Python does not import a binary whose name has another processor."""
    found = _TAG.search(name)
    platform = found["tag"].partition("-")[2].partition("-")[2] if found else ""
    if platform and not platform.startswith(_PLATFORMS[architecture]):
        yield f"is named for {platform}, so it is not imported on {architecture}"


def _bytecode_faults(header: bytes, runtime: str) -> Iterator[str]:
    if len(header) < _PYC_HEADER or header[2:4] != b"\r\n":
        yield "is not bytecode"
        return
    magic, flags = struct.unpack_from("<H2xI", header)
    if magic != MAGIC[runtime]:
        by = next((name for name, number in MAGIC.items() if number == magic), "another Python")
        yield f"was compiled by {by} (magic number {magic}), not by {runtime} ({MAGIC[runtime]})"
    if flags != UNCHECKED_HASH:
        yield "is not unchecked-hash bytecode, so each cold start would recompile it"
