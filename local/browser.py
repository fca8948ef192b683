"""Runs Chromium without a window: for the pictures of the README, and for the test of the API's page."""

import shutil
import subprocess
import tempfile
from typing import Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
"""The programs that can be used, in order."""

_PATIENCE = 60.0
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def find_browser() -> str | None:
    """Return the path of the browser, or None if no browser is installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def visit(browser: str, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Open an address in a new profile, with these options of Chromium, and return what the browser printed.

    Raises:
        subprocess.SubprocessError: the browser failed, or took longer than a minute.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *_QUIET, f"--user-data-dir={profile}", *options, address]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE)
