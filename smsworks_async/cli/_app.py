"""The object that each command gets: its output, client and journal."""

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
        json: whether output is JSON lines.
        debug: whether tracebacks of errors are shown.
        profile: the value of ``--profile``, or None.
        token_file: the value of ``--token-file``, or None.
        sends: whether the command sends texts; see `Command.sends`.
        has_begun: whether a batch of a campaign has been sent, or may have been.
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
        """The output for results, notices and questions."""
        return Output(json=self.json)

    def account(self) -> Account:
        """Return the account to use; on a terminal, prompt for a token if none is set up.

        Raises:
            ConfigurationError: no account is set up, and there is no terminal to prompt on.
        """
        from smsworks_async.cli._client import account

        return account(self.profile, self.token_file)

    def find_account(self) -> Account | None:
        """Return the account that is set up, without prompting; None if there is none.

        Raises:
            ConfigurationError: a file cannot be read, or the settings contradict each other.
        """
        from smsworks_async.cli._client import find

        return find(self.profile, self.token_file)

    def client(self, **settings: Any) -> SMSWorks:
        """Return a blocking client for the account; ``settings`` are passed to it.

        Raises:
            ConfigurationError: no account is set up, and there is no terminal to prompt on.
        """
        from smsworks_async import SMSWorks

        return SMSWorks(**{**self.account().settings(), **settings})

    def async_client(self, **settings: Any) -> AsyncSMSWorks:
        """Return an async client for the account; ``settings`` are passed to it.

        Raises:
            ConfigurationError: no account is set up, and there is no terminal to prompt on.
        """
        from smsworks_async import AsyncSMSWorks

        return AsyncSMSWorks(**{**self.account().settings(), **settings})

    def journal(self, given: str | None = None) -> str:
        """Return the journal to use: a path in an existing folder, or a PostgreSQL URL.

        Args:
            given: the value of ``--journal``. The default is ``SMSWORKS_JOURNAL``, or a file for
                the API's address in the platform's data folder, which is created.

        Raises:
            ConfigurationError: the data folder cannot be created.
        """
        from smsworks_async.cli._client import journal

        return journal(given, self.profile, self.token_file)


def set_common(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store the value of a shared option in the `App`."""
    if value and parameter.name:
        setattr(ctx.ensure_object(App), parameter.name, value)
