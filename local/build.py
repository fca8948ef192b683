"""Builds the functions and layers, compiles their bytecode, and removes files that no function uses.

    python -m local.build                     for Lambda, with the template's defaults, into .aws-sam/build
    python -m local.build --this-machine      for the laptop stack, with this interpreter and processor, below .local

The two builds share nothing: `sam build` keeps its downloads, its cache and its result in `.aws-sam` of the folder that
it runs in, and each build runs in its own folder. `sam deploy` uploads the result of the first one.

`sam build` dates every file 1980, so ordinary bytecode is always stale and each cold start compiles everything again.
Bytecode with an unchecked hash is not compared with its source, which halves a cold start.
botocore has descriptions of over 400 services. Those that no function calls take two fifths of the layer; the build
removes them.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.artifacts import wrong_files
from local.console import give_up, step
from local.sam import ROOT, SamError, sam

FOR_THE_LAPTOP = ROOT / ".local"
"""The folder where the laptop stack is built."""

FOR_AWS = ROOT
"""The folder of the build that `sam deploy` uploads."""

ON_LAMBDA = {"PythonRuntime": "python3.13", "Architecture": "arm64"}
"""The template's defaults; a test compares the two."""

SERVICES = frozenset({"dynamodb", "events", "kms", "s3", "sqs"})
"""The AWS services that the functions make clients for; a test compares the two."""

THIS_MACHINE = {
    "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
}
"""The template's parameters that fit this interpreter and this processor."""

_PROBE = "import sys, pip; print(sys.implementation.name, *sys.version_info[:2])"


def built_in(folder: Path) -> Path:
    """Return the folder that holds the result of a build in ``folder``."""
    return folder / ".aws-sam" / "build"


BUILT = built_in(FOR_THE_LAPTOP)
"""The built functions and layers of the laptop stack."""


def build(parameters: Mapping[str, str], folder: Path = FOR_THE_LAPTOP) -> None:
    """Build in a folder for a runtime and an architecture, given as the template's parameters.

    Raises:
        SamError: `sam build` failed, or the runtime's interpreter is missing.
    """
    interpreter, built = interpreter_for(parameters["PythonRuntime"]), built_in(folder)
    built.parent.mkdir(parents=True, exist_ok=True)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    sam(
        "build",
        *("--template-file", str(ROOT / "template.yaml"), "--parameter-overrides", *overrides),
        log=built.parent / "build.log",
        # sam takes the first interpreter of that name on the PATH that works.
        env={"PATH": os.pathsep.join([str(interpreter.parent), os.environ["PATH"]])},
        cwd=folder,
    )
    for leftover in built.glob("SaxaulLayer/**/*.egg-info"):
        shutil.rmtree(leftover)
    for service in (built / "DependenciesLayer/python/botocore/data").glob("*/"):
        if service.name not in SERVICES:
            shutil.rmtree(service)
    compiling = [str(interpreter), "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiling, *map(str, built.glob("*/"))], check=True)


def build_for_aws(parameters: Mapping[str, str]) -> None:
    """Build what `sam deploy` uploads, and check every file of the result.

    Raises:
        SamError: the build failed, or it has files that could not run on Lambda.
    """
    build(parameters, FOR_AWS)
    refuse_wrong_files(built_in(FOR_AWS), parameters)


def refuse_wrong_files(built: Path, parameters: Mapping[str, str], shown: int = 20) -> None:
    """Check that the runtime and the architecture can run every file of a build.

    Raises:
        SamError: some files cannot run; the message lists the first ones, and names the file that lists all of them.
    """
    try:
        wrong = wrong_files(built, parameters)
    except LookupError as error:
        raise SamError(str(error)) from None
    listing = built.parent / "wrong-files.txt"
    listing.unlink(missing_ok=True)
    if not wrong:
        return
    lines = [str(file) for file in wrong]
    listing.write_text("\n".join(lines) + "\n")
    target = f"{parameters['PythonRuntime']} on {parameters['Architecture']}"
    more = [f"and {len(lines) - shown:,} more: {listing}"] if len(lines) > shown else []
    sentence = f"{built} cannot run on {target} and is not deployed. Findings: {len(lines):,}."
    raise SamError("\n  ".join([sentence, *lines[:shown], *more]))


def interpreter_for(runtime: str) -> Path:
    """Return a working interpreter with pip for a runtime such as python3.13: this one, the PATH's first, or pyenv's.

    Raises:
        SamError: there is none.
    """
    if runtime == THIS_MACHINE["PythonRuntime"]:
        return Path(sys.executable)
    for candidate in _candidates(runtime):
        if _runs(candidate, runtime):
            return candidate
    version = runtime.removeprefix("python")
    raise SamError(
        f"Building for {runtime} needs that Python version with pip, but neither the PATH nor pyenv has a working one; "
        f"install it, for example with: pyenv install {version}"
    )


def _candidates(runtime: str) -> Iterator[Path]:
    for folder in os.get_exec_path():
        yield Path(folder) / runtime
    version = runtime.removeprefix("python")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((pyenv / "versions").glob(f"{version}*/bin/{runtime}"), reverse=True)


def _runs(candidate: Path, runtime: str) -> bool:
    """Return whether a candidate runs as that version. The pyenv shim of a version that is not selected fails."""
    try:
        told = subprocess.run([candidate, "-c", _PROBE], capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return told.split() == ["cpython", *runtime.removeprefix("python").split(".")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--this-machine", action="store_true", help="build for the laptop stack")
    chosen = parser.parse_args()
    try:
        with step("building the functions and layers"):
            build(THIS_MACHINE) if chosen.this_machine else build_for_aws(ON_LAMBDA)
    except SamError as error:
        give_up(str(error))


if __name__ == "__main__":
    main()
