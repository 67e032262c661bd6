"""The URLs of operations, with an encoded id and query string."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote, urlencode

from yarl import URL

from smsworks_async._http.operations import Operation
from smsworks_async.models.convert import to_wire


_dumps: Final = json.JSONEncoder(allow_nan=False).encode


class URLs:
    """Builds the URLs of operations; URLs without a variable part are cached.

    Args:
        base_url: the API's address, without a trailing slash.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._fixed: dict[str, URL] = {}

    def of(self, operation: Operation, identifier: str | None, query: object) -> URL:
        """Return an operation's URL.

        Args:
            operation: the operation.
            identifier: the id in its path, or None.
            query: an outgoing model or a mapping for its query string, or None. A list becomes a
                repeated parameter.
        """
        if identifier is None and query is None:
            url = self._fixed.get(operation.path)
            if url is None:
                url = self._fixed[operation.path] = URL(self._base_url + operation.path)
            return url
        path = operation.path
        if identifier is not None:
            path = path.format(quote(identifier, safe=""))
        return URL(self._base_url + path + _query_string(query), encoded=True)


def _query_string(query: object) -> str:
    if query is None:
        return ""
    pairs = [
        (name, _text(item))
        for name, value in to_wire(query).items()
        for item in (value if isinstance(value, list | tuple) else (value,))
    ]
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


def _text(value: object) -> str:
    """Return a JSON value for a query string: a string unchanged, True as ``true``."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return _dumps(value)
    raise TypeError(f"a query string cannot contain a {type(value).__name__}")
