"""The documents agree with the code: problem codes, endpoints, fields, parameters, alarms, commands and links."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from local.sam import ROOT
from operations.status_reading import DEAD_ONLY, WORK_QUEUES
from saxaul.ledger.entries import Void
from saxaul.ledger.grants import COVERS
from saxaul.ledger.receipts import FATES, Status
from tests.template.reading import events, functions, made_resources, resources, template

API = (ROOT / "docs/api.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
ALARMS = (ROOT / "docs/alarms.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
PROBLEMS = (ROOT / "docs/problems.md").read_text("utf-8")
FOLDERS = ("clients", "docs", "tests")
DOCUMENTS = [*ROOT.glob("*.md"), *(file for name in FOLDERS for file in (ROOT / name).rglob("*.md"))]


def sections(text: str) -> dict[str, str]:
    """Return the text below each heading that is the name of an alarm."""
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        name: body
        for name, body in zip(parts[::2], parts[1::2], strict=True)
        if re.fullmatch(r"\w+Alarm|KeyChanges", name)
    }


in_every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))

REFUSING = {
    "InvalidRequest",
    "Forbidden",
    "NotFound",
    "Conflict",
    "PreconditionFailed",
    "KeyReused",
    "TooManyRequests",
    "InternalError",
    "Unavailable",
    "RefusalReason",
    "rejected",
}
PLACEHOLDER = re.compile(r"…|\.\.\.|<[A-Za-z][\w -]*>|(?<!\$)\{[a-z_]+\}|\byour[_-]", re.IGNORECASE)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def tables(document: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield the titles and the rows of each table."""
    for titles, rows in re.findall(r"^(\|.*)\n\|[-:| ]+\n((?:\|.*\n?)*)", document, re.MULTILINE):
        yield cells(titles), [cells(row) for row in rows.splitlines()]


def column(document: str, title: str) -> list[str]:
    """Return the cells below this title, in all tables that have it."""
    return [row[titles.index(title)] for titles, rows in tables(document) if title in titles for row in rows]


def quoted(texts: Iterable[str]) -> list[str]:
    return [code for text in texts for code in re.findall(r"`([^`]+)`", text)]


def prose(document: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(document: Path) -> list[str]:
    """Return each line of the shell blocks, and each make command inside a sentence."""
    shell = r"^ *```(?:sh|bash|shell|zsh|console)\n(.*?)^ *```"
    blocks = re.findall(shell, document.read_text("utf-8").replace("\\\n", " "), re.MULTILINE | re.DOTALL)
    inline = [code for code in quoted([prose(document)]) if re.match(r"(\w+=\S* )*make ", code)]
    return [*(line for block in blocks for line in block.splitlines()), *inline]


def codes() -> Iterator[str]:
    """Yield each code that is raised, returned or stored as a reason, or that API Gateway sends."""
    sources = [*(ROOT / "layers/saxaul/saxaul").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source.read_text()))]
    types = {id(node.slice) for node in nodes if isinstance(node, ast.Subscript)}
    for node in nodes:
        if id(node) in types:  # a type, such as Literal["first_party", "third_party"]
            continue
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(code)), *_]):
                if name in REFUSING or (name == "__init__" and re.fullmatch(r"[a-z]+(_[a-z]+)+", code)):
                    yield code  # a class of problems that have all the same code passes it to __init__
            case ast.Call(func=ast.Attribute(attr="apply"), args=[_, _, ast.Constant(value=str(code)), _]):
                yield code
            case ast.keyword(arg="too_many", value=ast.Constant(value=str(code))):
                yield code
            case ast.IfExp(body=ast.Constant(value=str(code)), orelse=ast.Constant(value=None)):
                yield code
            case (
                ast.Tuple(elts=[ast.Constant(value=str(code)), _]) | ast.Tuple(elts=[_, ast.Constant(value=str(code))])
            ):
                if re.fullmatch(r"[a-z]+(_[a-z]+)+", code):
                    yield code
    yield from re.findall(r'"code": "([a-z_]+)"', (ROOT / "template.yaml").read_text())
    yield from filter(None, get_args(Void))


def test_the_documented_codes_are_those_that_the_code_returns() -> None:
    reasons = [row[0] for titles, rows in tables(PROBLEMS) if titles[0].startswith("reason of") for row in rows]
    found = set(codes())

    assert {"too_old", "sold_out", "key_reused", "over_units_cap", "not_in_order", "throttled", "summed"} <= found
    assert {*quoted(column(PROBLEMS, "code")), *quoted(reasons)} == found


