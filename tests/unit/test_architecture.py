"""The parts of the package, and which other parts each of them may import."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from saxaul.catalog.entries import LANGUAGES
from saxaul.log.certificates import LANGUAGES_OF_PARTICULARS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "saxaul" / "saxaul"
FUNCTIONS = ROOT / "functions"

DOMAIN = frozenset(
    {"catalog", "ledger", "log", "trees", "impact", "people", "audit", "certificate", "search", "messages", "limits"}
)
"""The parts of the domain. ``functions``, ``services``, ``storage`` and ``http`` may import all of them."""

MAY_IMPORT: Mapping[str, frozenset[str]] = {
    "problems": frozenset(),
    "clock": frozenset(),
    "deadline": frozenset(),
    "startup": frozenset({"deadline", "observability"}),
    "races": frozenset({"clock"}),
    "observability": frozenset(),
    "catalog": frozenset(),
    "settings": frozenset({"catalog"}),
    "ledger": frozenset({"catalog"}),
    "limits": frozenset(),
    "log": frozenset(),
    "trees": frozenset({"catalog", "ledger", "log"}),
    "impact": frozenset({"catalog", "ledger", "trees"}),
    "people": frozenset({"catalog", "ledger", "trees", "impact"}),
    "audit": frozenset({"catalog", "ledger", "trees", "log"}),
    "certificate": frozenset({"catalog", "log"}),
    "search": frozenset({"catalog"}),
    "messages": frozenset({"catalog", "ledger"}),
    "http": DOMAIN | {"problems", "races", "deadline", "settings", "observability"},
    "storage": DOMAIN | {"observability", "races", "deadline", "clock"},
    "services": DOMAIN | {"storage", "problems", "settings", "observability", "races", "clock"},
    "functions": DOMAIN | {"services", "http", "problems", "settings", "startup", "observability"},
}
"""The parts of the package and the Lambda functions. For each, the other parts that it may import."""

NOT_SHIPPED = {"functions", "local", "operations", "benchmarks", "tests"}
"""Folders that deployed code cannot import. Only ``saxaul`` is in a layer, and a function has only its own folder."""

SDK = (
    "boto3",
    "botocore",
    *(f"mypy_boto3_{service}" for service in ("cognito_idp", "dynamodb", "events", "kms", "s3", "sqs")),
)
POWERTOOLS = "aws_lambda_powertools"
MAY_USE: Mapping[str, tuple[str, ...]] = {
    "storage": SDK,
    "services": ("mypy_boto3_dynamodb",),  # only for the type of a write in a transaction
    "observability": (POWERTOOLS,),
    "http": (POWERTOOLS,),
    "functions": (POWERTOOLS,),
}
"""The parts that may import AWS libraries, and the libraries that each may import."""

MODULES = sorted([*PACKAGE.rglob("*.py"), *FUNCTIONS.glob("*/handler.py")])


def part_of(module: Path) -> str:
    """Return the part that a file belongs to: a folder or a module of the package, or ``functions``."""
    if module.is_relative_to(FUNCTIONS):
        return "functions"
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """Return the full names of all imports anywhere in a module, including those only for type checkers."""
    package = "saxaul.log" if part_of(module) == "log" else None
    return set(_imports(ast.parse(module.read_text("utf-8")), package))


def _imports(tree: ast.AST, package: str | None) -> Iterator[str]:
    """Yield the full name of each import. ``package`` is the package in which imports may be relative, if any."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=1) if package:
                module = f"{package}.{node.module}" if node.module else package
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, "imports must be absolute"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_imports(part: str, imported: set[str]) -> list[str]:
    """Return the imports that are forbidden in a module of this part."""
    forbidden = [name for name in imported if name.split(".")[0] in NOT_SHIPPED]
    forbidden += [
        name for name in imported if name.startswith("saxaul.") and name.split(".")[1] not in {part, *MAY_IMPORT[part]}
    ]
    external = [name for name in imported if name.split(".")[0] in {*SDK, POWERTOOLS}]
    return forbidden + [name for name in external if name.split(".")[0] not in MAY_USE.get(part, ())]


