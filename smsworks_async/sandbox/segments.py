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
from typing import TYPE_CHECKING

import attrs


if TYPE_CHECKING:
    from collections.abc import Iterator


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
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


@lru_cache(maxsize=1024)
def measure(text: str) -> Size:
    """Measure a text of at least one character."""
    if is_gsm(text):
        segments = len(_starts(_septets(text), 160, 153))
        return Size(segments, segments)
    widths = _units(text)
    return Size(len(_starts(widths, 70, 67)), -(-sum(widths) // 70))


def measure_bytes(pairs: str) -> Size:
    """Measure bytes that are written as pairs of hexadecimal digits, set apart by blanks."""
    segments = len(_starts([1] * len(pairs.split()), 140, 134))
    return Size(segments, segments)


def is_gsm(text: str) -> bool:
    """Return whether every character of a text is one of GSM 03.38."""
    return all(character in _BASIC or character in _EXTENDED for character in text)


def not_gsm(text: str) -> list[tuple[int, str]]:
    """Return the characters that are not of GSM 03.38, with their positions from 0."""
    return [
        (position, character)
        for position, character in enumerate(text)
        if character not in _BASIC and character not in _EXTENDED
    ]


def split(text: str) -> list[str]:
    """Return the part of a text that each segment carries."""
    widths = (_septets(text), 160, 153) if is_gsm(text) else (_units(text), 70, 67)
    return [text[start:end] for start, end in _pairwise(_starts(*widths), len(text))]


def split_bytes(pairs: str) -> list[str]:
    """Return the bytes that each segment carries, written as they came."""
    every = pairs.split()
    starts = _starts([1] * len(every), 140, 134)
    return [" ".join(every[start:end]) for start, end in _pairwise(starts, len(every))]


def _septets(text: str) -> list[int]:
    return [2 if character in _EXTENDED else 1 for character in text]


def _units(text: str) -> list[int]:
    return [2 if ord(character) > 0xFFFF else 1 for character in text]


def _pairwise(starts: list[int], end: int) -> Iterator[tuple[int, int]]:
    return zip(starts, [*starts[1:], end], strict=True)


def _starts(widths: list[int], alone: int, joined: int) -> list[int]:
    """Return where each segment starts."""
    if sum(widths) <= alone:
        return [0]
    starts, room = [0], joined
    for at, width in enumerate(widths):
        if width > room:
            starts.append(at)
            room = joined
        room -= width
    return starts
