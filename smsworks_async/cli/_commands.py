"""The table of commands, and groups that import a command's module when it is invoked."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

from smsworks_async.cli._command import Helpful


#: The variable by which a shell asks for completion.
COMPLETE: Final = "_SMSWORKS_COMPLETE"

#: What each command does, as ``smsworks --help`` shows it, in sections.
COMMANDS: Final[Mapping[str, Mapping[str, str]]] = {
    "Messages": {
        "send": "Send a text to one number.",
        "flash": "Send a text that appears on the lock screen.",
        "schedule": "Schedule a text to one number.",
        "scheduled": "List the texts that wait for their time.",
        "cancel": "Cancel a scheduled text.",
        "get": "Show one message.",
        "search": "List messages by number, sender, status and date.",
        "inbox": "List the replies, and follow new ones.",
        "wait": "Wait for a message's final status.",
        "otp": "Send and verify one-time passcodes.",
        "check": "Measure a text: encoding, segments, credits.",
    },
    "Many recipients": {
        "campaign": "Send to a file of recipients, and look after it.",
        "optouts": "Keep the list of those who have opted out.",
        "journal": "Set up the journal that campaigns are kept in.",
    },
    "Account": {
        "login": "Store an account's credentials.",
        "logout": "Erase stored credentials.",
        "balance": "Show the account's credits.",
        "cost": "Show the price of a text to a country.",
        "doctor": "Check settings, connection and account; sends nothing.",
    },
    "Developers": {
        "demo": "Send a message and a bulk, to a sandbox.",
        "sandbox": "Run a local server that behaves as the API does.",
        "listen": "Post new replies and statuses to a local URL.",
        "completion": "Print the completion script of a shell.",
    },
}

#: The commands of the groups among them.
GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "campaign": {
        "send": "Send a text to the recipients in a file.",
        "plan": "Plan a campaign; sends nothing.",
        "work": "Send the chunks of a planned campaign.",
        "status": "Show how far a campaign has got.",
        "list": "List the campaigns of a journal.",
        "pause": "Stop a campaign until it is resumed.",
        "resume": "Let a paused campaign go on.",
        "cancel": "End a campaign for good.",
        "retry": "Send again to those it was not delivered to.",
        "reconcile": "Look for the chunks whose outcome is unknown.",
        "export": "Write what became of each recipient to a file.",
        "report": "Show what became of a campaign.",
        "forget": "Erase a campaign's numbers and texts.",
        "prune": "Erase the numbers and texts of old campaigns.",
    },
    "optouts": {
        "add": "Record that numbers have opted out.",
        "remove": "Record that numbers have opted in again.",
        "list": "List the numbers that have opted out.",
        "import": "Add the numbers in a file.",
        "export": "Write the list to a file.",
    },
    "otp": {
        "send": "Send a passcode to a number.",
        "verify": "Verify the passcode that somebody entered.",
    },
    "journal": {
        "init": "Create a journal's tables.",
    },
}


class LazyGroup(Helpful, click.Group):
    """A group of commands, each imported when it is invoked.

    Args:
        sections: the commands' names with what they do, by section.
        prefix: what the names of their modules begin with.
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
        """Return a command; its module is imported now."""
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
        """Find the command that was named, or raise a usage error that suggests another."""
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f", did you mean `{ctx.command_path} {near[0]}`?" if near else ""
            ctx.fail(f"there is no command `{ctx.command_path} {name}`{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the commands that begin so, with what they do; no module is imported."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=words)
            for names in self._sections.values()
            for name, words in names.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, by section, without importing any."""
        wide = max(len(name) for names in self._sections.values() for name in names)
        for section, names in self._sections.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:<{wide}}", words) for name, words in names.items()])


def group(name: str) -> LazyGroup:
    """Return the group of that name, such as ``campaign``."""
    words = next(names[name] for names in COMMANDS.values() if name in names)
    return LazyGroup(name=name, help=words, sections={"Commands": GROUPS[name]}, prefix=f"{name}_")
