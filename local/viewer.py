"""Renew the files with which the page of the API shows the OpenAPI document: Swagger UI, unmodified.

    make viewer VERSION=5.35.0

The command downloads a release of the npm package swagger-ui-dist, so it needs npm. It writes the files that the
function DescribeApi serves, with the version in their names, and removes those of the version before. The files are
committed, so nothing else needs npm. SHA256SUMS in the same folder lets a test find a change to one of them.
"""

import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from local.command import command_parser, non_empty, run_command
from local.console import console, exit_with, shown, step
from local.sam import ROOT

VIEWER = ROOT / "functions" / "describe_api" / "viewer"
SUMS = "SHA256SUMS"
_PACKAGE = "swagger-ui-dist"
_FILES = {
    "swagger-ui-bundle.js": "swagger-ui-{}.js",
    "swagger-ui.css": "swagger-ui-{}.css",
    "LICENSE": "swagger-ui-{}-LICENSE.txt",
    "NOTICE": "swagger-ui-{}-NOTICE.txt",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-{}-OTHERS.txt",
}
"""The files of the package that are served, each with its name here. The last one has the licences of its parts."""


def unpack(package: Path, version: str, folder: Path = VIEWER) -> None:
    """Replace the files of the viewer by those of a package, and write their checksums.

    Raises:
        LookupError: the package lacks one of the files. Nothing is changed.
    """
    with tarfile.open(package) as opened:
        members = {
            name: opened.extractfile(f"package/{name}") for name in _FILES if f"package/{name}" in opened.getnames()
        }
        found = {_FILES[name].format(version): member.read() for name, member in members.items() if member}
    if missing := _FILES.keys() - members.keys():
        raise LookupError(f"{_PACKAGE} {version} has no {', '.join(sorted(missing))}.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(found.items())]
    (folder / SUMS).write_text("".join(sums), "utf-8")


def main() -> None:
    parser = command_parser("local.viewer", __doc__)
    parser.add_argument("version", type=non_empty, help="the release of swagger-ui-dist")
    version = parser.parse_args().version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        exit_with(f"{shown(version)} is not a version: write three numbers, such as 5.35.0.")
    npm = shutil.which("npm")
    if npm is None:
        exit_with("The viewer is downloaded with npm, which is not installed.")
    try:
        with tempfile.TemporaryDirectory() as downloads, step(f"downloading {shown(_PACKAGE)}", shown(version)):
            command = [npm, "pack", "--silent", "--pack-destination", downloads, f"{_PACKAGE}@{version}"]
            subprocess.run(command, check=True, cwd=downloads, stdout=subprocess.DEVNULL)
            [package] = Path(downloads).glob("*.tgz")
            unpack(package, version)
    except (OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
        exit_with(str(error))
    console.print(f"Next: read the changes of the release, and commit {shown(VIEWER.relative_to(ROOT))}")


if __name__ == "__main__":
    run_command(main)
