"""Write the rows that were set aside to a copy of the file, to be corrected and sent."""

from __future__ import annotations

import csv
import filecmp
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from smsworks_async._csv_files import neutralised, temporary_beside
from smsworks_async.errors import ValidationError
from smsworks_async.files.dialects import Dialect
from smsworks_async.files.headings import simplified
from smsworks_async.files.recipients import Recipients, Row
from smsworks_async.files.sheets import write_ods, write_xlsx
from smsworks_async.models import values


#: The headings of the added columns.
ADDED: Final = ("Row", "What is wrong", "Suggestion")
_ADDED: Final = frozenset(map(simplified, ADDED))
_NAME: Final = ".to-mend"


def write_set_aside(
    recipients: Recipients, *, to: str | os.PathLike[str] | None = None
) -> Path | None:
    """Write the rows that were set aside, and only those, to a copy of the file.

    The copy has the file's format, headings, encoding, separator and line endings, and three added
    columns: the row's number in the file, the problem, and a suggestion. It can be corrected in a
    spreadsheet program and then read by `read_recipients` unchanged. Text cells that a spreadsheet
    program would run as formulas are prefixed with an apostrophe. The copy of a workbook has the
    values of the sheet that was read, without formats and formulas; the column with the numbers is
    formatted as text.

    Arguments:
        recipients: the return value of `read_recipients`.
        to: the path of the copy; by default beside the file, as ``people.to-mend.csv`` for
            ``people.csv``. With the default, an existing copy with other contents is not
            overwritten: a number is added to the name.

    Returns:
        The path of the copy; None if no row was set aside, in which case nothing is written.

    Raises:
        ValidationError: the file was a stream and ``to`` is missing, or the file cannot be read.
        OSError: the copy cannot be written.
    """
    width = max((len(row.cells) for row in _set_aside(recipients)), default=None)
    if width is None:
        return None
    given = Path(values.path(to, "to")) if to is not None else None
    if given is None and recipients.path is None:
        raise ValidationError("to is missing: for a stream, pass the path of the copy", field="to")
    place = given or Path(str(recipients.path))
    descriptor, temporary = temporary_beside(place)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(recipients, max(width, len(recipients.headings)), file)
        if recipients.path is not None:
            shutil.copymode(recipients.path, temporary)
        if given is not None:
            temporary.replace(given)
            return given
        return _rename_to_free_name(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)


def _set_aside(recipients: Recipients) -> Iterator[Row]:
    return (row for row in recipients if row.destination is None)


def _rename_to_free_name(temporary: Path, source: Path) -> Path:
    """Rename a copy to the first free name, and return it; keep an identical existing copy."""
    stem = source.stem.partition(_NAME)[0]
    for number in count(1):
        more = "" if number == 1 else f"-{number}"
        path = source.with_name(f"{stem}{_NAME}{more}{source.suffix}")
        if path == source:
            continue
        if not path.exists():
            temporary.replace(path)
            return path
        if filecmp.cmp(temporary, path, shallow=False):
            return path
    raise AssertionError  # `count` never ends


def _write(recipients: Recipients, width: int, file: IO[bytes]) -> None:
    kept = [
        index
        for index in range(width)
        if index >= len(recipients.headings) or simplified(recipients.headings[index]) not in _ADDED
    ]
    if recipients.format == "jsonl":
        _write_json(recipients, kept, file)
        return
    rows = _rows(recipients, kept)
    if recipients.dialect is not None:
        _write_text(rows, recipients.dialect, file)
    else:
        column = kept.index(recipients.column.index)
        write = write_xlsx if recipients.format == "xlsx" else write_ods
        write(file, recipients.sheet or "Sheet1", rows, column)


def _rows(recipients: Recipients, kept: Sequence[int]) -> Iterator[list[Any]]:
    headings = recipients.headings
    if headings or recipients.format == "list":
        names = headings or ("Mobile",)
        yield [*(names[index] if index < len(names) else "" for index in kept), *ADDED]
    number = recipients.column.index
    for row in _set_aside(recipients):
        cells: list[Any] = [row.cells[i] if i < len(row.cells) else "" for i in kept]
        place = kept.index(number)
        whole = None if isinstance(cells[place], str) else values.as_integer(cells[place])
        cells[place] = cells[place] if whole is None else str(whole)
        yield [*cells, row.number, row.problem, row.suggestion]


def _write_text(rows: Iterable[Sequence[Any]], dialect: Dialect, file: IO[bytes]) -> None:
    # Added text that the file's encoding lacks, such as a suggestion, stays readable as escapes.
    text = io.TextIOWrapper(file, dialect.encoding, errors="backslashreplace", newline="")
    if dialect.marked and dialect.encoding != "utf-8-sig":
        text.write("\ufeff")
    delimiter = dialect.delimiter or ","
    if dialect.preface:
        text.write(f"{dialect.preface}{dialect.newline}")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=dialect.newline)
    writer.writerows(map(neutralised, row) for row in rows)
    text.flush()
    text.detach()


def _write_json(recipients: Recipients, kept: Sequence[int], file: IO[bytes]) -> None:
    encoding = recipients.dialect.encoding if recipients.dialect else "utf-8"
    newline = recipients.dialect.newline if recipients.dialect else "\n"
    for row in _set_aside(recipients):
        headings = recipients.headings
        cells = row.cells
        named = {headings[i]: cells[i] if i < len(cells) else None for i in kept}
        added = (row.number, row.problem, row.suggestion)
        named |= dict(zip(ADDED, added, strict=True))
        line = json.dumps(named, ensure_ascii=False, default=str)
        file.write(f"{line}{newline}".encode(encoding, "backslashreplace"))
