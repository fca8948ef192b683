"""Make the pictures of the README: docs/run.svg and docs/certificate.png.

    make pictures

docs/run.svg shows the output of `make run`, and docs/certificate.png the certificate of the tree that is planted in it.
The command refuses to run while a laptop stack is running. It starts one and leaves it running. It needs Chromium and
fonts for Chinese.
"""

import os
import re
import subprocess
from pathlib import Path

from PIL import Image

from local.browser import BROWSERS, find_browser, visit
from local.client import stack
from local.command import command_parser, run_command
from local.console import console, exit_with, shown, step
from local.sam import ROOT, SamError
from local.stack import running, up
from local.story import tell

RUN = ROOT / "docs" / "run.svg"
CERTIFICATE = ROOT / "docs" / "certificate.png"
_PORT = 4566
_COLUMNS = 128
_WIDTH, _HEIGHT = 390, 800


def draw_run(picture: Path) -> str:
    """Start the stack, plant a tree, and write a picture of the terminal. Returns the number of the certificate."""
    console.record, console.width = True, _COLUMNS
    up(_PORT)
    number = tell()
    drawn = console.export_svg(title="make run", unique_id="run")
    # The picture must not fetch a font from another host: a browser uses its own monospaced font.
    picture.write_text(re.sub(r"@font-face\s*{.*?}", "", drawn, flags=re.DOTALL))
    return number


def photograph(browser: str, address: str, picture: Path) -> None:
    """Write a picture of an address as a phone of 390 by 800 points shows it, with twice as many pixels each way.

    Raises:
        subprocess.SubprocessError: the browser failed, or took longer than a minute.
    """
    size = (f"--window-size={_WIDTH},{_HEIGHT}", "--force-device-scale-factor=2")
    visit(browser, address, f"--screenshot={picture}", *size)
    with Image.open(picture) as taken:
        few_colours = taken.convert("RGB").quantize(128)
    few_colours.save(picture, optimize=True)


def main() -> None:
    command_parser("local.pictures", __doc__).parse_args()
    os.environ.pop("SAXAUL_STACK", None)  # the pictures show the laptop stack, even if the shell selects another
    browser = find_browser()
    if browser is None:
        exit_with(f"The pictures need a browser: none of {', '.join(BROWSERS)} is installed.")
    if running():
        exit_with("A laptop stack is running; stop it first: make down")
    try:
        number = draw_run(RUN)
        with step(f"taking {shown(CERTIFICATE.relative_to(ROOT))}"):
            photograph(browser, f"{stack()['api_url']}/certificates/{number}", CERTIFICATE)
    except SamError as error:
        exit_with(error.sentence, error.details)
    except (OSError, subprocess.SubprocessError) as error:
        exit_with(str(error))


if __name__ == "__main__":
    run_command(main)