def test_the_documented_warnings_are_those_of_the_code() -> None:
    source = (ROOT / "layers/saxaul/saxaul/services/warn.py").read_text()

    assert sorted(quoted(column(API, "warning"))) == sorted(set(re.findall(r'Warned\("([a-z_]+)"', source)))


def test_the_documented_statuses_of_a_receipt_and_their_reasons_are_those_of_the_code() -> None:
    reasons: dict[str, set[str]] = {status: set() for status in get_args(Status)}
    for fate in FATES.values():
        reasons[fate.status] |= {fate.reason} if fate.reason else set()
    documented = zip(column(API, "status"), column(API, "reasons"), strict=True)

    assert {status.strip("`"): set(quoted([of_status])) for status, of_status in documented} == reasons


def template_endpoints() -> dict[tuple[str, str], str]:
    """Return the scope of each method and path."""
    return {
        (event["Method"].upper(), event["Path"]): event["Auth"].get("AuthorizationScopes", ["public"])[0]
        for _, event in events("Api")
        if event["Method"] != "head"
    }


def test_the_documented_covers_are_those_of_a_grant() -> None:
    assert [row[0] for titles, rows in tables(API) if titles[0] == "cover" for row in rows] == [
        f"`{cover}`" for cover in COVERS
    ]


@in_every_document
def test_every_endpoint_that_a_document_names_exists(document: Path) -> None:
    named = {" ".join(named) for named in re.findall(r"`(GET|HEAD|POST|PUT|DELETE) (/[^`?]*)[^`]*`", prose(document))}
    exists = "|".join(
        f"{event['Method'].upper()} {re.sub(r'{[a-z_]+}', '[^/]+', event['Path'])}" for _, event in events("Api")
    )

    assert [endpoint for endpoint in named if not re.fullmatch(exists, endpoint)] == []


def test_every_function_is_documented() -> None:
    handlers = [f"(../{function['CodeUri']}/handler.py)" for function in functions().values()]

    assert [handler for handler in handlers if handler not in ARCHITECTURE] == []


def test_the_architecture_names_how_many_functions_tables_and_queues_there_are() -> None:
    tables = resources("AWS::DynamoDB::Table")
    work_queues = [name for name in resources("AWS::SQS::Queue") if not name.endswith("DeadLetterQueue")]

    counts = (
        f"{len(functions())} Lambda functions, {len(tables)} DynamoDB tables and {len(work_queues)} SQS work queues"
    )
    assert counts in " ".join(ARCHITECTURE.split())


def test_the_documented_parameters_are_those_of_the_template() -> None:
    assert sorted(quoted(column(OPERATIONS, "parameter"))) == sorted(template()["Parameters"])


def test_the_documented_defaults_are_those_of_the_template() -> None:
    for cell, documented in zip(column(OPERATIONS, "parameter"), column(OPERATIONS, "default"), strict=True):
        parameters = [template()["Parameters"][name] for name in quoted([cell])]
        defaults = ", ".join(str(parameter["Default"]) for parameter in parameters)
        if not defaults:
            assert re.match(r"none\b", documented), cell
        elif parameters[0]["Type"] != "CommaDelimitedList":
            assert documented == defaults, cell


def test_the_rights_that_a_deployment_needs_name_each_service_of_the_template() -> None:
    services = {"cognito": "cognito-idp"}
    kinds = {resource["Type"].split("::")[1].lower() for resource in made_resources().values()}
    named = quoted(column((ROOT / "docs/deploy.md").read_text("utf-8"), "service"))

    assert {services.get(kind, kind) for kind in kinds} <= set(named)
    assert named.count("cloudformation") == 1


def test_the_documented_alarms_are_those_of_the_template() -> None:
    rules = resources("AWS::Events::Rule").items()
    reports = [name for name, rule in rules if {"Ref": "Alarms"} in [target["Arn"] for target in rule["Targets"]]]

    assert sorted(quoted(column(ALARMS, "alarm"))) == sorted([*resources("AWS::CloudWatch::Alarm"), *reports])
    assert sorted(sections(ALARMS)) == sorted([*resources("AWS::CloudWatch::Alarm"), *reports])


@pytest.mark.parametrize("name", sorted(sections(ALARMS)))
def test_the_section_of_an_alarm_has_its_five_parts_in_their_order(name: str) -> None:
    parts = re.findall(r"^- \*\*([A-Z][a-z ]+):\*\* (\S.*)", sections(ALARMS)[name], re.MULTILINE)

    assert [part for part, _ in parts] == ["Means", "Shows after", "Look at", "Do", "Prove"]


