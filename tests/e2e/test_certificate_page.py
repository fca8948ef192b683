"""The page of a certificate in a real browser: it fits a small phone, is dark if asked, and has a line to copy."""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from local.browser import BROWSERS, find_browser, visit
from local.page_pictures import DESKTOP, PHONE, photograph
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.looks import DARK, LIGHT
from saxaul.certificate.page import check_line, render_page, render_unknown
from tests.certificates import ADDRESS, LOG, NUMBER, make_certificate, make_particulars, make_waiting

LONG = "👨\u200d👩\u200d👧 برای مادربزرگم که درخت\u200cها را دوست داشت " + "W" * 60  # noqa: RUF001 - it is Persian
LIVES = {
    "alive": make_certificate("alive"),
    "dead": make_certificate("alive", "dead"),
    "waiting": make_waiting(),
    "long": make_certificate(
        *["alive", "dead", "replaced", "moved"] * 10,
        particulars=make_particulars(LONG[:100], partner="Гринпис" * 15, latin="Haloxylon " + "x" * 80),
    ),
}


@pytest.fixture(scope="module")
def browser() -> str:
    found = find_browser()
    assert found, f"this test needs a browser: none of {', '.join(BROWSERS)} is installed"
    return found


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the pages, and return the address of their folder. A frame of 320 pixels reports how wide its page is."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {name: render_page(life, ADDRESS, LOG, "en") for name, life in LIVES.items()}
    pages |= {
        "unknown": render_unknown("W" * 200, "form", "en"),
        "chinese": render_page(LIVES["dead"], ADDRESS, LOG, "zh"),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
        measure = "document.title = document.querySelector('iframe').contentDocument.documentElement.scrollWidth"
        frame = f'<iframe src="{name}.html" width="320" height="800" style="border:0" onload="{measure}"></iframe>'
        (folder / f"{name}-framed.html").write_text(f"<!doctype html><title></title>{frame}", "utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("name", [*LIVES, "unknown", "chinese"])
def test_no_page_is_wider_than_a_phone_of_320_pixels(browser: str, site: str, name: str) -> None:
    shown = visit(browser, f"{site}/{name}-framed.html", "--dump-dom", "--virtual-time-budget=5000").stdout

    assert re.findall(r"<title>(\d+)</title>", shown) == ["320"]


@pytest.mark.parametrize(("is_dark", "ground"), [(False, LIGHT.ground), (True, DARK.ground)])
def test_the_page_has_the_colours_that_the_reader_prefers(
    browser: str, site: str, tmp_path: Path, ground: str, *, is_dark: bool
) -> None:
    picture = tmp_path / "page.png"
    photograph(browser, f"{site}/alive.html", picture, DESKTOP, is_dark=is_dark)

    with Image.open(picture) as taken:
        corner = taken.convert("RGB").getpixel((2, 2))
        size = taken.size
    assert size == (1280, 1100)
    expected = tuple(int(ground[start : start + 2], 16) for start in (1, 3, 5))
    assert isinstance(corner, tuple)
    assert max(abs(one - other) for one, other in zip(corner, expected, strict=True)) <= 4


def test_a_picture_of_the_page_is_small(browser: str, site: str, tmp_path: Path) -> None:
    for screen in (PHONE, DESKTOP):
        photograph(browser, f"{site}/alive.html", tmp_path / f"{screen.name}.png", screen)

    assert sum(picture.stat().st_size for picture in tmp_path.iterdir()) < 250_000


def test_the_browser_shows_the_line_to_copy_and_runs_nothing(browser: str, site: str) -> None:
    shown = visit(browser, f"{site}/alive.html", "--dump-dom").stdout

    [line] = re.findall(r"<pre[^>]*><code>([^<]*)</code></pre>", shown)
    assert line.replace("&amp;", "&") == check_line(NUMBER, ADDRESS, LOG)
    assert "<script" not in shown


def test_the_lives_of_these_pages_differ() -> None:
    assert len({isinstance(life, Certificate) and life.document("en")["state"] for life in LIVES.values()}) == 4
