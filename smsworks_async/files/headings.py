"""Find the row that holds the headings and the column that holds the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.files.numbers import is_blank


#: The number of rows, from the top, among which the headings are looked for.
HEADING_ROWS: Final = 10
# The number of headings that an error message lists.
_NAMED: Final = 8

_MOBILE: Final = ("mobile", "mob", "cell", "cellular", "cellphone", "mobilephone", "handy", "mobil")
_PHONE: Final = ("phone", "telephone", "tel", "telefon", "contact", "sms", "whatsapp")
_ENDINGS: Final = ("", "number", "no", "nr", "num", "nummer", "numbers", "phone")
#: Headings of a column of numbers, as returned by `simplified`.
STRONG: Final = frozenset(
    {word + ending for word in (*_MOBILE, *_PHONE) for ending in _ENDINGS}
    | {"mobilephonenumber", "mobilephoneno", "mobiles", "phones", "msisdn", "destination"}
) - {"contact"}
#: Ambiguous headings, which are used only if no heading in `STRONG` occurs.
WEAK: Final = frozenset(
    {"number", "numbers", "no", "nr", "recipient", "recipients", "to", "contact", "nummer"}
)
# A cell with more digits than this is not treated as a heading.
_MOST_DIGITS: Final = 6
_IN_BRACKETS: Final = re.compile(r"\([^)]*\)|\[[^]]*\]")


@attrs.frozen
class Column:
    """A column of a file.

    Attributes:
        index: its position, from 0.
        heading: its heading; an empty string if it has none.
    """

    index: int
    heading: str = ""

    @property
    def letter(self) -> str:
        """The column's letters, as spreadsheet programs show them."""
        return letters(self.index)

    def __str__(self) -> str:
        return f"{self.letter} ({self.heading})" if self.heading else self.letter


@attrs.frozen
class Layout:
    """The positions of the headings and the numbers in a file.

    Attributes:
        column: the column with the numbers.
        headings: the headings of all columns; empty if the file has none.
        row: the index of the row with the headings, from 0; None if the file has none.
        notices: the assumptions that were made, each as a sentence.
    """

    column: Column
    headings: tuple[str, ...] = ()
    row: int | None = None
    notices: tuple[str, ...] = ()


def letters(index: int) -> str:
    """Return a column's letters, as spreadsheet programs show them.

    >>> letters(0), letters(26), letters(701)
    ('A', 'AA', 'ZZ')
    """
    name, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def index_of(name: str) -> int | None:
    """Return the index of the column with these letters; None if ``name`` is not such letters."""
    if not re.fullmatch("[A-Za-z]{1,3}", name):
        return None
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def simplified(heading: Any) -> str:
    """Return a heading's letters and digits, case-folded and without text in brackets.

    >>> simplified(" Mobile-No. (UK)"), simplified("First_name")
    ('mobileno', 'firstname')
    """
    text = _IN_BRACKETS.sub("", str(heading)) if isinstance(heading, str) else ""
    plain = "".join(filter(str.isalnum, text)).casefold()
    return plain or "".join(filter(str.isalnum, str(heading))).casefold()


def find_layout(
    rows: Sequence[Sequence[Any]], wanted: str | None, is_number: Callable[[Any], bool]
) -> Layout:
    """Find the headings and the column of numbers in a file.

    Arguments:
        rows: the first rows of the file; more rows make the detection more reliable.
        wanted: the heading or the letters of the column with the numbers; None to find it.
        is_number: a function that returns whether a cell holds a number.

    Raises:
        ValidationError: no column matches, or more than one. The field is ``column``.
    """
    if wanted is not None:
        return _named(rows, wanted, is_number)
    for words in (STRONG, WEAK):
        found = _rows_with(rows, words, is_number)
        # A list that is empty so far has headings alone.
        if found and words is WEAK and (below := _filled(rows[found[0] + 1 :])):
            found = found[0], _with_numbers(below, found[1], is_number)
        if found and found[1]:
            row, indexes = found
            if len(indexes) > 1:
                raise _ambiguous(rows[row], indexes)
            return _with_headings(rows, row, indexes[0])
    if max(map(len, rows), default=0) == 1:
        return _list(rows, is_number)
    raise _unknown(rows, is_number)


def _rows_with(
    rows: Sequence[Sequence[Any]], words: frozenset[str], is_number: Callable[[Any], bool]
) -> tuple[int, list[int]] | None:
    """Return the row that has headings from ``words``, and the columns of these headings.

    A row of several cells is preferred to an earlier row of one cell, which may be a title.
    """
    title = None
    for row, cells in enumerate(rows[:HEADING_ROWS]):
        indexes = [
            index
            for index, cell in enumerate(cells)
            if isinstance(cell, str) and simplified(cell) in words and not is_number(cell)
        ]
        if indexes and sum(not is_blank(cell) for cell in cells) > 1:
            return row, indexes
        if indexes and title is None:
            title = row, indexes
    return title


