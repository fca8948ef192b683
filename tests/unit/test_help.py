"""`make help` shows each command of the Makefile, with lines to paste and all of its variables."""

import re
import shlex
import subprocess

import pytest

from local.sam import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
RULE = re.compile(r"^([a-z][a-z0-9-]*):(?! export)(.*)\n((?:[#\t].*\n)*)", re.MULTILINE)
RULES = {name: (rest, body) for name, rest, body in RULE.findall(MAKEFILE)}
INTERNAL = {"AS_JSON", "BENCHMARKS", "BIN", "CURDIR", "HELP", "IN_PARALLEL", "MAKE", "SELECTION", "VENV"}
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
    names = set(re.findall(r"\$\(([A-Z_]+)\)", text))
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
    ("command", "missing"), [("secret", "APP"), ("take-back", "APP, FROM, TO, REASON"), ("deploy", "STACK, REGION")]
)
def test_a_command_without_its_variables_names_them_and_shows_an_example(command: str, missing: str) -> None:
    done = make(command)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"make {command} needs {missing}. For example:\n  make {command} ")


def test_a_variable_that_is_given_is_not_missing() -> None:
    assert make("take-back", "APP=a", "TO=2026-06-08").stderr.startswith("make take-back needs FROM, REASON.")


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
