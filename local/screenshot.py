"""Takes docs/certificate.png: a certificate of the laptop stack, as the browser of a phone shows it.

    make screenshot NUMBER=45YW-R9YG-R3H2-Z

It needs Chromium and fonts for Chinese. The stack must have the certificate; `make story` prints the number of one.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from local.client import stack
from local.console import give_up, step
from local.sam import ROOT

PICTURE = ROOT / "docs" / "certificate.png"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WIDTH, _HEIGHT = 390, 800
_PATIENCE = 60.0
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def photograph(address: str, picture: Path) -> None:
    """Write a picture of an address as a phone of 390 by 800 points shows it, with twice as many pixels each way.

    Raises:
        FileNotFoundError: Chromium is not installed.
        subprocess.SubprocessError: Chromium failed, or took longer than a minute.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise FileNotFoundError(f"none of {', '.join(_BROWSERS)} is installed")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(browser, *_QUIET, f"--user-data-dir={profile}", f"--screenshot={picture}"),
                *(f"--window-size={_WIDTH},{_HEIGHT}", "--force-device-scale-factor=2", address),
            ],
            check=True,
            capture_output=True,
            timeout=_PATIENCE,
        )
    with Image.open(picture) as taken:
        few_colours = taken.convert("RGB").quantize(128)
    few_colours.save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.screenshot", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("number", help="the number of a certificate")
    chosen = parser.parse_args()
    try:
        with step(f"taking {PICTURE.relative_to(ROOT)}"):
            photograph(f"{stack()['api_url']}/certificates/{chosen.number}", PICTURE)
    except (OSError, subprocess.SubprocessError) as error:
        give_up(str(error))


if __name__ == "__main__":
    main()
