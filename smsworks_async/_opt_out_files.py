"""Import and export of opt-outs, and the form in which the list stores numbers."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import AsyncIterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async import phone
from smsworks_async._csv_files import neutralised, written_whole
from smsworks_async._redaction import redact
from smsworks_async.errors import ValidationError
from smsworks_async.models.opt_outs import OptOutEvent


if TYPE_CHECKING:
    from smsworks_async.files import Recipients
    from smsworks_async.files.sources import Source


# The most problems that an error message lists.
_SHOWN: Final = 20

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
    cells = (str(row.cells[0]).strip() for row in people)
    return OptOutFile([*dict.fromkeys(phone.digits_of(cell) or cell for cell in cells)], 0, ())


def _judged(people: Recipients) -> OptOutFile:
    from smsworks_async.files.numbers import NO_NUMBER

    found: dict[str, None] = {}
    without = 0
    problems: list[str] = []
    for row in people:
        if row.destination is not None:
            found[row.destination] = None
        elif row.problem == NO_NUMBER:
            without += 1
        else:
            problems.append(f"row {row.number}: {redact(row.problem)}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ValidationError("; ".join(problems[:_SHOWN]) + more, field="number")
    return OptOutFile(list(found), without, people.notices)


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
