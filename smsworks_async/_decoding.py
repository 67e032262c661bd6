"""Decoding of JSON bytes to text, for the API's responses and its callbacks."""

from __future__ import annotations

import json
from typing import Final, Literal


_MARK: Final = "\ufeff"


def decode(content: bytes | str, errors: Literal["strict", "replace"] = "strict") -> str:
    """Return the text of a JSON document in UTF-8, -16 or -32, with or without a byte order mark.

    Args:
        content: the bytes; or a string, from which only the mark is removed.
        errors: how invalid bytes are handled, as in `bytes.decode`.

    Raises:
        UnicodeDecodeError: the bytes are invalid, and `errors` is ``"strict"``.
    """
    if isinstance(content, str):
        return content.removeprefix(_MARK)
    if content[:2] == b'{"':  # the usual case
        return content.decode("utf-8", errors)
    return content.decode(json.detect_encoding(content), errors).removeprefix(_MARK)
