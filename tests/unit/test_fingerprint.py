"""The laptop's build is made again if a source, a parameter or the build itself has changed, and only then."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import build, fingerprint
from local.build import THIS_MACHINE, built_in
from local.fingerprint import SOURCES, forget, is_current, remember
from local.sam import ROOT, SamError


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder with sources and a build of them."""
    for name in SOURCES:
        folder = tmp_path / name if (ROOT / name).is_dir() else (tmp_path / name).parent
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source.py" if (ROOT / name).is_dir() else tmp_path / name).write_text(f"of {name}")
    built = built_in(tmp_path)
    (built / "ViewForest").mkdir(parents=True)
    (built / "ViewForest" / "handler.py").write_text("built")
    remember(built, THIS_MACHINE, tmp_path)
    return tmp_path


def test_an_unchanged_build_is_current(clone: Path) -> None:
    (clone / "functions/__pycache__").mkdir()
    (clone / "functions/__pycache__/source.cpython-313.pyc").write_text("written by Python")
    shutil.copystat(ROOT / "README.md", clone / "functions/source.py")

    assert is_current(built_in(clone), THIS_MACHINE, clone)


def edit_a_source(clone: Path) -> None:
    (clone / "functions/source.py").write_text("of functionZ")


def add_a_source(clone: Path) -> None:
    (clone / "layers/another.py").touch()


def remove_a_source(clone: Path) -> None:
    (clone / "layers/source.py").unlink()


def rename_a_source(clone: Path) -> None:
    (clone / "layers/source.py").rename(clone / "layers/sauce.py")


def edit_the_template(clone: Path) -> None:
    (clone / "template.yaml").write_text("Resources: {}")


def edit_the_options_of_pip(clone: Path) -> None:
    (clone / "local/dependencies.py").write_text("of another option")


def lose_a_built_file(clone: Path) -> None:
    (built_in(clone) / "ViewForest/handler.py").unlink()


def cut_a_built_file(clone: Path) -> None:
    (built_in(clone) / "ViewForest/handler.py").write_text("")


def lose_the_build(clone: Path) -> None:
    shutil.rmtree(built_in(clone))


def begin_another_build(clone: Path) -> None:
    forget(built_in(clone))


@pytest.mark.parametrize(
    "change",
    [
        *(edit_a_source, add_a_source, remove_a_source, rename_a_source, edit_the_template),
        *(edit_the_options_of_pip, lose_a_built_file, cut_a_built_file, lose_the_build, begin_another_build),
    ],
)
def test_a_changed_source_or_a_damaged_build_is_not_current(clone: Path, change: Callable[[Path], None]) -> None:
    change(clone)

    assert not is_current(built_in(clone), THIS_MACHINE, clone)


def test_a_build_for_another_machine_is_not_current(clone: Path) -> None:
    assert not is_current(built_in(clone), THIS_MACHINE | {"Architecture": "riscv"}, clone)


def test_the_sources_are_there() -> None:
    assert [name for name in SOURCES if not (ROOT / name).exists()] == []
    assert {path.relative_to(ROOT).parts[0] for path in (ROOT / "functions").glob("*/handler.py")} <= set(SOURCES)


@pytest.mark.parametrize(("is_for_the_laptop", "calls"), [(True, 1), (False, 2)])
def test_only_the_build_for_the_laptop_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_for_the_laptop: bool, calls: int
) -> None:
    made: list[Any] = []

    def make(*arguments: str, **_options: object) -> None:
        made.append(arguments)
        built_in(tmp_path).mkdir(exist_ok=True)

    monkeypatch.setattr(build, "sam", make)
    monkeypatch.setattr(build, "FOR_THE_LAPTOP", tmp_path if is_for_the_laptop else tmp_path / "other")

    build.build(THIS_MACHINE, tmp_path)
    build.build(THIS_MACHINE, tmp_path)

    assert len(made) == calls


def test_a_build_that_failed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: str, **_options: object) -> None:
        raise SamError("no")

    monkeypatch.setattr(build, "FOR_THE_LAPTOP", tmp_path)
    built_in(tmp_path).mkdir(parents=True)
    fingerprint.remember(built_in(tmp_path), {})
    monkeypatch.setattr(build, "sam", fail)

    with pytest.raises(SamError):
        build.build(THIS_MACHINE, tmp_path)

    assert not is_current(built_in(tmp_path), {})
