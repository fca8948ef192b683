"""Make the pictures of the README, docs/run.svg and docs/certificate.png, and eight of a certificate's page.

    make pictures

docs/run.svg is a recording of `make run`: each line that it printed, at its time. docs/certificate.png shows the
certificate of the tree that was planted in it. `.local/pictures` has its page on a phone and on a desktop, by day and
in the dark, and again after the tree is reported dead. The command refuses to run while a laptop stack is running, and
leaves the stack running that it started. It needs Chromium and fonts for Chinese, such as Debian's fonts-noto-cjk.
"""

import os
import re
import subprocess
from pathlib import Path

from local.browser import BROWSERS, find_browser
from local.command import command_parser, run_command, whole_number
from local.console import exit_with, shown, step
from local.page_pictures import (
    CHINESE_FONT,
    PHONE,
    PICTURES,
    has_chinese_font,
    photograph,
    photograph_page,
    report_death,
)
from local.recording import record
from local.recording_svg import draw
from local.sam import ROOT
from local.stack import PORTS, running

RUN = ROOT / "docs" / "run.svg"
CERTIFICATE = ROOT / "docs" / "certificate.png"
SPEED = 3
"""How many times as fast as it was the recording is shown."""

_COVER = PHONE._replace(height=800)


def record_run(port: int) -> str:
    """Record `make run`, and draw it. Returns the address of the certificate of the tree that it planted.

    Raises:
        subprocess.SubprocessError: `make run` failed.
        OSError: the drawing could not be written.
    """
    lines = record(["make", "--no-print-directory", "run"], ROOT, {"PORT": str(port)})
    RUN.write_text(draw("make run", lines, SPEED), "utf-8")
    [*_, address] = re.findall(r"http\S+/certificates/[\w-]+", "\n".join(line.text for line in lines))
    return str(address)


def main() -> None:
    parser = command_parser("local.pictures", __doc__)
    parser.add_argument("--port", type=whole_number(*PORTS), default=4566, help="the port of the stack")
    chosen = parser.parse_args()
    os.environ.pop("SAXAUL_STACK", None)  # the pictures show the laptop stack, even if the shell selects another
    browser = find_browser()
    if browser is None:
        exit_with(f"The pictures need a browser: none of {', '.join(BROWSERS)} is installed.")
    if not has_chinese_font():
        exit_with(f"The pictures need a font for Chinese, such as that of the package {CHINESE_FONT}.")
    if running():
        exit_with("A laptop stack is running; stop it first: make down")
    try:
        with step(f"recording make run into {shown(RUN.relative_to(ROOT))}"):
            address = record_run(chosen.port)
        with step(f"taking {shown(CERTIFICATE.relative_to(ROOT))}"):
            photograph(browser, address, CERTIFICATE, _COVER)
        with step(f"taking pictures of the page into {shown(PICTURES.relative_to(ROOT))}"):
            list(photograph_page(browser, address, "planted"))
            report_death(address.rpartition("/")[2])
            list(photograph_page(browser, address, "dead"))
    except subprocess.CalledProcessError as error:
        exit_with(f"{Path(error.cmd[0]).name} failed:", str(error.output or error.stderr or "").splitlines())
    except (OSError, subprocess.SubprocessError) as error:
        exit_with(str(error))


if __name__ == "__main__":
    run_command(main)
