"""Builds and deployments: two separate builds, the interpreter that is used, and the check of every built file."""

import errno
import importlib.util
import json
import os
import py_compile
import shutil
import struct
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote
from typing import Any

import pydantic_core
import pytest

from local import build, deploy, deployment, sam_deploy
from local.artifacts import MACHINES, MAGIC, wrong_files
from local.build import BUILT, FOR_AWS, ON_LAMBDA, THIS_MACHINE, built_in, interpreter_for, refuse_wrong_files
from local.dependencies import locked
from local.plan import NOTHING
from local.sam import ROOT, SamError
from local.versions import NOTE, note_parameters

OTHER_RUNTIME = "python3.12" if THIS_MACHINE["PythonRuntime"] == "python3.13" else "python3.13"


def elf(machine: int = MACHINES["arm64"], bits: int = 2, order: int = 1) -> bytes:
    return b"\x7fELF" + bytes([bits, order, 1]) + bytes(9) + struct.pack("<HH" if order == 1 else ">HH", 3, machine)


def pyc(magic: int = MAGIC["python3.13"], flags: int = 1) -> bytes:
    return struct.pack("<H2sI8s", magic, b"\r\n", flags, b"a source") + b"code"


def found_in(tmp_path: Path, name: str, content: bytes) -> list[str]:
    """Return the findings of the check for a build of only this file, with the defaults of the template."""
    (tmp_path / "template.yaml").touch()
    file = tmp_path / "DependenciesLayer" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return [wrong.why for wrong in wrong_files(tmp_path, ON_LAMBDA)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("_core.cpython-313-aarch64-linux-gnu.so", elf()),
        ("_core.abi3.so", elf()),
        ("_core.so", elf()),
        ("libgfortran-7c1b.so.5.0.0", elf()),
        ("handler.cpython-313.pyc", pyc()),
        ("handler.py", b"print()"),
        ("empty.json", b""),
    ],
)
def test_a_file_that_the_runtime_and_the_processor_can_run_has_no_findings(
    tmp_path: Path, name: str, content: bytes
) -> None:
    assert found_in(tmp_path, name, content) == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("_core.cpython-313-x86_64-linux-gnu.so", elf(62), ["is for x86_64, not for arm64"]),
        ("_core.abi3.so", elf(62), ["is for x86_64, not for arm64"]),
        ("libz.so.1", elf(40, bits=1), ["is for 32-bit arm, not for arm64"]),
        ("tool", elf(62), ["is for x86_64, not for arm64"]),
        ("libodd.so", elf(order=2), ["is not 64-bit little-endian"]),
        ("_core.cpython-311-aarch64-linux-gnu.so", elf(), ["is for cpython-311, not for python3.13"]),
        ("_core.cpython-313t-aarch64-linux-gnu.so", elf(), ["is for cpython-313t, not for python3.13"]),
        ("_core.pypy311-pp73-aarch64-linux-gnu.so", elf(), ["is for pypy311, not for python3.13"]),
        ("_core.cpython-313-aarch64-linux-musl.so", elf(), ["is for musl, which Lambda does not have"]),
        ("_core.cpython-313-darwin.so", b"\xcf\xfa\xed\xfe" + bytes(60), ["is not a Linux binary"]),
        ("_core.cp313-win_amd64.pyd", b"MZ" + bytes(60), ["is not a Linux binary"]),
        ("_core.abi3.so", b"", ["is not a Linux binary"]),
        ("a.pyc", pyc(3495), ["was compiled by python3.11 (magic number 3495), not by python3.13 (3571)"]),
        ("a.pyc", pyc(3570), ["was compiled by another Python (magic number 3570), not by python3.13 (3571)"]),
        ("a.pyc", pyc(flags=0), ["is not unchecked-hash bytecode, so each cold start would recompile it"]),
        ("a.pyc", pyc(flags=3), ["is not unchecked-hash bytecode, so each cold start would recompile it"]),
        ("a.pyc", b"\xf3\r", ["is not bytecode"]),
    ],
)
def test_a_file_that_cannot_run_on_the_target_is_reported_with_the_reason(
    tmp_path: Path, name: str, content: bytes, why: list[str]
) -> None:
    assert found_in(tmp_path, name, content) == why


