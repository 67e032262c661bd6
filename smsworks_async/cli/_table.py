"""Lay out tables: as plain lines for pipes, or to fit a terminal's width."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from smsworks_async.cli._text import fold, padded, width_of


if TYPE_CHECKING:
    from rich.console import RenderableType


#: The least width, in characters, at which a long last column is put beside the others.
_LAST: Final = 24
#: The indentation of the last column where it is put below the others.
_INDENT: Final = "    "

Rows = Sequence[Sequence[str]]


def plain_lines(headings: Sequence[str], rows: Rows, right: Collection[int]) -> Iterator[str]:
    """Yield the lines of a table, without wrapping or cutting values.

    Args:
        headings: the columns' headings.
        rows: the values of each row, one for each column.
        right: the indexes of right-aligned columns, from 0.
    """
    lines = [headings, *([value.replace("\n", " ") for value in row] for row in rows)]
    widths = _widths(lines)
    for line in lines:
        yield _aligned(line, widths, right).rstrip()


def lay_out(
    headings: Sequence[str], rows: Rows, right: Collection[int], width: int, *, last_wraps: bool
) -> RenderableType:
    """Return a table that fits a terminal.

    Args:
        headings: the columns' headings.
        rows: the values of each row, one for each column.
        right: the indexes of right-aligned columns, from 0.
        width: the width of the terminal, in characters.
        last_wraps: wrap the last column's text instead of cutting it.
    """
    widths = _widths([headings, *rows])
    others = sum(widths[:-1]) + 2 * (len(widths) - 1)
    if others + min(widths[-1], _LAST) <= width:
        return _beside(headings, rows, right, last_wraps=last_wraps)
    from rich.text import Text

    lines = (
        _below(headings, rows, widths, right, width)
        if others - 2 <= width
        else _stacked(headings, rows, width)
    )
    return Text("\n".join(lines))


def _beside(
    headings: Sequence[str], rows: Rows, right: Collection[int], *, last_wraps: bool
) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        wraps = last_wraps and number == len(headings) - 1
        table.add_column(
            heading,
            justify="right" if number in right else "left",
            no_wrap=not wraps,
            overflow="fold" if wraps else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    return table


def _below(
    headings: Sequence[str],
    rows: Rows,
    widths: Sequence[int],
    right: Collection[int],
    width: int,
) -> Iterator[str]:
    """Yield the lines of a table with the last column below the others."""
    for row in [headings, *rows]:
        yield _aligned(row[:-1], widths[:-1], right).rstrip()
        for line in row[-1].split("\n"):
            yield from (f"{_INDENT}{part}" for part in fold(line, width - len(_INDENT)))


def _stacked(headings: Sequence[str], rows: Rows, width: int) -> Iterator[str]:
    """Yield the lines of a table with each value on a separate line."""
    wide = max(map(width_of, headings))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for heading, value in zip(headings, row, strict=True):
            name = padded(heading, wide)
            for line in value.split("\n"):
                for part in fold(line, width - wide - 2):
                    yield f"{name}  {part}".rstrip()
                    name = " " * wide


def _widths(lines: Rows) -> list[int]:
    columns = zip(*lines, strict=True)
    return [
        max(width_of(part) for value in column for part in value.split("\n")) for column in columns
    ]


def _aligned(values: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    return "  ".join(
        padded(value, width, right=column in right)
        for column, (value, width) in enumerate(zip(values, widths, strict=True))
    )
