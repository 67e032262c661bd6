"""The examples of docs/sandbox-control.md, run with curl against a sandbox."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from smsworks_async.sandbox import RunningClock, Sandbox


PAGE = Path(__file__).parents[2] / "docs" / "sandbox-control.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"\$ (curl .*)\n((?:[^$\n].*\n)*)")
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def examples():
    """Return each curl command of the page, with the documented response."""
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    return [found for block in blocks for found in COMMAND.findall(block)]


def shows(pattern, answer):
    """Return whether a response matches the documented one, where `…` matches anything."""
    parts = [re.escape(part.strip(", ")) for part in pattern.strip().split("…")]
    return re.fullmatch(r"[\s\S]*".join(parts), answer) is not None


def test_control_examples_show_what_they_answer():
    last_id = "ID"
    ran = 0
    with Sandbox(clock=RunningClock(), delivery_delay=60) as box:
        for line, expected in examples():
            command = line.replace(":8026", f":{box.port}").replace("/ID", last_id)
            done = subprocess.run(
                [part.replace("$SMSWORKS_TOKEN", box.token) for part in shlex.split(command)],
                capture_output=True,
                text=True,
                timeout=60,
                env={**os.environ, "NO_PROXY": "127.0.0.1"},
            )
            assert done.returncode == 0, (line, done.stderr)
            answer = json.loads(done.stdout)
            if expected:
                assert shows(expected, done.stdout), (line, done.stdout)
            if "messages" in answer:
                last_id = f"/{answer['messages'][0]['id']}"
            ran += 1
        [message] = box.messages
        assert message.status == "UNDELIVERED"
    assert ran >= 9
