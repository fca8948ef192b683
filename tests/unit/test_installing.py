"""Installing: the Python that is chosen, when something is installed, how far it is, and what is said if it fails."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from errno import ENOSPC
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from local import durations, install
from local.dependencies import locked
from local.install import Installation, progress_of
from local.pip_errors import sentence_about
from local.sam import ROOT

PYTHON = sys.executable
"""The Python that runs the tests, also where a test gives it another name."""

SCRIPT = ROOT / "local" / "environments.sh"
SOURCES = (
    "pyproject.toml",
    "clients/python/pyproject.toml",
    "layers/dependencies/requirements.in",
    "layers/dependencies/requirements.txt",
)
MINISTACK_SOURCE = "local/ministack-requirements.txt"
OF_ONE_COMMAND = {".local/lock": "local/lock-requirements.txt", ".local/policies": "local/policies-requirements.txt"}
"""The environments that only one command needs, each with its source."""
BOTH = "with {}: -m local.install .venv .local/ministack\n"
SHIM = 'echo "pyenv: python3: command not found" >&2; exit 127'
WHOLE = """case $*:$0 in
  -m*) echo "with $0: $*"; shift 2; for made; do mkdir -p "$made"; echo 3.13 > "$made/installed"; done ;;
  *sys.version_info*.venv/bin/python | *sys.version_info*.local/ministack/bin/python) echo 3.13 ;;
  *) echo fits ;;
esac"""
"""A fake Python that can install, and that says with which arguments it was started to do so."""


def saying(reason: str) -> str:
    """Return a fake Python to which the probe objects."""
    return f"echo '{reason}'"


def make_program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that looks like a clone. Its PATH has the Pythons that a test makes in first/ and second/."""
    for tool in ("sh", "find", "grep", "head", "cat", "cut", "tr", "mkdir", "mktemp", "rm", "sleep"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "tools").mkdir(exist_ok=True)
        (tmp_path / "tools" / tool).symlink_to(found)
    for source in (*SOURCES, MINISTACK_SOURCE, *OF_ONE_COMMAND.values()):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).touch()
        os.utime(tmp_path / source, (1, 1))
    shutil.copy(SCRIPT, tmp_path / "local")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(folder / name) for name in ("first", "second", "tools"))
    environment = {"PATH": path, "HOME": str(folder), "PYENV_ROOT": str(folder / "pyenv"), "RUN": token_hex(4)}
    command = [str(folder / "tools" / "sh"), "local/environments.sh", *arguments]
    return subprocess.run(  # noqa: S603 - our script
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def with_ten_seconds_that_pass_when_a_program_hangs(folder: Path) -> Path:
    """Let `sleep 10` in the folder last until a program of the same run hangs, as `hanging.$RUN` says.

    A sleep that nobody waits for any more ends after a minute. Return the real sleep.
    """
    tool = folder / "tools/sleep"
    sleep = tool.resolve()
    tool.unlink()
    hangs = 'kill -0 "$(cat hanging.$RUN 2>/dev/null)" 2>/dev/null'
    waiting = f"left=600; until {hangs} || [ $((left -= 1)) = 0 ]; do {sleep} 0.1; done"
    make_program(tool, f'[ "$1" = 10 ] || exec {sleep} "$@"\n{waiting}')
    return sleep


# --- The Python that is chosen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("unfit", [SHIM, saying("is Python 3.9"), saying("is pypy, not CPython"), "exit 1"])
def test_a_python_that_cannot_install_is_passed_over(folder: Path, unfit: str) -> None:
    make_program(folder / "first/python3", unfit)
    right = make_program(folder / "second/python3", WHOLE)

    assert run(folder).stdout == BOTH.format(right)


@pytest.mark.parametrize("name", ["python3.14", "python3.13", "python3.12", "python3.11"])
def test_a_python_with_its_version_in_its_name_is_found(folder: Path, name: str) -> None:
    make_program(folder / "first/python3", saying("is Python 3.9"))
    right = make_program(folder / "second" / name, WHOLE)

    assert run(folder).stdout == BOTH.format(right)


@pytest.mark.parametrize("arguments", [[], ["python3"]])
def test_a_python_of_pyenv_is_found_behind_a_shim_that_does_not_run(folder: Path, arguments: list[str]) -> None:
    make_program(folder / "first/python3", SHIM)
    make_program(folder / "pyenv/versions/3.9.18/bin/python3", saying("is Python 3.9"))
    right = make_program(folder / "pyenv/versions/3.13.0/bin/python3", WHOLE)

    assert run(folder, *arguments).stdout == BOTH.format(right)


def test_without_a_python_that_can_install_each_one_is_named_with_the_reason(folder: Path) -> None:
    shim = make_program(folder / "first/python3", SHIM)
    lacking = make_program(folder / "second/python3.11", saying("has no module ensurepip"))
    silent = make_program(folder / "second/python3.12", "exit 1")
    (folder / "first/python3.13").mkdir()

    done = run(folder)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "✗ No Python on this machine can install Saxaul. Tried:",
        f"  {shim}: does not run: pyenv: python3: command not found",
        f"  {silent}: does not run",
        f"  {lacking}: has no module ensurepip",
        "Install Python 3.13, or name a Python of 3.11 or later: make env PYTHON=/usr/bin/python3.13",
    ]


