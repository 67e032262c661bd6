"""Completion, requested as the shells do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from support.processes import environment


@pytest.fixture
def complete(command_line, monkeypatch, capsys):
    """Return the completions, with the descriptions that zsh and fish show."""

    def ask(line):
        words = line.split(" ")
        monkeypatch.setenv("_SMSWORKS_COMPLETE", "fish_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1])
        done = command_line()
        assert (done.code, done.err) == (0, "")
        return done.out

    return ask


def offered(out):
    return {line.split(",", 1)[1].split("\t")[0] for line in out.splitlines() if line}


def test_completion_offers_commands_with_what_they_do(complete):
    assert "plain,send\tSend a text to one number." in complete("smsworks se")
    assert offered(complete("smsworks se")) == {"send", "search"}
    assert {"campaign", "otp", "doctor"} <= offered(complete("smsworks "))
    assert offered(complete("smsworks otp ")) == {"send", "verify"}


def test_completion_offers_options(complete):
    options = offered(complete("smsworks send --"))
    assert {"--to", "--sender", "--again", "--json", "--profile"} <= options


def test_completion_offers_stored_profiles(complete, command_line, monkeypatch):
    for name in ("shop", "shed", "other"):
        done = command_line("login", "--profile", name, "--with-token", "--no-check", stdin="eyJ")
        assert done.code == 0
    assert offered(complete("smsworks balance --profile sh")) == {"shed", "shop"}


def test_completion_survives_profiles_that_cannot_be_read(complete, command_line):
    (command_line.home / "config").mkdir(parents=True)
    (command_line.home / "config" / "profiles.json").write_text("{")
    assert offered(complete("smsworks balance --profile ")) == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_its_shell_can_read(shell, command_line):
    done = command_line("completion", shell)
    assert done.code == 0
    assert "_SMSWORKS_COMPLETE" in done.out
    assert command_line("completion", shell, "--json").record == {
        "shell": shell,
        "script": done.out.removesuffix("\n"),
    }
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here")
    checked = subprocess.run([found, "-n"], input=done.out, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_completion_refuses_a_shell_that_it_does_not_know(command_line):
    assert command_line("completion", "ksh").code == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash completes here")
def test_completion_works_in_bash(command_line, tmp_path):
    script = command_line("completion", "bash").out
    (tmp_path / "smsworks").write_text(
        '#!/bin/sh\nexec "$SMSWORKS_TEST_PYTHON" -m smsworks_async "$@"\n'
    )
    (tmp_path / "smsworks").chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc"],
        input=f"{script}\nCOMP_WORDS=(smsworks otp ver); COMP_CWORD=2\n"
        "_smsworks_completion smsworks\necho offered: ${COMPREPLY[@]}\n",
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(
            PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", SMSWORKS_TEST_PYTHON=sys.executable
        ),
    )
    assert "offered: verify" in done.stdout, done.stderr
