"""The parts of an HTTP request that the adapters read: its head, and a body of limited size."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import attrs

from smsworks_async.webhooks.parsing import MAX_BODY


#: The header of a 405.
ALLOW: Final = {"Allow": "POST"}


class Rejected(Exception):
    """The request is answered without handling its report.

    Attributes:
        status: the HTTP status of the response.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@attrs.frozen
class RequestHead:
    """The parts of a request that come before its body.

    Attributes:
        method: the HTTP method, such as ``"POST"``.
        path: the path, percent-decoded.
        authorization: the header, or None.
        peer: the address at the other end of the connection; None or empty for a UNIX socket.
        forwarded_for: the ``X-Forwarded-For`` headers, in order.
        length: the ``Content-Length``, or None.
    """

    method: str
    path: str = attrs.field(repr=False)
    authorization: str | None = attrs.field(default=None, repr=False)
    peer: str | None = None
    forwarded_for: Sequence[str] = ()
    length: int | None = None


class BodyBuffer:
    """Collects the chunks of one body, up to `MAX_BODY` bytes, regardless of ``Content-Length``."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk; return whether the body is still within the limit."""
        self._size += len(chunk)
        if self._size > MAX_BODY:
            self._chunks.clear()
            return False
        self._chunks.append(chunk)
        return True

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            Rejected: with 413, if the body was too large.
        """
        if self._size > MAX_BODY:
            raise Rejected(413)
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def parse_content_length(value: str) -> int | None:
    """Return a ``Content-Length`` as an integer; None if it is not a number."""
    if not (value.isascii() and value.isdigit()):
        return None
    return int(value) if len(value) < 19 else sys.maxsize  # int() rejects thousands of digits
