"""The command on a terminal of a chosen width."""

from __future__ import annotations

import os
import re
import struct

from smsworks_async.cli._text import columns_of
from support.waiting import PATIENCE


def on_terminal(command_line, *words, columns, code=0, **variables):
    """Run the command on a terminal with a number of columns; return the displayed lines."""
    import fcntl  # POSIX only
    import pty
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    variables = {"TERM": "xterm-256color", **variables}
    process = command_line.start(*words, **pipes, variables=variables)
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(controller, 4096)
        except OSError:  # the command has ended
            break
    os.close(controller)
    assert process.wait(PATIENCE) == code, shown
    return shown.decode().replace("\r\n", "\n").splitlines()


def width_of(line):
    return sum(map(columns_of, re.sub(r"\x1b\[[0-9;]*m", "", line)))
