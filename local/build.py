"""Builds the functions and layers, compiles their bytecode, and removes files that no function uses.

    python -m local.build                     for Lambda, with the template's defaults, into .aws-sam/build
    python -m local.build --this-machine      for the laptop stack, with this interpreter and processor, below .local

The two builds share no files: `sam build` keeps its downloads, its cache and its result in `.aws-sam` of the folder
that it runs in, and each build runs in its own folder. `sam deploy` uploads the build for Lambda.

`sam build` dates every file 1980. Ordinary bytecode is then always stale, so each cold start would compile everything.
Therefore the build compiles to unchecked-hash bytecode, which Python uses without comparing it with its source. This
halves a cold start. botocore has descriptions of over 400 services. The build removes those of services that no
function calls: two fifths of the layer. Their hosts are removed from botocore's list of regions too, because the first
AWS client of a worker reads this list.
"""

import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.artifacts import wrong_files
from local.bill_of_materials import NAME as BILL
from local.bill_of_materials import write_bill
from local.command import command_parser, run_command
from local.console import console, exit_with, shown, step
from local.dependencies import locked, normal, pip_command
from local.fingerprint import forget, is_current, remember
from local.sam import ROOT, SamError, sam
from local.template import template
from local.versions import note_parameters

FOR_THE_LAPTOP = ROOT / ".local"
"""The folder in which `sam build` runs for the laptop stack."""

FOR_AWS = ROOT
"""The folder in which `make build` runs `sam build` for AWS. `make deploy` has one for each stack."""

ON_LAMBDA = {"PythonRuntime": "python3.13", "Architecture": "arm64"}
"""The defaults of these parameters in the template; a test compares them with the template."""

SERVICES = frozenset({"cognito-idp", "dynamodb", "events", "kms", "s3", "sqs"})
"""The AWS services that the functions call; a test compares this set with the code."""

THIS_MACHINE = {
    "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
}
"""PythonRuntime and Architecture of this interpreter and this processor."""

_SHOWN = 20
"""The lines of details below a sentence about a failed build."""

_PROBE = (
    "import sys; from importlib.util import find_spec; "
    "print(sys.implementation.name, '%d.%d' % sys.version_info[:2], find_spec('pip') is not None)"
)


def built_in(folder: Path) -> Path:
    """Return the folder that holds the result of a build in ``folder``."""
    return folder / ".aws-sam" / "build"


BUILT = built_in(FOR_THE_LAPTOP)
"""The built functions and layers of the laptop stack."""


def build(parameters: Mapping[str, str], folder: Path = FOR_THE_LAPTOP) -> None:
    """Run `sam build` in a folder, compile the bytecode, and remove files that no function uses.

    ``parameters`` has the PythonRuntime and the Architecture to build for. The build for the laptop is not made again
    if its sources are unchanged.

    Raises:
        SamError: `sam build` failed, the runtime's interpreter is missing, or a built file has a syntax error.
    """
    built = built_in(folder)
    with _unshared(built):
        if folder != FOR_THE_LAPTOP or not is_current(built, parameters):
            _build(parameters, folder)


