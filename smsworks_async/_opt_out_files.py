"""Import and export of opt-outs, and the form in which the list stores numbers."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async import phone
from smsworks_async._csv_files import neutralised, written_whole
from smsworks_async._redaction import redact
from smsworks_async.errors import ValidationError
from smsworks_async.models.opt_outs import OptOutEvent


if TYPE_CHECKING:
    from smsworks_async.files import Recipients, Row
    from smsworks_async.files.sources import Source


# The most problems that an error message lists.
_SHOWN: Final = 20
# The number of rows in which other columns with numbers are looked for.
_SAMPLE_ROWS: Final = 200

_COLUMNS: Final = ("number", "at", "source", "word", "message_id")


def listed(number: Any) -> str:
    """Return a number in the form that the list stores: 447… for the UK, otherwise the digits.

    Raises:
        ValidationError: it cannot be a number to text.
    """
    reduced = phone.canonical(number)
    if phone.is_uk(reduced) or importlib.util.find_spec("phonenumbers") is None:
        return reduced.removeprefix("+")
    return phone.normalise(reduced, international=True)


@attrs.frozen
class OptOutFile:
    """The numbers of a file.

    Attributes:
        numbers: in the form that the list stores, each once.
        without: how many rows have something else, but no number.
        notices: what was guessed, and what a person should know.
    """

    numbers: Sequence[str]
    without: int
    notices: Sequence[str]


def read(
    file: Source,
    *,
    column: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> OptOutFile:
    """Read the numbers of a file, as `files.read_recipients` reads it.

    Numbers in an exported list are not validated: the list stores any number that was reported.

    Raises:
        ValidationError: the file is none that is read, it is not clear which column is meant, or
            some cells are not phone numbers; the message lists the rows of the first ones.
        ConfigurationError: a workbook needs the extra ``cli``, which is not installed.
        OSError: the file cannot be read.
    """
    from smsworks_async.files.reading import find_column, first_row, open_source

    with _calling_it_file():
        people = open_source(file, listed, sheet=sheet, encoding=encoding)
        is_exported = column is None and tuple(first_row(people)) == _COLUMNS
        find_column(people, _COLUMNS[0] if is_exported else column)
        return _as_exported(people) if is_exported else _judged(people)


@contextmanager
def _calling_it_file() -> Iterator[None]:
    """Call what is read ``file`` in errors, since ``source`` is another argument."""
    try:
        yield
    except ValidationError as error:
        if error.field != "source":
            raise
        words = str(error).removeprefix("source ")
        words = words if words == str(error) else f"file {words}"
        raise ValidationError(words, field="file") from None


def _as_exported(people: Recipients) -> OptOutFile:
    """Return the cells of an exported list, which may hold any sender that was reported."""
    from smsworks_async.files.numbers import is_artefact

    def parse(row: Row) -> str | None:
        if is_artefact(row.problem):
            return None
        cell = str(row.cells[0]).strip()
        return phone.digits_of(cell) or row.destination or cell

    return _collect(people, parse)


def _judged(people: Recipients) -> OptOutFile:
    found = _collect(people, lambda row: row.destination)
    return attrs.evolve(found, notices=(*found.notices, *_other_columns(people)))


def _collect(people: Recipients, parse: Callable[[Row], str | None]) -> OptOutFile:
    """Return the numbers of all rows.

    Args:
        people: the file.
        parse: a function that returns a row's number; None if it has a problem.

    Raises:
        ValidationError: some rows have a problem.
    """
    from smsworks_async.files.numbers import NO_NUMBER

    found: dict[str, None] = {}
    without = 0
    problems: list[str] = []
    for row in people:
        if row.problem == NO_NUMBER:
            without += 1
        elif (number := parse(row)) is not None:
            found[number] = None
        else:
            problems.append(f"row {row.number}: {redact(row.problem)}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ValidationError("; ".join(problems[:_SHOWN]) + more, field="number")
    return OptOutFile(list(found), without, people.notices)


def _other_columns(people: Recipients) -> Iterator[str]:
    """Yield a notice for each other column that holds UK mobile numbers."""
    from smsworks_async.files import Column
    from smsworks_async.files.numbers import judge

    rule = phone.destination_rule(international=False)
    others = {
        index
        for row in islice(people, _SAMPLE_ROWS)
        for index, cell in enumerate(row.cells)
        if index != people.column.index and judge(cell, rule).destination is not None
    }
    for index in sorted(others):
        heading = people.headings[index] if index < len(people.headings) else ""
        yield (
            f"column {Column(index, heading)} holds numbers too, which were not read; import the "
            "file again with that column to record them"
        )


async def write(events: AsyncIterable[OptOutEvent], to: str) -> int:
    """Write events to a CSV file atomically; return their number.

    Raises:
        OSError: it cannot be written.
    """
    count = 0
    with written_whole(to) as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        async for event in events:
            cells = attrs.asdict(event) | {"at": event.at.isoformat()}
            writer.writerow([neutralised(cells[name]) for name in _COLUMNS])
            count += 1
    return count
