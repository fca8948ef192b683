"""The rooms of the package, and the arrows between them: what each room may import."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "saxaul" / "saxaul"
FUNCTIONS = ROOT / "functions"

NOUNS = frozenset({"catalog", "ledger", "log", "trees", "impact", "audit", "certificate", "search", "messages"})
"""What services decide about, storage stores and the API shows."""

ROOMS: Mapping[str, frozenset[str]] = {
    "problems": frozenset(),
    "clock": frozenset(),
    "races": frozenset({"clock"}),
    "observability": frozenset(),
    "catalog": frozenset(),
    "settings": frozenset({"catalog"}),
    "ledger": frozenset({"catalog"}),
    "log": frozenset(),
    "trees": frozenset({"catalog", "ledger", "log"}),
    "impact": frozenset({"catalog", "ledger", "trees"}),
    "audit": frozenset({"catalog", "ledger", "trees", "log"}),
    "certificate": frozenset({"catalog", "log"}),
    "search": frozenset({"catalog"}),
    "messages": frozenset({"catalog", "ledger"}),
    "http": NOUNS | {"problems", "settings", "observability"},
    "storage": NOUNS | {"races", "clock"},
    "services": NOUNS | {"storage", "problems", "settings", "observability", "races", "clock"},
    "functions": NOUNS | {"services", "http", "problems", "settings", "observability"},
}
"""What each room may import of ours, beside itself."""

NOT_SHIPPED = {"functions", "local", "operations", "benchmarks", "tests"}
"""What the layer does not hold: a function has its own folder alone."""

SDK = ("boto3", "botocore", *(f"mypy_boto3_{service}" for service in ("dynamodb", "events", "kms", "s3", "sqs")))
POWERTOOLS = "aws_lambda_powertools"
MAY_USE: Mapping[str, tuple[str, ...]] = {
    "storage": SDK,
    "services": ("mypy_boto3_dynamodb",),  # the type of a write that goes into a transaction
    "observability": (POWERTOOLS,),
    "http": (POWERTOOLS,),
    "functions": (POWERTOOLS,),
}
"""The rooms that know AWS, and what they know of it."""

MODULES = sorted([*PACKAGE.rglob("*.py"), *FUNCTIONS.glob("*/handler.py")])


def room_of(module: Path) -> str:
    """The room of a file: a folder of the package or one of its modules, or ``functions``."""
    if module.is_relative_to(FUNCTIONS):
        return "functions"
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """The full names of all that a module imports, wherever in it, also for type checkers alone."""
    return set(_imports(ast.parse(module.read_text("utf-8"))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, "imports are absolute"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def broken_arrows(room: str, imported: set[str]) -> list[str]:
    """The imports that a module of a room may not have."""
    broken = [name for name in imported if name.split(".")[0] in NOT_SHIPPED]
    broken += [
        name for name in imported if name.startswith("saxaul.") and name.split(".")[1] not in {room, *ROOMS[room]}
    ]
    outside = [name for name in imported if name.split(".")[0] in {*SDK, POWERTOOLS}]
    return broken + [name for name in outside if name.split(".")[0] not in MAY_USE.get(room, ())]


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_every_room_is_known_and_every_known_room_is_there() -> None:
    rooms = {room_of(module) for module in MODULES if module != PACKAGE / "__init__.py"}

    assert rooms == ROOMS.keys()


@pytest.mark.parametrize("module", [module for module in MODULES if module != PACKAGE / "__init__.py"], ids=named)
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    assert broken_arrows(room_of(module), imports_of(module)) == []


@pytest.mark.parametrize(
    ("room", "imported"),
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
def test_a_broken_arrow_is_noticed(room: str, imported: str) -> None:
    assert broken_arrows(room, {imported}) == [imported]


def test_the_arrows_have_no_circle() -> None:
    below: dict[str, frozenset[str]] = dict(ROOMS)
    while below:
        ground = {room for room, targets in below.items() if not targets & below.keys()}
        assert ground, f"a circle among {sorted(below)}"
        below = {room: targets for room, targets in below.items() if room not in ground}


def test_contributing_shows_the_same_arrows() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z]+)(?:\.py|/)?` \|[^|]*\| ([^|]*) \|$", text, re.MULTILINE)
    shown = {
        room: frozenset(re.findall("`([a-z]+)`", may_import)) | (NOUNS if "the nouns" in may_import else frozenset())
        for room, may_import in rows
    }

    assert shown == ROOMS


def test_only_storage_makes_clients_of_aws() -> None:
    makers = [module for module in MODULES if "saxaul.storage.clients" in module.read_text("utf-8")]

    assert {room_of(module) for module in makers} == {"storage"}


def test_no_variable_is_called_it() -> None:
    """A name says what it holds; ``it`` says nothing."""
    folders = ("benchmarks", "functions", "layers", "local", "operations", "tests")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    found = [
        f"{named(file)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Name | ast.arg) and (node.id if isinstance(node, ast.Name) else node.arg) == "it"
    ]

    assert found == []


def test_no_public_name_of_the_package_means_two_things() -> None:
    """A class or a constant that two modules define would have to be read twice."""
    definitions: dict[str, list[str]] = {}
    for module in PACKAGE.rglob("*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            for name in _defined_by(node):
                definitions.setdefault(name, []).append(named(module))

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


def test_the_package_has_no_module_for_leftovers() -> None:
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & {"utils", "helpers", "common", "manager", "misc"}
