"""`make help` shows each command of the Makefile, with lines to paste and all of its variables."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.sam import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
RULE = re.compile(r"^([a-z][a-z0-9-]*):(?! export)(.*)\n((?:[#\t].*\n)*)", re.MULTILINE)
RULES = {name: (rest, body) for name, rest, body in RULE.findall(MAKEFILE)}
INTERNAL = {
    "AS_JSON",
    "BENCHMARKS",
    "BIN",
    "GOAL",
    "HELP",
    "IN_PARALLEL",
    "MAKE",
    "PATH",
    "PLACE",
    "PWD",
    "SELECTION",
    "VENV",
}
"""Variables of the Makefile that nobody gives to a command."""

in_every_rule = pytest.mark.parametrize("name", RULES)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our Makefile


def examples(text: str) -> list[str]:
    """Return the lines to paste in a help."""
    return re.findall(r"^  (make .*?)(?:  .*)?$", text, re.MULTILINE)


def variables_in(text: str) -> set[str]:
    """Return the variables that a part of the Makefile reads, and those of the variables that it names."""
    names = {parenthesized or plain for parenthesized, plain in re.findall(r"\$\(([A-Z_]+)\)|\$\$([A-Z]+)\b", text)}
    for name in sorted(names):
        if defined := re.search(rf"^{name} = (.*)$", MAKEFILE, re.MULTILINE):
            names |= variables_in(defined[1])
    return names


def test_the_help_names_each_command_once_in_its_place_and_fits_into_80_columns() -> None:
    printed = make("help").stdout

    named = list(dict.fromkeys(line.split()[1] for line in examples(printed)))
    assert named == list(RULES)
    assert len(printed.split("\n\n")) == 6
    assert [line for line in printed.splitlines() if len(line) > 80 or not line.isascii()] == []


@in_every_rule
def test_a_command_has_a_text_and_is_not_a_file(name: str) -> None:
    assert re.fullmatch(r"( env| down)? ## \S.*", RULES[name][0])
    assert name in " ".join(re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)).split()


@in_every_rule
def test_the_variables_of_a_command_are_those_that_it_reads(name: str) -> None:
    body = RULES[name][1]
    documented = re.findall(r"^#= ([A-Z_]+)  +\S", body, re.MULTILINE)
    exported = re.findall(r"^(?!clock:)([a-z -]+): export SAXAUL_STACK = \$\(STACK\)$", MAKEFILE, re.MULTILINE)
    read = variables_in(body) | ({"STACK"} if name in " ".join(exported).split() else set())
    passed_on = {"PORT", "PYTHON"} if name == "run" else set()

    assert set(documented) == (read | passed_on) - INTERNAL
    assert len(documented) == body.count("#= ")


@in_every_rule
def test_the_examples_of_a_command_have_all_variables_that_it_needs(name: str) -> None:
    for example in examples(make("help", f"COMMAND={name}").stdout):
        _, command, *given = shlex.split(example)
        tried = make("--dry-run", command, *given)

        assert command == name
        assert tried.returncode == 0, tried.stderr
        assert " needs " not in tried.stdout
        assert {pair.partition("=")[0] for pair in given} <= set(
            re.findall(r"^#= ([A-Z_]+)", RULES[name][1], re.MULTILINE)
        )


@in_every_rule
def test_the_help_of_a_command_shows_its_variables_in_80_columns(name: str) -> None:
    printed = make("help", f"COMMAND={name}").stdout

    assert re.findall(r"^#= (.*)$", RULES[name][1], re.MULTILINE) == re.findall(
        r"^    ([A-Z].*)$", printed, re.MULTILINE
    )
    assert [line for line in printed.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("command", "missing"), [("secret", "APP"), ("take-back", "APP, FROM, TO, REASON"), ("deploy", "STACK")]
)
def test_a_command_without_its_variables_names_them_and_shows_an_example(command: str, missing: str) -> None:
    done = make(command)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"make {command} needs {missing}. For example:\n  make {command} ")


def test_a_variable_that_is_given_is_not_missing() -> None:
    assert make("take-back", "APP=a", "TO=2026-06-08").stderr.startswith("make take-back needs FROM, REASON.")


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs a command with a Python that only shows its arguments, one on each line."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    fake.chmod(0o755)
    return lambda *arguments: make("--old-file=env", *arguments, f"BIN={tmp_path}").stdout.splitlines()


NASTY = """a"; echo INJECTED; " `id` $(id) $x $$ 'q' #\\ %"""


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["replay"], "FILE"),
        (["replay", "FILE=x"], "COLUMNS"),
        (["replay", "FILE=x"], "STATIONS"),
        (["invoke"], "FUNCTION"),
        (["local", "FUNCTION=x"], "EVENT"),
        (["up"], "PARAMETERS"),
        (["up"], "PORT"),
        (["deploy", "STACK=x", "REGION=x"], "PARAMETERS"),
        (["deploy", "STACK=x"], "PROFILE"),
        (["destroy", "STACK=x"], "YES"),
        (["rollback"], "TO"),
        (["seed"], "FOLDER"),
        (["export"], "FOLDER"),
        (["secret"], "APP"),
        (["take-back", "APP=x", "FROM=x", "TO=x"], "REASON"),
        (["app-actions", "APP=x", "FROM=x", "TO=x", "REASON=x"], "USER"),
        (["story"], "DAY"),
        (["test"], "WORKERS"),
        (["run"], "PORT"),
    ],
)
def test_a_value_reaches_its_program_as_it_is(shown: Callable[..., list[str]], arguments: list[str], name: str) -> None:
    assert NASTY in shown(*arguments, f"{name}={NASTY}")


