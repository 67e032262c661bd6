"""How many segments a text takes, and what it costs: the sandbox's own GSM 03.38.

| encoding | one segment | each of several | credits |
|---|---|---|---|
| GSM      | 160 septets | 153 septets     | one a segment |
| Unicode  | 70 units    | 67 units        | one for every 70 units |

Bytes of a binary message: 140 in one segment, 134 in each of several, one credit a segment. Units
are those of UTF-16. Neither an escape pair nor a surrogate pair is split between segments.
"""

from __future__ import annotations

from functools import lru_cache

import attrs


_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


@attrs.frozen
class Size:
    """The segments that a text is carried in, and the credits for one UK recipient."""

    segments: int
    credits: int


def utf16_units(text: str) -> int:
    """Count UTF-16 units, in which the API limits content to 1280."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@lru_cache(maxsize=1024)
def measure(text: str) -> Size:
    """Measure a text of at least one character."""
    gsm = all(character in _BASIC or character in _EXTENDED for character in text)
    if gsm:
        segments = _pack([2 if character in _EXTENDED else 1 for character in text], 160, 153)
        return Size(segments, segments)
    widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Size(_pack(widths, 70, 67), -(-sum(widths) // 70))


def measure_bytes(pairs: str) -> Size:
    """Measure bytes that are written as pairs of hexadecimal digits, set apart by blanks."""
    segments = _pack([1] * len(pairs.split()), 140, 134)
    return Size(segments, segments)


def _pack(widths: list[int], alone: int, joined: int) -> int:
    if sum(widths) <= alone:
        return 1
    segments, room = 1, joined
    for width in widths:
        if width > room:
            segments, room = segments + 1, joined
        room -= width
    return segments