def copy_build(built: Path, copy: Path) -> None:
    """Let the folder ``copy`` be a copy of a build, whatever becomes of that build later.

    Its files are hard links if possible. So whoever changes one must replace it.
    """
    with _unshared(built):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(built, copy, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # the folders are on different file systems
        shutil.copy2(source, target)


@contextmanager
def _unshared(built: Path) -> Iterator[None]:
    """Wait until no other process builds there: two stacks of a clone may start together, and use the same build."""
    built.parent.mkdir(parents=True, exist_ok=True)
    with (built.parent / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(parameters: Mapping[str, str], folder: Path) -> None:
    built = built_in(folder)
    interpreter = interpreter_for(parameters["PythonRuntime"])
    forget(built)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    sam(
        "build",
        *("--template-file", str(ROOT / "template.yaml"), "--parameter-overrides", *overrides),
        log=built.parent / "build.log",
        # sam uses the first working interpreter of that name on the PATH.
        env={
            "PATH": os.pathsep.join([str(interpreter.parent), os.environ["PATH"]]),
            "SAXAUL_PIP": pip_command(interpreter, parameters),
        },
        cwd=folder,
    )
    for leftover in built.glob("SaxaulLayer/**/*.egg-info"):
        shutil.rmtree(leftover)
    remove_other_services(built / "DependenciesLayer/python/botocore/data")
    compile_bytecode(interpreter, built)
    note_parameters(built, parameters)
    remember(built, parameters)


def compile_bytecode(interpreter: Path, built: Path) -> None:
    """Compile every Python file of a build.

    Raises:
        SamError: a file cannot be compiled. The message names the function or layer, and the line of the file.
    """
    compiling = [str(interpreter), "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    command = [*compiling, *map(str, built.glob("*/"))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        errors = syntax_errors(done.stdout, built) or [done.stdout.strip()[-500:]]
        raise SamError("A function or layer cannot be compiled, so nothing was deployed:", errors)


_SYNTAX_ERROR = r'File "{folder}/([^/"]+)/([^"]+)", line (\d+)[^*]*?^(\w+Error): (.*)$'


def syntax_errors(printed: str, built: Path) -> list[str]:
    """Return the syntax errors that compileall printed about a build, with the lines of the project's files."""
    of_build = re.compile(_SYNTAX_ERROR.format(folder=re.escape(str(built))), re.MULTILINE)
    found = []
    for name, file, line, kind, message in of_build.findall(printed):
        properties = template()["Resources"].get(name, {}).get("Properties", {})
        folder = properties.get("CodeUri") or properties.get("ContentUri") or name
        found += [f"{name}: {kind}: {message}", f"  in {folder}/{file.removeprefix('python/')}:{line}"]
    return found


def remove_other_services(data: Path) -> None:
    """Remove the services that no function calls from botocore's descriptions, and from its list of regions."""
    for service in data.glob("*/"):
        if service.name not in SERVICES:
            shutil.rmtree(service)
    regions = data / "endpoints.json"
    if not regions.exists():
        return
    listed = json.loads(regions.read_text("utf-8"))
    for partition in listed["partitions"]:
        hosts = partition["services"].items()
        partition["services"] = {service: found for service, found in hosts if service in SERVICES}
    regions.write_text(json.dumps(listed, separators=(",", ":")), "utf-8")


def build_for_aws(parameters: Mapping[str, str], folder: Path = FOR_AWS) -> None:
    """Build for AWS in a folder, check that every built file can run there, and write the bill of materials beside it.

    Raises:
        SamError: the build failed, has files that cannot run on Lambda, or has other packages than the lock.
    """
    build(parameters, folder)
    built = built_in(folder)
    refuse_wrong_files(built, parameters)
    refuse_other_packages(built / "DependenciesLayer")
    write_bill(built.parent / BILL, parameters)


def refuse_wrong_files(built: Path, parameters: Mapping[str, str], shown: int = _SHOWN) -> None:
    """Check that every file of a build can run on the runtime and the architecture in ``parameters``.

    Raises:
        SamError: some files cannot run. The message lists the first ``shown``, and names a file that lists all of them.
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
    sentence = f"{built} is not deployed, because some files cannot run on {target}. Findings: {len(lines):,}."
    raise SamError(sentence, [*lines[:shown], *more])


def refuse_other_packages(layer: Path) -> None:
    """Check that a built layer has exactly the packages of the lock, in its versions.

    Raises:
        SamError: it has not. The message names the packages.
    """
    names = (folder.name.removesuffix(".dist-info").partition("-") for folder in layer.glob("python/*.dist-info"))
    found = {(normal(name), version) for name, _, version in names}
    if other := found ^ set(locked().items()):
        packages = ", ".join(sorted(f"{name} {version}" for name, version in other))
        raise SamError(f"The built layer and its lock do not have the same packages: {packages}")


def interpreter_for(runtime: str) -> Path:
    """Return a working interpreter with pip for a runtime such as python3.13.

    It is the running interpreter if its version fits, or else the first on the PATH, or else one that pyenv installed.

    Raises:
        SamError: there is no such interpreter. The message names each program that was tried, and the reason.
    """
    tried: list[str] = []
    for candidate in _candidates(runtime):
        reason = _why_unusable(candidate, runtime)
        if reason is None:
            return candidate
        tried.append(f"{candidate} {reason}")
    version = runtime.removeprefix("python")
    raise SamError(
        f"Building for {runtime} needs that Python with pip; install it, for example with: pyenv install {version}",
        [f"tried: {each}" for each in tried] or [f"Neither the PATH nor pyenv has a {runtime}."],
    )


def _candidates(runtime: str) -> Iterator[Path]:
    """Yield each program that may be the interpreter of a runtime, once."""
    version = runtime.removeprefix("python")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    running = [Path(sys.executable)] if runtime == THIS_MACHINE["PythonRuntime"] else []
    on_the_path = [Path(folder or ".").absolute() / runtime for folder in os.get_exec_path()]
    of_pyenv = sorted((pyenv / "versions").glob(f"{version}*/bin/{runtime}"), reverse=True)
    for candidate in dict.fromkeys([*running, *on_the_path, *of_pyenv]):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            yield candidate


def _why_unusable(candidate: Path, runtime: str) -> str | None:
    """Return why a program cannot build for a runtime, or None if it can: it is that CPython, and has pip.

    This must be tried: a shim of pyenv exists for each version, but fails if its version is not selected.
    """
    try:
        probed = subprocess.run([candidate, "-c", _PROBE], capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return "does not answer"
    except (OSError, UnicodeError) as error:
        return f"does not run: {error}"
    if probed.returncode:
        said = [line for line in probed.stderr.splitlines() if line.strip()]
        return f"does not run: {said[0].strip()}" if said else "does not run"
    name, version, has_pip = (probed.stdout.split() + [""] * 3)[:3]
    if (name, version) != ("cpython", runtime.removeprefix("python")):
        return f"is {name} {version}"
    return None if has_pip == "True" else "has no pip"


def main() -> None:
    parser = command_parser("local.build", __doc__)
    parser.add_argument("--this-machine", action="store_true", help="build for the laptop stack")
    chosen = parser.parse_args()
    try:
        if chosen.this_machine:
            with step("building the functions and layers"):
                build(THIS_MACHINE)
            return
        with step("building the functions and layers for AWS, and checking every file"):
            build_for_aws(ON_LAMBDA, FOR_AWS)
    except SamError as error:
        exit_with(error.sentence, error.details)
    target = f"{ON_LAMBDA['PythonRuntime']} on {ON_LAMBDA['Architecture']}"
    console.print(f"  every binary and bytecode file can run on {shown(target)}, the defaults of template.yaml")
    console.print(f"  the result is in {shown(built_in(FOR_AWS))}")
    console.print(f"  the bill of materials is in {shown(built_in(FOR_AWS).parent / BILL)}")


if __name__ == "__main__":
    run_command(main)
