"""The examples and shapes of docs/command.md for messages, the account and developers."""

from __future__ import annotations

import re
import shlex

import pytest

from smsworks_async.cli._app import App
from smsworks_async.cli._command import Command
from smsworks_async.cli._commands import COMMANDS, GROUPS
from smsworks_async.cli._run import root
from support.command_docs import PAGE, lines, shapes


COMMAND_NAMES = {
    *(name for names in COMMANDS.values() for name in names if name not in GROUPS),
    *(f"{group} {name}" for group, names in GROUPS.items() for name in names),
}
#: Commands that are tested elsewhere: they prompt, install, or belong to a group.
ELSEWHERE = ("python", "smsworks login", *(f"smsworks {name}" for name in GROUPS if name != "otp"))
LINES = [line for line in lines() if not line.startswith(ELSEWHERE)]


def test_page_has_a_section_for_every_command():
    headings = " ".join(re.findall(r"^### (.*)$", PAGE, re.MULTILINE))
    assert {name for name in COMMAND_NAMES if f"`smsworks {name}`" not in headings} == set()


def test_page_has_the_json_shape_of_every_command():
    documented = {*shapes()}
    undocumented = {
        name for name in COMMAND_NAMES if not any(shape.startswith(name) for shape in documented)
    }
    # These write records in the shape of another command.
    assert undocumented <= {
        *("campaign list", "campaign pause", "campaign resume", "campaign cancel"),
        *("campaign reconcile", "campaign retry", "campaign plan"),
    }


def test_page_names_every_variable_that_the_command_reads():
    for name in ("TOKEN", "CUSTOMER_ID", "KEY", "SECRET", "TOKEN_FILE", "PROFILE", "BASE_URL"):
        assert f"`SMSWORKS_{name}`" in PAGE
    for name in ("HOME", "JOURNAL", "WEBHOOK_SECRET"):
        assert f"SMSWORKS_{name}" in PAGE


def test_there_are_lines():
    assert len(LINES) >= 20


def arguments_of(line, ids):
    """Return the standard input of a line, and the arguments after ``smsworks``."""
    piped = re.fullmatch(r'echo "(.*)" \| (.*)', line)
    stdin, line = (f"{piped[1]}\n", piped[2]) if piped else ("", line)
    command, *words = shlex.split(line)
    assert command == "smsworks"
    return stdin, [ids.get(word, word) for word in words]


@pytest.fixture
def ids(smsworks):
    """The ids of a message with a final status, and of a scheduled one."""
    message = ("--to", "07700 900199", "--sender", "AcmeCorp", "Hello", "--json")
    sent = smsworks("send", *message).record["message_id"]
    assert smsworks("wait", sent).code == 0
    scheduled = smsworks("schedule", "--at", "2031-04-01T09:00", *message).record["message_id"]
    return {"MESSAGE_ID": sent, "SCHEDULED_ID": scheduled}


@pytest.mark.parametrize("line", LINES)
def test_line_of_the_page_works(line, smsworks, ids, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    stdin, words = arguments_of(line, ids)
    done = smsworks(*words, stdin=stdin)
    assert done.code == 0, done
    assert done.err == ""


def test_lines_of_every_help_are_words_that_the_command_knows(smsworks, ids):
    """Parse each example of a help text, without running it."""
    group = root()
    for name in COMMAND_NAMES:
        context, command = group.make_context("smsworks", [], resilient_parsing=True), group
        for word in name.split():
            command = command.get_command(context, word)
        assert isinstance(command, Command)
        for line in command.examples.strip().replace("\\\n", " ").splitlines():
            if "smsworks" not in line:
                continue
            (piece,) = [part for part in line.split(" | ") if "smsworks" in part]
            words = shlex.split(re.sub(r" (<|>>?) \S+$", "", piece.strip()))
            assert words[0] == "smsworks", line
            parsed, rest = group, words[1:]
            while hasattr(parsed, "get_command"):
                parsed, rest = parsed.get_command(context, rest[0]), rest[1:]
            parsed.make_context("example", rest, obj=App())
