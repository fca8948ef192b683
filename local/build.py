"""Builds the functions and layers, with bytecode, and without what no function uses.

    python -m local.build                     for Lambda, as template.yaml says by default
    python -m local.build --this-machine      for the laptop stack: this interpreter, this processor

`sam build` dates every file 1980, so ordinary bytecode is always stale and each cold start compiles everything again.
Bytecode with an unchecked hash is not compared with its source, which halves a cold start.
botocore describes over 400 services; those that no function calls take two fifths of the layer, and are left out.
"""

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping

from local.console import give_up, step
from local.sam import ROOT, SamError, sam

BUILT = ROOT / ".aws-sam" / "build"
LOG = ROOT / ".aws-sam" / "build.log"

ON_LAMBDA = {"PythonRuntime": "python3.13", "Architecture": "arm64"}
"""The template's own defaults; a test holds the two together."""

SERVICES = frozenset({"dynamodb", "events", "kms", "s3", "sqs"})
"""What the functions' clients are made for; a test holds it to them."""

THIS_MACHINE = {
    "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
}
"""The template's parameters that fit this interpreter and this processor."""


def build(parameters: Mapping[str, str]) -> None:
    """Build for a runtime and an architecture, given as the template's parameters.

    Raises:
        SamError: the build failed, or the runtime's interpreter is missing.
    """
    runtime = parameters["PythonRuntime"]
    interpreter = sys.executable if runtime == THIS_MACHINE["PythonRuntime"] else shutil.which(runtime)
    if interpreter is None:
        raise SamError(f"{runtime} is not on this machine, and building for it needs it.")
    LOG.parent.mkdir(exist_ok=True)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    sam("build", "--parameter-overrides", *overrides, log=LOG, env={})
    for leftover in BUILT.glob("SaxaulLayer/**/*.egg-info"):
        shutil.rmtree(leftover)
    for service in (BUILT / "DependenciesLayer/python/botocore/data").glob("*/"):
        if service.name not in SERVICES:
            shutil.rmtree(service)
    compiling = [interpreter, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiling, *BUILT.glob("*/")], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--this-machine", action="store_true", help="for the laptop stack")
    chosen = parser.parse_args()
    try:
        with step("building the functions and layers"):
            build(THIS_MACHINE if chosen.this_machine else ON_LAMBDA)
    except SamError as error:
        give_up(str(error))


if __name__ == "__main__":
    main()
