"""``smsworks completion``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "completion",
    account=False,
    examples="""
smsworks completion bash >> ~/.bashrc
smsworks completion zsh >> ~/.zshrc
smsworks completion fish > ~/.config/fish/completions/smsworks.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, app: App, shell: str) -> None:
    """Print the script by which a shell completes commands, options and names of campaigns."""
    from click.shell_completion import get_completion_class

    from smsworks_async.cli._commands import COMPLETE

    kind = get_completion_class(shell)
    if kind is None:  # click supports all three
        raise click.UsageError(f"there is no completion for {shell}")
    script = kind(ctx.find_root().command, {}, "smsworks", COMPLETE).source()
    app.out.record({"shell": shell, "script": script})
    app.out.line(script)
