"""Runs the `smsworks` command in this process, or in a separate one."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from smsworks_async.cli import main
from smsworks_async.sandbox import Sandbox
from support.processes import environment
from support.waiting import PATIENCE


@attrs.frozen
class Done:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON lines that it wrote."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        """The one JSON line that it wrote."""
        (record,) = self.records
        return record

    @property
    def error(self) -> str:
        """The one line that it wrote to standard error, without the command's name."""
        (line,) = self.err.splitlines()
        return line.removeprefix("smsworks: ")


class CommandLine:
    """A user at a shell, with separate folders and environment variables.

    Args:
        home: the folder for the command's files.
        monkeypatch: undoes what it sets in the environment.
    """

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self.set(HOME=str(home))
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name, raising=False)

    def set(self, **variables: str) -> None:
        """Set environment variables, named without ``SMSWORKS_``."""
        for name, value in variables.items():
            self._monkeypatch.setenv(f"SMSWORKS_{name}", value)

    def use(self, box: Sandbox) -> None:
        """Set the address and the token of a sandbox."""
        self.set(BASE_URL=box.base_url, TOKEN=box.token)

    def __call__(self, *words: str, stdin: str = "") -> Done:
        """Run the command in this process; not beside others in threads."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
            out.flush()
            err.flush()
        told = (stream.buffer.getvalue().decode() for stream in (out, err))
        return Done(int(code), *told)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command in a separate process, with pipes; end it by its process id."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        variables = environment(PYTHONUNBUFFERED="1", **options.pop("variables", {}))
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "smsworks_async", *words],
            **{**pipes, "text": True, "env": variables, "encoding": "utf-8", **options},
        )

    def run(self, *words: str, stdin: str = "", **options: Any) -> Done:
        """Run the command in a separate process to its end."""
        with self.start(*words, **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=PATIENCE)
            except BaseException:
                process.kill()
                raise
        return Done(process.returncode, out or "", err or "")
