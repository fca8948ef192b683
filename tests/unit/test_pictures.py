"""Taking the pictures of the README ends before it starts a stack if it cannot succeed."""

import pytest

from local import pictures


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
    monkeypatch.setattr("local.pictures.running", lambda: is_running)
    monkeypatch.setattr("local.pictures.record_run", started.append)

    with pytest.raises(SystemExit) as ended:
        pictures.main()

    assert (ended.value.code, started) == (1, [])
    assert sentence in capsys.readouterr().err
