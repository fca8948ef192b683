"""The pictures of the README: what they show, and that taking them ends before a stack starts if it cannot succeed."""

from pathlib import Path

import pytest

from local import pictures
from local.recording import RecordedLine
from local.recording_svg import NO_BREAK
from local.sam import ROOT


@pytest.mark.parametrize(
    ("browser", "is_running", "sentence"),
    [(None, False, "none of chromium"), ("/usr/bin/chromium", True, "A laptop stack is running")],
)
def test_without_a_browser_or_beside_a_running_stack_no_picture_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    browser: str | None,
    is_running: bool,
    sentence: str,
) -> None:
    started: list[int] = []
    monkeypatch.setattr("sys.argv", ["pictures"])
    monkeypatch.setattr("local.pictures.find_browser", lambda: browser)
    monkeypatch.setattr("local.pictures.has_chinese_font", lambda: True)
    monkeypatch.setattr("local.pictures.running", lambda: is_running)
    monkeypatch.setattr("local.pictures.record_run", started.append)

    with pytest.raises(SystemExit) as ended:
        pictures.main()

    assert (ended.value.code, started) == (1, [])
    assert sentence in capsys.readouterr().err


def test_the_recording_is_of_make_run_and_the_photograph_of_the_certificate_that_it_ended_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[object, ...]] = []
    api = "http://localhost:4650/v1/certificates"
    printed = [RecordedLine(1, f"in a browser: {api}/AAAA-1"), RecordedLine(40, f"     \x1b[36m{api}/BBBB-2\x1b[0m")]

    def play(*arguments: object) -> list[RecordedLine]:
        calls.append(arguments)
        return printed

    monkeypatch.setattr("local.pictures.record", play)
    monkeypatch.setattr("local.pictures.RUN", tmp_path / "run.svg")

    address = pictures.record_run(4650)

    assert calls == [(["make", "--no-print-directory", "run"], ROOT, {"PORT": "4650"})]
    assert address == f"{api}/BBBB-2"
    assert "make run: 40 seconds, shown 3 times as fast" in (tmp_path / "run.svg").read_text("utf-8")


def test_the_recording_in_the_readme_is_complete_and_small() -> None:
    drawing = pictures.RUN.read_text("utf-8").replace(NO_BREAK, " ")

    assert "docs/run.svg" in (ROOT / "README.md").read_text("utf-8")
    assert all(said in drawing for said in ("VERIFIED", "Five things to try next.", "make replay FILE=docs/rides.csv"))
    assert pictures.RUN.stat().st_size < 150_000
