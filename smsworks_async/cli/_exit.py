"""The exit codes of commands; where several apply, the docs give their order."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from smsworks_async.errors import SMSWorksError
    from smsworks_async.models.report import Counts


class Exit(enum.IntEnum):
    """The exit code of a command."""

    #: Success. If it sent texts, all were accepted, except for opted-out recipients.
    OK = 0
    #: Partial failure, or any failure of a command that sends nothing.
    FAILED = 1
    #: The arguments, the settings or the files are wrong; nothing was sent.
    USAGE = 2
    #: A command that sends failed, and nothing was sent.
    NOTHING_SENT = 3
    #: It is unknown whether some texts were accepted.
    UNKNOWN = 4
    #: The command was ended by Ctrl-C or another signal.
    INTERRUPTED = 130
    #: A command with endless output ended because that was closed; the shell's code for SIGPIPE.
    UNREAD = 141


def exit_of_counts(counts: Counts) -> Exit:
    """Return the exit code for the outcomes of recipients, such as those of a `BulkReport`."""
    if counts.unknown:
        return Exit.UNKNOWN
    if not (counts.rejected or counts.not_sent or counts.invalid):
        return Exit.OK
    return Exit.FAILED if counts.accepted else Exit.NOTHING_SENT


def exit_of_error(error: SMSWorksError, *, sends: bool) -> Exit:
    """Return the exit code for an error.

    Args:
        error: the error that the command raised.
        sends: whether the command sends texts.
    """
    from smsworks_async import errors

    if isinstance(error, errors.OutcomeUnknown):
        return Exit.UNKNOWN
    if isinstance(error, errors.OptedOut):
        return Exit.OK
    if isinstance(error, errors.ConfigurationError | errors.ValidationError):
        return Exit.USAGE
    return Exit.NOTHING_SENT if sends else Exit.FAILED
