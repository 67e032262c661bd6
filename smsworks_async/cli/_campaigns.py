"""Shared parts of the campaign commands: options, completion, clients and JSON records."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from smsworks_async.cli._app import App
from smsworks_async.cli._output import Output
from smsworks_async.cli._text import as_commands


if TYPE_CHECKING:
    from aiohttp import TraceConfig, TraceRequestStartParams

    from smsworks_async import SendWindow, SMSWorks
    from smsworks_async.models.report import BulkReport, BulkStatus


F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

#: The number of campaign names that completion offers; the latest are used.
_MOST_NAMES: Final = 200
#: How long completion waits, in seconds: for a file that is being written, and for a server.
_PATIENCE: Final = 0.3
_SERVER_PATIENCE: Final = 2.0


def journal_option(function: F) -> F:
    """Add the option ``--journal``."""
    option = click.option(
        "--journal",
        metavar="PATH_OR_URL",
        callback=warn_of_password,
        help="The journal of campaigns: a file, or a postgresql:// URL. By default "
        "SMSWORKS_JOURNAL, or a file in the platform's data folder.",
    )
    return option(function)


def warn_of_password(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return the value of ``--journal`` unchanged; warn if it is a URL with a password."""
    if value and re.match(r"[^/]*://([^/@]*:[^@]+@|.*[?&]password=)", value):
        # Options on which the `App`'s own output depends, such as --json, may not be parsed yet.
        Output().notice(
            "the password in --journal is visible in the process list; put it into ~/.pgpass, or "
            "the URL into SMSWORKS_JOURNAL"
        )
    return value


def campaign_argument(function: F) -> F:
    """Add the argument CAMPAIGN, with completion of names."""
    argument = click.argument("campaign", metavar="CAMPAIGN", shell_complete=_complete)
    return argument(function)


def yes_option(function: F) -> F:
    """Add the option ``--yes``."""
    option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    return option(function)


def why_option(function: F) -> F:
    """Add the option ``--why``."""
    option = click.option(
        "--why", default="", metavar="TEXT", help="The reason, shown in reports and by `status`."
    )
    return option(function)


def force_option(function: F) -> F:
    """Add the option ``--force``."""
    option = click.option("--force", is_flag=True, help="Replace an existing file.")
    return option(function)


