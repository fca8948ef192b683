"""What a person can put right is said in a sentence: what is wrong, in which file and line, and what to do."""

import errno
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from local.apps import load_apps
from local.failures import file_sentence, reason_of
from local.sam import ROOT, write_private
from local.seed import FOLDER, load
from local.stack import running
from local.yaml_files import YamlFile
from operations.selection import require_place

# --- Files that a person wrote ------------------------------------------------------------------------------------

UNREADABLE = {
    "a bracket is open": (b"a: 1\nb: [2\nc: 3\n", ":3: is not YAML: expected ',' or ']', but got ':'"),
    "a name is there twice": (b"a: 1\nb: 2\na: 3\n", ":3: is not YAML: 'a' is there twice, first in line 1"),
    "a tag is unknown": (b"a: 1\nb: !python/name:os.system\n", ":2: is not YAML: could not determine a constructor"),
    "an anchor is unknown": (b"a: 1\n\nb: *nobody\n", ":3: is not YAML: found undefined alias 'nobody'"),
    "a day does not exist": (b"a: 1\nb: 2026-02-30\n", ":2: is not YAML: '2026-02-30': day is out of range"),
    "a character is none": (b"a: 1\nb: \x07\n", ":2: is not YAML: it has the character #x0007"),
    "a tab indents": (b"a:\n\tb: 1\n", ":2: is not YAML: found character '\\t'"),
    "there are two documents": (b"a: 1\n---\nb: 2\n", ":2: is not YAML: but found another document"),
    "it is Latin-1": ("a: 1\nb: é\n".encode("latin-1"), ":2: is not UTF-8; save the file in that encoding"),
    "it is UTF-16": ("a: 1".encode("utf-16"), ":1: is not UTF-8"),
    "it is empty": (b"", ":1: is not a mapping of names to things"),
    "it is a list": (b"- a\n- b\n", ":1: is not a mapping of names to things"),
    "it is nested without end": (b"a: " + b"[" * 20_000, ": is not YAML that can be read: it is nested too deeply"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_not_yaml_is_named_with_its_line(kind: str, tmp_path: Path) -> None:
    content, said = UNREADABLE[kind]
    (file := tmp_path / "x.yaml").write_bytes(content)

    with pytest.raises(ValueError, match=r".") as refused:
        YamlFile(file, "names to things")

    assert str(refused.value).startswith(f"{file}{said}")
    assert "\n" not in str(refused.value)


def test_a_file_with_a_byte_order_mark_and_windows_line_breaks_is_read(tmp_path: Path) -> None:
    (file := tmp_path / "x.yaml").write_bytes("\ufeffa: 1\r\nb: 饿了么\r\n".encode())

    assert YamlFile(file, "names").documents == {"a": 1, "b": "饿了么"}


def test_a_merge_key_may_be_there_twice(tmp_path: Path) -> None:
    (file := tmp_path / "x.yaml").write_text("a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n")

    assert YamlFile(file, "names").documents["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("path", "line"),
    [(("titles", "en"), 4), (("links", "1", "url"), 8), (("links", "9"), 5), (("nothing",), 2), ((), 2)],
)
def test_the_line_of_a_field_is_that_of_the_deepest_part_that_is_there(
    path: tuple[str, ...], line: int, tmp_path: Path
) -> None:
    text = "\nbike:\n  titles:\n    en: x\n  links:\n  - url: 1\n    app: 2\n  - url: 3\n"
    (file := tmp_path / "x.yaml").write_text(text)

    assert YamlFile(file, "names").place("bike", path) == f"{file}:{line}"


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_an_entry_with_errors_is_named_with_the_line_of_each_field(catalog: Path) -> None:
    file = catalog / "campaigns.yaml"
    lines = file.read_text("utf-8").count("\n")
    with file.open("a", encoding="utf-8") as opened:
        opened.write("mistaken:\n  colour: red\n")

    with pytest.raises(ValueError, match=r".") as refused:
        load(catalog)

    said = str(refused.value).splitlines()
    assert f"{file}:{lines + 2}: campaigns/mistaken: colour: there is no such field" in said
    assert any(line.startswith(f"{file}:{lines + 1}: campaigns/mistaken: ") for line in said)


def test_a_reference_to_nothing_is_named_with_the_line_of_its_field(catalog: Path) -> None:
    file = catalog / "suggestions.yaml"
    text = file.read_text("utf-8")
    name = next(iter(YamlFile(file, "names").documents))
    place = YamlFile(file, "names").place(name, ("action_type",))
    lines = text.splitlines()
    at = int(place.rpartition(":")[2]) - 1
    lines[at] = lines[at].partition(":")[0] + ": nothing_at_all"
    file.write_text("\n".join(lines), "utf-8")

    with pytest.raises(ValueError, match=r".") as refused:
        load(catalog)

    assert str(refused.value) == f"{place}: suggestions/{name}: action_type: there is no action type 'nothing_at_all'"


def test_all_files_with_errors_are_named_at_once(catalog: Path) -> None:
    (catalog / "campaigns.yaml").write_text("[")
    (catalog / "facilities.yaml").unlink()
    (catalog / "synonyms.yaml").unlink()
    (catalog / "synonyms.yaml").mkdir()

    with pytest.raises(ValueError, match=r".") as refused:
        load(catalog)

    said = sorted(line.removeprefix(f"{catalog}/") for line in str(refused.value).splitlines())
    assert said[0].startswith("campaigns.yaml:1: is not YAML: ")
    assert said[1:] == [
        "facilities.yaml: there is no such file or folder",
        "synonyms.yaml: this is a folder, and not a file",
    ]


@pytest.mark.parametrize("folder", ["nowhere", "Makefile"])
def test_what_is_no_folder_has_no_catalog(folder: str) -> None:
    with pytest.raises(ValueError, match=f"^{folder}: there is no such folder$"):
        load(Path(folder))


def test_a_folder_in_the_place_of_the_apps_is_named(tmp_path: Path) -> None:
    (tmp_path / "apps.yaml").mkdir()

    with pytest.raises(ValueError, match=r"apps\.yaml: this is a folder, and not a file"):
        load_apps(tmp_path)


# --- Files and folders that cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EACCES, "you have no right to do that; change who may use it"),
        (errno.EROFS, "the disk can only be read; choose another folder"),
        (errno.EISDIR, "this is a folder, and not a file"),
    ],
)
def test_a_reason_of_the_system_is_said_with_what_to_do(number: int, reason: str) -> None:
    assert file_sentence(OSError(number, "x", "a/file")).startswith(f"a/file cannot be used: {reason}")


