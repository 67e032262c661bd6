"""Draw a text in its segments, with marks below the characters that force Unicode."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from smsworks_async.cli._records import plural
from smsworks_async.cli._text import columns_of, printable
from smsworks_async.text import Encoding, measure, split, to_gsm, utf16_units


if TYPE_CHECKING:
    from smsworks_async.cli._output import Output


#: The number of offending characters that are listed.
_NAMED: Final = 10
#: The width of the frame, in columns.
_MARGIN: Final = 4


def draw(out: Output, content: str) -> None:
    """Show a text's size, its segments, and the characters that are not in the GSM alphabet."""
    measured = measure(content)
    is_gsm = measured.encoding is Encoding.GSM
    out.fields(
        [
            ("Encoding", measured.encoding if is_gsm else _why_unicode(content)),
            ("Length", f"{measured.units} {'septets' if is_gsm else 'UTF-16 units'}"),
            ("Segments", measured.segments),
            ("Credits", f"{measured.credits:g} for one UK recipient"),
        ]
    )
    if utf16_units(content) > 1280:
        out.line(f"Too long   {utf16_units(content)} UTF-16 units; the API takes at most 1280")
    offenders = {one.position for one in measured.offenders}
    parts = split(content)
    room = _room(measured.encoding, len(parts))
    position = 0
    for number, part in enumerate(parts, 1):
        out.line()
        used = _units(part, measured.encoding)
        out.line(f"Segment {number} of {len(parts)}: {used} of {room}")
        marked = {at - position for at in offenders if position <= at < position + len(part)}
        for line in _framed(part, marked, out.width - _MARGIN):
            out.line(line)
        position += len(part)
    if offenders:
        out.line()
        _name_offenders(out, [(one.character, one.position) for one in measured.offenders])


def _why_unicode(content: str) -> str:
    count = len(measure(content).offenders)
    return f"Unicode, because of {plural(count, 'character')}"


def _room(encoding: Encoding, parts: int) -> int:
    if encoding is Encoding.GSM:
        return 160 if parts <= 1 else 153
    return 70 if parts <= 1 else 67


def _units(part: str, encoding: Encoding) -> int:
    return measure(part).units if encoding is Encoding.GSM else utf16_units(part)


def _framed(part: str, marked: set[int], width: int) -> Iterator[str]:
    """Yield the lines of a segment, with a line of marks below each that has marked characters."""
    line, marks, columns = "", "", 0
    for index, character in enumerate(part):
        shown = "↵" if character in "\r\n" else printable(character)
        wide = sum(map(columns_of, shown))
        if columns + wide > width:
            yield from _flush(line, marks)
            line, marks, columns = "", "", 0
        line += shown
        marks += ("^" if index in marked else " ") * wide
        columns += wide
        if character == "\n":
            yield from _flush(line, marks)
            line, marks, columns = "", "", 0
    if line:
        yield from _flush(line, marks)


def _flush(line: str, marks: str) -> Iterator[str]:
    yield f"  │ {line}"
    if marks.strip():
        yield f"  │ {marks}".rstrip()


def _name_offenders(out: Output, offenders: list[tuple[str, int]]) -> None:
    """List the characters that force Unicode, each with its positions and its replacement."""
    places: dict[str, list[int]] = {}
    for character, position in offenders:
        places.setdefault(character, []).append(position + 1)
    rows = []
    for character, found in list(places.items())[:_NAMED]:
        plain = to_gsm(character)
        rows.append(
            (
                character if columns_of(character) else "",
                f"U+{ord(character):04X}",
                unicodedata.name(character, "UNNAMED"),
                ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else ""),
                "nothing" if not plain else "stays" if plain == character else repr(plain)[1:-1],
            )
        )
    out.table(["", "Code", "Not in the GSM alphabet", "At", "With --gsm"], rows)
    if len(places) > _NAMED:
        out.line(f"and {plural(len(places) - _NAMED, 'other')}")
