"""Choose the account and the journal of a command.

The account is taken from the first of these that is set: ``--token-file`` or ``--profile``; the
environment (``SMSWORKS_TOKEN``, or ``SMSWORKS_CUSTOMER_ID``, ``SMSWORKS_KEY`` and
``SMSWORKS_SECRET``, or ``SMSWORKS_TOKEN_FILE``); the stored profile named by ``SMSWORKS_PROFILE``,
or ``default``; a prompt, on a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from smsworks_async._settings import BASE_URL, resolve_base_url
from smsworks_async.cli import _profiles
from smsworks_async.cli._folders import default_journal, ensure_folder
from smsworks_async.errors import ConfigurationError


_VARIABLES: Final = ("TOKEN", "CUSTOMER_ID", "KEY", "SECRET")


@attrs.frozen
class Account:
    """An account and the address of its API.

    Attributes:
        source: where the account was found, for messages.
        base_url: the API's address.
        credentials: arguments of a client; empty if the client reads the environment variables.
    """

    source: str
    base_url: str
    credentials: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def settings(self) -> dict[str, Any]:
        """Return the arguments for a client."""
        return {"base_url": self.base_url, **self.credentials}


def account(profile: str | None, token_file: str | None) -> Account:
    """Return the account to use; on a terminal, prompt for a token if none is set up.

    Args:
        profile: the value of ``--profile``, or None.
        token_file: the value of ``--token-file``, or None.

    Raises:
        ConfigurationError: no account is set up and there is no terminal to prompt on, or a file
            cannot be read.
    """
    found = find(profile, token_file)
    if found is not None:
        return found
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "no account is set up: run `smsworks login`, or set SMSWORKS_TOKEN; to try the "
            "commands without an account, run `smsworks sandbox`"
        )
    import click

    token = click.prompt("API token", hide_input=True, err=True)
    return Account("the prompt", address(), {"token": token.strip()})


def find(profile: str | None, token_file: str | None) -> Account | None:
    """Return the account that is set up; None if there is none.

    Raises:
        ConfigurationError: a file cannot be read, or the settings contradict each other.
    """
    if token_file and profile:
        raise ConfigurationError("--token-file and --profile exclude each other; use one of them")
    if profile:
        return _of_profile(profile, is_named=True)
    if token_file:
        return _of_file(token_file)
    if any(os.environ.get(f"SMSWORKS_{name}") for name in _VARIABLES):
        return Account("the environment", address())
    if os.environ.get("SMSWORKS_TOKEN_FILE"):
        return _of_file(os.environ["SMSWORKS_TOKEN_FILE"])
    named = os.environ.get("SMSWORKS_PROFILE")
    return _of_profile(named or _profiles.DEFAULT, is_named=bool(named))


def address() -> str:
    """Return the API's address from the environment, or the default.

    Raises:
        ConfigurationError: it is not a URL, or is plain http to another machine.
    """
    return resolve_base_url(None, insecure=False)


def _of_file(name: str) -> Account:
    try:
        token = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"the token file {name} cannot be read: {words}") from None
    if not token:
        raise ConfigurationError(f"the token file {name} is empty")
    return Account(f"the file {name}", address(), {"token": token})


def _of_profile(name: str, *, is_named: bool) -> Account | None:
    profile = _profiles.load(name)
    if profile is None:
        if not is_named:
            return None
        known = ", ".join(_profiles.names()) or "none"
        raise ConfigurationError(
            f"there is no profile {name!r} (stored: {known}); run `smsworks login --profile "
            f"{name}` to store it"
        )
    base_url = profile.pop("base_url", BASE_URL)
    elsewhere = os.environ.get("SMSWORKS_BASE_URL")
    if elsewhere and not is_named and elsewhere.rstrip("/") != base_url:
        raise ConfigurationError(
            f"SMSWORKS_BASE_URL is set, but the stored profile {name!r} is for {base_url}; unset "
            f"it, set SMSWORKS_TOKEN for it, or add --profile {name} to use the profile"
        )
    return Account(f"the profile {name!r}", resolve_base_url(base_url, insecure=False), profile)


def journal_name(given: str | None, profile: str | None, token_file: str | None) -> str:
    """Return the path or URL of the journal to use, without creating its folder."""
    named = given or os.environ.get("SMSWORKS_JOURNAL")
    if named:
        return named
    found = find(profile, token_file)
    return str(default_journal(address() if found is None else found.base_url))


def journal(given: str | None, profile: str | None, token_file: str | None) -> str:
    """Return the journal to use, as documented for `App.journal`."""
    name = journal_name(given, profile, token_file)
    if given or os.environ.get("SMSWORKS_JOURNAL"):
        return name
    folder = Path(name).parent
    try:
        ensure_folder(folder)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be created: {error.strerror}; choose a journal with --journal"
        ) from None
    return name
