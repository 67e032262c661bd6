"""The ``smsworks`` command, also ``python -m smsworks_async``.

Each command is a separate module: ``smsworks send`` is `send.py`, ``smsworks campaign send`` is
`campaign_send.py`, and the module's ``command`` is the function that runs. To add a command, add
such a module and a line in `_commands.py` with the description that a group's ``--help`` shows
beside its name; ``--help`` does not import the modules of commands.

- `_commands.py`: the table of commands, and the groups that import a module when it is invoked.
- `_command.py`: the decorator of a command, with the options that all commands share, and the
  sections of its ``--help``.
- `_app.py`: the object that each command gets: its output, the client, the journal.
- `_client.py`, `_profiles.py`, `_folders.py`: the account in use, and the locations of files.
- `_output.py`: lines for people, JSON lines for programs. `_exit.py`: exit codes.
- `_run.py`, `_errors.py`: the handling of errors, interruptions and closed pipes.

At module level, the modules of this package import only `click` and the standard library, because
``--help`` and completion load them and must be quick. Everything else is imported in functions.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: the arguments after ``smsworks``; by default those of the process.
    """
    try:
        from smsworks_async.cli._run import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "click":
            raise
        print(
            "smsworks: the command needs the extra `cli`, which is not installed: "
            "python -m pip install click rich platformdirs python-calamine",
            file=sys.stderr,
        )
        return 2
    return run(arguments)
