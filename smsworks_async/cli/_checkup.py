"""The checks of ``smsworks doctor``. They send nothing and change nothing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import attrs

from smsworks_async._settings import is_loopback
from smsworks_async._version import __version__
from smsworks_async.cli import _profiles
from smsworks_async.cli._client import Account
from smsworks_async.cli._folders import journal_label
from smsworks_async.cli._records import plural
from smsworks_async.errors import APIError, NotAuthenticated, SMSWorksError


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


_EXTRAS: Final = {"phonenumbers": "international", "asyncpg": "postgres"}
_MANY_SECONDS: Final = 5.0


@attrs.frozen
class Finding:
    """The result of one check.

    Attributes:
        check: the name of the check.
        state: the result.
        detail: what was found, and how to correct a problem.
    """

    check: str
    state: Literal["ok", "warning", "error"]
    detail: str


def checkup(app: App, journal: str | None) -> Iterator[Finding]:
    """Run the checks, and yield each result when it is known.

    Args:
        app: the run of the command.
        journal: the value of ``--journal``, or None.
    """
    yield _installation()
    yield from _profile_file()
    account: Account | None = None
    try:
        account = app.find_account()
    except SMSWorksError as error:
        yield Finding("account", "error", str(error))
    else:
        yield _account(account)
    yield from _environment()
    if account is not None:
        yield from _connection(app, account)
    yield _journal(app, journal)


def _installation() -> Finding:
    extras = [extra for package, extra in _EXTRAS.items() if _has(package)]
    missing = [extra for package, extra in _EXTRAS.items() if not _has(package)]
    words = f"smsworks-async {__version__}, Python {platform.python_version()}"
    if extras:
        words += f", with {' and '.join(extras)}"
    if missing:
        words += f", without {' and '.join(missing)}"
    return Finding("installation", "ok", words)


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _profile_file() -> Iterator[Finding]:
    if not _profiles.path().exists():
        return
    names = ", ".join(_profiles.names()) or "none"
    if _profiles.is_open_to_others():
        yield Finding(
            "profiles",
            "error",
            f"other users can read {_profiles.path()}: run chmod 600 on it, and replace the "
            "secrets in it",
        )
    else:
        yield Finding("profiles", "ok", f"{names} in {_profiles.path()}")


def _account(account: Account | None) -> Finding:
    if account is None:
        return Finding(
            "account", "error", "none is set up: run `smsworks login`, or set SMSWORKS_TOKEN"
        )
    host = urlsplit(account.base_url).hostname or ""
    where = " (a sandbox on this machine)" if is_loopback(host) else ""
    return Finding("account", "ok", f"from {account.source}, at {account.base_url}{where}")


def _environment() -> Iterator[Finding]:
    offline = os.environ.get("SMSWORKS_OFFLINE")
    if offline:
        yield Finding("SMSWORKS_OFFLINE", "warning", "it is set: no request leaves this machine")
    secret = os.environ.get("SMSWORKS_WEBHOOK_SECRET")
    if secret and min(map(len, secret.split(","))) < 32:
        yield Finding(
            "SMSWORKS_WEBHOOK_SECRET",
            "error",
            "it is short enough to be guessed: use at least 32 characters",
        )


def _connection(app: App, account: Account) -> Iterator[Finding]:
    seconds = 0.0
    try:
        with app.client(timeout=10.0) as sms:
            started = time.monotonic()
            balance = sms.credits.balance()
            seconds = time.monotonic() - started
    except NotAuthenticated as error:
        yield Finding("connection", "ok", f"{account.base_url} answers")
        yield Finding("credentials", "error", f"the API refused them: {error}")
        return
    except APIError as error:
        yield Finding("connection", "ok", f"{account.base_url} answers")
        yield Finding("credentials", "error", f"the API refused to show the balance: {error}")
        return
    except SMSWorksError as error:
        yield Finding("connection", "error", str(error))
        return
    state: Literal["ok", "warning"] = "warning" if seconds > _MANY_SECONDS else "ok"
    yield Finding("connection", state, f"{account.base_url} answered in {seconds:.2f} s")
    yield Finding("credentials", "ok", "they are valid")
    low: Literal["ok", "warning"] = "ok" if balance > 0 else "warning"
    yield Finding("balance", low, plural(balance, "credit"))


def _journal(app: App, given: str | None) -> Finding:
    from smsworks_async.cli._client import journal_name

    try:
        name = journal_name(given, app.profile, app.token_file)
    except SMSWorksError as error:
        return Finding("journal", "error", str(error))
    if "://" in name:
        return Finding("journal", "ok", journal_label(name))
    path = Path(name)
    folder = next(one for one in path.absolute().parents if one.exists())
    if path.is_dir():
        return Finding("journal", "error", f"{path} is a folder")
    if not os.access(path if path.exists() else folder, os.W_OK):
        return Finding(
            "journal", "error", f"{path} cannot be written; choose another with --journal"
        )
    if not path.exists():
        return Finding("journal", "ok", f"{path} will be created by the first send")
    return Finding("journal", "ok", f"{path}, {path.stat().st_size / 1024:,.0f} KiB")