def test_a_program_that_prints_nothing_is_no_python(folder: Path) -> None:
    silent = make_program(folder / "first/python3", "exit 0")

    done = run(folder, "python3")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"  {silent}: is no Python: it prints nothing\n" in done.stderr


def test_a_python_that_does_not_answer_is_passed_over_although_its_child_goes_on(folder: Path) -> None:
    sleep = with_ten_seconds_that_pass_when_a_program_hangs(folder)
    hanging = make_program(
        folder / "first/python3", f"{sleep} 600 & echo $! > child; echo $$ > hanging.$RUN; wait; exit 0"
    )
    named = make_program(folder / "second/python3", WHOLE)

    found = run(folder).stdout
    children = [psutil.Process(int((folder / "child").read_text()))]
    refused = run(folder, "first/python3").stderr
    children.append(psutil.Process(int((folder / "child").read_text())))
    went_on = [child.is_running() for child in children]
    for child in children:
        child.kill()

    assert found == BOTH.format(named)
    assert went_on == [True, True]
    assert f"  {hanging.relative_to(folder)}: does not answer within ten seconds\n" in refused
    assert "illed" not in refused


def test_what_a_program_prints_is_one_short_line_that_cannot_control_the_terminal(folder: Path) -> None:
    make_program(folder / "first/python3", "printf '\\n\\033[2J\\033]0;title\\007bad%0900d\\nmore' 0; exit 3")

    line = run(folder).stderr.splitlines()[1]

    assert line.startswith(f"  {folder}/first/python3: does not run: [2J]0;titlebad000")
    assert len(line) < len(str(folder)) + 250
    assert line.isprintable()


def test_a_program_that_prints_without_end_is_ended_before_the_ten_seconds_are_over(folder: Path) -> None:
    with_ten_seconds_that_pass_when_a_program_hangs(folder)
    make_program(folder / "first/python3", "while :; do echo 0123456789012345678901234567890123456789; done")

    assert f"  {folder}/first/python3: does not run: 0123" in run(folder).stderr


def test_installing_that_installs_nothing_is_a_failure(folder: Path) -> None:
    make_program(folder / "first/python3", "echo fits")

    done = run(folder)

    assert done.returncode == 1
    assert f"✗ {folder}/first/python3 ended without an error, but .venv is not installed.\n" in done.stderr


def test_only_the_python_that_is_named_is_used(folder: Path) -> None:
    make_program(folder / "first/python3", WHOLE)
    named = make_program(folder / "second/python3.12", WHOLE)
    old = make_program(folder / "second/python3.8", saying("is Python 3.8"))

    assert run(folder, "python3.12").stdout == BOTH.format(named)
    assert run(folder, "second/python3.12").stdout == BOTH.format("second/python3.12")
    assert f"  {old}: is Python 3.8\n" in run(folder, "python3.8").stderr
    assert "  there is no program of that name\n" in run(folder, "python3.99").stderr
    assert run(folder, "second").returncode == 1