def path_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_the_import_rules_name_exactly_the_existing_parts() -> None:
    parts = {part_of(module) for module in MODULES if module != PACKAGE / "__init__.py"}

    assert parts == MAY_IMPORT.keys()


@pytest.mark.parametrize("module", [module for module in MODULES if module != PACKAGE / "__init__.py"], ids=path_of)
def test_a_module_imports_only_what_its_part_may_import(module: Path) -> None:
    assert forbidden_imports(part_of(module), imports_of(module)) == []


@pytest.mark.parametrize(
    ("part", "imported"),
    [
        ("log", "saxaul.catalog.entries.Text"),
        ("catalog", "saxaul.ledger.periods.Period"),
        ("ledger", "saxaul.http.endpoint.Request"),
        ("trees", "boto3"),
        ("storage", "saxaul.services.accrue.Accrual"),
        ("services", "saxaul.http.views.grams"),
        ("services", "botocore.exceptions.ClientError"),
        ("http", "saxaul.storage.table.Table"),
        ("functions", "saxaul.storage.periods.Periods"),
        ("functions", "functions.view_forest.handler.handler"),
        ("services", "operations.reconcile.reconcile"),
    ],
)
def test_a_forbidden_import_is_detected(part: str, imported: str) -> None:
    assert forbidden_imports(part, {imported}) == [imported]


def test_the_import_rules_have_no_cycle() -> None:
    remaining: dict[str, frozenset[str]] = dict(MAY_IMPORT)
    while remaining:
        lowest = {part for part, targets in remaining.items() if not targets & remaining.keys()}
        assert lowest, f"a cycle among {sorted(remaining)}"
        remaining = {part: targets for part, targets in remaining.items() if part not in lowest}


def test_contributing_shows_the_same_import_rules() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z]+)(?:\.py|/)?` \|[^|]*\| ([^|]*) \|$", text, re.MULTILINE)
    shown = {
        part: frozenset(re.findall("`([a-z]+)`", allowed)) | (DOMAIN if "the nouns" in allowed else frozenset())
        for part, allowed in rows
    }

    assert shown == MAY_IMPORT


def test_only_storage_uses_the_aws_clients() -> None:
    makers = [module for module in MODULES if "saxaul.storage.clients" in module.read_text("utf-8")]

    assert {part_of(module) for module in makers} == {"storage"}


def test_no_variable_is_named_it() -> None:
    """A name must say what the variable holds, and ``it`` does not."""
    folders = ("benchmarks", "functions", "layers", "local", "operations", "tests")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    found = [
        f"{path_of(file)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Name | ast.arg) and (node.id if isinstance(node, ast.Name) else node.arg) == "it"
    ]

    assert found == []


def test_no_class_or_constant_name_is_defined_in_two_modules() -> None:
    """The same name for two different things would mislead readers."""
    definitions: dict[str, list[str]] = {}
    for module in PACKAGE.rglob("*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            for name in _defined_by(node):
                definitions.setdefault(name, []).append(path_of(module))

    assert {name: modules for name, modules in definitions.items() if len(modules) > 1} == {}


def _defined_by(node: ast.stmt) -> Iterator[str]:
    names: list[str] = []
    match node:
        case ast.ClassDef():
            names = [node.name]
        case ast.Assign():
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name() as target):
            names = [target.id]
    yield from (name for name in names if re.fullmatch("[A-Z]\\w*", name))


def test_no_module_has_a_catch_all_name() -> None:
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & {"utils", "helpers", "common", "manager", "misc"}


def test_the_verifier_expects_the_languages_of_the_catalog() -> None:
    """The part ``log`` imports nothing of the project, so it has a separate list of the languages."""
    assert LANGUAGES_OF_PARTICULARS.split() == list(LANGUAGES)
