"""The documentation is complete: problem codes, API paths, functions, parameters and decisions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from functions.redeem_trees.handler import RedemptionBody
from local.sam import ROOT
from saxaul.ledger.actions import ReportedAction, ReportedReversal
from saxaul.trees.reports import Confirmation, Failure, Inspection
from tests.template.reading import events, functions, template

API = (ROOT / "docs/api.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
REFUSING = {
    "InvalidRequest",
    "Forbidden",
    "NotFound",
    "Conflict",
    "KeyReused",
    "InternalError",
    "RefusalReason",
    "rejected",
}


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


def test_every_path_of_the_api_is_documented_with_its_scope() -> None:
    paths = re.sub(r"\?[a-z=&]+`", "`", API)
    for _, event in events("Api"):
        scope = event["Auth"].get("AuthorizationScopes", ["public"])[0].removeprefix("saxaul/")
        method = event["Method"].upper()
        rows = [row for row in paths.splitlines() if row.startswith("|") and f"{event['Path']}`" in row]

        assert any(method in row and scope in row for row in rows), (method, event["Path"])


def test_every_function_is_documented() -> None:
    handlers = [f"(../{function['CodeUri']}/handler.py)" for function in functions().values()]

    assert [handler for handler in handlers if handler not in ARCHITECTURE] == []


def test_every_parameter_of_the_template_is_documented() -> None:
    operations = (ROOT / "docs/operations.md").read_text("utf-8")

    assert [name for name in template()["Parameters"] if f"`{name}`" not in operations] == []


DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file_and_a_heading(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", document.read_text("utf-8"))
    for link in (either or other for either, other in links):
        if not link.startswith("https://"):
            path, _, heading = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            assert target.exists(), link
            assert not heading or heading in headings(target), link


def headings(document: Path) -> set[str]:
    """Return the anchors of the headings of a document, as Markdown viewers make them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_can_be_pasted(document: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL)

    # An interactive zsh takes a comment for arguments of the command.
    assert [line for block in blocks for line in block.splitlines() if re.search(r"…|<[a-z][a-z ]*>| #", line)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_command_of_a_document_exists(document: Path) -> None:
    commands = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text("utf-8"), re.MULTILINE)
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert set(commands) <= set(targets)


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text()))

    assert listed == {decision.name for decision in folder.glob("0*.md")}


@pytest.mark.parametrize("body", [ReportedAction, ReportedReversal, RedemptionBody, Confirmation, Failure, Inspection])
def test_every_field_of_a_request_body_is_documented(body: type[BaseModel]) -> None:
    tables = " ".join(row.split("|")[1] for row in API.splitlines() if row.startswith("|"))

    assert [field for field in body.model_fields if f"`{field}`" not in tables] == []