def probe_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **of_sys: object) -> str:
    """Return what the probe prints in a Python with these members of sys."""
    [probe] = re.findall(r"^PROBE='\n(.*?)'$", SCRIPT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for name, value in of_sys.items():
        monkeypatch.setattr(sys, name, value)
    exec(compile(probe, "probe", "exec"), {})  # noqa: S102 - our own probe
    return capsys.readouterr().out


def test_the_probe_accepts_this_python(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe_of(monkeypatch, capsys) == "fits\n"


@pytest.mark.parametrize(
    ("of_sys", "reason"),
    [
        ({"version_info": (3, 10, 13)}, "is Python 3.10\n"),
        ({"version_info": (2, 7, 18)}, "is Python 2.7\n"),
        ({"implementation": SimpleNamespace(name="pypy")}, "is pypy, not CPython\n"),
    ],
)
def test_the_probe_objects_to_another_version_or_implementation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of_sys: dict[str, Any], reason: str
) -> None:
    assert probe_of(monkeypatch, capsys, **of_sys) == reason


@pytest.mark.parametrize(
    ("module", "hint"), [("ssl", ""), ("ensurepip", "; on Debian or Ubuntu: sudo apt install python3.12-venv")]
)
def test_the_probe_objects_to_a_python_without_a_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    assert probe_of(monkeypatch, capsys, version_info=(3, 12, 1)) == f"has no module {module}{hint}\n"


# --- When something is installed --------------------------------------------------------------------------------------


@pytest.fixture
def installed(folder: Path) -> Path:
    """Return a clone in which both environments are installed."""
    make_program(folder / "first/python3", WHOLE)
    for environment in (".venv", ".local/ministack"):
        make_program(folder / environment / "bin/python", WHOLE)
        (folder / environment / "installed").write_text("3.13\n")
    return folder


def test_what_is_installed_is_not_installed_again(installed: Path) -> None:
    done = run(installed)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("source", "environment"),
    [*((source, ".venv") for source in SOURCES), (MINISTACK_SOURCE, ".local/ministack")],
)
@pytest.mark.parametrize("is_link", [True, False])
def test_an_environment_is_installed_again_if_its_requirements_are_newer(
    installed: Path, source: str, environment: str, is_link: bool
) -> None:
    if is_link:
        (installed / source).rename(installed / "elsewhere")
        (installed / source).symlink_to(installed / "elsewhere")
        assert run(installed).stdout == ""
    os.utime(installed / source)
    os.utime(installed / environment / "installed", (2, 2))

    assert run(installed).stdout == f"with {installed}/first/python3: -m local.install {environment}\n"


@pytest.mark.parametrize(("environment", "source"), OF_ONE_COMMAND.items())
def test_an_environment_that_one_command_needs_is_installed_only_by_its_name(
    installed: Path, environment: str, source: str
) -> None:
    made = f"with {installed}/first/python3: -m local.install {environment}\n"

    assert run(installed, "", environment).stdout == made
    make_program(installed / environment / "bin/python", "echo 3.13")
    assert run(installed, "", environment).stdout == ""
    os.utime(installed / environment / "installed", (2, 2))
    os.utime(installed / source)
    assert run(installed).stdout == ""
    assert run(installed, "", environment).stdout == made


def remove(environment: Path) -> None:
    (environment / "bin/python").unlink()


def leave_a_dangling_link(environment: Path) -> None:
    remove(environment)
    (environment / "bin/python").symlink_to("/usr/lib/python-of-yesterday")


def put_another_version_there(environment: Path) -> None:
    make_program(environment / "bin/python", "echo 3.14")


def break_off(environment: Path) -> None:
    (environment / "installed").unlink()


@pytest.mark.parametrize("damage", [remove, leave_a_dangling_link, put_another_version_there, break_off])
@pytest.mark.parametrize("environment", [".venv", ".local/ministack"])
def test_an_environment_whose_python_has_gone_is_installed_again(
    installed: Path, environment: str, damage: Callable[[Path], None]
) -> None:
    damage(installed / environment)

    assert run(installed).stdout == f"with {installed}/first/python3: -m local.install {environment}\n"


# --- Installing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let installing happen in a folder of its own, with a fake Python whose fake pip runs the file pip.sh there."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "LOGS", tmp_path / ".local" / "install")
    fake = make_program(
        tmp_path / "python",
        f"""case $* in
  *"-m venv"*) for last; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python"; echo venv >> {tmp_path}/made ;;
  *"-m pip"*) . {tmp_path}/pip.sh ;;
  *) exit 0 ;;
esac""",
    )
    (tmp_path / "pip.sh").write_text("echo Successfully installed")
    monkeypatch.setattr(sys, "executable", str(fake))
    return tmp_path


