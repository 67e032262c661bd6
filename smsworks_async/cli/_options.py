"""Options and arguments that several commands share."""

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
    """Add the option ``--journal`` to a command about campaigns."""
    return _add_journal_option(function, "of campaigns")


def list_option(function: F) -> F:
    """Add the option ``--journal`` to a command about the opt-out list."""
    return _add_journal_option(function, "with the list")


def _add_journal_option(function: F, contents: str) -> F:
    option = click.option(
        "--journal",
        metavar="PATH_OR_URL",
        callback=warn_of_password,
        help=f"The journal {contents}: a file, or a postgresql:// URL. By default "
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
    argument = click.argument("campaign", metavar="CAMPAIGN", shell_complete=complete)
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


def file_options(function: F) -> F:
    """Add the options of a file with numbers: column, sheet and encoding."""
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
    ):
        function = option(function)
    return function


@contextmanager
def reading(file: str) -> Iterator[None]:
    """Convert an `OSError` while a file is read, and name options that resolve other errors.

    Raises:
        ValidationError: the file cannot be read, or its contents are invalid.
    """
    from smsworks_async.errors import ValidationError

    try:
        yield
    except ValidationError as error:
        if error.field in {"column", "encoding", "sheet"}:
            value = "HEADING" if error.field == "column" else "NAME"
            error.add_note(f"the option is --{error.field} {value}")
        raise
    except OSError as error:
        raise ValidationError(
            f"{file} cannot be read: {error.strerror or error}", field="file"
        ) from None


def message_options(function: F) -> F:
    """Add the options of a text to the recipients in a file."""
    for option in (
        file_options,
        click.option(
            "--gsm",
            is_flag=True,
            help="Replace typographic characters by GSM characters, which can halve the price.",
        ),
        click.option(
            "--message",
            required=True,
            metavar="TEXT",
            help="The text; {Heading} is replaced by that column's cell. Write {{ and }} for "
            "braces.",
        ),
        click.option(
            "--sender",
            required=True,
            metavar="ID",
            help="3 to 11 letters and digits, or 3 to 15 digits. Nobody can reply to letters.",
        ),
    ):
        function = option(function)
    return function


class AccountRate(NamedTuple):
    """A rate that all processes of an account share.

    Attributes:
        per_second: the most requests per second.
        account: the name under which the processes share the rate; `PostgresRate`'s ``account``.
    """

    per_second: float
    account: str


def pace_options(function: F) -> F:
    """Add the options of concurrency and rates.

    The function gets ``concurrency``, ``max_rate`` and ``account_rate``: `AccountRate` or None.
    """

    @functools.wraps(function)
    def with_rate(
        *args: Any, account_rate: float | None, rate_account: str | None, **options: Any
    ) -> Any:
        if account_rate is None and rate_account is not None:
            raise click.UsageError("--rate-account can only be used with --account-rate")
        shared = None
        if account_rate is not None:
            shared = AccountRate(account_rate, rate_account or "default")
        return function(*args, account_rate=shared, **options)

    for option in (
        click.option(
            "--rate-account",
            metavar="NAME",
            help="The name under which processes share --account-rate; `default` by default.",
        ),
        click.option(
            "--account-rate",
            type=click.FloatRange(min=0, min_open=True),
            metavar="REQUESTS",
            help="The most requests per second of all processes and machines together; needs a "
            "journal in PostgreSQL.",
        ),
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
        with_rate = option(with_rate)
    return with_rate  # type: ignore[return-value]


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
    from smsworks_async.errors import ValidationError

    more = {name: value for name, value in (("tz", tz), ("days", days)) if value is not None}
    if hours is None:
        if more:
            raise click.UsageError(f"--{next(iter(more))} can only be used with --window")
        return None
    start, _, end = hours.partition("-")
    try:
        return SendWindow(start, end, **more)
    except ValidationError as error:
        if error.field not in {"window.start", "window.end"}:
            raise
        # Hours without minutes are refused, because 9-5 would be the night.
        raise ValidationError(
            "--window must be two times such as 09:00-20:00; for whole days, use 00:00-24:00",
            field=error.field,
        ) from None
