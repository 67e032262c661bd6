"""A body as it comes in, never more of it than may be."""

from __future__ import annotations

import sys

from smsworks_async.webhooks.parsing import MAX_BODY


class Body:
    """The chunks of one body, up to the limit, whatever its headers promised."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> bool:
        """Take a chunk in, and say whether there may be more."""
        self._size += len(chunk)
        if self._size > MAX_BODY:
            self._chunks.clear()
            return False
        self._chunks.append(chunk)
        return True

    def whole(self) -> bytes | int:
        """Give all of it, or the status 413 if it was too large."""
        if self._size > MAX_BODY:
            return 413
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def declared(length: str) -> int | None:
    """Read a Content-Length; None where it is no number."""
    if not (length.isascii() and length.isdigit()):
        return None
    return int(length) if len(length) < 19 else sys.maxsize  # int() balks at thousands of digits