def test_installing_needs_nothing_that_is_not_in_python() -> None:
    command = [PYTHON, "-S", "-c", "import local.install"]  # -S: without the packages of this environment

    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert (done.returncode, done.stderr) == (0, "")


def test_the_packages_that_ship_are_installed_with_the_versions_of_their_lock(clone: Path) -> None:
    (clone / "pip.sh").write_text(f'echo "$*" >> {clone}/commands')

    install.main([".venv"])

    assert "--constraint .local/install/shipped.txt" in (clone / "commands").read_text()
    pinned = dict(line.split("==") for line in (clone / ".local/install/shipped.txt").read_text().splitlines())
    assert pinned == locked()
    assert {name: version(name) for name in pinned} == pinned


def test_both_environments_are_made_and_note_the_version_of_their_python(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install.main([".venv", ".local/ministack"])

    printed = capsys.readouterr().out
    assert printed.startswith("installing into .venv and .local/ministack, with Python 3.")
    assert printed.splitlines()[-1].startswith("✓ installing into .venv and .local/ministack ")
    release = f"{sys.version_info[0]}.{sys.version_info[1]}\n"
    assert [(clone / name / "installed").read_text() for name in (".venv", ".local/ministack")] == [release, release]
    assert (clone / "made").read_text() == "venv\nvenv\n"


@pytest.mark.parametrize(("exit_code", "made"), [(0, "venv\n"), (1, "venv\nvenv\n")])
def test_an_environment_is_made_anew_only_if_its_python_does_not_fit(clone: Path, exit_code: int, made: str) -> None:
    install.main([".venv"])
    python = clone / ".venv/bin/python"
    python.write_text(python.read_text().replace("*) exit 0", f"*) exit {exit_code}"))

    install.main([".venv"])

    assert (clone / "made").read_text() == made


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            r"The disk is full: [\d.]+ GB are free",
        ),
        (
            [
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError()': /simple/rich",
                "ERROR: Could not find a version that satisfies the requirement rich (from versions: none)",
                "ERROR: No matching distribution found for rich",
            ],
            r"The package index could not be reached\. Check the network",
        ),
        (
            ["Could not fetch URL: (Caused by SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED')))"],
            r"The certificate .* was not accepted\. .* PIP_CERT",
        ),
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x/lib'"],
            r"A file could not be written: .*'/x/lib'\. Give the folder",
        ),
        (
            ["  ERROR: Failed building wheel for pillow", "ERROR: Failed to build installable wheels"],
            r"A package has no build for Python 3\.\S+ on this machine, and could not be .* PYTHON=python3\.13",
        ),
        (
            [
                "ERROR: Could not find a version that satisfies the requirement rich==99 (from versions: 1.0, 15.0)",
                "ERROR: No matching distribution found for rich==99",
            ],
            r"A package is not offered for Python 3\.\S+ on this machine: No matching .* for rich==99\. Try another",
        ),
        (["ERROR: Unknown group dev", "note: a hint"], r"pip failed: Unknown group dev\."),
        (["Killed"], r"pip failed: Killed\."),
        ([], r"pip failed: it printed nothing\."),
    ],
)
def test_if_pip_fails_one_sentence_says_why_and_what_to_do(
    clone: Path, capsys: pytest.CaptureFixture[str], printed: list[str], said: str
) -> None:
    (clone / "output").write_text("\n".join(printed))
    (clone / "pip.sh").write_text(f"cat {clone}/output; exit 1")

    with pytest.raises(SystemExit) as ended:
        install.main([".venv"])

    assert re.match(rf"✗ {said}", str(ended.value.code))
    assert str(ended.value.code).endswith("The whole output: .local/install/venv.log")
    assert "\n".join(printed) in (clone / ".local/install/venv.log").read_text()
    assert not (clone / ".venv/installed").exists()
    assert "✓" not in capsys.readouterr().out


def test_a_failure_of_one_environment_is_reported_and_the_other_is_installed(clone: Path) -> None:
    (clone / "pip.sh").write_text("case $0 in *ministack*) echo ERROR: no; exit 1 ;; esac")

    with pytest.raises(SystemExit, match="pip failed: no"):
        install.main([".venv", ".local/ministack"])

    assert (clone / ".venv/installed").exists()
    assert not (clone / ".local/ministack/installed").exists()


