"""The segments and the cost of a text, with an implementation of GSM 03.38 for the sandbox.

| encoding | one segment | each of several | credits |
|---|---|---|---|
| GSM      | 160 septets | 153 septets     | one per segment |
| Unicode  | 70 units    | 67 units        | one per 70 units |

A segment of a binary message has 140 bytes, or 134 if there are several, and costs one credit.
Units are UTF-16 units. Escape pairs and surrogate pairs are not split between segments.
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
    """The number of segments of a text, and the credits for one UK recipient."""

    segments: int
    credits: int


def utf16_units(text: str) -> int:
    """Return the number of UTF-16 units of a text; the API's limit is 1280."""
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
    """Measure bytes, given as pairs of hexadecimal digits separated by spaces."""
    segments = len(_starts([1] * len(pairs.split()), 140, 134))
    return Size(segments, segments)


def is_gsm(text: str) -> bool:
    """Return whether every character of a text is in the GSM 03.38 alphabet."""
    return all(character in _BASIC or character in _EXTENDED for character in text)


def not_gsm(text: str) -> list[tuple[int, str]]:
    """Return the characters that are not in the GSM 03.38 alphabet, with positions from 0."""
    return [
        (position, character)
        for position, character in enumerate(text)
        if character not in _BASIC and character not in _EXTENDED
    ]


def split(text: str) -> list[str]:
    """Return the part of a text in each segment."""
    widths = (_septets(text), 160, 153) if is_gsm(text) else (_units(text), 70, 67)
    return [text[start:end] for start, end in _pairwise(_starts(*widths), len(text))]


def split_bytes(pairs: str) -> list[str]:
    """Return the bytes in each segment, as pairs of hexadecimal digits."""
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
    """Return the index at which each segment starts."""
    if sum(widths) <= alone:
        return [0]
    starts, room = [0], joined
    for at, width in enumerate(widths):
        if width > room:
            starts.append(at)
            room = joined
        room -= width
    return starts
