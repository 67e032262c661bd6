"""What `campaign send` would do: the file read and checked, and what it would cost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from smsworks_async.bulk.estimate import BulkEstimate
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_view import Prospect
from smsworks_async.cli._earlier import Earlier, exists
from smsworks_async.cli._options import AccountRate, naming_options
from smsworks_async.cli._records import plural
from smsworks_async.errors import ValidationError
from smsworks_async.files import Recipients, Summary, read_recipients, write_set_aside
from smsworks_async.models.window import SendWindow


@attrs.frozen(kw_only=True)
class Order:
    """The options of the command, as click has them."""

    file: str
    sender: str
    message: str
    column: str | None
    sheet: str | None
    encoding: str | None
    campaign: str | None
    journal: str | None
    window: SendWindow | None
    international: bool
    concurrency: int
    max_rate: float | None
    account_rate: AccountRate | None
    chunk_size: int | None
    recent: timedelta
    yes: bool
    dry_run: bool
    again: bool


def read(order: Order) -> Recipients:
    """Open the file, and find what is where.

    Raises:
        ValidationError: it cannot be read, or it is not clear which column is meant.
    """
    try:
        with naming_options():
            return read_recipients(
                order.file,
                column=order.column,
                message=order.message,
                sheet=order.sheet,
                encoding=order.encoding,
                international=order.international,
            )
    except OSError as error:
        raise _unreadable(order.file, error) from None


def checked(people: Recipients) -> Summary:
    """Read the whole file, and count its rows.

    Raises:
        ValidationError: it cannot be read to its end.
    """
    try:
        return people.check()
    except OSError as error:
        raise _unreadable(str(people.path), error) from None


def _unreadable(file: str, error: OSError) -> ValidationError:
    return ValidationError(f"{file} cannot be read: {error.strerror or error}", field="file")


def look_ahead(  # noqa: PLR0917 - what it is made of
    app: App, order: Order, people: Recipients, summary: Summary, earlier: Earlier, journal: str
) -> Prospect:
    """Ask what it would cost, and write the copy of what was set aside."""
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    # A journal that is not there yet is not made for a look; nobody can have opted out in it.
    settings: dict[str, Any] = {"journal": journal} if exists(journal) else {}
    with app.client(international=order.international, **settings) as sms:
        if message.plain is None:
            estimate = sms.bulk.estimate(
                template=message.template, rows=people.rows(), sender=order.sender
            )
        else:
            estimate = sms.bulk.estimate(
                content=message.plain, destinations=people.destinations(), sender=order.sender
            )
    if message.plain is None:
        estimate = _with_several_texts(estimate, people)
    return Prospect(
        people, summary, estimate, earlier, order.sender, journal, copy=_copy(app, people, summary)
    )


def _with_several_texts(estimate: BulkEstimate, people: Recipients) -> BulkEstimate:
    """Add a warning where texts of their own go to one number: those are no repeats."""
    numbers = Counter(people.destinations())
    more = numbers.total() - len(numbers) - estimate.duplicates
    if more <= 0:
        return estimate
    words = (
        f"{plural(more, 'row')} of the file has a number that stood in a row before, with another "
        "text; that number gets both"
        if more == 1
        else f"{plural(more, 'row')} of the file have numbers that stood in rows before, with "
        "other texts; those numbers get all of them"
    )
    return attrs.evolve(estimate, warnings=(words, *estimate.warnings))


def _copy(app: App, people: Recipients, summary: Summary) -> Path | None:
    """Write the rows that were set aside beside the file; a failure is no reason not to send."""
    if not summary.set_aside:
        return None
    if people.path is None:
        app.out.notice("standard input has no place for a copy of the rows that were set aside")
        return None
    try:
        return write_set_aside(people)
    except OSError as error:
        app.out.notice(
            "the rows that were set aside cannot be written beside the file: "
            f"{error.strerror or error}"
        )
        return None