def test_the_table_has_the_magic_number_of_this_python() -> None:
    assert MAGIC[THIS_MACHINE["PythonRuntime"]] == int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")


def make_build_for_this_machine(built: Path) -> None:
    """Make a build for this machine: a binary that this Python can import, and bytecode that this Python compiled."""
    (built / "DependenciesLayer/python/pydantic_core").mkdir(parents=True)
    (built / "template.yaml").touch()
    binary = Path(pydantic_core._pydantic_core.__file__)  # noqa: SLF001 - the binary itself
    shutil.copy(binary, built / "DependenciesLayer/python/pydantic_core")
    handler = built / "ViewForest" / "handler.py"
    handler.parent.mkdir()
    shutil.copy(ROOT / "functions/view_forest/handler.py", handler)
    py_compile.compile(str(handler), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, doraise=True)


@pytest.mark.skipif(sys.platform != "linux", reason="on other systems this Python's binaries are not Linux binaries")
def test_a_build_for_this_machine_is_refused_for_another_runtime_or_processor(tmp_path: Path) -> None:
    built = tmp_path / "build"
    make_build_for_this_machine(built)
    other = next(name for name in MACHINES if name != THIS_MACHINE["Architecture"])

    refuse_wrong_files(built, THIS_MACHINE)
    with pytest.raises(SamError, match=r"pydantic_core.*\.so is for .*, not for") as by_processor:
        refuse_wrong_files(built, THIS_MACHINE | {"Architecture": other})
    with pytest.raises(SamError, match=r"handler\..*\.pyc was compiled by") as by_runtime:
        refuse_wrong_files(built, THIS_MACHINE | {"PythonRuntime": OTHER_RUNTIME})

    assert "Findings: 1." in str(by_processor.value)
    assert "Findings: 2." in str(by_runtime.value)


def test_the_error_lists_twenty_wrong_files_and_a_file_lists_all_of_them(tmp_path: Path) -> None:
    built = tmp_path / "build"
    built.mkdir()
    (built / "template.yaml").touch()
    for number in range(30):
        (built / f"{number:02}.pyc").write_bytes(pyc(3495))

    with pytest.raises(SamError, match="and 10 more") as refused:
        refuse_wrong_files(built, ON_LAMBDA)

    assert str(refused.value).count("magic number") == 20
    assert (tmp_path / "wrong-files.txt").read_text().count("magic number") == 30


@pytest.mark.parametrize("parameters", [ON_LAMBDA, ON_LAMBDA | {"PythonRuntime": "python3.9"}])
def test_a_build_that_cannot_be_checked_is_refused(tmp_path: Path, parameters: Mapping[str, str]) -> None:
    with pytest.raises(SamError, match=r"Nothing is built|cannot be checked"):
        refuse_wrong_files(tmp_path, parameters)


def test_the_two_builds_share_no_folder() -> None:
    assert built_in(FOR_AWS) == ROOT / ".aws-sam" / "build"
    assert not BUILT.is_relative_to(ROOT / ".aws-sam")
    assert BUILT.is_relative_to(ROOT / ".local")


def test_stacks_that_start_at_the_same_time_wait_for_one_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(_: Mapping[str, str], folder: Path) -> None:
        time.sleep(0.2)  # so that the others look for the build meanwhile
        made.append(folder)

    monkeypatch.setattr(build, "FOR_THE_LAPTOP", tmp_path)
    monkeypatch.setattr(build, "is_current", lambda *_: bool(made))
    monkeypatch.setattr(build, "_build", make)

    with ThreadPoolExecutor(4) as stacks:
        list(stacks.map(lambda _: build.build({}, tmp_path), range(4)))

    assert made == [tmp_path]


