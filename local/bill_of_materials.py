"""The bill of materials (SBOM) of what ships: CycloneDX 1.6 as JSON.

It lists each package of the layer of dependencies with its version, its licence, its purl and the SHA-256 of the wheel
that is installed, and the viewer of the API's page with the SHA-256 of each file. pip finds the wheels by the lock, for
the runtime and the processor, as it does in a build. The same sources give the same bytes: the document has no time,
and its serial number is derived from the rest.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression
from packageurl import PackageURL
from packaging.requirements import Requirement

from local.dependencies import LOCK, REQUIREMENTS, locked, normal, pip_options
from local.pip_errors import sentence_about
from local.sam import ROOT, SamError
from local.viewer import SUMS, VIEWER

NAME = "sbom.cdx.json"
"""The name of the document beside a build for AWS."""

_OURS = ("functions", "layers/saxaul/saxaul", "template.yaml")
_CLASSIFIER = "License :: OSI Approved :: "

_of = LicenseFactory()


def bill_of_materials(parameters: Mapping[str, str]) -> str:
    """Return the document for PythonRuntime and Architecture.

    Raises:
        SamError: pip does not find what the lock names.
    """
    wheels = found_wheels(parameters)
    packages = {normal(wheel["metadata"]["name"]): _package(wheel) for wheel in wheels}
    viewer, ours = _viewer(), _our_own()
    target = [Property(name=f"saxaul:{name}", value=value) for name, value in sorted(parameters.items())]
    bom = Bom(metadata=BomMetaData(component=ours, properties=target), components=[*packages.values(), viewer])
    for wheel, package in zip(wheels, packages.values(), strict=True):
        needed = _needed(wheel["metadata"], parameters["PythonRuntime"])
        bom.register_dependency(package, [packages[name] for name in needed])
    bom.register_dependency(ours, [*(packages[name] for name in locked(REQUIREMENTS)), viewer])
    return _reproducible(JsonV1Dot6(bom).output_as_string())


def found_wheels(parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what pip would install into the layer, as the items of pip's installation report.

    Raises:
        SamError: pip does not find what the lock names, or the hash of a file is another one.
    """
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--dry-run"]
    only_look = ["--ignore-installed", "--report=-", "--target=unused"]
    command = [*pip, *only_look, *pip_options(parameters), f"--requirement={LOCK}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SamError(sentence_about(done.stderr.splitlines(), ROOT))
    report = json.loads(done.stdout)
    return sorted(report["install"], key=lambda wheel: normal(wheel["metadata"]["name"]))


def _package(wheel: Mapping[str, Any]) -> Component:
    about = wheel["metadata"]
    name, version = normal(about["name"]), about["version"]
    purl = PackageURL("pypi", None, name, version)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        description=about.get("summary"),
        hashes=[_sha256(wheel["download_info"]["archive_info"]["hashes"]["sha256"])],
        licenses=_licences(about),
    )


def _licences(about: Mapping[str, Any]) -> list[License]:
    """Return the licences that a package states: by an identifier of SPDX if it has one, or else by its classifiers."""
    stated = about.get("license_expression") or about.get("license") or ""
    if is_expression(stated):
        return [_of.make_from_string(stated)]
    classes = [text.removeprefix(_CLASSIFIER) for text in about.get("classifier", ()) if text.startswith(_CLASSIFIER)]
    return [_of.make_from_string(name) for name in classes]


def _needed(about: Mapping[str, Any], runtime: str) -> list[str]:
    """Return the packages that a package needs in a runtime, without any of its extras."""
    version = runtime.removeprefix("python")
    there = {"extra": "", "python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux"}
    needed = [Requirement(text) for text in about.get("requires_dist", ())]
    return [normal(each.name) for each in needed if each.marker is None or each.marker.evaluate(there)]


def _viewer() -> Component:
    """Return the viewer of the API's page: files of an npm package, which the function DescribeApi serves."""
    lines = [line.split() for line in (VIEWER / SUMS).read_text("utf-8").splitlines()]
    [version] = {found[0] for _, file in lines if (found := re.findall(r"\d+\.\d+\.\d+", file))}
    files = [Component(name=file, type=ComponentType.FILE, hashes=[_sha256(sum_)]) for sum_, file in lines]
    purl = PackageURL("npm", None, "swagger-ui-dist", version)
    return Component(
        name="swagger-ui-dist",
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        licenses=[_of.make_from_string("Apache-2.0")],
        components=[_with_ref(file) for file in files],
    )


def _with_ref(file: Component) -> Component:
    file.bom_ref.value = f"file:{file.name}"
    return file


def _our_own() -> Component:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref=project["name"],
        description=project["description"],
        hashes=[_sha256(digest_of_ours())],
        licenses=[_of.make_from_string(project["license"])],
    )


def digest_of_ours(root: Path = ROOT) -> str:
    """Return the SHA-256 of a list of our files, which has the lines that sha256sum prints, sorted by path."""
    files = [
        file for name in _OURS for file in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
    ]
    paths = sorted(file.relative_to(root).as_posix() for file in files if file.is_file() and file.suffix != ".pyc")
    lines = (f"{hashlib.sha256((root / path).read_bytes()).hexdigest()}  {path}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _reproducible(document: str) -> str:
    """Return a document without its time, and with a serial number that is derived from its content."""
    content = json.loads(document)
    del content["metadata"]["timestamp"], content["serialNumber"]
    serial = uuid5(NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return json.dumps({**content, "serialNumber": f"urn:uuid:{serial}"}, indent=2, sort_keys=True) + "\n"


def write_bill(file: Path, parameters: Mapping[str, str]) -> None:
    """Write the document to a file.

    Raises:
        SamError: pip does not find what the lock names.
    """
    document = bill_of_materials(parameters)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document, "utf-8")