def test_a_reason_that_holds_for_both_environments_is_reported_once(clone: Path) -> None:
    (clone / "pip.sh").write_text("echo No space left on device; exit 1")

    with pytest.raises(SystemExit) as ended:
        install.main([".venv", ".local/ministack"])

    sentence, logs = str(ended.value.code).splitlines()
    assert sentence.startswith("✗ The disk is full: ")
    assert logs == "  The whole output: .local/install/venv.log, .local/install/local-ministack.log"


@pytest.mark.usefixtures("clone")
def test_a_log_that_cannot_be_written_because_the_disk_is_full_is_reported_like_any_full_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Installation, "learn", fail)

    with pytest.raises(SystemExit, match="✗ The disk is full: "):
        install.main([".venv"])


def test_a_folder_that_cannot_be_written_is_named(clone: Path) -> None:
    (clone / ".local").write_text("a file where a folder should be")

    with pytest.raises(SystemExit, match=r"✗ .*\.local.* cannot be written: Not a directory\."):
        install.main([".venv"])


def test_the_progress_counts_what_is_found_and_then_what_is_installed_with_the_time_left(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(durations, "monotonic", lambda: clock.now)
    one, other = Installation(".venv"), Installation(".local/ministack")
    site = clone / ".venv/lib/python3.13/site-packages"
    for known in ("pip-25.1", "wheel-0.45"):  # an environment has packages before anything is installed into it
        (site / f"{known}.dist-info").mkdir(parents=True)
    for line in ("Obtaining file:///clone", "Collecting rich==15.0.0 (from saxaul==0.1.0)", "Collecting boto3"):
        one.learn(line)
    assert progress_of([one, other]) == "packages found: 3"

    other.learn("WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'ConnectTimeoutError'")
    assert progress_of([one, other]).endswith(" (the package index does not answer; trying again)")

    one.learn("Installing collected packages: rich, boto3, saxaul")
    other.learn("Installing collected packages: ministack")
    assert progress_of([one, other]) == "packages installed: 2 of 6"
    (site / "rich-15.0.0.dist-info").mkdir()
    clock.now += 10
    assert progress_of([one, other]) == "packages installed: 3 of 6, about 20 s left"


def test_a_log_gets_lines_of_progress_at_intervals(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "FIRST_LOG_SECONDS", 0.1)
    monkeypatch.setattr(install, "LOG_SECONDS", 0.1)
    until_it_is_shown = f"until [ -e {clone}/shown ]; do sleep 0.05; done"
    (clone / "pip.sh").write_text(f'case $* in *group*) echo "Collecting rich"; {until_it_is_shown} ;; esac')
    shown: list[str] = []

    def show(text: str) -> None:
        print_a_line(text)
        shown.append(text)
        if shown.count("packages found: 1") == 2:
            (clone / "shown").touch()

    print_a_line = install._show  # noqa: SLF001 - what is shown decides how long the installation takes
    monkeypatch.setattr(install, "_show", show)

    install.main([".venv"])

    lines = capsys.readouterr().out.splitlines()[1:-1]
    assert lines[-2:] == ["  packages found: 1"] * 2


def test_an_unknown_failure_shows_the_last_error_of_pip() -> None:
    lines = ["ERROR: first", "ERROR: second.", "note: see above"]

    assert sentence_about(lines, ROOT) == "pip failed: second."


def test_what_pip_printed_cannot_control_the_terminal() -> None:
    assert sentence_about(["ERROR: \x1b[2Jbad\x07 \u202ename"], ROOT) == "pip failed: [2Jbad name."


def test_installing_that_is_stopped_says_so_and_ends_by_the_same_signal(clone: Path) -> None:
    (clone / "pip.sh").write_text("sleep 60")
    program = (
        "import sys; from pathlib import Path; from local import install\n"
        f"install.ROOT = Path({str(clone)!r}); install.LOGS = install.ROOT / 'logs'\n"
        f"sys.executable = {sys.executable!r}; install.main(['.venv'])"
    )
    command = [PYTHON, "-c", program]

    with subprocess.Popen(  # noqa: S603 - our own
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout
        assert running.stdout.readline().startswith("installing into .venv")
        os.killpg(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=60)

    assert running.returncode == -signal.SIGINT
    assert errors == "\n✗ Stopped. The same command goes on where it stopped.\n"
    assert not (clone / ".venv/installed").exists()
