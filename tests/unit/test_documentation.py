"""The documentation is complete: problem codes, API paths, functions, parameters and decisions."""

import ast
import re
from collections.abc import Iterator

from local.sam import ROOT
from tests.template.reading import events, functions, template

README = (ROOT / "README.md").read_text()
REFUSING = {"InvalidRequest", "Forbidden", "NotFound", "Conflict", "KeyReused", "InternalError", "Refused", "rejected"}


def codes() -> Iterator[str]:
    """Yield each code that is raised, returned or stored as a reason."""
    sources = [*(ROOT / "layers/saxaul/saxaul").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    for node in (node for source in sources for node in ast.walk(ast.parse(source.read_text()))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(code)), *_]):
                if name in REFUSING:
                    yield code
            case (
                ast.Tuple(elts=[ast.Constant(value=str(code)), _]) | ast.Tuple(elts=[_, ast.Constant(value=str(code))])
            ):
                if re.fullmatch(r"[a-z]+(_[a-z]+)+", code):
                    yield code


def test_every_code_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/problems.md").read_text()))
    found = set(codes())

    assert {"too_old", "sold_out", "key_reused", "over_units_cap", "not_in_order"} <= found
    assert found <= documented


def test_every_code_of_the_gateway_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/problems.md").read_text()))

    assert set(re.findall(r'"code": "([a-z_]+)"', (ROOT / "template.yaml").read_text())) <= documented


def test_every_path_of_the_api_is_in_the_readme_with_its_scope() -> None:
    readme = re.sub(r"\?[a-z=&]+`", "`", README)
    for _, event in events("Api"):
        scope = event["Auth"].get("AuthorizationScopes", ["public"])[0].removeprefix("saxaul/")
        method = event["Method"].upper()
        rows = [row for row in readme.splitlines() if row.startswith("|") and f"{event['Path']}`" in row]

        assert any(method in row and scope in row for row in rows), (method, event["Path"])


def test_every_function_is_in_the_readme_and_every_parameter_in_the_operations_guide() -> None:
    operations = (ROOT / "docs/operations.md").read_text()

    assert [
        function["CodeUri"] for function in functions().values() if f"({function['CodeUri']}/handler.py)" not in README
    ] == []
    assert [name for name in template()["Parameters"] if f"`{name}`" not in operations] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text()))

    assert listed == {decision.name for decision in folder.glob("0*.md")}
