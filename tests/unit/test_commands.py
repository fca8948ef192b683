"""A command refuses wrong arguments before it does anything, and ends without a traceback if somebody stops it."""

import argparse
import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import NoReturn

import pytest

from local.sam import ROOT

PARSE = argparse.ArgumentParser.parse_args
OTHERS = {
    "local/emulator.py",  # started by local/stack.py, with the interpreter of MiniStack and without arguments
    "local/install.py",  # started by local/environments.sh, before there is anything that local/command.py imports
    "layers/saxaul/saxaul/log/__main__.py",  # can be shipped alone, so it imports nothing of local/
}


def commands() -> Iterator[str]:
    for folder in ("benchmarks", "functions", "layers", "local", "operations", "tests"):
        for file in (ROOT / folder).rglob("*.py"):
            path = str(file.relative_to(ROOT))
            if block_of(file.read_text("utf-8")) and path not in OTHERS:
                yield path.removesuffix(".py").replace("/", ".")


def block_of(text: str) -> list[str]:
    """Return the statements that run if a module is started, and not if it is imported."""
    return [
        ast.unparse(statement)
        for node in ast.parse(text).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for statement in node.body
    ]


COMMANDS = sorted(commands())


class ParsedError(Exception):
    """A command has got to the point at which it parses its arguments."""


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def parser(command: str, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    """The parser of a command, which has done nothing but make it."""
    found: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        found.append(parser)
        raise ParsedError

    module = import_module(command)
    with monkeypatch.context() as replaced:
        replaced.setattr(argparse.ArgumentParser, "parse_args", keep)
        with pytest.raises(ParsedError):
            module.main()
    return found[0]


def is_number(action: argparse.Action) -> bool:
    return isinstance(action.default, int) and not isinstance(action.default, bool)


def refusal(parser: argparse.ArgumentParser, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a parser prints before it ends the command because of these arguments."""
    with pytest.raises(SystemExit) as ended:
        PARSE(parser, arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_the_commands_of_all_folders_are_found() -> None:
    assert {"benchmarks.suggestions", "local.story", "operations.recount", "tests.vectors.make_vectors"} < {*COMMANDS}


def test_every_command_runs_so_that_it_can_be_stopped(command: str) -> None:
    file = ROOT / f"{command.replace('.', '/')}.py"

    assert block_of(file.read_text("utf-8")) == ["run_command(main)"]


def test_the_help_names_the_command_and_says_what_it_and_each_argument_does(
    parser: argparse.ArgumentParser, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        PARSE(parser, ["--help"])

    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: python -m {command} [-h]")
    assert parser.description
    assert [action.dest for action in parser._actions if not action.help] == []  # noqa: SLF001 - argparse has no other


def test_an_unknown_or_abbreviated_option_is_refused(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    required = [
        value
        for action in parser._actions  # noqa: SLF001
        if action.required
        for value in ([action.option_strings[0]] if action.option_strings else [])
        + [next(iter(action.choices)) if action.choices else "x" * 5]
    ]
    long = [name for action in parser._actions for name in action.option_strings if len(name) > len("--x")]  # noqa: SLF001
    for wrong in ("--no-such-option", "--no-such-option=1", *(f"{name[:-1]}=1" for name in long)):
        assert f"unrecognized arguments: {wrong}" in refusal(parser, [*required, wrong], capsys)


def test_a_number_that_is_negative_zero_or_none_is_refused(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    for action in filter(is_number, parser._actions):  # noqa: SLF001
        for value in ("-1", "0", "-0", "", " 1", "x", "1.5", "1e3", "1_000", "nan", "\u0663", "9" * 5000):
            error = refusal(parser, [f"{action.option_strings[0]}={value}"], capsys)
            assert f"argument {action.option_strings[0]}: must be a whole number" in error, value


def test_every_benchmark_and_every_command_with_a_table_has_json(command: str, parser: argparse.ArgumentParser) -> None:
    module = import_module(command)
    prints_tables = "print_table" in vars(module) or command.startswith("benchmarks.")

    assert not prints_tables or "--json" in parser.format_help()


def test_an_empty_argument_is_refused(parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    for action in parser._actions:  # noqa: SLF001
        if action.nargs == 0:
            continue
        error = refusal(parser, [f"{action.option_strings[0]}="] if action.option_strings else [""], capsys)
        assert "must " in error or "invalid choice: ''" in error, action.dest


@pytest.mark.parametrize("zone", ["", "Nowhere/Nothing", "../localtime", "/etc/localtime", "Asia", "\0"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    time_zone = import_module("local.command").time_zone

    with pytest.raises(argparse.ArgumentTypeError):
        time_zone(zone)


# --- How a command ends -------------------------------------------------------------------------------------------


def started(*arguments: str, output: int = subprocess.PIPE, **variables: str) -> subprocess.Popen[bytes]:
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": ""}
    environment = os.environ | own | variables
    return subprocess.Popen(  # noqa: S603 - our own commands
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.PIPE
    )


def ended_without_reader(*arguments: str, **variables: str) -> tuple[int, str]:
    """Run Python with a closed pipe as its output. Return its exit code, and what it prints to standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    with started(*arguments, output=writing, **variables) as process:
        os.close(writing)
        errors = process.communicate()[1].decode()
    return process.returncode, errors


def program(*statements: str) -> tuple[str, str]:
    """Return the arguments with which Python runs these statements as the main function of a command."""
    imports = "import sys, time\nfrom local.command import run_command\nfrom local.console import console, exit_with"
    return "-c", "\n ".join([f"{imports}\ndef main():", *statements]) + "\nrun_command(main)"


@pytest.mark.slow
def test_a_closed_pipe_ends_every_command_without_a_traceback(command: str) -> None:
    assert ended_without_reader("-m", command, "--help") == (-signal.SIGPIPE, "")


@pytest.mark.slow
def test_a_closed_pipe_ends_the_verifier_without_a_traceback() -> None:
    assert ended_without_reader("-m", "saxaul.log", "--help") == (-signal.SIGPIPE, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "printing", ["print('x')", "print('x' * 100_000)", "console.print('x')", "print(1); sys.exit(1)"]
)
def test_a_closed_pipe_ends_a_command_however_it_prints(printing: str, unbuffered: str) -> None:
    assert ended_without_reader(*program(printing), PYTHONUNBUFFERED=unbuffered) == (-signal.SIGPIPE, "")


def test_a_failure_is_told_even_if_the_output_has_no_reader() -> None:
    code, errors = ended_without_reader(*program("print('x')", "exit_with('It failed.')"))

    assert (code, errors) == (-signal.SIGPIPE, "✗ It failed.\n")


def test_what_a_command_has_started_is_stopped_after_a_closed_pipe() -> None:
    printing = ("try:", " console.print('x')", "finally:", " console.print('y')", " print('stopped', file=sys.stderr)")

    assert ended_without_reader(*program(*printing)) == (-signal.SIGPIPE, "stopped\n")


def test_another_broken_pipe_is_an_error() -> None:
    with started(*program("raise BrokenPipeError('of a socket')")) as process:
        errors = process.communicate()[1].decode()

    assert process.returncode == 1
    assert errors.endswith("BrokenPipeError: of a socket\n")


def test_ctrl_c_ends_a_command_with_one_sentence_after_it_has_stopped_what_it_started() -> None:
    waiting = ("try:", " print('ready', flush=True)", " time.sleep(60)", "finally:", " print('stopped')")
    with started(*program(*waiting)) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()

    assert (process.returncode, output, errors.decode()) == (-signal.SIGINT, b"stopped\n", "✗ Stopped.\n")


@pytest.mark.parametrize(
    ("ending", "code"), [("pass", 0), ("sys.exit(0)", 0), ("sys.exit(3)", 3), ("exit_with('x')", 1)]
)
def test_a_command_that_nobody_stops_keeps_its_exit_code(ending: str, code: int) -> None:
    with started(*program(ending)) as process:
        process.communicate()

    assert process.returncode == code
