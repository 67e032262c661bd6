"""Open a spreadsheet or a list, and find its format, its headings and its numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import IO, Any, Final

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.files import workbooks
from smsworks_async.files.dialects import FORMATS, find_dialect, find_format
from smsworks_async.files.messages import Message
from smsworks_async.files.numbers import Rule
from smsworks_async.files.recipients import Recipients
from smsworks_async.files.sources import Contents, Source
from smsworks_async.models import values


_WORKBOOKS: Final = frozenset({"xlsx", "ods"})


def read_recipients(
    source: str | os.PathLike[str] | IO[str] | IO[bytes],
    *,
    column: str | None = None,
    message: str | None = None,
    gsm: bool = False,
    sheet: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    international: bool = False,
) -> Recipients:
    r"""Read the recipients from a spreadsheet or a list. Nothing is sent.

    Unless they are passed, the following are detected: the format from the file's first bytes; the
    encoding; the separator; the row of the headings, among the first ten rows; and the column with
    the numbers, by its heading (mobile, phone, tel, number and similar), regardless of case, spaces
    and hyphens. If no column matches, or more than one, a `ValidationError` is raised.

    Arguments:
        source: a path, ``"-"`` for standard input, or a file open for reading, as text or as bytes.
            A stream is copied: into memory up to 4 MiB, otherwise into a temporary file.
        column: the heading of the column with the numbers, or its letters, such as ``"B"``.
        message: a text with headings as fields, such as ``"Hi {First name}"``; ``{{`` and ``}}``
            stand for literal braces. Rows without a value for a field are set aside.
        gsm: apply `text.to_gsm` to the message, after its fields are filled (default False).
        sheet: the name of the sheet of a workbook; by default the first visible sheet.
        format: one of ``"csv"``, ``"tsv"``, ``"list"`` (one number on each line), ``"jsonl"``,
            ``"xlsx"`` and ``"ods"``.
        encoding: the encoding of a text file; by default UTF-8, UTF-16 or cp1252, as detected.
        delimiter: the separator of a CSV file, one character; detected by default.
        international: accept numbers outside the UK (default False). The client that sends to them
            needs ``international=True`` as well.

    Returns:
        A `Recipients`. Its rows are read from the file at each iteration.

    Raises:
        ValidationError: the file's format is not supported, or the file is damaged, protected or
            too large (field ``source``); no column or several match (field ``column``); a field of
            the message matches no heading or several (field ``message``); or another argument is
            invalid (the field is its name).
        ConfigurationError: a workbook needs the extra ``cli``, which is not installed.
        OSError: the file cannot be read.

    >>> import io
    >>> people = read_recipients(io.StringIO("Name,Mobile\nAda,7700900123\nBob,nobody"))
    >>> [(row.number, row.destination, row.notice or row.problem) for row in people]
    [(2, '447700900123', 'its leading 0 had been lost'), (3, None, 'it contains letters')]
    """
    rule = phone.destination_rule(international=values.boolean(international, "international"))
    gsm = values.boolean(gsm, "gsm")
    people = open_source(
        source, rule, sheet=sheet, format=format, encoding=encoding, delimiter=delimiter
    )
    find_column(people, column)
    if message is not None:
        with _naming_the_sheets(people):
            people.message = Message(message, people.headings, gsm=gsm)
    return people


def open_source(
    source: Source,
    rule: Rule,
    *,
    sheet: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Recipients:
    """Open a file as `read_recipients` does, before it is known where its numbers are.

    Arguments:
        source, sheet, format, encoding, delimiter: as for `read_recipients`.
        rule: turns a number into a destination, or raises `ValidationError`.
    """
    if format is not None and format not in FORMATS:
        raise ValidationError(f"format must be one of {', '.join(FORMATS)}", field="format")
    contents = Contents(source)
    form = format or find_format(contents)
    if form in _WORKBOOKS:
        workbook = workbooks.inspect(contents, sheet)
        return Recipients(contents, workbook.form, None, workbook, rule)
    if sheet is not None:
        raise ValidationError(
            "sheet was passed, but the file is not a workbook; leave it out", field="sheet"
        )
    dialect = find_dialect(contents, form, encoding, delimiter)
    if form == "csv" and not dialect.delimiter:
        form = "list"
    return Recipients(contents, form, dialect, None, rule)


def first_row(people: Recipients) -> Sequence[Any]:
    """Return the cells of a file's first row."""
    return next(chain.from_iterable(people._raw()), ())  # noqa: SLF001 - of this package


def find_column(people: Recipients, wanted: str | None) -> None:
    """Find the headings and the numbers of a file.

    Arguments:
        people: the file.
        wanted: the heading or the letters of the column with the numbers; None to find it.
    """
    with _naming_the_sheets(people):
        people._find_layout(wanted)  # noqa: SLF001 - of this package


@contextmanager
def _naming_the_sheets(people: Recipients) -> Iterator[None]:
    """Add to an error which sheet of a workbook was chosen, where there are others."""
    try:
        yield
    except ValidationError as error:
        workbook = people._workbook  # noqa: SLF001 - of this package
        if workbook is None or not workbook.choice:
            raise
        raise ValidationError(f"{error}; {workbook.choice}", error.field) from error
