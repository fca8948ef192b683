"""The package stands alone: it imports httpx and the standard library only, and exports what exists."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import saxaul_client
from local.operations import operations
from local.sam import ROOT
from saxaul.http.bodies import MAX_REPORTS

PACKAGE = ROOT / "clients/python"
MODULES = sorted((PACKAGE / "src/saxaul_client").glob("*.py"))


def imported(module: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(module.read_text("utf-8"))))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in whole} | {
        str(node.module).split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_imports_only_the_standard_library_and_httpx(module: Path) -> None:
    assert imported(module) - sys.stdlib_module_names <= {"httpx", "saxaul_client"}


def test_the_package_depends_on_httpx_alone() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]

    assert [dependency.split(">")[0] for dependency in project["dependencies"]] == ["httpx"]
    assert project["requires-python"] == ">=3.11"
    assert (PACKAGE / "src/saxaul_client/py.typed").exists()


def test_what_is_exported_exists() -> None:
    assert all(hasattr(saxaul_client, name) for name in saxaul_client.__all__)
    assert len(set(saxaul_client.__all__)) == len(saxaul_client.__all__)


def routes_in(module: Path) -> set[str]:
    """Return the routes in the texts of a module, with an f-string's values as ``*``."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        match node:
            case ast.Constant(value=str(value)):
                found.add(value)
            case ast.JoinedStr(values=parts):
                found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts))
    return {text for text in found if re.fullmatch(r"/[a-z*{}_/-]+", text)}


def test_every_route_in_the_client_is_one_of_the_api() -> None:
    known = {route.path for route in operations()}
    used = set().union(*map(routes_in, MODULES))
    patterns = {name: re.escape(name).replace(r"\*", ".+") for name in used}

    assert len(used) > 20
    assert [name for name, pattern in patterns.items() if not any(re.search(pattern, path) for path in known)] == []


@pytest.mark.parametrize("name", ["confirm", "fail", "inspect", "correct"])
def test_the_methods_of_a_partner_say_how_many_reports_a_request_may_have(name: str) -> None:
    said = getattr(saxaul_client.PartnerClient, name).__doc__

    assert re.findall(r"at most (\d+)", said) == [str(MAX_REPORTS)]
