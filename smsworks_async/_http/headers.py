"""The headers of requests, made once for each token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict

from smsworks_async._http.session import USER_AGENT
from smsworks_async._http.transport import CONTENT_TYPE


# Of the type that aiohttp makes of headers, so that it need not.
_HEADERS: Final = CIMultiDict({"User-Agent": USER_AGENT, "Accept": "application/json"})
# Explicit where there is a body and a session of the caller's: its own default headers would take
# precedence over the body's.
_HEADERS_OF_A_BODY: Final = CIMultiDict(_HEADERS, **{"Content-Type": CONTENT_TYPE})


class RequestHeaders:
    """The headers of a client's requests."""

    def __init__(self) -> None:
        # The last token, and the headers with it: without a body, and with one.
        self._last: tuple[str | None, Mapping[str, str], Mapping[str, str]] = (
            None,
            _HEADERS,
            _HEADERS_OF_A_BODY,
        )

    def of(self, token: str | None, *, has_body: bool) -> Mapping[str, str]:
        """Return the headers of a request.

        Args:
            token: the token that it carries, or None.
            has_body: whether they must name the type of its body.
        """
        if token is None:
            return _HEADERS_OF_A_BODY if has_body else _HEADERS
        known, bare, of_a_body = self._last
        if known != token:
            bare = CIMultiDict(_HEADERS, Authorization=token)
            of_a_body = CIMultiDict(_HEADERS_OF_A_BODY, Authorization=token)
            self._last = (token, bare, of_a_body)
        return of_a_body if has_body else bare
