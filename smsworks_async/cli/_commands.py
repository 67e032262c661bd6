"""The table of commands, and command groups that import a module when it is invoked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

from smsworks_async.cli._command import HelpCommand


#: The environment variable by which a shell requests completion.
COMPLETE: Final = "_SMSWORKS_COMPLETE"

#: The description of each command, by section, as ``smsworks --help`` shows it.
COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    "Messages": {
        "send": "Send a text to one number.",
        "flash": "Send a text that appears on the lock screen.",
        "schedule": "Schedule a text to one number.",
        "scheduled": "List the scheduled texts.",
        "cancel": "Cancel a scheduled text.",
        "get": "Show one message.",
        "search": "List messages by number, sender, status and date.",
        "inbox": "List the replies, and follow new ones.",
        "wait": "Wait for a message's final status.",
        "otp": "Send and verify one-time passcodes.",
        "check": "Measure a text: encoding, segments, credits.",
    },
    "Many recipients": {
        "campaign": "Send to a file of recipients, and manage such sends.",
        "optouts": "Manage the list of numbers that have opted out.",
        "journal": "Set up the journal that stores campaigns.",
    },
    "Account": {
        "login": "Store an account's credentials.",
        "logout": "Erase stored credentials.",
        "balance": "Show the account's credits.",
        "cost": "Show the price of a text to a country.",
        "doctor": "Check settings, connection and account; send nothing.",
    },
    "Developers": {
        "demo": "Send a message and a bulk to a sandbox.",
        "sandbox": "Run a local server that behaves as the API does.",
        "listen": "Post new replies and statuses to a local URL.",
        "completion": "Print the completion script of a shell.",
    },
}

#: The description of each command of a group, by group.
GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "campaign": {
        "send": "Send a text to the recipients in a file.",
        "plan": "Plan a campaign; send nothing.",
        "work": "Send the chunks of a planned campaign.",
        "status": "Show a campaign's progress.",
        "list": "List the campaigns of a journal.",
        "pause": "Stop a campaign until it is resumed.",
        "resume": "Resume a paused campaign.",
        "cancel": "End a campaign for good.",
        "retry": "Send again to recipients of failed deliveries.",
        "reconcile": "Look for requests whose outcome is unknown.",
        "export": "Write each recipient's outcome to a file.",
        "report": "Show a campaign's outcomes and deliveries.",
        "forget": "Erase a campaign's numbers and texts.",
        "prune": "Erase the numbers and texts of old campaigns.",
    },
    "optouts": {
        "add": "Record that numbers have opted out.",
        "remove": "Record that numbers have opted in again.",
        "list": "List the numbers that have opted out.",
        "fetch": "Read the replies, and record those such as STOP.",
        "import": "Add the numbers in a file.",
        "export": "Write the list to a file.",
    },
    "otp": {
        "send": "Send a passcode to a number.",
        "verify": "Verify a passcode that a user entered.",
    },
    "journal": {
        "init": "Create a journal's tables.",
    },
}


class LazyGroup(HelpCommand, click.Group):
    """A group of commands; the module of each is imported when it is invoked.

    Args:
        sections: the commands' names and descriptions, by section.
        prefix: the prefix of the names of their modules.
    """

    def __init__(
        self, *, sections: Mapping[str, Mapping[str, str]], prefix: str, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._prefix = prefix
        self._sections = sections

    def _module(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of ``--help``."""
        return [name for names in self._sections.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module, and return the command; None if there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if not self._prefix and cmd_name in GROUPS:
            return group(cmd_name)
        module = import_module(f"smsworks_async.cli.{self._module(cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        Raises:
            UsageError: there is no such command; the message suggests a similar one.
        """
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            from difflib import get_close_matches

            groups = [] if self._prefix else GROUPS.items()
            near = [f"{group} {name}" for group, names in groups if name in names]
            near = near or get_close_matches(name, self.list_commands(ctx), n=1)
            alike = " or ".join(f"`{ctx.command_path} {one}`" for one in near)
            hint = f", did you mean {alike}?" if alike else ""
            ctx.fail(f"there is no command `{ctx.command_path} {name}`{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the commands that begin with a text, with descriptions; import no module."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=words)
            for names in self._sections.values()
            for name, words in names.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing their modules."""
        wide = max(len(name) for names in self._sections.values() for name in names)
        for section, names in self._sections.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:<{wide}}", words) for name, words in names.items()])


def group(name: str) -> LazyGroup:
    """Return the group of that name, such as ``campaign``."""
    words = next(names[name] for names in COMMANDS.values() if name in names)
    return LazyGroup(name=name, help=words, sections={"Commands": GROUPS[name]}, prefix=f"{name}_")
