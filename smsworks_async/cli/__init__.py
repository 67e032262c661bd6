"""The ``smsworks`` command, also ``python -m smsworks_async``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from smsworks_async._version import __version__
from smsworks_async.cli import demo, sandbox
from smsworks_async.errors import SMSWorksError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and give its exit status: 0 for success, 1 for an error, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="smsworks", description="The SMS Works from the command line."
    )
    parser.add_argument("--version", action="version", version=f"smsworks-async {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (demo, sandbox):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except SMSWorksError as error:
        print(f"smsworks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        for note in getattr(interruption, "__notes__", []):
            print(f"smsworks: {note}", file=sys.stderr)
        return 130
    return status
