"""A separate program that opens a journal's file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.processes import worker_command


class Visitor:
    """A separate process that opens and closes the journal's file."""

    def __init__(self):
        shared_memory = Path("/dev/shm")
        self.fastest = shared_memory if shared_memory.is_dir() else None
        self._process = None

    def ask(self, *command):
        if self._process is None:
            self._process = subprocess.Popen(
                worker_command("journal_visitor"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None