@pytest.mark.parametrize("parameters", [THIS_MACHINE, ON_LAMBDA])
def test_sam_build_runs_in_the_folder_of_the_build_with_its_parameters(
    parameters: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(build, "sam", lambda *arguments, **options: calls.append((arguments, options)))
    monkeypatch.setattr(build, "interpreter_for", lambda _: Path(sys.executable))

    build.build(parameters, tmp_path)

    [(arguments, options)] = calls
    assert options["cwd"] == tmp_path
    assert options["env"]["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert not {"--build-dir", "--cache-dir"} & set(arguments)
    assert [f"{name}={value}" for name, value in parameters.items()] == list(arguments[-2:])


# --- A working interpreter --------------------------------------------------------------------------------------------


def make_interpreter(file: Path, printed: str) -> Path:
    """Make a program that always prints this line. Without a line, it fails as a pyenv shim does."""
    file.parent.mkdir(parents=True)
    failing = f"echo '\n  pyenv: {file.name}: command not found' >&2; exit 127"
    file.write_text(f"#!/bin/sh\necho '{printed}'\n" if printed else f"#!/bin/sh\n{failing}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a PATH of three folders and a separate pyenv folder, and return the folder that contains them."""
    monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / name) for name in ("first", "second", "third")))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def version_line(runtime: str) -> str:
    return f"cpython {runtime.removeprefix('python')} True"


def test_the_first_interpreter_on_the_path_that_runs_as_that_version_is_used(path: Path) -> None:
    make_interpreter(path / "first" / OTHER_RUNTIME, "")
    make_interpreter(path / "second" / OTHER_RUNTIME, "cpython 3.10 True")
    right = make_interpreter(path / "third" / OTHER_RUNTIME, version_line(OTHER_RUNTIME))
    make_interpreter(path / f"pyenv/versions/{OTHER_RUNTIME[6:]}.1/bin/{OTHER_RUNTIME}", version_line(OTHER_RUNTIME))

    assert interpreter_for(OTHER_RUNTIME) == right


def test_pyenv_is_searched_if_the_path_has_only_a_failing_shim(path: Path) -> None:
    make_interpreter(path / "first" / OTHER_RUNTIME, "")
    make_interpreter(path / f"pyenv/versions/{OTHER_RUNTIME[6:]}.2/bin/{OTHER_RUNTIME}", "")
    right = make_interpreter(
        path / f"pyenv/versions/{OTHER_RUNTIME[6:]}.1/bin/{OTHER_RUNTIME}", version_line(OTHER_RUNTIME)
    )

    assert interpreter_for(OTHER_RUNTIME) == right


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("", f"does not run: pyenv: {OTHER_RUNTIME}: command not found"),
        (f"pypy {OTHER_RUNTIME[6:]} True", f"is pypy {OTHER_RUNTIME[6:]}"),
        ("cpython 3.10 True", "is cpython 3.10"),
        (f"cpython {OTHER_RUNTIME[6:]} False", "has no pip"),
    ],
)
def test_without_a_working_interpreter_the_error_names_what_was_tried_and_what_to_install(
    path: Path, printed: str, reason: str
) -> None:
    on_the_path = make_interpreter(path / "first" / OTHER_RUNTIME, printed)
    of_pyenv = make_interpreter(path / f"pyenv/versions/{OTHER_RUNTIME[6:]}.1/bin/{OTHER_RUNTIME}", printed)

    with pytest.raises(SamError) as refused:
        interpreter_for(OTHER_RUNTIME)

    assert refused.value.sentence.startswith(f"Building for {OTHER_RUNTIME} needs that Python with pip; install it")
    assert refused.value.details == [f"tried: {on_the_path} {reason}", f"tried: {of_pyenv} {reason}"]


def test_without_any_interpreter_the_error_says_so(path: Path) -> None:
    (path / "first" / OTHER_RUNTIME).mkdir(parents=True)
    unusable = path / "second" / OTHER_RUNTIME
    unusable.parent.mkdir()
    unusable.write_bytes(b"a program of another system")

    with pytest.raises(SamError, match=f"Neither the PATH nor pyenv has a {OTHER_RUNTIME}"):
        interpreter_for(OTHER_RUNTIME)
    unusable.chmod(0o755)
    with pytest.raises(SamError, match=rf"{unusable} does not run: .*Exec format error"):
        interpreter_for(OTHER_RUNTIME)


