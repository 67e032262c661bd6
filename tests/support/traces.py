"""Detection of a number, a text or a key in a file, in many encodings."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Final


#: The shortest significant base64 string; shorter ones occur by chance.
_SHORTEST: Final = 8


def traces(secret: str) -> Iterator[tuple[str, bytes]]:
    """Return the ways in which a secret may be in a file, each with its name."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    for name, spelt in {
        "as it is": secret,
        "backwards": secret[::-1],
        "in JSON": json.dumps(secret)[1:-1],
        "in JSON, escaped throughout": escaped,
        "in hexadecimal": secret.encode().hex(),
        "in capital hexadecimal": secret.encode().hex().upper(),
    }.items():
        yield name, spelt.encode()
    for encoding in ("utf-16-le", "utf-16-be"):
        yield f"in {encoding}", secret.encode(encoding)
    for shift in range(3):  # the preceding bytes shift base64
        spelt = base64.b64encode(b" " * shift + secret.encode())
        whole = spelt[4 if shift else 0 : -4]
        if len(whole) >= _SHORTEST:
            yield f"in base64, moved by {shift}", whole


def traces_of_number(digits: str) -> Iterator[tuple[str, bytes]]:
    """Return the ways in which the digits of a number may be in a file.

    Besides those of texts: in groups, and with the digits of each pair swapped, as in an SMS.
    """
    yield from traces(digits)
    for size in (2, 3, 4):
        groups = [digits[start : start + size] for start in range(0, len(digits), size)]
        yield f"in groups of {size}", " ".join(groups).encode()
        yield f"in groups of {size}, the last first", "".join(groups[::-1]).encode()
        yield f"in groups of {size}, each backwards", "".join(g[::-1] for g in groups).encode()
    for size in (6, 8):
        yield f"as {size} bytes", int(digits).to_bytes(size, "big")
        yield f"as {size} bytes, the last first", int(digits).to_bytes(size, "little")


def found(content: bytes, *, numbers: list[str], words: list[str]) -> list[str]:
    """Return the traces of numbers and words, by encoding."""
    ways = [way for number in numbers for way in traces_of_number(number)]
    ways += [way for word in words for way in traces(word)]
    return [name for name, spelt in ways if spelt in content]