def test_each_section_that_the_status_names_exists() -> None:
    source = (ROOT / "operations/shown_status.py").read_text("utf-8")
    named = re.findall(r'"(docs/\w+\.md)#([\w-]+)"', source)
    named += [("docs/alarms.md", alarm.lower()) for alarm in re.findall(r'"(\w+Alarm)"', source)]

    assert ("docs/alarms.md", "points-are-late") in named
    assert [(page, heading) for page, heading in named if heading not in headings(ROOT / page)] == []


def test_each_queue_that_the_page_of_alarms_names_has_dead_letters() -> None:
    named = set(re.findall(r"--queue (\w+)", ALARMS))

    assert named == {*WORK_QUEUES, *DEAD_ONLY} - {"actions"}


def test_each_function_that_the_page_of_alarms_names_exists() -> None:
    named = set(re.findall(r"FUNCTION=(\w+)", ALARMS)) | set(re.findall(r"DO=\"(?:start|stop) (\w+)\"", ALARMS))

    assert named - {"all"} <= functions().keys()


@in_every_document
def test_every_link_of_a_document_leads_to_a_file_and_a_heading(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", prose(document))
    links = re.findall(
        r"\]\(\s*<?([^)>\s]+)|(?:src|href)=[\"']([^\"']+)|^ *\[[^\]^]+\]: *<?([^>\s]+)", text, re.MULTILINE
    )
    for link in map("".join, links):
        if not link.startswith("https://"):
            path, _, heading = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            assert target.exists(), link
            assert not heading or heading in headings(target), link


@in_every_document
def test_every_label_of_a_link_is_defined(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", prose(document))
    defined = {label.lower() for label in re.findall(r"^ *\[([^\]]+)\]:", text, re.MULTILINE)}
    used = re.findall(r"\[([^\]]+)\]\[([^\]]*)\]", text)

    assert {(label or words).lower() for words, label in used} <= defined


def headings(document: Path) -> set[str]:
    """Return the anchors of the headings of a document, as Markdown viewers make them."""
    titles = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@in_every_document
def test_every_command_of_a_document_can_be_pasted(document: Path) -> None:
    # An interactive zsh takes a comment for arguments of the command.
    assert [line for line in commands(document) if PLACEHOLDER.search(line) or " #" in line] == []


@in_every_document
def test_every_make_command_of_a_document_exists(document: Path) -> None:
    unquoted = [re.sub(r"'[^']*'|\"[^\"]*\"", "", command) for command in commands(document)]
    calls = re.findall(r"(?:^|[\s;&|(])make ([^;&|)\n]*)", "\n".join(unquoted), re.MULTILINE)
    words = {word for call in calls for word in call.split() if "=" not in word}
    targets = re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert words <= set(targets)


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text()))

    assert listed == {decision.name for decision in folder.glob("0*.md")}


def test_the_script_for_app_teams_is_short() -> None:
    [script] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/integrate.md").read_text("utf-8"), re.DOTALL)

    compile(script, "plant_a_tree.py", "exec")
    assert len(script.splitlines()) <= 60


IN_MESSAGES = {
    "Port 4566": "Port …",
    "sam build": "sam …",
    "sam deploy": "sam …",
    "python3…": "…",
    ": [Errno 13] Permission denied": "",
    "sam local invoke: …": "sam local invoke",
}
"""What a message of the page has in the place of what the code fills in, and what others add to it."""


def printed_texts() -> set[str]:
    """Return each text of the commands that is no docstring, with a gap where the code fills something in."""
    nodes = [node for file in (ROOT / "local").glob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    filled = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = [[part.value if isinstance(part, ast.Constant) else "…" for part in values] for values in filled]
    whole = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return {"".join(map(str, texts)) for texts in parts} | {text for text in whole if isinstance(text, str)}


def test_each_message_that_the_page_of_the_laptop_stack_explains_is_one_of_the_code() -> None:
    told = quoted(column((ROOT / "docs/laptop.md").read_text("utf-8"), "what is printed"))
    texts = printed_texts()

    assert len(told) > 10
    for message in told:
        expected = message
        for example, general in IN_MESSAGES.items():
            expected = expected.replace(example, general)
        pattern = ".*".join(map(re.escape, expected.split("…")))
        assert any(re.search(pattern, text) for text in texts), message
