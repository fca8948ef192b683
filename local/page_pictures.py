"""Takes pictures of the page of a certificate: on a phone and on a desktop, by day and in the dark, alive and dead.

They are in `.local/pictures`, outside the repository. Chinese needs a font, such as Debian's fonts-noto-cjk.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from local.browser import visit
from local.client import open_client
from local.sam import ROOT
from local.telling import now, poll
from saxaul_client import PartnerClient

PICTURES = ROOT / ".local" / "pictures"
CHINESE_FONT = "fonts-noto-cjk"
"""The package of Debian with a font for Chinese."""

_COLOURS = 128
_DARK = "--blink-settings=preferredColorScheme=0"


class Screen(NamedTuple):
    """A screen: its name, its size in points, and how many pixels each way a point has."""

    name: str
    width: int
    height: int
    density: int

    def options(self, *, is_dark: bool) -> list[str]:
        """Return the options of Chromium for this screen."""
        size = [f"--window-size={self.width},{self.height}", f"--force-device-scale-factor={self.density}"]
        return [*size, _DARK] if is_dark else size


PHONE = Screen("phone", 390, 1400, 2)
DESKTOP = Screen("desktop", 1280, 1100, 1)


def photograph(browser: str, address: str, picture: Path, screen: Screen, *, is_dark: bool = False) -> None:
    """Write a picture of an address as a screen shows it, with few colours, so that the file is small.

    Raises:
        subprocess.SubprocessError: the browser failed, or took longer than a minute.
    """
    visit(browser, address, f"--screenshot={picture}", *screen.options(is_dark=is_dark))
    with Image.open(picture) as taken:
        few_colours = taken.convert("RGB").quantize(_COLOURS)
    few_colours.save(picture, optimize=True)


def photograph_page(browser: str, address: str, state: str) -> Iterator[Path]:
    """Take the pictures of a certificate's page whose tree is in a state, and yield their paths.

    Raises:
        subprocess.SubprocessError: as for :func:`photograph`.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    for screen in (PHONE, DESKTOP):
        for light, is_dark in (("light", False), ("dark", True)):
            picture = PICTURES / f"{state}-{screen.name}-{light}.png"
            photograph(browser, f"{address}?lang=en", picture, screen, is_dark=is_dark)
            yield picture


def report_death(number: str) -> None:
    """Report as the partner that a tree of the newest orders is dead, and wait until its certificate says so."""
    with open_client(PartnerClient, "partner") as partner:
        for listed in next(partner.order_pages(limit=20)).items:
            if any(tree.certificate == number for tree in partner.order(listed.order_id).ordered_trees):
                found = {
                    "certificate": number,
                    "inspector": "a ranger",
                    "state": "dead",
                    "inspected_at": now().isoformat(),
                }
                partner.inspect(listed.order_id, [found])
        poll(lambda: partner.certificate(number).state, lambda state: state == "dead")


def has_chinese_font() -> bool:
    """Return whether this machine has a font for Chinese. Without one, a picture would show boxes."""
    listed = subprocess.run(["fc-list", ":lang=zh"], check=True, capture_output=True, text=True)
    return bool(listed.stdout.strip())
