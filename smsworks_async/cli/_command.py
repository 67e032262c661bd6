"""The decorator of commands: it adds shared options and examples, and passes the `App`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from smsworks_async.cli._app import App, set_common


#: A command's function: its first argument is the `App`, the others are the options.
Function = Callable[..., int | None]


class HelpCommand(click.Command):
    """A command whose help is written by `App.out` and fits a narrow terminal."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option ``--help``."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        out = ctx.ensure_object(App).out
        # Click itself does not go below 50 columns.
        ctx.terminal_width = min(out.width, MAX_WIDTH)
        out.text(ctx.get_help())
        ctx.exit()


#: The greatest width of a help text, in columns.
MAX_WIDTH: Final = 80


class Common(click.Option):
    """An option of all commands; ``--help`` lists such options in a separate section."""


class Command(HelpCommand):
    """A command of ``smsworks``.

    Attributes:
        sends: whether it sends texts. If so, a failure has the exit code for "nothing sent".
        examples: lines at the end of its help.
    """

    def __init__(
        self, *args: Any, examples: str = "", sends: bool = False, **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.sends = sends
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the shared ones."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            # Arguments are explained in the description.
            if record is not None and not isinstance(parameter, click.Argument):
                is_shared = isinstance(parameter, Common) or "--help" in parameter.opts
                (shared if is_shared else own).append(record)
        for title, records in (("Options", own), ("Options of all commands", shared)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=min(30, formatter.width // 3))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, without wrapping their lines."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def command(
    name: str,
    *,
    examples: str,
    account: bool = True,
    sends: bool = False,
    **settings: Any,
) -> Callable[[Function], Command]:
    """Return a decorator that makes a command from a function.

    Args:
        name: the command's name, without its group.
        examples: lines for the end of its ``--help``, each a command to paste.
        account: whether it uses an account, and so has ``--profile`` and ``--token-file``
            (default True).
        sends: whether it sends texts (`Command.sends`; default False).
        settings: further arguments of `click.Command`.
    """

    def decorate(function: Function) -> Command:
        @click.pass_context
        @functools.wraps(function)
        def invoke(ctx: click.Context, /, *args: Any, **options: Any) -> int | None:
            app = ctx.ensure_object(App)
            app.sends = sends
            with _logging(debug=app.debug):
                return function(app, *args, **options)

        made: Command = click.command(
            name, cls=Command, examples=examples, sends=sends, **settings
        )(invoke)
        made.params += account_options() if account else []
        made.params += common_options()
        return made

    return decorate


@contextmanager
def _logging(*, debug: bool) -> Iterator[None]:
    """Write the package's log to standard error if ``debug`` is true; otherwise discard it.

    The command's own output has all that a user needs.
    """
    import logging

    logger = logging.getLogger("smsworks_async")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    level = logger.level
    logger.addHandler(handler)
    if debug:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def common_options() -> list[click.Parameter]:
    """Return the options of every command."""
    return [
        Common(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=set_common,
            help="Write JSON lines for programs, instead of text.",
        ),
        Common(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=set_common,
            help="Show the traceback of an error.",
        ),
    ]


def account_options() -> list[click.Parameter]:
    """Return the options of commands that use an account."""
    return [
        Common(
            ["--profile"],
            metavar="NAME",
            expose_value=False,
            callback=set_common,
            shell_complete=_complete_profiles,
            help="The stored account to use (see `smsworks login`).",
        ),
        Common(
            ["--token-file"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            expose_value=False,
            callback=set_common,
            help="Read the token from a file.",
        ),
    ]


def _complete_profiles(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from smsworks_async.cli._profiles import names

    return [name for name in names() if name.startswith(incomplete)]
