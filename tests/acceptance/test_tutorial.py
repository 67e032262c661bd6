"""The tutorial, step by step: its files, its commands, and their output."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from support.sandboxes import HostedSandbox
from support.waiting import PATIENCE


PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"```(?:python|text|console) ?(?P<file>[\w.]*)\n(?P<body>.*?)```", re.DOTALL)
SECRET = "only-for-this-tutorial-and-nothing-else"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Tutorial:
    """The reader's second terminal."""

    def __init__(self, folder, box, port):
        self.folder = folder
        self.ports = {":8026": f":{box.base_url.rpartition(':')[2].partition('/')[0]}"}
        self.port = port
        self.environment = {
            **os.environ,
            "SMSWORKS_BASE_URL": box.base_url,
            "SMSWORKS_TOKEN": box.token,
            "SMSWORKS_WEBHOOK_SECRET": SECRET,
        }

    def save(self, name, body):
        (self.folder / name).write_text(body.replace(" 8000", f" {self.port}"), "utf-8")

    def command(self, line):
        for before, after in self.ports.items():
            line = line.replace(before, after)
        program, *rest = shlex.split(line)
        return [sys.executable if program == "python" else program, *rest]

    def run(self, line):
        done = subprocess.run(
            self.command(line),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    def serve(self, name):
        process = subprocess.Popen(
            [sys.executable, name],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                continue
            return process
        raise AssertionError(f"{name} ended with {process.returncode}")


def check(printed, expected):
    """Compare the output of a command with the page, where `...` matches any text."""
    pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{printed!r} is not {expected!r}"


def test_tutorial_works_as_it_is_written(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/sms/{SECRET}"
    with HostedSandbox(incoming_url=url) as hosted:
        reader = Tutorial(tmp_path, hosted.box, port)
        replies = None
        commands = 0
        try:
            for block in BLOCK.finditer(PAGE.read_text("utf-8")):
                name, body = block["file"], block["body"]
                if name:
                    reader.save(name, body)
                elif body.startswith("$ "):
                    line, _, expected = body[2:].partition("\n")
                    check(reader.run(line), expected)
                    commands += 1
                elif body.endswith("python replies.py\n"):
                    replies = reader.serve("replies.py")
        finally:
            if replies is not None:
                replies.terminate()
                said = replies.communicate(timeout=PATIENCE)[0]
        assert commands == 7
        assert said == "07700900001 says: STOP\n"
        texted = hosted.do(lambda box: box.accepted_by_destination())
    numbers = {"447700900123": 1, "447700900001": 1, "447700900002": 2, "447700900003": 2}
    assert texted == numbers


def test_tutorial_names_the_secret_that_the_sandbox_posts_with():
    assert PAGE.read_text("utf-8").count(SECRET) == 2