def test_the_running_interpreter_is_used_for_its_runtime_if_it_has_pip(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = THIS_MACHINE["PythonRuntime"]
    assert interpreter_for(runtime) == Path(sys.executable)

    without_pip = make_interpreter(path / "venv" / "python", f"cpython {runtime[6:]} False")
    right = make_interpreter(path / "second" / runtime, version_line(runtime))
    monkeypatch.setattr(sys, "executable", str(without_pip))
    assert interpreter_for(runtime) == right


# --- make build and make deploy: the build is checked -----------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quick_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a build for AWS write a short bill of materials, without pip."""
    monkeypatch.setattr(
        build, "write_bill", lambda file, parameters: file.write_text(f"the bill for {parameters['Architecture']}")
    )


def make_build_of(content: bytes) -> Callable[[Mapping[str, str], Path], None]:
    """Return a fake build that makes one binary with this content."""

    def make_build(parameters: Mapping[str, str], folder: Path) -> None:
        assert parameters.keys() == {"PythonRuntime", "Architecture"}
        built_in(folder).mkdir(parents=True)
        (built_in(folder) / "template.yaml").touch()
        (built_in(folder) / "core.abi3.so").write_bytes(content)
        for name, version in locked().items():
            (built_in(folder) / f"DependenciesLayer/python/{name.replace('-', '_')}-{version}.dist-info").mkdir(
                parents=True
            )

    return make_build


def test_a_build_for_aws_says_what_was_checked_and_where_the_result_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "FOR_AWS", tmp_path)
    monkeypatch.setattr(build, "build", make_build_of(elf()))
    monkeypatch.setattr("sys.argv", ["build"])

    build.main()

    done, target, result, bill = capsys.readouterr().out.splitlines()
    assert done.startswith("✓ building the functions and layers for AWS, and checking every file ")
    assert target == "  every binary and bytecode file can run on python3.13 on arm64, the defaults of template.yaml"
    assert result == f"  the result is in {built_in(tmp_path)}"
    assert bill == f"  the bill of materials is in {tmp_path}/.aws-sam/sbom.cdx.json"
    assert (tmp_path / ".aws-sam/sbom.cdx.json").read_text() == "the bill for arm64"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a fake sam CLI on the PATH. It deploys nothing, and writes its arguments to the returned file."""
    record = tmp_path / "arguments.json"
    program = tmp_path / "bin" / "sam"
    program.parent.mkdir()
    script = f"import json, sys; json.dump(sys.argv[1:], open({str(record)!r}, 'w'))"
    program.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} -c {quote(script)} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(build, "FOR_AWS", tmp_path)
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr(deploy, "build_folder", lambda _: tmp_path)
    return record


NEW = {"Stage": "dev", "DeletionProtection": "false"}
"""The parameters of a new stack for development."""


def run_deploy(monkeypatch: pytest.MonkeyPatch, content: bytes, *arguments: str) -> None:
    """Run the deploy command with a fake build that makes one binary with this content."""
    monkeypatch.setattr(build, "build", make_build_of(content))
    monkeypatch.setattr(deploy, "account_of", lambda _: "123456789012")
    monkeypatch.setattr(deploy, "recall", lambda _: None)
    monkeypatch.setattr(deploy, "existing", lambda _: NOTHING)
    monkeypatch.setattr(sam_deploy, "change_sets", lambda _: set())
    monkeypatch.setattr(deploy, "after", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["deploy", "--stack", "trees", "--region", "eu-west-1", *arguments])
    deploy.main()


def overrides_in(arguments: list[str]) -> dict[str, str]:
    pairs = arguments[arguments.index("--parameter-overrides") + 1 :]
    return {name: value.strip('"') for name, _, value in (pair.partition("=") for pair in pairs)}


def test_a_build_that_passes_the_check_is_deployed_with_the_parameters_of_the_build(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_deploy(monkeypatch, elf(), "HarvestTime=08:00")

    arguments = json.loads(recorded.read_text())
    assert arguments[0] == "deploy"
    assert arguments[arguments.index("--stack-name") + 1] == "trees"
    assert arguments[arguments.index("--region") + 1] == "eu-west-1"
    assert Path(arguments[arguments.index("--template-file") + 1]) == built_in(recorded.parent) / "template.yaml"
    assert overrides_in(arguments) == {**ON_LAMBDA, **NEW, "HarvestTime": "08:00"}


def test_a_syntax_error_is_named_with_the_line_of_the_projects_file_and_nothing_is_built_further(
    tmp_path: Path,
) -> None:
    for name, file in (("ViewImpact", "handler.py"), ("SaxaulLayer", "python/saxaul/settings.py")):
        source = tmp_path / name / file
        source.parent.mkdir(parents=True)
        source.write_text("good = 1\nhandler = = 2\n")

    with pytest.raises(SamError) as refused:
        build.compile_bytecode(Path(sys.executable), tmp_path)

    lines = str(refused.value).splitlines()
    assert lines[0] == "A function or layer cannot be compiled, so nothing was deployed:"
    assert set(zip(lines[1::2], lines[2::2], strict=True)) == {
        ("  ViewImpact: SyntaxError: invalid syntax", "    in functions/view_impact/handler.py:2"),
        ("  SaxaulLayer: SyntaxError: invalid syntax", "    in layers/saxaul/saxaul/settings.py:2"),
    }


def test_wrong_files_are_named_and_nothing_is_deployed(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_deploy(monkeypatch, elf(MACHINES["x86_64"]))

    assert ended.value.code == 1
    assert not recorded.exists()
    sentence, wrong_file = capsys.readouterr().err.splitlines()
    assert sentence.startswith("✗ Not deployed: ")
    assert wrong_file.endswith("core.abi3.so is for x86_64, not for arm64")


def test_the_given_architecture_is_used_to_build_check_and_deploy(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_deploy(monkeypatch, elf(MACHINES["x86_64"]), "Architecture=x86_64")

    assert overrides_in(json.loads(recorded.read_text())) == NEW | ON_LAMBDA | {"Architecture": "x86_64"}


def test_an_invalid_stack_name_or_parameter_gives_an_error_of_one_line(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--stack", "my_stack"], ["x86_64"]):
        with pytest.raises(SystemExit):
            run_deploy(monkeypatch, elf(), *arguments)
        assert capsys.readouterr().err.count("\n") == 1
    assert not recorded.exists()


def test_the_build_keeps_the_hosts_of_the_services_that_functions_call(tmp_path: Path) -> None:
    hosts = {"dynamodb": {"endpoints": {"cn-north-1": {}}}, "ec2": {"endpoints": {}}}
    listed = {"version": 3, "partitions": [{"partition": "aws-cn", "regions": {"cn-north-1": {}}, "services": hosts}]}
    (tmp_path / "endpoints.json").write_text(json.dumps(listed))
    for service in ("dynamodb", "ec2"):
        (tmp_path / service).mkdir()

    build.remove_other_services(tmp_path)

    kept = json.loads((tmp_path / "endpoints.json").read_text())
    assert kept["partitions"][0] == listed["partitions"][0] | {"services": {"dynamodb": hosts["dynamodb"]}}  # type: ignore[index]
    assert [folder.name for folder in tmp_path.glob("*/")] == ["dynamodb"]


@pytest.mark.parametrize("are_linked", [True, False])
def test_each_stack_deploys_a_copy_of_the_build_that_no_other_stack_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, are_linked: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "on another file system")

    if not are_linked:
        monkeypatch.setattr(os, "link", refuse)
    built = tmp_path / "build"
    handler = built / "ViewForest/handler.py"
    handler.parent.mkdir(parents=True)
    handler.write_text("built")
    (built / "template.yaml").write_text("the template")
    monkeypatch.setattr(deployment, "BUILT", built)
    copies = []
    for name in ("first", "second"):
        monkeypatch.setenv("SAXAUL_STATE", str(tmp_path / name))
        copies.append(deployment.template_to_deploy({"HarvestTime": name}).parent)
    shutil.rmtree(built)

    assert [(copy / "template.yaml").read_text() for copy in copies] == ["the template"] * 2
    assert [(copy / "ViewForest/handler.py").read_text() for copy in copies] == ["built"] * 2
    assert len({(copy / NOTE).read_text() for copy in copies}) == 2


def test_a_note_of_parameters_changes_the_copy_and_not_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr(deployment, "BUILT", tmp_path / "build")
    note_parameters(tmp_path / "build", {})
    before = (tmp_path / "build" / NOTE).read_text()

    copy = deployment.template_to_deploy({"HarvestTime": "08:00"}).parent

    assert (tmp_path / "build" / NOTE).read_text() == before != (copy / NOTE).read_text()
