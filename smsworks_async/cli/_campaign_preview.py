"""The preview of `campaign send`: read and check the file, and estimate the cost."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from smsworks_async.bulk.estimate import BulkEstimate
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_view import Preview
from smsworks_async.cli._earlier import Earlier, exists
from smsworks_async.cli._options import AccountRate, reading
from smsworks_async.cli._records import plural
from smsworks_async.files import Recipients, Summary, read_recipients, write_set_aside
from smsworks_async.files.messages import Message
from smsworks_async.models.window import SendWindow


if TYPE_CHECKING:
    from smsworks_async import SMSWorks


@attrs.frozen(kw_only=True)
class SendOptions:
    """The values of the command's options."""

    file: str
    sender: str
    message: str
    gsm: bool
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


def read(options: SendOptions) -> Recipients:
    """Open the file, and find its headings and the column of numbers.

    Raises:
        ValidationError: the file cannot be read, or no column or several columns match.
    """
    with reading(options.file):
        return read_recipients(
            options.file,
            column=options.column,
            message=options.message,
            gsm=options.gsm,
            sheet=options.sheet,
            encoding=options.encoding,
            international=options.international,
        )


def checked(people: Recipients) -> Summary:
    """Read the whole file and count its rows.

    Raises:
        ValidationError: the file cannot be read to its end.
    """
    with reading(str(people.path)):
        return people.check()


def make_preview(  # noqa: PLR0917 - the parts of a preview
    app: App,
    options: SendOptions,
    people: Recipients,
    summary: Summary,
    earlier: Earlier,
    journal: str,
) -> Preview:
    """Estimate the cost, and write the copy of the rows that were set aside."""
    # Do not create a journal for a preview; without one there are no opt-outs to respect.
    settings: dict[str, Any] = {"journal": journal} if exists(journal) else {}
    with app.client(international=options.international, **settings) as sms:
        estimate = _estimate(sms, people, options.sender)
        saved = estimate.saved_by_gsm
        if options.gsm:
            unchanged = copy.copy(people)
            unchanged.message = Message(options.message, people.headings)
            saved = _estimate(sms, unchanged, options.sender).credits - estimate.credits
    if people.message is not None and people.message.plain is None:
        estimate = _with_several_texts(estimate, people)
    return Preview(
        people,
        summary,
        estimate,
        earlier,
        options.sender,
        journal,
        copy=_copy(app, people, summary),
        gsm=options.gsm,
        saved_by_gsm=saved,
    )


def _estimate(sms: SMSWorks, people: Recipients, sender: str) -> BulkEstimate:
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    if message.plain is None:
        return sms.bulk.estimate(template=message.template, rows=people.rows(), sender=sender)
    return sms.bulk.estimate(
        content=message.plain, destinations=people.destinations(), sender=sender
    )


def _with_several_texts(estimate: BulkEstimate, people: Recipients) -> BulkEstimate:
    """Add a warning if a number gets several different texts, which are not duplicates."""
    numbers = Counter(people.destinations())
    more = numbers.total() - len(numbers) - estimate.duplicates
    if more <= 0:
        return estimate
    words = (
        f"{plural(more, 'row')} of the file has the number of an earlier row but another text; "
        "that number gets both texts"
        if more == 1
        else f"{plural(more, 'row')} of the file have numbers of earlier rows but other texts; "
        "those numbers get all of their texts"
    )
    return attrs.evolve(estimate, warnings=(words, *estimate.warnings))


def _copy(app: App, people: Recipients, summary: Summary) -> Path | None:
    """Write the rows that were set aside to a copy; report a failure only as a notice."""
    if not summary.set_aside:
        return None
    if people.path is None:
        app.out.notice(
            "no copy of the rows that were set aside was written, because the recipients come from "
            "standard input"
        )
        return None
    try:
        return write_set_aside(people)
    except OSError as error:
        app.out.notice(
            "the copy of the rows that were set aside cannot be written beside the file: "
            f"{error.strerror or error}"
        )
        return None
