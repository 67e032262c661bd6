"""Request headers, built once for each token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict

from smsworks_async._http.session import USER_AGENT
from smsworks_async._http.transport import CONTENT_TYPE


# The type that aiohttp converts headers to, which saves the conversion.
_HEADERS: Final = CIMultiDict({"User-Agent": USER_AGENT, "Accept": "application/json"})
# Set explicitly, since default headers of the caller's session would override the body's type.
_HEADERS_OF_A_BODY: Final = CIMultiDict(_HEADERS, **{"Content-Type": CONTENT_TYPE})


class RequestHeaders:
    """The headers of a client's requests."""

    def __init__(self) -> None:
        # The last token, and its headers without and with a body.
        self._last: tuple[str | None, Mapping[str, str], Mapping[str, str]] = (
            None,
            _HEADERS,
            _HEADERS_OF_A_BODY,
        )

    def of(self, token: str | None, *, has_body: bool) -> Mapping[str, str]:
        """Return the headers of a request.

        Args:
            token: the token, or None.
            has_body: whether to include the content type.
        """
        if token is None:
            return _HEADERS_OF_A_BODY if has_body else _HEADERS
        known, bare, of_a_body = self._last
        if known != token:
            bare = CIMultiDict(_HEADERS, Authorization=token)
            of_a_body = CIMultiDict(_HEADERS_OF_A_BODY, Authorization=token)
            self._last = (token, bare, of_a_body)
        return of_a_body if has_body else bare
