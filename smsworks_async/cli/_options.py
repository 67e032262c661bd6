"""Options and arguments that several commands have."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from smsworks_async.cli._known_names import complete
from smsworks_async.cli._output import Output


if TYPE_CHECKING:
    from smsworks_async import SendWindow


F = TypeVar("F", bound=Callable[..., Any])


def journal_option(function: F) -> F:
    """Add the option ``--journal``."""
    option = click.option(
        "--journal",
        metavar="PATH_OR_URL",
        callback=warn_of_password,
        help="Where campaigns are kept: a file, or a postgresql:// URL. By default "
        "SMSWORKS_JOURNAL, or a file in the platform's data folder.",
    )
    return option(function)


def warn_of_password(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return a journal as it was given; warn where its URL shows a password to everybody."""
    if value and re.match(r"[^/]*://([^/@]*:[^@]+@|.*[?&]password=)", value):
        # Not the `App`'s output: options that it is made by, such as --json, may not be read yet.
        Output().notice(
            "the process list shows the password in --journal; put it into ~/.pgpass, or the URL "
            "into SMSWORKS_JOURNAL"
        )
    return value


def campaign_argument(function: F) -> F:
    """Add the argument CAMPAIGN, whose names are completed."""
    argument = click.argument("campaign", metavar="CAMPAIGN", shell_complete=complete)
    return argument(function)


def yes_option(function: F) -> F:
    """Add the option ``--yes``."""
    option = click.option("--yes", is_flag=True, help="Do not ask.")
    return option(function)


def why_option(function: F) -> F:
    """Add the option ``--why``."""
    option = click.option(
        "--why", default="", metavar="TEXT", help="The reason, for reports and `status`."
    )
    return option(function)


def force_option(function: F) -> F:
    """Add the option ``--force``."""
    option = click.option("--force", is_flag=True, help="Replace a file that is there already.")
    return option(function)


def settle_option(function: F) -> F:
    """Add the option ``--settle``."""
    option = click.option(
        "--settle",
        type=click.FloatRange(min=0),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        help="How long what is unknown is searched for.",
    )
    return option(function)


def file_options(function: F) -> F:
    """Add the options of a file with numbers: the column, the sheet and the encoding."""
    for option in (
        click.option(
            "--encoding", metavar="NAME", help="Of a text file, such as cp1252; found by itself."
        ),
        click.option(
            "--sheet", metavar="NAME", help="The sheet of a workbook; the first by default."
        ),
        click.option(
            "--column",
            metavar="HEADING",
            help="The column with the numbers: its heading or its letter.",
        ),
    ):
        function = option(function)
    return function


@contextmanager
def naming_options() -> Iterator[None]:
    """Add to an error about a file which option says what is not clear."""
    from smsworks_async.errors import ValidationError

    try:
        yield
    except ValidationError as error:
        if error.field in {"column", "encoding", "sheet"}:
            value = "HEADING" if error.field == "column" else "NAME"
            error.add_note(f"the option is --{error.field} {value}")
        raise


def message_options(function: F) -> F:
    """Add the options of a text to the people of a file: sender, text, and where numbers stand."""
    for option in (
        file_options,
        click.option(
            "--message",
            required=True,
            metavar="TEXT",
            help="The text; {Heading} stands for that column's cell, {{ and }} for braces.",
        ),
        click.option("--sender", required=True, metavar="ID", help="The sender ID."),
    ):
        function = option(function)
    return function


class AccountRate(NamedTuple):
    """A rate that all processes of an account share.

    Attributes:
        per_second: requests a second.
        account: the name under which they share it, that of `PostgresRate`.
    """

    per_second: float
    account: str


def pace_options(function: F) -> F:
    """Add the options of concurrency and rates.

    The function gets ``concurrency``, ``max_rate``, and ``account_rate``, an `AccountRate` or None.
    """

    @functools.wraps(function)
    def with_rate(
        *args: Any, account_rate: float | None, rate_account: str | None, **options: Any
    ) -> Any:
        if account_rate is None and rate_account is not None:
            raise click.UsageError("--rate-account goes with --account-rate")
        shared = None
        if account_rate is not None:
            shared = AccountRate(account_rate, rate_account or "default")
        return function(*args, account_rate=shared, **options)

    for option in (
        click.option(
            "--rate-account",
            metavar="NAME",
            help="The name under which they share --account-rate; `default` by default.",
        ),
        click.option(
            "--account-rate",
            type=click.FloatRange(min=0, min_open=True),
            metavar="REQUESTS",
            help="Requests a second of all processes and machines together; it is kept in the "
            "journal, which must be a PostgreSQL database.",
        ),
        click.option(
            "--max-rate",
            type=click.FloatRange(min=0, min_open=True),
            metavar="REQUESTS",
            help="Requests a second of this process at most; each has up to 500 recipients.",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(min=1),
            default=8,
            show_default=True,
            help="Requests at a time.",
        ),
    ):
        with_rate = option(with_rate)
    return with_rate  # type: ignore[return-value]


def window_options(function: F) -> F:
    """Add the options of a sending window; the function gets ``window``, a `SendWindow` or None."""

    @functools.wraps(function)
    def with_window(
        *args: Any, window: str | None, tz: str | None, days: str | None, **options: Any
    ) -> Any:
        return function(*args, window=_window(window, tz, days), **options)

    for option in (
        click.option(
            "--days", metavar="DAYS", help="Their days, such as mon-fri; every day by default."
        ),
        click.option("--tz", metavar="ZONE", help="Their time zone; Europe/London by default."),
        click.option(
            "--window",
            metavar="START-END",
            help="Hours in which requests may leave, such as 09:00-20:00.",
        ),
    ):
        with_window = option(with_window)
    return with_window  # type: ignore[return-value]


def _window(hours: str | None, tz: str | None, days: str | None) -> SendWindow | None:
    from smsworks_async import SendWindow

    more = {name: value for name, value in (("tz", tz), ("days", days)) if value is not None}
    if hours is None:
        if more:
            raise click.UsageError(f"--{next(iter(more))} goes with --window")
        return None
    start, _, end = hours.partition("-")
    return SendWindow(start, end, **more)
