"""Read the rows of text files (CSV, TSV, lists and JSON lines) in slices."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Final

from smsworks_async.errors import ValidationError
from smsworks_async.files.dialects import NO_SEPARATOR, Dialect, undecodable
from smsworks_async.files.sources import Contents


#: The number of rows in a slice.
SLICE: Final = 250
# This row is appended to the file's lines. If it is not read back as a row, a quotation mark before
# it was not closed.
_END: Final = ["\x1eend", "\x1e"]
# A cell with more line breaks than this probably results from a missing quotation mark.
MOST_BREAKS: Final = 30

Rows = list[list[Any]]


def rows_of_text(contents: Contents, dialect: Dialect, notices: list[str]) -> Iterator[Rows]:
    """Yield the rows of a CSV file or a list, in slices.

    Arguments:
        contents: the file.
        dialect: its encoding and punctuation.
        notices: a list to which notices of suspicious rows are appended.

    Raises:
        ValidationError: the file is not valid CSV, or ends within quotation marks.
        OSError: the file cannot be read.
    """
    delimiter = dialect.delimiter or NO_SEPARATOR
    count = lines = 0
    with _named_errors(contents, dialect), dialect.open(contents) as text:
        reader = csv.reader(chain(text, [delimiter.join(_END)]), delimiter=delimiter)
        while True:
            rows = list(islice(reader, SLICE))
            end = bool(rows) and rows[-1] == _END
            if not rows or (not end and rows[-1] and _END[0] in rows[-1][-1]):
                raise _unclosed_quote(contents, count + len(rows))
            if reader.line_num - lines > len(rows) + MOST_BREAKS:
                notices.extend(_missing_quotes(rows, count))
            count, lines = count + len(rows), reader.line_num
            if end:
                rows.pop()
            if rows:
                yield rows
            if end:
                return


@contextmanager
def _named_errors(contents: Contents, dialect: Dialect) -> Iterator[None]:
    """Convert decoding and CSV errors to a `ValidationError` that names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise undecodable(contents, dialect.encoding, error) from None
    except csv.Error as error:
        raise ValidationError(
            f"{contents.name} is not valid CSV: {error}; a quotation mark may be missing",
            field="source",
        ) from None


def _missing_quotes(rows: Rows, before: int) -> Iterator[str]:
    """Yield a notice for each row that may contain others because of a missing quotation mark."""
    for number, row in enumerate(rows, before + 1):
        breaks = max((cell.count("\n") for cell in row), default=0)
        if breaks > MOST_BREAKS:
            yield (
                f"row {number} has a cell with {breaks} line breaks; if that is not intended, a "
                "quotation mark is missing there, and the rows inside that cell were not read"
            )


def _unclosed_quote(contents: Contents, row: int) -> ValidationError:
    return ValidationError(
        f"{contents.name} has a quotation mark at or before row {row} that is never closed, so "
        "the rows after it cannot be read; close or remove it",
        field="source",
    )


def rows_of_json(contents: Contents, dialect: Dialect, headings: list[str]) -> Iterator[Rows]:
    """Yield the rows of a file of JSON lines, in slices; a blank line is a blank row.

    Arguments:
        contents: the file.
        dialect: its encoding and punctuation.
        headings: a list to which the names of columns are appended when they first occur.

    Raises:
        ValidationError: a line is not a JSON object; the message has its number.
        OSError: the file cannot be read.
    """
    with _named_errors(contents, dialect), dialect.open(contents) as text:
        yield from _json_slices(contents, enumerate(text, 1), headings)


def _json_slices(
    contents: Contents, lines: Iterator[tuple[int, str]], headings: list[str]
) -> Iterator[Rows]:
    index = {name: place for place, name in enumerate(headings)}
    while batch := list(islice(lines, SLICE)):
        rows: Rows = []
        for number, line in batch:
            row: list[Any] = []
            if line.strip():
                for name, value in _object(contents, number, line).items():
                    place = index.setdefault(name, len(index))
                    if place == len(headings):
                        headings.append(name)
                    if place >= len(row):
                        row.extend([None] * (place + 1 - len(row)))
                    row[place] = value
            rows.append(row)
        yield rows


def _object(contents: Contents, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ValidationError(
            f"{contents.name} is not valid JSON lines: line {number} is not a JSON object; correct "
            "that line",
            field="source",
        ) from None
    if isinstance(found, str | int | float) and not isinstance(found, bool):
        return {"number": found}
    if not isinstance(found, dict):
        raise ValidationError(
            f"{contents.name} is not valid JSON lines: line {number} is not an object such as "
            '{"mobile": "07700 900123"}',
            field="source",
        )
    return found
