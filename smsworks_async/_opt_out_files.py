"""Import and export of opt-outs as CSV, and the form in which the list stores numbers."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import AsyncIterable, Iterator, Sequence
from typing import Any, Final

import attrs

from smsworks_async import phone
from smsworks_async._csv_files import column_of, neutralised, written_whole
from smsworks_async.errors import ValidationError
from smsworks_async.models.opt_outs import OptOutEvent


# The most problems that an error message lists.
_SHOWN: Final = 20

_COLUMNS: Final = ("number", "at", "source", "word", "message_id")
_NO_HEADING: Final = "no column is called number, mobile, phone or the like, so the first was read"
_NUMBER_COLUMNS: Final = frozenset(
    {"number", "destination", "mobile", "mobilenumber", "msisdn", "phone", "phonenumber"}
    | {"recipient", "telephone", "to"}
)


def listed(number: Any) -> str:
    """Return a number in the form that the list stores: 447… for the UK, otherwise the digits.

    Raises:
        ValidationError: it cannot be a number to text.
    """
    reduced = phone.canonical(number)
    if phone.is_uk(reduced) or importlib.util.find_spec("phonenumbers") is None:
        return reduced.removeprefix("+")
    return phone.normalise(reduced, international=True)


def numbers_in(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the numbers in the rows of a file, each once.

    Numbers in an exported list are not validated: the list stores any number that was reported.

    Raises:
        ValidationError: some are not phone numbers; the message lists the rows of the first ones.
    """
    heading = rows[0] if rows else ()
    column = column_of(heading, _NUMBER_COLUMNS)
    read = _as_exported if tuple(heading) == _COLUMNS else listed
    found: dict[str, None] = {}
    problems: list[str] = []
    for index, cell in _cells(rows, column):
        try:
            found[read(cell)] = None
        except ValidationError as error:
            problems.append(f"row {index}: {error}")
    if problems:
        if column is None and len(heading) > 1 and problems[0].startswith("row 1:"):
            problems.insert(0, _NO_HEADING)
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ValidationError("; ".join(problems[:_SHOWN]) + more, field="number")
    return list(found)


def _as_exported(cell: str) -> str:
    return phone.digits_of(cell) or cell


def _cells(rows: Sequence[Sequence[str]], column: int | None) -> Iterator[tuple[int, str]]:
    """Yield the row number, from 1, and the text of each cell in a column that is not blank.

    If `column` is None, read the first column, and treat the first row as data.
    """
    for index, row in enumerate(rows, 1):
        if column is not None and index == 1:
            continue
        cell = "".join(row[column or 0 : (column or 0) + 1]).strip()
        if cell:
            yield index, cell


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
