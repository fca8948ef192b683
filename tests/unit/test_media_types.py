"""A certificate is a page for those who prefer HTML, and JSON for all others."""

import pytest

from saxaul.http.media_types import prefers_html

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [CHROME, "text/html", "TEXT/HTML", "text/*", "text/html;q=0.2, */*;q=0.1", "text/html , application/json;q=0"],
)
def test_a_browser_gets_a_page(accept: str) -> None:
    assert prefers_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        *("", "*/*", "application/json", "image/*", "xtext/html", "text/html;q=0, */*", "text/html;q=x"),
        *("application/json, text/html;q=0.1", "application/json, text/html", "text/html," + "a/b," * 200),
    ],
)
def test_others_get_json(accept: str) -> None:
    assert not prefers_html(accept)
