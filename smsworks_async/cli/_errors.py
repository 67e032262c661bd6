"""Convert an error to a one-line message and an exit code."""

from __future__ import annotations

from typing import Final

import click

from smsworks_async.cli._exit import Exit, exit_of_error
from smsworks_async.cli._output import OutputFailed
from smsworks_async.cli._text import as_commands


#: The modules of the extra `cli`, except click.
_PACKAGES: Final = frozenset({"rich", "platformdirs", "python_calamine"})


#: Settings that the package's errors mention, and the command's options for them.
_OPTIONS: Final = {
    "international=True and region= need": "--international needs",
    "international=True is passed to the client or to phone.normalise": "--international is given",
    "international=True": "--international",
    "window.tz": "--tz",
    "window.days": "--days",
}


def describe(error: BaseException, *, sends: bool) -> tuple[str, Exit]:
    """Return an error's message and its exit code.

    Args:
        error: the exception that a command raised.
        sends: whether the command sends texts.
    """
    if isinstance(error, click.UsageError):
        where = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        return _usage_message(error) + where, Exit.USAGE
    failed = Exit.NOTHING_SENT if sends else Exit.FAILED
    if isinstance(error, click.ClickException):
        return error.format_message().rstrip("."), failed
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _interruption(error, sends=sends), Exit.INTERRUPTED
    if isinstance(error, OutputFailed):
        return output_error_message(error.__cause__), Exit.FAILED
    if isinstance(error, ModuleNotFoundError) and error.name in _PACKAGES:
        words = (
            "the command needs the extra `cli`, which is not installed completely: "
            "python -m pip install click rich platformdirs python-calamine"
        )
        return words, Exit.USAGE
    return _of_package(error, sends=sends)


def _usage_message(error: click.UsageError) -> str:
    words = error.format_message().rstrip(".")
    # Click's message quotes the arguments, which may be a text or a token.
    if words.startswith("Got unexpected extra argument"):
        return "too many arguments; put quotation marks around a text"
    return words


def _of_package(error: BaseException, *, sends: bool) -> tuple[str, Exit]:
    from smsworks_async.errors import SMSWorksError

    if isinstance(error, SMSWorksError):
        words = as_commands(str(error))
        for setting, option in _OPTIONS.items():
            words = words.replace(setting, option)
        return "; ".join([words, *_notes(error)]), exit_of_error(error, sends=sends)
    # Requests may have been sent before the error.
    failed = Exit.UNKNOWN if sends else Exit.FAILED
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror, failed
    return f"internal error ({type(error).__name__}); run with --debug for the traceback", failed


def output_error_message(error: BaseException | None) -> str:
    """Return a message with the reason why standard output cannot be written to."""
    words = getattr(error, "strerror", None) or "it is closed"
    return f"standard output cannot be written to: {words}"


def _interruption(error: BaseException, *, sends: bool) -> str:
    """Return the message for an interruption, with the notes on requests of unknown outcome."""
    # The notes are on the cancellation that the interrupt caused in the event loop.
    notes = _notes(error) or (_notes(error.__context__) if sends else [])
    return "; ".join(["interrupted", *notes])


def _notes(error: BaseException | None) -> list[str]:
    return [note.removeprefix("bulk: ") for note in getattr(error, "__notes__", [])]
