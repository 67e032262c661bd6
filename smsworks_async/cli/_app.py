"""What each command is handed: its output, its client, its journal."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._output import Output


if TYPE_CHECKING:
    from smsworks_async import AsyncSMSWorks, SMSWorks
    from smsworks_async.cli._client import Account


class App:
    """One run of the command.

    Attributes:
        json: whether output is for programs.
        debug: whether errors show their traceback.
        profile: the stored account that was named, or None.
        token_file: the file that the token is read from, or None.
        sends: whether the command sends texts; see `Command.sends`.
        has_begun: whether a batch of a campaign has left, or may have.
    """

    def __init__(self) -> None:
        self.json = False
        self.debug = False
        self.profile: str | None = None
        self.token_file: str | None = None
        self.sends = False
        self.has_begun = False

    @functools.cached_property
    def out(self) -> Output:
        """Where results, notices and questions go."""
        return Output(json=self.json)

    def account(self) -> Account:
        """Return the account that is in use.

        Raises:
            ConfigurationError: there is none, and nobody to ask.
        """
        from smsworks_async.cli._client import account

        return account(self.profile, self.token_file)

    def find_account(self) -> Account | None:
        """Return the account that is set up; None where there is none. Nobody is asked.

        Raises:
            ConfigurationError: a file cannot be read, or the settings contradict each other.
        """
        from smsworks_async.cli._client import find

        return find(self.profile, self.token_file)

    def client(self, **settings: Any) -> SMSWorks:
        """Return the blocking client of the account that is in use; `settings` are its own.

        Raises:
            ConfigurationError: there is none, and nobody to ask.
        """
        from smsworks_async import SMSWorks

        return SMSWorks(**{**self.account().settings(), **settings})

    def async_client(self, **settings: Any) -> AsyncSMSWorks:
        """Return the awaitable client of the account that is in use; `settings` are its own.

        Raises:
            ConfigurationError: there is none, and nobody to ask.
        """
        from smsworks_async import AsyncSMSWorks

        return AsyncSMSWorks(**{**self.account().settings(), **settings})

    def journal(self, given: str | None = None) -> str:
        """Return the journal to use: a path whose folder is there, or a PostgreSQL URL.

        Args:
            given: the option ``--journal``; then comes ``SMSWORKS_JOURNAL``, then the file for
                this API's address in the platform's data folder.

        Raises:
            ConfigurationError: the folder for it cannot be made.
        """
        from smsworks_async.cli._client import journal

        return journal(given, self.profile, self.token_file)


def set_common(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Take a shared option over into the `App`, where it was given."""
    if value and parameter.name:
        setattr(ctx.ensure_object(App), parameter.name, value)
