"""The rows of a spreadsheet or a list: each is taken, mended or set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count, islice, repeat
from typing import Any, Final, NamedTuple

import attrs

from smsworks_async.files import workbooks
from smsworks_async.files.dialects import Dialect
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
from smsworks_async.files.sources import Contents
from smsworks_async.files.tables import Rows, rows_of_json, rows_of_text


# The number of rows from which the headings and the column of numbers are detected.
_SAMPLE_ROWS: Final = 200


class Row(NamedTuple):
    """A row of a file, with the result of parsing its number.

    Attributes:
        number: its row number in a spreadsheet program, from 1: headings and blank rows count, and
            line breaks within a cell do not begin a row.
        cells: its cells, unchanged.
        destination: the number in the API's format; None if the row is set aside.
        notice: how the number was mended; an empty string if it was not.
        problem: why the row is set aside; an empty string if it is not.
        suggestion: how a person can correct the problem; an empty string without one.
        file: the `Recipients` that it was read from.
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
        """The cells by their headings; where columns share a heading, the first column's cell."""
        named: dict[str, Any] = {}
        for heading, cell in zip(self.file.headings, self.cells, strict=False):
            if heading:
                named.setdefault(heading, cell)
        return named

    @property
    def values(self) -> dict[str, Any]:
        """The row for `bulk.send_each`: the destination, and the values of the message's fields."""
        message = self.file.message
        named = {} if message is None else message.values(self.cells)
        return {"destination": self.destination, **named}


@attrs.frozen(kw_only=True)
class Summary:
    """Counts of a file's rows; blank rows are not counted.

    Attributes:
        rows: the rows below the headings.
        taken: the rows whose number was taken unchanged.
        mended: the rows whose number was mended.
        set_aside: the rows that cannot be texted.
        mendings: the number of rows for each notice, the most frequent first.
        problems: the number of rows for each problem, the most frequent first.
        examples: the first rows that were set aside, at most 20.
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
    "enter a number, or delete the row; if the cell shows a number, it is a formula whose result "
    "is not stored in the file: save the file in a spreadsheet program"
)
_NEW: Final[Any] = tuple.__new__


class _Slice(NamedTuple):
    """Consecutive rows, stored column by column because making a `Row` for each is slower.

    Attributes:
        first: the row number of the first row.
        rows: the cells of each row.
        destinations: the destination of each row, or None.
        others: by index, the verdicts on the rows that were not taken unchanged.
        blank: the indexes of the blank rows, which are not counted.
    """

    first: int
    rows: Rows
    destinations: list[str | None]
    others: dict[int, Verdict]
    blank: set[int]

    def make_rows(self, file: Recipients) -> list[Row]:
        """Return a `Row` for each row that is not blank."""
        cells, none = self.rows, repeat("")
        of_each = zip(count(self.first), cells, self.destinations, none, none, none, repeat(file))
        made: list[Row] = list(map(_NEW, repeat(Row), of_each))
        for index, verdict in self.others.items():
            made[index] = Row(self.first + index, cells[index], *verdict, file)
        if self.blank:
            return [row for index, row in enumerate(made) if index not in self.blank]
        return made


class Recipients:
    """The rows of a file.

    Each iteration reads the file from its beginning. A text file is read a slice at a time, so that
    memory does not grow with its size; a workbook is held in memory.

    Attributes:
        format: ``"csv"``, ``"tsv"``, ``"list"``, ``"jsonl"``, ``"xlsx"`` or ``"ods"``.
        dialect: the encoding and punctuation of a text file, a `Dialect`; None for workbooks.
        sheet: the name of the sheet that is read; None for text files.
        message: the message that was passed to `read_recipients`; None without one.
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
        """The file's path; None for a stream."""
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
        """Assumptions made while reading, and irregularities of the file, each as a sentence."""
        of_workbook = self._workbook.notices if self._workbook else ()
        return (*of_workbook, *self._layout.notices, *dict.fromkeys(self._odd))

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(some.make_rows(self) for some in self._slices())

    def __repr__(self) -> str:
        return f"<Recipients of {self._contents.name!r}, {self.format}, column {self.column}>"

    def destinations(self) -> Iterator[str]:
        """Yield the numbers that were taken or mended, in file order, duplicates included."""
        return filter(None, chain.from_iterable(some.destinations for some in self._slices()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows for `bulk.send_each`, to be used with ``template=recipients.template``."""
        return (row.values for row in self if row.destination is not None)

    @property
    def template(self) -> str | None:
        """The message in the form of `bulk.send_each`'s ``template``; None without a message."""
        return None if self.message is None else self.message.template

    def check(self) -> Summary:
        """Read the whole file and count its rows.

        Raises:
            ValidationError: the file is damaged, or changed while it was read.
            OSError: the file cannot be read.
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
        first = list(islice(chain.from_iterable(self._raw()), _SAMPLE_ROWS))
        is_number = partial(looks_like_number, rule=self._rule)
        if self.format == "jsonl":
            layout = find_layout([self._json_headings, *first], wanted, is_number)
            self._layout = attrs.evolve(layout, row=None)
        else:
            self._layout = find_layout(first, wanted, is_number)

    def _raw(self) -> Iterator[Rows]:
        """Yield all rows of the file, unchanged, in slices."""
        if self._workbook is not None:
            return workbooks.rows_of_workbook(self._contents, self._workbook)
        if self.format == "jsonl":
            return rows_of_json(self._contents, self._written, self._json_headings)
        return rows_of_text(self._contents, self._written, self._odd)

    def _slices(self) -> Iterator[_Slice]:
        """Yield the rows below the headings with their verdicts, in slices."""
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
        except IndexError:  # some rows end before that column
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