def _filled(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return the rows that are not blank."""
    return [row for row in rows if not all(map(is_blank, row))]


def _with_numbers(
    rows: Sequence[Sequence[Any]], indexes: Sequence[int], is_number: Callable[[Any], bool]
) -> list[int]:
    """Return those columns that contain phone numbers, because *No* may head a row number."""
    return [
        index for index in indexes if any(is_number(row[index]) for row in rows if index < len(row))
    ]


def _named(rows: Sequence[Sequence[Any]], wanted: str, is_number: Callable[[Any], bool]) -> Layout:
    name = simplified(wanted)
    for row, cells in enumerate(rows[:HEADING_ROWS]):
        indexes = [index for index, cell in enumerate(cells) if name and simplified(cell) == name]
        exact = [index for index in indexes if str(cells[index]).strip() == wanted.strip()]
        if len(exact) == 1:
            indexes = exact
        if len(indexes) > 1:
            raise _ambiguous(cells, indexes)
        if indexes:
            return _with_headings(rows, row, indexes[0])
    index = index_of(wanted)
    if index is None or index >= max(map(len, rows), default=0):
        raise ValidationError(
            f"no column has the heading {wanted!r}; {_headings_of(rows)}", field="column"
        )
    return _by_letter(rows, index, is_number)


def _by_letter(
    rows: Sequence[Sequence[Any]], index: int, is_number: Callable[[Any], bool]
) -> Layout:
    """Return the layout for a column given by its letters.

    The headings are the last row with content above the column's first number.
    """
    above = None
    for row, cells in enumerate(rows[: HEADING_ROWS + 1]):
        if index < len(cells) and is_number(cells[index]):
            break
        filled = [cell for cell in cells if not is_blank(cell)]
        if row < HEADING_ROWS and filled and not any(map(is_number, filled)):
            above = row
    else:
        above = None  # no number among the first rows: none of them is known to be headings
    return Layout(Column(index)) if above is None else _with_headings(rows, above, index)


def _with_headings(rows: Sequence[Sequence[Any]], row: int, index: int) -> Layout:
    headings = tuple("" if is_blank(cell) else str(cell).strip() for cell in rows[row])
    heading = headings[index] if index < len(headings) else ""
    return Layout(Column(index, heading), headings, row)


def _list(rows: Sequence[Sequence[Any]], is_number: Callable[[Any], bool]) -> Layout:
    """Return the layout of a file with one column and no known heading."""
    for row, cells in enumerate(rows[:HEADING_ROWS]):
        if not cells or is_blank(cells[0]):
            continue
        if is_number(cells[0]) or any(map(str.isdecimal, str(cells[0]))):
            break
        below = [cell for later in rows[row + 1 :] for cell in later if not is_blank(cell)]
        if below and sum(map(is_number, below)) * 2 > len(below):
            notice = f"the first row, {str(cells[0]).strip()!r}, was treated as a heading"
            layout = _with_headings(rows, row, 0)
            return attrs.evolve(layout, notices=(notice,))
        break
    return Layout(Column(0))


def _ambiguous(cells: Sequence[Any], indexes: Sequence[int]) -> ValidationError:
    names = " and ".join(
        f"{letters(index)} ({str(cells[index]).strip()})" for index in indexes[:_NAMED]
    )
    alike = len({str(cells[index]).strip() for index in indexes}) == 1
    example = letters(indexes[0]) if alike else str(cells[indexes[0]]).strip()
    return ValidationError(
        f"columns {names} may each hold the numbers; choose the column to text, such as "
        f"{example!r}",
        field="column",
    )


def _unknown(rows: Sequence[Sequence[Any]], is_number: Callable[[Any], bool]) -> ValidationError:
    """Return the error for a file without a known heading; it names the likely columns."""
    counts: dict[int, int] = {}
    for cells in rows:
        for index, cell in enumerate(cells):
            if is_number(cell):
                counts[index] = counts.get(index, 0) + 1
    if not counts:
        return ValidationError(
            "no column has a heading for numbers, such as Mobile or Phone, and no column seems to "
            f"hold numbers; {_headings_of(rows)}",
            field="column",
        )
    if len(rows) == 1 and len(counts) > 1:
        return ValidationError(
            "the file has all its numbers in one row; write one number on each line",
            field="column",
        )
    likely = sorted(index for index, count in counts.items() if count * 2 > max(counts.values()))
    names = " and ".join(letters(index) for index in likely[:_NAMED])
    seem = f"column {names} seems" if len(likely) == 1 else f"columns {names} seem"
    return ValidationError(
        f"no column has a heading for numbers, such as Mobile or Phone; {seem} to hold numbers: "
        f"choose the column to text, such as {letters(likely[0])!r}",
        field="column",
    )


def _headings_of(rows: Sequence[Sequence[Any]]) -> str:
    """Return a clause for an error message: the cells of the first row that has the most."""
    likely = rows[:HEADING_ROWS]
    cells = max(likely, key=lambda row: sum(not is_blank(cell) for cell in row), default=())
    named = [str(cell).strip()[:40] for cell in cells if not is_blank(cell)]
    if not named or any(sum(map(str.isdecimal, name)) > _MOST_DIGITS for name in named):
        return "choose the column by its letter, such as 'B'"
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"the columns are {', '.join(named[:_NAMED])}{more}"
