"""From bytes that hold JSON to text: one way for the API's answers and for what it posts."""

from __future__ import annotations

import json
from typing import Final, Literal


_MARK: Final = "\ufeff"


def decode(content: bytes | str, errors: Literal["strict", "replace"] = "strict") -> str:
    """Return the text of a JSON document in UTF-8, -16 or -32, with a byte order mark or not.

    Args:
        content: the bytes; or a text, of which the mark alone is taken away.
        errors: what is done about bytes that are no text.

    Raises:
        UnicodeDecodeError: they are no text, and `errors` is ``"strict"``.
    """
    if isinstance(content, str):
        return content.removeprefix(_MARK)
    if content[:2] == b'{"':  # nearly all of them
        return content.decode("utf-8", errors)
    return content.decode(json.detect_encoding(content), errors).removeprefix(_MARK)
