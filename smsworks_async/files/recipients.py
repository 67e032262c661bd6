"""Recipients from a spreadsheet or a list: each row taken, mended with a notice, or set aside."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, count, islice, repeat
from typing import IO, Any, Final, NamedTuple

import attrs

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.files import workbooks
from smsworks_async.files.dialects import FORMATS, Dialect, find_dialect, find_format
from smsworks_async.files.headings import Column, Layout, find_layout
from smsworks_async.files.messages import Message
from smsworks_async.files.numbers import (
    NO_NUMBER,
    Rule,
    Verdict,
    is_blank,
    judge_each,
    looks_like_number,
    notices_of,
)
from smsworks_async.files.sources import Contents, Source
from smsworks_async.files.tables import Rows, rows_of_json, rows_of_text
from smsworks_async.models import values


# So many rows are looked at to find the headings and the numbers.
_LOOKED_AT: Final = 200
_WORKBOOKS: Final = frozenset({"xlsx", "ods"})


class Row(NamedTuple):
    """A row of a file, with its verdict.

    Attributes:
        number: where it stands, from 1, as a spreadsheet program numbers it: headings and blank
            rows count, and a cell with line breaks is in one row.
        cells: its cells, as they stand in the file.
        destination: the number as the API takes it; None where the row is set aside.
        notice: how its number was mended, or an empty string.
        problem: why it is set aside, or an empty string.
        suggestion: what a person may do about that, or an empty string.
        file: what it was read from.
    """

    number: int
    cells: Sequence[Any]
    destination: str | None
    notice: str
    problem: str
    suggestion: str
    file: Recipients

    @property
    def fields(self) -> dict[str, Any]:
        """The cells by their headings; the first, where a heading stands over several columns."""
        named: dict[str, Any] = {}
        for heading, cell in zip(self.file.headings, self.cells, strict=False):
            if heading:
                named.setdefault(heading, cell)
        return named

    @property
    def values(self) -> dict[str, Any]:
        """What a template of `bulk.send_each` is filled from: the destination, and the fields."""
        message = self.file.message
        named = {} if message is None else message.values(self.cells)
        return {"destination": self.destination, **named}


@attrs.frozen(kw_only=True)
class Summary:
    """The rows of a file, counted; blank ones are in none of the counts.

    Attributes:
        rows: all rows below the headings.
        taken: those whose number was taken as it stood.
        mended: those whose number was mended.
        set_aside: those that cannot be texted.
        mendings: how numbers were mended, with how often.
        problems: why rows were set aside, with how often.
        examples: the first rows that were set aside, 20 at most.
    """

    rows: int = 0
    taken: int = 0
    mended: int = 0
    set_aside: int = 0
    mendings: Mapping[str, int] = attrs.field(factory=dict, hash=False)
    problems: Mapping[str, int] = attrs.field(factory=dict, hash=False)
    examples: tuple[Row, ...] = attrs.field(default=(), repr=False)


_EXAMPLES: Final = 20
_NO_VALUE: Final = (
    "enter a number, or delete the row; if the cell shows one, it is a formula whose result the "
    "file does not hold: save it in a spreadsheet program"
)
_NEW: Final[Any] = tuple.__new__


class _Slice(NamedTuple):
    """Rows next to each other, column by column; a `Row` for each takes longer.

    Attributes:
        first: the number of the first row.
        rows: the cells of each.
        destinations: the number of each, or None.
        others: the verdicts of those that were not taken as they stood, by index.
        blank: the indexes of those that are blank, which count for nothing.
    """

    first: int
    rows: Rows
    destinations: list[str | None]
    others: dict[int, Verdict]
    blank: set[int]

    def make_rows(self, file: Recipients) -> list[Row]:
        """Return a `Row` for each that is not blank."""
        cells, none = self.rows, repeat("")
        of_each = zip(count(self.first), cells, self.destinations, none, none, none, repeat(file))
        made: list[Row] = list(map(_NEW, repeat(Row), of_each))
        for index, verdict in self.others.items():
            made[index] = Row(self.first + index, cells[index], *verdict, file)
        if self.blank:
            return [row for index, row in enumerate(made) if index not in self.blank]
        return made


class Recipients:
    """The rows of a file; iterated, it is read from its beginning, in little memory.

    Attributes:
        format: ``"csv"``, ``"tsv"``, ``"list"``, ``"jsonl"``, ``"xlsx"`` or ``"ods"``.
        dialect: how a text file is written, a `Dialect`; None for workbooks.
        sheet: which sheet of a workbook is read; None for text files.
        message: the text with fields that was given, or None.
    """

    def __init__(
        self,
        contents: Contents,
        form: str,
        dialect: Dialect | None,
        workbook: workbooks.Workbook | None,
        rule: Rule,
    ) -> None:
        self._contents = contents
        self._workbook = workbook
        self._rule = rule
        self._layout = Layout(Column(0))
        self._json_headings: list[str] = []
        self._odd: list[str] = []
        self.format = form
        self.dialect = dialect
        self._written = dialect or Dialect()
        self.sheet = workbook.sheet if workbook else None
        self.message: Message | None = None

    @property
    def path(self) -> str | None:
        """The file's path; None where it was a stream."""
        return None if self._contents.path is None else str(self._contents.path)

    @property
    def column(self) -> Column:
        """The column with the numbers."""
        return self._layout.column

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of all columns."""
        return tuple(self._json_headings) or self._layout.headings

    @property
    def notices(self) -> tuple[str, ...]:
        """What was guessed, and what a person should know."""
        of_workbook = self._workbook.notices if self._workbook else ()
        return (*of_workbook, *self._layout.notices, *dict.fromkeys(self._odd))

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(some.make_rows(self) for some in self._slices())

    def __repr__(self) -> str:
        return f"<Recipients of {self._contents.name!r}, {self.format}, column {self.column}>"

    def destinations(self) -> Iterator[str]:
        """Yield the numbers that were taken or mended, in their order, repeats included."""
        return filter(None, chain.from_iterable(some.destinations for some in self._slices()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield what `bulk.send_each` takes as ``rows``, with ``template=recipients.template``."""
        return (row.values for row in self if row.destination is not None)

    @property
    def template(self) -> str | None:
        """The message as `bulk.send_each` takes it as ``template``; None without a message."""
        return None if self.message is None else self.message.template

    def check(self) -> Summary:
        """Read the whole file, and count its rows.

        Raises:
            ValidationError: the file cannot be read to its end.
            OSError: likewise.
        """
        total = mended = 0
        mendings: Counter[str] = Counter()
        problems: Counter[str] = Counter()
        examples: list[Row] = []
        for some in self._slices():
            total += len(some.rows) - len(some.blank)
            for index, verdict in sorted(some.others.items()):
                if verdict.destination is not None:
                    mended += bool(verdict.notice)
                    mendings.update(notices_of(verdict.notice))
                elif index not in some.blank:
                    problems[verdict.problem] += 1
                    if len(examples) < _EXAMPLES:
                        examples.append(Row(some.first + index, some.rows[index], *verdict, self))
        set_aside = problems.total()
        return Summary(
            rows=total,
            taken=total - mended - set_aside,
            mended=mended,
            set_aside=set_aside,
            mendings=dict(mendings.most_common()),
            problems=dict(problems.most_common()),
            examples=tuple(examples),
        )

    def _find_layout(self, wanted: str | None) -> None:
        first = list(islice(chain.from_iterable(self._raw()), _LOOKED_AT))
        is_number = partial(looks_like_number, rule=self._rule)
        if self.format == "jsonl":
            layout = find_layout([self._json_headings, *first], wanted, is_number)
            self._layout = attrs.evolve(layout, row=None)
        else:
            self._layout = find_layout(first, wanted, is_number)

    def _raw(self) -> Iterator[Rows]:
        """Yield all rows as they stand in the file, so many at a time."""
        if self._workbook is not None:
            return workbooks.rows_of_workbook(self._contents, self._workbook)
        if self.format == "jsonl":
            return rows_of_json(self._contents, self._written, self._json_headings)
        return rows_of_text(self._contents, self._written, self._odd)

    def _slices(self) -> Iterator[_Slice]:
        """Yield the rows below the headings with their verdicts, so many at a time."""
        first, skip = 1, 0 if self._layout.row is None else self._layout.row + 1
        for rows in self._raw():
            above = min(skip, len(rows))
            skip -= above
            below = rows[above:] if above else rows
            if below:
                yield self._judged(below, first + above)
            first += len(rows)
        self._contents.check()

    def _judged(self, rows: Rows, first: int) -> _Slice:
        index = self._layout.column.index
        try:
            cells = [row[index] for row in rows]
        except IndexError:  # rows that end before that column
            cells = [row[index] if index < len(row) else "" for row in rows]
        destinations, others = judge_each(cells, self._rule)
        blank = {
            place
            for place, verdict in others.items()
            if verdict.destination is None and all(map(is_blank, rows[place]))
        }
        if self._workbook is not None:
            for place, verdict in others.items():
                if verdict.problem == NO_NUMBER:
                    others[place] = verdict._replace(suggestion=_NO_VALUE)
        if self.message is not None and self.message.names:
            for place, cells in enumerate(rows):
                if destinations[place] is not None and (found := self.message.problem(cells)):
                    destinations[place] = None
                    others[place] = Verdict(None, "", found, "correct that cell, or delete the row")
        return _Slice(first, rows, destinations, others, blank)


