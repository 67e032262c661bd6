"""``smsworks campaign plan``."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._campaigns import local_client, run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._options import (
    journal_option,
    message_options,
    reading,
    window_options,
)
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async import SendWindow, SMSWorks
    from smsworks_async.cli._app import App
    from smsworks_async.files import Recipients
    from smsworks_async.models.report import BulkStatus


@_command(
    "plan",
    examples="""
smsworks campaign plan people.xlsx --campaign may --sender Acme --message "Hi"
smsworks campaign plan people.csv --campaign june --sender AcmeCorp \\
    --message "Hi {First name}" --window 09:00-20:00
""",
)
@click.argument("file", metavar="FILE")
@click.option("--campaign", required=True, metavar="NAME", help="The campaign's name.")
@message_options
@window_options
@click.option(
    "--at",
    type=Moment(),
    metavar="TIME",
    help="Schedule it at the provider for this ISO 8601 time.",
)
@click.option(
    "--chunk-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Recipients per request; 500 by default.",
)
@click.option("--international", is_flag=True, help="Accept numbers outside the UK.")
@journal_option
def command(app: App, *, file: str, journal: str | None, **options: Any) -> int:
    """Plan a campaign from a file of recipients, for `smsworks campaign work`. Nothing is sent.

    FILE is a spreadsheet (CSV, TSV, XLSX, ODS), JSON lines, a list with a number on each line, or -
    for standard input. Rows that cannot be texted are written to a copy beside the file, and the
    exit code is then 1. Planning the same file again changes nothing.
    """
    from smsworks_async.cli._records import plural
    from smsworks_async.errors import ValidationError
    from smsworks_async.files import read_recipients

    wanted = {name: options.pop(name) for name in ("column", "sheet", "encoding", "gsm")}
    international = options.pop("international")
    with reading(file):
        people = read_recipients(
            file, message=options.pop("message"), international=international, **wanted
        )
        summary = people.check()
    path = app.journal(journal)
    _warn_of_recent(app, people, path, options["campaign"])
    with local_client(international=international) as sms:
        status = _plan(sms, people, journal=path, **options)
    if not status.read - status.invalid:
        raise ValidationError(
            "the file has no recipient that can be texted; no campaign was created", field="file"
        )
    set_aside = summary.set_aside
    app.out.record({**status_record(status), "set_aside": set_aside})
    app.out.line(f"{status.campaign} is planned, with {plural(status.not_sent, 'recipient')}")
    if status.duplicates:
        app.out.line(f"{status.duplicates:,} repeats of other recipients are left out")
    if set_aside:
        app.out.line(f"{plural(set_aside, 'row')} cannot be texted{_copied(people)}")
    return Exit.FAILED if set_aside else Exit.OK


def _warn_of_recent(app: App, people: Recipients, journal: str, name: str) -> None:
    """Warn of recipients that were in recent campaigns; they are planned nevertheless."""
    from smsworks_async.bulk.options import check_campaign
    from smsworks_async.cli._earlier import find_earlier, shared_message

    numbers = functools.partial(set[str], people.destinations())
    earlier = run_coroutine(find_earlier(journal, check_campaign(name), numbers, again=False))
    if earlier.status is None and earlier.count:
        app.out.notice(f"{shared_message(earlier)}; `campaign work` will text them again")


def _plan(
    sms: SMSWorks,
    people: Recipients,
    *,
    window: SendWindow | None,
    at: datetime | None,
    **options: Any,
) -> BulkStatus:
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    if message.plain is not None:
        return sms.bulk.plan(
            content=message.plain,
            destinations=people.destinations(),
            window=window,
            at=at,
            **options,
        )
    if at is not None:
        raise click.UsageError(
            "--at cannot be used with fields in the message, because the API cannot schedule "
            "different texts"
        )
    return sms.bulk.plan_each(
        template=message.template, rows=people.rows(), window=window, **options
    )


def _copied(people: Recipients) -> str:
    """Write the rows that were set aside to a copy; return a clause with its path."""
    from smsworks_async.files import write_set_aside

    if people.path is None:
        return ""
    try:
        return f"; correct them in the copy {write_set_aside(people)}"
    except OSError as error:
        return f"; the copy to correct cannot be written: {error.strerror or error}"
