"""Run a command; convert errors, interruptions and closed pipes to messages and exit codes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
from click.exceptions import Exit as ClickExit
from click.exceptions import NoArgsIsHelpError

from smsworks_async._version import __version__
from smsworks_async.cli._app import App
from smsworks_async.cli._command import account_options, common_options
from smsworks_async.cli._commands import COMMANDS, COMPLETE, LazyGroup
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._output import OutputClosed, OutputFailed, write_error


#: Options that are refused because every user of the machine can read the process list.
_SECRETS: Final = frozenset({"--token", "--secret", "--key", "--password"})


def root() -> LazyGroup:
    """Return the group of all commands."""
    group = LazyGroup(
        name="smsworks",
        help="The SMS Works from the command line: texts, campaigns, and a sandbox to try them in.",
        sections=COMMANDS,
        prefix="",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Start with `smsworks demo`, which needs no account. "
        "`smsworks COMMAND --help` shows examples.",
    )
    group.params = [*account_options(), *common_options(), _version_option()]
    return group


def _version_option() -> click.Option:
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version and exit.",
    )


def _show_version(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        ctx.ensure_object(App).out.text(f"smsworks-async {__version__}")
        ctx.exit()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; the arguments default to the process's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    group = root()
    instruction = os.environ.get(COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, "smsworks", COMPLETE, instruction)
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app = App()
    code = _run(group, app, words)
    return _finish(app, code)


def _open_closed() -> None:
    """Reopen closed standard streams, as by ``>&-``, since other files would get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))


def _run(group: LazyGroup, app: App, words: list[str]) -> int:
    try:
        _refuse_secrets(words)
        with group.make_context("smsworks", words, obj=app) as context:
            return group.invoke(context) or Exit.OK
    except ClickExit as exit_:
        return exit_.exit_code
    except OutputClosed:
        return Exit.UNREAD
    except (Exception, KeyboardInterrupt) as error:
        if app.debug and not isinstance(error, click.ClickException):
            import traceback

            traceback.print_exc()
        app.json = app.json or "--json" in words  # it may come after an argument that failed
        return _explain(app, error)


def _finish(app: App, code: int) -> int:
    """Flush the output; return an error code for a failure unless the command already failed."""
    try:
        app.out.flush()
    except OutputClosed:
        return code
    except OutputFailed as failed:
        return _explain(app, failed)
    error = app.out.error
    if error is None or isinstance(error, BrokenPipeError):
        return code
    from smsworks_async.cli._errors import output_error_message

    _write_error(
        app, "OutputFailed", f"{output_error_message(error)}; the command was completed", code
    )
    return code or Exit.FAILED


def _refuse_secrets(words: Sequence[str]) -> None:
    for word in words:
        if word == "--":
            return
        if word.partition("=")[0] in _SECRETS:
            raise click.UsageError(
                f"{word.partition('=')[0]} is refused, because the command line is visible in the "
                "process list; use `smsworks login`, the environment variable SMSWORKS_TOKEN, or "
                "--token-file"
            )


def _explain(app: App, error: BaseException) -> int:
    """Write a message for an error, and return the exit code."""
    if isinstance(error, NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return Exit.USAGE
    from smsworks_async.cli._errors import describe

    words, code = describe(error, sends=app.sends)
    if app.has_begun and code in {Exit.USAGE, Exit.NOTHING_SENT, Exit.FAILED}:
        words += "; texts may have been accepted before that: run the same command to look for them"
        code = Exit.UNKNOWN
    name = "Interrupted" if code == Exit.INTERRUPTED else type(error).__name__
    _write_error(app, name, words, code, error)
    return code


def _write_error(app: App, name: str, words: str, code: int, error: object = None) -> None:
    """Write an error to standard error, as text or as JSON."""
    if not app.json:
        app.out.notice(words)
        return
    import json

    from smsworks_async.cli._text import one_line

    record = {
        "error": name,
        "message": one_line(words),
        "field": getattr(error, "field", None) or None,
        "code": getattr(error, "code", None),
        "exit_code": int(code),
    }
    write_error(f"{json.dumps(record)}\n")
