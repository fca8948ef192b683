"""Public endpoints: the OpenAPI document of the API, and a page that shows it with Swagger UI.

The page loads nothing from another host: the files of the viewer are in the folder ``viewer``, as `make viewer` wrote
them. Their names contain the version of the viewer, so clients may keep them for a long time.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from saxaul.startup import prepare
from saxaul.http.access import PUBLIC
from saxaul.http.conditional_requests import cacheable
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.request import Request, Response
from saxaul.problems import NotFound
from saxaul.settings import settings

Document = dict[str, Any]
"""An OpenAPI document."""

API_ADDRESS = "https://api.example/v1"
"""What the committed document has in place of the address of the API."""

TOKEN_ADDRESS = "https://auth.example/oauth2/token"  # noqa: S105 - an address
"""What the committed document has in place of the address where clients get tokens."""

_FOLDER = Path(__file__).parent
_TYPES: Mapping[str, str] = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}
_FILES: Mapping[str, Path] = {file.name: file for file in (_FOLDER / "viewer").iterdir() if file.suffix in _TYPES}
_SCRIPT, _STYLE, _LICENCE = (
    next(name for name in sorted(_FILES) if name.endswith(ending)) for ending in (".js", ".css", "-LICENSE.txt")
)

_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#viewer", deepLinking: true, filter: true, docExpansion: "list",
  defaultModelRendering: "model", defaultModelExpandDepth: 5, defaultModelsExpandDepth: 0,
  supportedSubmitMethods: [], validatorUrl: null,
  plugins: [() => ({wrapComponents: {authorizeBtn: () => () => null, authorizeOperationBtn: () => () => null}})],
});"""
"""The page only shows the document. It sends no requests to the API, so it takes neither a token nor a secret."""

_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saxaul API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{_STYLE}">
</head>
<body>
<main id="viewer">
<noscript>This page needs JavaScript; the <a href="openapi.json">document</a> does not.</noscript>
</main>
<footer class="swagger-ui"><p class="wrapper"><a href="docs/{_LICENCE}">Swagger UI</a> shows this page.</p></footer>
<script src="docs/{_SCRIPT}"></script>
<script>{_START}</script>
</body>
</html>
"""

_GUARDED = {
    "content-security-policy": "default-src 'none'; "
    f"script-src 'self' 'sha256-{b64encode(hashlib.sha256(_START.encode()).digest()).decode()}'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
_CACHE_FOR_A_MINUTE = {"cache-control": "public, max-age=60"}
_CACHE_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


@operation(
    *("GET", "/openapi.json", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(Document, headers=(ETAG,)), 304: NOT_MODIFIED},
)
def view_document(request: Request) -> Response:
    """Return this OpenAPI document, with the addresses of this stack."""
    document = _document(request.base_url, settings().token_url)
    return cacheable(request, document, _CACHE_FOR_A_MINUTE, {})


@operation(
    *("GET", "/docs", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(media=("text/html",), headers=(ETAG,)), 304: NOT_MODIFIED},
)
def view_page(request: Request) -> Response:
    """Return a page for people that shows the OpenAPI document."""
    return cacheable(request, _PAGE, _CACHE_FOR_A_MINUTE, _GUARDED | {"content-type": "text/html; charset=utf-8"})


@operation(
    *("GET", "/docs/{file}", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(media=tuple(_TYPES.values()), headers=(ETAG,)), 304: NOT_MODIFIED},
    problems=("unknown_file",),
)
def view_file(request: Request) -> Response:
    """Return a file that the page loads. Its name contains its version, so it never changes."""
    name = request.path("file")
    if name not in _FILES:
        raise NotFound("unknown_file", "The page of the API has no such file.")
    content_type = f"{_TYPES[_FILES[name].suffix]}; charset=utf-8"
    return cacheable(request, _text_of(name), _CACHE_FOREVER, {"content-type": content_type})


@cache
def _document(api_url: str, token_url: str) -> str:
    text = (_FOLDER / "openapi.json").read_text("utf-8")
    for placeholder, address in ((API_ADDRESS, api_url), (TOKEN_ADDRESS, token_url)):
        text = text.replace(json.dumps(placeholder), json.dumps(address))
    return text


@cache
def _text_of(name: str) -> str:
    return _FILES[name].read_bytes().decode()  # exactly as it is: its name promises that it does not change


handler = endpoint(view_document, view_page, view_file)
prepare(settings)