def read_recipients(
    source: str | os.PathLike[str] | IO[str] | IO[bytes],
    *,
    column: str | None = None,
    message: str | None = None,
    sheet: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    international: bool = False,
) -> Recipients:
    r"""Read the recipients of a spreadsheet or a list; nothing is sent.

    What is not told is found: the format by the file's first bytes, the encoding, the separator,
    the row of the headings among the first ten, and the column with the numbers by its heading in
    the usual words (mobile, phone, tel, number and more), whatever its case, blanks and hyphens.
    Where two columns may be meant, or none, that is an error: nobody's number is guessed.

    Arguments:
        source: a path, ``"-"`` for standard input, or a file that is open for reading, as text or
            as bytes. Streams are copied, beyond 4 MiB into a temporary file.
        column: the heading of the column with the numbers, or its letters, such as ``"B"``.
        message: a text with fields by their headings, such as ``"Hi {First name}"``; ``{{`` and
            ``}}`` stand for braces. Rows without a value for a field are set aside.
        sheet: which sheet of a workbook; the first visible one by default.
        format: one of ``"csv"``, ``"tsv"``, ``"list"`` (one number on a line), ``"jsonl"``,
            ``"xlsx"`` and ``"ods"``.
        encoding: of a text file; UTF-8, UTF-16 and cp1252 are told apart without it.
        delimiter: what stands between the cells of a CSV file; found without it.
        international: take numbers outside the UK, as the client that sends to them does.

    Returns:
        A `Recipients`: its rows are read when it is iterated, each time anew.

    Raises:
        ValidationError: the file is of a kind that is not read, damaged, protected or too large;
            or the column or a field of the message is not known, or ambiguous. The field is
            ``source``, ``column``, ``message`` or the argument's name.
        ConfigurationError: a workbook needs the extra ``cli``, which is not installed.
        OSError: the file cannot be read.

    >>> import io
    >>> people = read_recipients(io.StringIO("Name,Mobile\nAda,7700900123\nBob,nobody"))
    >>> [(row.number, row.destination, row.notice or row.problem) for row in people]
    [(2, '447700900123', 'its leading 0 had been lost'), (3, None, 'it contains letters')]
    """
    rule = phone.destination_rule(international=values.boolean(international, "international"))
    people = open_source(
        source, rule, sheet=sheet, format=format, encoding=encoding, delimiter=delimiter
    )
    find_column(people, column)
    if message is not None:
        with _naming_the_sheets(people):
            people.message = Message(message, people.headings)
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
        workbook = workbooks.look(contents, sheet)
        return Recipients(contents, workbook.form, None, workbook, rule)
    if sheet is not None:
        raise ValidationError("only a workbook has sheets", field="sheet")
    dialect = find_dialect(contents, form, encoding, delimiter)
    if form == "csv" and not dialect.delimiter:
        form = "list"
    return Recipients(contents, form, dialect, None, rule)


def first_row(people: Recipients) -> Sequence[Any]:
    """Return the cells of a file's first row."""
    return next(chain.from_iterable(people._raw()), ())  # noqa: SLF001 - of this module


def find_column(people: Recipients, wanted: str | None) -> None:
    """Find the headings and the numbers of a file.

    Arguments:
        people: the file.
        wanted: the heading or the letters of the column with the numbers; None to find it.
    """
    with _naming_the_sheets(people):
        people._find_layout(wanted)  # noqa: SLF001 - of this module


@contextmanager
def _naming_the_sheets(people: Recipients) -> Iterator[None]:
    """Add to an error which sheet of a workbook was chosen, where there are others."""
    try:
        yield
    except ValidationError as error:
        workbook = people._workbook  # noqa: SLF001 - of this module
        if workbook is None or not workbook.choice:
            raise
        raise ValidationError(f"{error}; {workbook.choice}", error.field) from error
