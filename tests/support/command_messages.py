"""A single message for the tests of the command: its arguments, and a function that sends it."""

from __future__ import annotations

from typing import Any

from support.command_line import CommandLine


SEND = ("send", "--to", "07700 900123", "--sender", "AcmeCorp", "Your order is ready")
NUMBER = "447700900123"


def sent(smsworks: CommandLine, *words: str) -> dict[str, Any]:
    """Send the message, or run another command, and return its record."""
    done = smsworks(*(words or SEND), "--json")
    assert done.code == 0, done.err
    return done.record
