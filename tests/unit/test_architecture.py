"""Data goes one way: handler, services, domain, storage. The imports say whether it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "domain" / "saxaul"
DOMAIN = sorted([*PACKAGE.glob("*.py"), *(PACKAGE / "search").glob("*.py")])
STORAGE = sorted((PACKAGE / "storage").glob("*.py"))
SERVICES = sorted((PACKAGE / "services").glob("*.py"))
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))

SDK = ("boto3", "botocore", *(f"mypy_boto3_{it}" for it in ("dynamodb", "events", "kms", "s3", "sqs")))
POWERTOOLS = ("aws_lambda_powertools",)


def imports_of(module: Path, *, for_types: bool = False) -> set[str]:
    """The full names of all that a module imports, wherever in it; those for type checkers alone only if asked for."""
    return set(_imports(ast.parse(module.read_text("utf-8")), for_types))


def _imports(node: ast.AST, for_types: bool) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        case ast.If(test=ast.Name("TYPE_CHECKING")) if not for_types:
            pass
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _imports(child, for_types)


def is_within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_the_walk_sees_every_module() -> None:
    assert {path.stem for path in DOMAIN} >= {"actions", "pages", "wallets", "redemptions", "api", "observability"}
    assert len(STORAGE) >= 7
    assert len(SERVICES) >= 4
    assert len(HANDLERS) >= 8


@pytest.mark.parametrize("module", DOMAIN, ids=named)
def test_the_domain_knows_no_aws(module: Path) -> None:
    assert not [it for it in imports_of(module, for_types=module.stem != "api") if is_within(it, *SDK)]


@pytest.mark.parametrize("module", [it for it in DOMAIN if it.stem != "observability"], ids=named)
def test_only_observability_knows_powertools(module: Path) -> None:
    assert not [it for it in imports_of(module) if is_within(it, *POWERTOOLS)]


@pytest.mark.parametrize("module", DOMAIN, ids=named)
def test_the_domain_knows_neither_storage_nor_services(module: Path) -> None:
    assert not [it for it in imports_of(module, for_types=True) if is_within(it, "saxaul.storage", "saxaul.services")]


@pytest.mark.parametrize("module", [it for it in DOMAIN if it.stem != "api"], ids=named)
def test_only_the_api_logs(module: Path) -> None:
    assert not [it for it in imports_of(module) if is_within(it, "saxaul.observability")]


@pytest.mark.parametrize("module", STORAGE, ids=named)
def test_storage_knows_no_services(module: Path) -> None:
    assert not [it for it in imports_of(module, for_types=True) if is_within(it, "saxaul.services", "functions")]


@pytest.mark.parametrize("module", SERVICES, ids=named)
def test_services_make_no_calls_to_aws_themselves(module: Path) -> None:
    assert not [it for it in imports_of(module) if is_within(it, "boto3", "saxaul.storage.clients")]


@pytest.mark.parametrize("module", HANDLERS, ids=named)
def test_a_handler_knows_no_sdk(module: Path) -> None:
    assert not [it for it in imports_of(module, for_types=True) if is_within(it, *SDK, "saxaul.storage.clients")]


@pytest.mark.parametrize("module", HANDLERS, ids=named)
def test_a_handler_imports_no_other_handler(module: Path) -> None:
    assert not [it for it in imports_of(module, for_types=True) if is_within(it, "functions")]


def test_the_package_has_no_module_for_leftovers() -> None:
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & {"utils", "helpers", "common", "manager", "misc"}
