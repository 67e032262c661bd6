"""``smsworks login``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "login",
    examples="""
smsworks login
smsworks login --profile shop
smsworks login --with-token < token.txt
""",
)
@click.option("--with-token", is_flag=True, help="Store a token instead of a key and secret.")
@click.option(
    "--customer-id", metavar="ID", help="The account's customer id; asked for by default."
)
@click.option(
    "--base-url",
    metavar="URL",
    help="The API's address, if it is another one, such as a sandbox's.",
)
@click.option("--no-check", is_flag=True, help="Store the credentials without testing them.")
def command(
    app: App,
    *,
    with_token: bool,
    customer_id: str | None,
    base_url: str | None,
    no_check: bool,
) -> None:
    """Store an account's customer id, key and secret, or its token, in a profile.

    On a terminal the command asks for them, for secret and token without echo; otherwise it reads
    them from standard input, one on each line. They are tested, and stored in a file that only you
    can read. Without --profile, the profile is `default`, which other commands use by default.
    """
    from smsworks_async import SMSWorks
    from smsworks_async._settings import resolve_base_url
    from smsworks_async.cli import _profiles
    from smsworks_async.cli._records import plural

    if app.token_file:
        raise click.UsageError(
            "--token-file cannot be used here; use --with-token, and < to read the file"
        )
    name = app.profile or _profiles.DEFAULT
    address = resolve_base_url(base_url, insecure=False)
    credentials: dict[str, Any] = _token() if with_token else _key_and_secret(customer_id)
    balance = None
    with SMSWorks(
        base_url=address, **credentials
    ) as sms:  # this checks their form even with --no-check
        if not no_check:
            balance = sms.credits.balance()
    path = _profiles.store(name, {**credentials, "base_url": address})
    app.out.record({"profile": name, "base_url": address, "file": str(path), "balance": balance})
    app.out.prose(f"Stored as the profile {name!r} in {path}.")
    if balance is not None:
        app.out.prose(f"{address} accepts the credentials: {plural(balance, 'credit')}.")


def _token() -> dict[str, str]:
    return {"token": _asked("API token", hidden=True)}


def _key_and_secret(customer_id: str | None) -> dict[str, str]:
    return {
        "customer_id": customer_id or _asked("Customer id", hidden=False),
        "key": _asked("API key", hidden=False),
        "secret": _asked("API secret", hidden=True),
    }


def _asked(words: str, *, hidden: bool) -> str:
    """Ask for a value on a terminal; otherwise read a line from standard input."""
    if sys.stdin.isatty():
        value: str = click.prompt(words, hide_input=hidden, err=True)
    else:
        value = sys.stdin.readline()
    value = value.strip()
    if not value:
        raise click.UsageError(f"no {words.lower().replace('api', 'API')} was given")
    return value
