"""The ``smsworks`` command, also ``python -m smsworks_async``.

Each command is a module of its own: ``smsworks send`` is `send.py`, ``smsworks campaign send`` is
`campaign_send.py`, and the module's ``command`` is what runs. A new command is such a module, and a
line in `_commands.py`, which has the words that a group's ``--help`` shows beside each name: no
command's module is imported for that.

- `_commands.py`: the table of commands, and the groups that import a module when it is invoked.
- `_command.py`: the decorator of a command, with the options that all commands share, and the
  sections of its ``--help``.
- `_app.py`: what a command is handed: its output, the client, the journal.
- `_client.py`, `_profiles.py`, `_folders.py`: whose account it is, and where files are kept.
- `_output.py`: lines for people, JSON lines for programs. `_exit.py`: exit codes.
- `_run.py`, `_errors.py`: errors, interruptions and closed pipes, for all commands.

Only `click` and the standard library may be imported while a module of this package is loaded:
``--help`` and completion load them, and must be quick. Everything else is imported in functions.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code.

    Args:
        arguments: the words after ``smsworks``; those of the process by default.
    """
    try:
        from smsworks_async.cli._run import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "click":
            raise
        print(
            "smsworks: the command needs the extra `cli`; install it: "
            'python -m pip install "smsworks-async[cli]"',
            file=sys.stderr,
        )
        return 2
    return run(arguments)