def test_a_reason_that_nobody_knows_is_repeated() -> None:
    assert reason_of(OSError(errno.ELOOP, "Too many levels")) == "Too many levels"
    assert reason_of(OSError("something")) == "something"


def ran(statement: str, output: int = subprocess.PIPE) -> tuple[int, str]:
    """Run a statement as a command. Return its exit code, and what it printed to standard error."""
    imports = "import sys\nfrom pathlib import Path\nfrom local.command import run_command"
    program = f"{imports}\ndef main():\n {statement}\nrun_command(main)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("Path('nowhere').read_text()", "nowhere cannot be used: there is no such file or folder."),
        ("Path('local').read_text()", "local cannot be used: this is a folder, and not a file."),
        ("Path('Makefile/x').mkdir()", "Makefile/x cannot be used: a part of its path is a file, and not a folder."),
        ("Path('Makefile').mkdir()", "Makefile cannot be used: there is a file of that name, which is no folder."),
    ],
)
def test_a_file_that_cannot_be_used_ends_any_command_with_a_sentence(statement: str, said: str) -> None:
    assert ran(statement) == (1, f"✗ {said}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk to try with")
@pytest.mark.parametrize("statement", ["print('x')", "print('x' * 100_000)", "print('x'); sys.exit(0)"])
def test_an_output_on_a_full_disk_ends_any_command_with_a_sentence(statement: str) -> None:
    output = os.open("/dev/full", os.O_WRONLY)
    try:
        found = ran(statement, output)
    finally:
        os.close(output)

    assert found == (1, "✗ A file cannot be used: the disk is full; make room on it.\n")


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    code, said = ran("{}['x']")

    assert code == 1
    assert said.endswith("KeyError: 'x'\n")


def test_an_aws_call_without_an_answer_ends_any_command_with_a_sentence() -> None:
    call = "import boto3; boto3.client('sqs', region_name='x', endpoint_url='http://127.0.0.1:9').list_queues()"
    code, said = ran(f"import os; os.environ.update(AWS_ACCESS_KEY_ID='x', AWS_SECRET_ACCESS_KEY='x'); {call}")

    assert code == 1
    assert said.startswith('✗ AWS could not be used: Could not connect to the endpoint URL: "http://127.0.0.1:9/"')
    assert said.count("\n") == 1


def test_a_full_disk_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "x.json", {"kept": 1})
    before = (tmp_path / "x.json").read_text()

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "x.json", {"kept": 2})

    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_text() == before


@pytest.mark.parametrize("place", ["nowhere/out.json", "local", "Makefile/out.json"])
def test_a_file_that_could_not_be_written_is_refused_before_anything_is_read(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        require_place(Path(place))

    assert capsys.readouterr().err == f"✗ OUT={place} must name a file in a folder that exists.\n"


# --- The files about the stack ----------------------------------------------------------------------------------

COMMANDS = {
    "local.apps": ("list",),
    "local.clock": (),
    "local.export": ("out",),
    "local.seed": (),
    "local.story": (),
    "operations.dead_letters": ("list",),
    "operations.reconcile": (),
    "operations.recount": (),
    "operations.status": (),
}
"""Commands that need a stack, with their arguments."""

STATES = {
    "missing": None,
    "empty": "",
    "cut": '{"api_url": "http://127.0.0.1:9/v1",\n "tables": {',
    "a list": "[]",
    "a text": '"stack"',
    "of nothing": "{}",
    "binary": "\udcff\udcfe",
}
"""What the file of the stack may have."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_file_of_the_stack_ends_each_command_with_what_to_do(
    command: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    monkeypatch.chdir(tmp_path)
    content = STATES[state]
    if content is not None:
        (tmp_path / "stack.json").write_text(content, "utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "argv", [command, *COMMANDS[command]])

    with pytest.raises(SystemExit) as ended:
        import_module(command).main()

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.count("\n") == 1
    assert "make up" in said
    assert ("stack.json" in said) == (state != "missing")
    assert ("stack.json:2 " in said) == (state == "cut")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}'])
def test_a_damaged_file_of_the_process_says_what_is_not_known(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    (tmp_path / "process.json").write_text(content)

    with pytest.raises(Exception, match=r"process\.json is damaged.* Then delete the file\."):
        running()


def test_a_stack_that_has_ended_is_named_with_what_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    client = {"client_id": "o", "client_secret": "s"}
    known = {"api_url": "http://127.0.0.1:9/v1", "token_url": "http://127.0.0.1:9/t", "clients": {"operator": client}}
    write_private(tmp_path / "stack.json", known)
    monkeypatch.setattr(sys, "argv", ["apps", "list"])

    with pytest.raises(SystemExit):
        import_module("local.apps").main()

    said = capsys.readouterr().err
    assert said.startswith("✗ http://127.0.0.1:9/v1 cannot be reached: ")
    assert "If the stack has ended, start it with: make up." in said