@pytest.mark.parametrize("command", ["run", "up", "down", "local", "story DAY=arbor-day", "pictures"])
def test_a_command_about_the_laptop_stack_only_says_so_if_another_stack_is_named(
    shown: Callable[..., list[str]], command: str
) -> None:
    name, *given = command.split()
    done = make("--old-file=env", name, *given, "STACK=trees")

    assert done.returncode == 2
    assert done.stderr.startswith(f"make {name} is about the laptop stack only; STACK=trees is another one.\n")
    assert shown(name, *given, "FUNCTION=x") != []


def test_each_variable_of_the_help_is_taken_as_it_is() -> None:
    documented = set(re.findall(r"^#= ([A-Z_]+)", MAKEFILE, re.MULTILINE))
    listed = re.findall(r"^GIVEN(?:_TO_MAKE)? := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)

    assert set(" ".join(listed).replace("\\\n", " ").split()) == documented


def test_the_words_of_an_operation_are_words_and_nothing_more(shown: Callable[..., list[str]]) -> None:
    assert shown("dead-letters", "DO=drop --id * `id` $(id)")[2:] == ["drop", "--id", "*", "`id`", "$(id)"]
    assert shown("dead-letters")[2:] == ["list"]


def test_a_time_that_is_given_and_empty_is_not_left_out(shown: Callable[..., list[str]]) -> None:
    assert shown("rollback", "TO=")[2:] == ["--to", ""]
    assert shown("rollback")[2:] == []


@pytest.mark.parametrize("name", ["USER", "COLUMNS"])
def test_what_the_shell_sets_counts_only_if_it_is_given_to_make(
    shown: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    command = {
        "USER": ["app-actions", "APP=x", "FROM=x", "TO=x", "REASON=x"],
        "COLUMNS": ["replay", "FILE=x"],
    }[name]
    monkeypatch.setenv(name, "from the shell")

    assert "from the shell" not in shown(*command)
    assert "given" in shown(*command, f"{name}=given")


@pytest.mark.parametrize("arguments", [[NASTY], ["help", f"COMMAND={NASTY}"], ["bench", f"ONLY={NASTY}"]])
def test_an_unknown_name_is_not_run_by_a_shell(arguments: list[str]) -> None:
    done = make(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert '"; echo INJECTED; " `id` ' in done.stderr.partition("make: ***")[0]
    assert "uid=" not in done.stderr


@pytest.mark.parametrize("arguments", [["plant"], ["help", "COMMAND=plant"]])
def test_an_unknown_command_gives_a_sentence(arguments: list[str]) -> None:
    done = make(*arguments)

    assert done.returncode == 2
    assert done.stderr.startswith('There is no command "plant". All commands: make help\n')


def test_the_files_of_the_examples_are_in_the_repository() -> None:
    named = set(re.findall(r"\b(?:docs|events|catalog)/[\w./-]+", make("help").stdout))
    ignored = subprocess.run(["git", "check-ignore", *named], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert ignored.stdout == ""


@pytest.mark.parametrize("name", ["ACTIVE", "FORCE", "MEND", "STAGE", "YES"])
def test_what_answers_a_question_is_not_taken_from_the_environment(name: str) -> None:
    command = ["make", "-n", "deploy", "rollback", "destroy", "recount", "seed", "take-back", "STACK=s"]
    selection = ["APP=a", "FROM=f", "TO=t", "REASON=r"]
    without = {known: value for known, value in os.environ.items() if known not in {name, "MAKEFLAGS", "MAKELEVEL"}}

    def printed(more: list[str], of: dict[str, str]) -> str:
        arguments = [*command, *selection, *more]
        done = subprocess.run(arguments, env=without | of, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout

    assert printed([], {}) == printed([], {name: "1"}) != printed([f"{name}=1"], {})
