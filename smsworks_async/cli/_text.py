"""Prepare text for a terminal: escape control characters, measure and wrap."""

from __future__ import annotations

import re
from typing import Final


# Patterns are not compiled here because completion imports this module and must be quick.

#: Characters that could move the cursor, change colours or reverse the reading direction.
_CONTROLS: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|[\ud800-\udfff]"

#: Calls as they are named in the package's error messages.
_CALLS: Final = (
    r"(call )?\bbulk\.(plan|send|status|resume|reconcile|cancel)(?:_each)?\b( with restored=True)?"
)


def as_commands(words: str) -> str:
    """Replace the calls that a message names by the commands that make them."""

    def command(found: re.Match[str]) -> str:
        name = f"`smsworks campaign {found[2]}{' --restored' if found[3] else ''}`"
        return f"run {name}" if found[1] else name

    return re.sub(_CALLS, command, words)


def printable(text: str) -> str:
    """Return a text with its control characters escaped, except line breaks and tabs."""
    return re.sub(_CONTROLS, lambda found: ascii(found[0])[1:-1], text)


def one_line(text: str) -> str:
    """Return a text as one line, with its control characters escaped."""
    return printable(" ".join(text.split()))


def columns_of(character: str) -> int:
    """Return the number of a terminal's columns that a character takes."""
    import unicodedata

    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def fold(line: str, width: int | None) -> list[str]:
    """Wrap a line to a width, at spaces if possible, and return its parts.

    Args:
        line: the text, without line breaks.
        width: the width in columns, at least 2; None not to wrap.
    """
    parts, rest = [], line
    while width is not None and width_of(rest) > max(width, 2):
        columns = end = 0
        while columns + columns_of(rest[end]) <= max(width, 2):
            columns += columns_of(rest[end])
            end += 1
        blank = rest.rfind(" ", 1, end + 1)
        end = blank if blank > 0 else end
        parts.append(rest[:end])
        rest = rest[end:].removeprefix(" ")
    return [*parts, rest]


def width_of(text: str) -> int:
    """Return the number of a terminal's columns that a text takes."""
    return sum(map(columns_of, text))


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text padded with spaces to ``width`` columns."""
    blanks = " " * max(0, width - width_of(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"