def settle_option(function: F) -> F:
    """Add the option ``--settle``."""
    option = click.option(
        "--settle",
        type=click.FloatRange(min=0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to search for requests whose outcome is unknown.",
    )
    return option(function)


def message_options(function: F) -> F:
    """Add the options of a text to the recipients in a file."""
    for option in (
        click.option(
            "--encoding",
            metavar="NAME",
            help="The encoding of a text file, such as cp1252; detected by default.",
        ),
        click.option(
            "--sheet", metavar="NAME", help="The sheet of a workbook; the first by default."
        ),
        click.option(
            "--column",
            metavar="HEADING",
            help="The heading or the letter of the column with the numbers.",
        ),
        click.option(
            "--message",
            required=True,
            metavar="TEXT",
            help="The text; {Heading} is replaced by that column's cell. Write {{ and }} for "
            "braces.",
        ),
        click.option("--sender", required=True, metavar="ID", help="The sender ID."),
    ):
        function = option(function)
    return function


def pace_options(function: F) -> F:
    """Add the options ``--concurrency`` and ``--max-rate``."""
    for option in (
        click.option(
            "--max-rate",
            type=click.FloatRange(min=0, min_open=True),
            metavar="REQUESTS",
            help="The most requests per second of this process; each has up to 500 recipients.",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(min=1),
            default=8,
            show_default=True,
            help="The most requests at the same time.",
        ),
    ):
        function = option(function)
    return function


def window_options(function: F) -> F:
    """Add the options of a sending window; the function gets ``window``: `SendWindow` or None."""

    @functools.wraps(function)
    def with_window(
        *args: Any, window: str | None, tz: str | None, days: str | None, **options: Any
    ) -> Any:
        return function(*args, window=_window(window, tz, days), **options)

    for option in (
        click.option(
            "--days",
            metavar="DAYS",
            help="The days of --window, such as mon-fri; every day by default.",
        ),
        click.option(
            "--tz", metavar="ZONE", help="The time zone of --window; Europe/London by default."
        ),
        click.option(
            "--window",
            metavar="START-END",
            help="The hours in which requests may be sent, such as 09:00-20:00.",
        ),
    ):
        with_window = option(with_window)
    return with_window  # type: ignore[return-value]


def _window(hours: str | None, tz: str | None, days: str | None) -> SendWindow | None:
    from smsworks_async import SendWindow

    more = {name: value for name, value in (("tz", tz), ("days", days)) if value is not None}
    if hours is None:
        if more:
            raise click.UsageError(f"--{next(iter(more))} can only be used with --window")
        return None
    start, _, end = hours.partition("-")
    return SendWindow(start, end, **more)


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    given = ctx.params.get("journal") or os.environ.get("SMSWORKS_JOURNAL")
    return [name for name in names_in(given) if name.startswith(incomplete)]


def names_in(journal: str | None) -> list[str]:
    """Return the names of campaigns, the latest first; an empty list if they cannot be read.

    It imports little, because the user of completion waits for it.

    Args:
        journal: a path or a URL; None for all journals in the data folder.
    """
    if journal is None:
        from smsworks_async.cli._folders import folder

        files = sorted(folder("data").glob("journal-*.db"))
        return [name for file in files for name in _names_in_file(file)]
    if "://" in journal:
        with suppress(Exception):  # completion must not fail
            return _names_on_server(journal)
        return []
    return _names_in_file(Path(journal))


def _names_in_file(path: Path) -> list[str]:
    import sqlite3

    statement = "SELECT id FROM campaign ORDER BY key DESC LIMIT ?"
    try:
        # Read-only and without migrations, since the file may be in use.
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as connection:
            return [name for (name,) in connection.execute(statement, (_MOST_NAMES,))]
    except (sqlite3.Error, ValueError):
        return []


def _names_on_server(url: str) -> list[str]:
    import asyncio

    from smsworks_async.bulk.campaign.stored import open_journal

    async def read() -> list[str]:
        async with open_journal(url, must_exist=True) as journal:
            return [*await journal.campaign_ids()][: -_MOST_NAMES - 1 : -1]

    return asyncio.run(asyncio.wait_for(read(), _SERVER_PATIENCE))


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to completion, and return its result."""
    import asyncio

    return asyncio.run(work)


@contextmanager
def suggesting(journal: str, campaign: str) -> Iterator[None]:
    """Add suggestions to errors about a missing campaign or journal."""
    from smsworks_async.errors import JournalError, ValidationError

    try:
        yield
    except ValidationError as error:
        if error.field == "campaign" and "has no campaign" in str(error):
            error.add_note(_suggestion(campaign, journal))
        raise
    except JournalError as error:
        if "there is no journal" in str(error):
            error.add_note("`campaign send` and `campaign plan` create campaigns")
            error.add_note("choose another journal with --journal")
        raise


def _suggestion(name: str, journal: str) -> str:
    from difflib import get_close_matches

    known = names_in(journal)
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "`smsworks campaign list` lists its campaigns" if known else "it has no campaigns"


@contextmanager
def local_client(*, international: bool = False) -> Iterator[SMSWorks]:
    """Yield a client for calls that use only a journal and make no request."""
    from smsworks_async import SMSWorks

    with SMSWorks("none", international=international) as sms:
        yield sms


@contextmanager
def client(app: App) -> Iterator[SMSWorks]:
    """Yield the account's client; show its warnings as notices.

    `App.has_begun` is set when a batch is about to be sent.
    """
    import logging

    class Notices(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            app.out.notice(record.getMessage())

    handler = Notices(logging.WARNING)
    logger = logging.getLogger("smsworks_async")
    logger.addHandler(handler)
    try:
        with app.client(trace_configs=[noting_batches(app)]) as sms:
            yield sms
    finally:
        logger.removeHandler(handler)


def noting_batches(app: App) -> TraceConfig:
    """Return a trace config that sets `App.has_begun` when a batch is about to be sent.

    After that, an error does not imply that nothing was sent.
    """
    from aiohttp import TraceConfig

    async def note(_session: object, _context: object, request: TraceRequestStartParams) -> None:
        if request.method == "POST" and "/batch/" in request.url.path:
            app.has_begun = True

    config = TraceConfig()
    config.on_request_start.append(note)
    return config


def is_missing(app: App, given: str | None) -> bool:
    """Return whether no journal was given and the default one does not exist yet."""
    if given or os.environ.get("SMSWORKS_JOURNAL"):
        return False
    return not Path(app.journal()).exists()


def agreed(app: App, question: str, *, yes: bool) -> bool:
    """Return whether to continue: by ``--yes``, or by the answer to a question."""
    if yes or app.out.confirm(question):
        return True
    app.out.notice("nothing was changed")
    return False


def check_new(path: str, *, force: bool) -> None:
    """Check that a file may be written: it does not exist, or ``force`` is true.

    Raises:
        UsageError: the file exists.
    """
    if not force and os.path.lexists(path):
        raise click.UsageError(f"{path} exists; choose another file, or add --force to replace it")


def status_record(status: BulkStatus) -> dict[str, Any]:
    """Return a campaign's status as a JSON record."""
    return {
        "campaign": status.campaign,
        "state": status.state,
        "why": status.why,
        "settled": status.settled,
        **counts_record(status),
        "in_flight": status.in_flight,
        "lease": status.lease,
        "scheduled": status.scheduled,
        "credits": status.credits,
        "rounds": status.rounds,
        "sent_again": status.sent_again,
        "open_again": status.open_again,
        "window": None if status.window is None else json.loads(status.window.pack()),
        "at": status.at,
        "forgotten": status.forgotten,
    }


def report_record(campaign: str, report: BulkReport) -> dict[str, Any]:
    """Return a report as a JSON record without any recipient's number."""
    return {
        "campaign": campaign,
        **counts_record(report),
        "credits": report.credits,
        "accepted_twice": report.accepted_twice,
        "all_accepted": report.all_accepted,
        "stopped": None if report.stopped is None else str(report.stopped),
        "batches": [batch.batch_id for batch in report.batches if batch.batch_id],
        "too_late": [
            {
                "batch_id": batch.batch_id,
                "recipients": len(batch.destinations) or batch.size,
                "why": None if batch.error is None else str(batch.error),
            }
            for batch in report.too_late
        ],
        "warnings": list(report.warnings),
    }


def counts_record(counts: Any) -> dict[str, int]:
    """Return the counts of a status or a report, by name."""
    names = ("read", "accepted", "rejected", "unknown", "not_sent")
    return {name: getattr(counts, name) for name in (*names, "invalid", "duplicates", "opted_out")}


def show_report(app: App, campaign: str, report: BulkReport) -> None:
    """Write a report, as text or as JSON."""
    app.out.record(report_record(campaign, report))
    rows = [
        ("accepted", report.accepted),
        ("rejected", report.rejected),
        ("unknown", report.unknown),
        ("not sent", report.not_sent),
        ("opted out", report.opted_out),
        ("invalid", report.invalid),
        ("repeats", report.duplicates),
    ]
    app.out.line(f"{campaign}: {report.read:,} recipients")
    app.out.fields(
        [
            *((name, f"{count:,}") for name, count in rows if count or name == "accepted"),
            ("credits", f"{report.credits:,g} (estimated)" if report.credits else None),
            ("accepted twice", report.accepted_twice or None),
        ]
    )
    for batch in report.too_late:
        why = "was sent" if batch.error is None else f"may have been sent: {batch.error}"
        app.out.line(f"too late: batch {batch.batch_id} {why}")
    for warning in report.warnings:
        app.out.notice(warning)
    if report.stopped is not None:
        app.out.line(f"stopped early: {as_commands(str(report.stopped))}")
