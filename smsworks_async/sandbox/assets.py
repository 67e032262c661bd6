"""The web page at `/`: static files, whose scripts use the control endpoints."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import attrs
from aiohttp import hdrs, web

from .codes import CODES
from .operations import OPERATIONS


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


#: The path of the page's files; `index.html` is also at `/`.
FILES_PATH: Final = "/sandbox/page/"
#: The codes of failures that a handset or its operator may report.
_DELIVERY_FAILURES: Final = range(5001, 5035)
_FLOODING: Final = 5020
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@attrs.frozen
class Asset:
    """A file of the page.

    Attributes:
        body: the contents.
        content_type: the media type, without parameters.
        tag: the entity tag, in quotes; it depends on the contents.
    """

    body: bytes
    content_type: str
    tag: str


def _make(name: str, body: bytes) -> Asset:
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Asset(body, _TYPES[PurePath(name).suffix], tag)


def _reference() -> bytes:
    """Return the choices of the page's forms: codes of failures, and the API's operations."""
    return json.dumps(
        {
            "codes": [
                {"code": code, "meaning": row.message}
                for code, row in CODES.items()
                if code in _DELIVERY_FAILURES and code != _FLOODING
            ],
            "operations": [{"method": row.method, "path": row.path} for row in OPERATIONS],
        }
    ).encode()


@cache
def assets() -> Mapping[str, Asset]:
    """Return the page's files by name; they are read at the first call."""
    folder = resources.files(__name__.rpartition(".")[0]).joinpath("page")
    files = {
        file.name: _make(file.name, file.read_bytes())
        for file in folder.iterdir()
        if PurePath(file.name).suffix in _TYPES
    }
    return {**files, "reference.json": _make("reference.json", _reference())}


def add_routes(
    router: web.UrlDispatcher,
    *,
    is_allowed: Callable[[web.Request], bool],
    challenge: Callable[[], web.Response],
) -> None:
    """Add routes for the page and its files.

    Args:
        router: the router to add them to.
        is_allowed: returns whether a request may read them.
        challenge: returns the response to a request that may not.
    """

    async def send(request: web.Request) -> web.Response:
        if not is_allowed(request):
            return challenge()
        asset = assets().get(request.match_info.get("name", "index.html"))
        if asset is None:
            return web.json_response({"message": "The page has no such file."}, status=404)
        return _respond(request, asset)

    router.add_get("/", send)
    router.add_get(FILES_PATH + "{name}", send)


def _respond(request: web.Request, asset: Asset) -> web.Response:
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        # Browsers revalidate each file, so that files of different versions are never mixed.
        hdrs.CACHE_CONTROL: "no-cache",
        hdrs.ETAG: asset.tag,
    }
    if request.headers.get(hdrs.IF_NONE_MATCH) == asset.tag:
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers
    )
