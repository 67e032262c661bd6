"""Exit codes do not depend on the output: a closed pipe, a full disk, or no output."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smsworks_async.cli import main
from smsworks_async.sandbox import Fault
from support.campaign_commands import CAMPAIGN, planned
from support.waiting import PATIENCE


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
SEND = ("send", "--to", "07700 900123", "--sender", "AcmeCorp")
FULL = Path("/dev/full")


def into(command_line, *words, stdout):
    """Run the command with its output somewhere else; return its code and its errors."""
    process = command_line.start(*words, stdin=subprocess.DEVNULL, stdout=stdout)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


def test_closed_pipe_ends_a_reading_command_in_silence(smsworks):
    smsworks(*SEND, "Hello")
    for words in (["search"], ["search", "--json"], ["check", "Hello"], ["balance"], ["--help"]):
        with closed_pipe() as pipe:
            assert into(smsworks, *words, stdout=pipe) == (0, "")


def test_closed_pipe_lets_a_send_count_as_sent(smsworks, hosted):
    with closed_pipe() as pipe:
        assert into(smsworks, *SEND, "Hello", stdout=pipe) == (0, "")
    assert hosted.box.accepted() == 1


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_full_disk_is_a_line_and_a_text_is_not_sent_again(smsworks, hosted):
    for words in (["balance"], ["balance", "--json"], ["check", "Hello"], ["--help"]):
        with FULL.open("w") as full:
            code, err = into(smsworks, *words, stdout=full)
        assert code == 1, err
        assert "No space left on device" in err
        assert err.count("\n") == 1
    with FULL.open("w") as full:
        code, err = into(smsworks, *SEND, "Hello", stdout=full)
    assert code == 1
    assert "the command was completed" in err
    assert hosted.box.accepted() == 1
    assert smsworks(*SEND, "Hello").code == 3
    assert hosted.box.accepted() == 1


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_closed_standard_error_changes_no_exit_code(smsworks, hosted):
    with FULL.open("w") as full:
        process = smsworks.start("get", "1234", stderr=full)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 1


def unread(*words):
    """Run the command in this process, with a closed output."""
    with closed_pipe() as pipe, contextlib.redirect_stdout(pipe):
        return main(words)


@pytest.fixture
def shop(smsworks, tmp_path):
    """A person with a campaign of which a chunk was refused, and files that are not all right."""
    planned(smsworks, str(tmp_path / "journal.db"))
    (tmp_path / "people.csv").write_text("Mobile\n07700 900001\nnobody\n")
    return smsworks


PLAN = ("--campaign", "may", "--sender", "AcmeCorp", "--message", "Hi")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("campaign", "status", CAMPAIGN, "--exit-code"), 3),
        (("campaign", "status", CAMPAIGN, "--exit-code", "--json"), 3),
        (("campaign", "status", CAMPAIGN), 0),
        (("campaign", "plan", "people.csv", *PLAN), 1),
        (("campaign", "report", CAMPAIGN, "--offline"), 0),
        (("doctor", "--journal", "."), 1),
        (("doctor",), 0),
        (("check", "Hello"), 0),
        (("optouts", "add", "07700 900123"), 0),
        (("optouts", "add", "nobody"), 2),
        (("demo",), 0),
        (("--help",), 0),
        (("campaign", "status", "--help"), 0),
        (("--version",), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_closed_pipe_changes_no_exit_code(words, code, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert unread(*words) == code
    if "plan" not in words:  # which planned it
        assert shop(*words).code == code


def test_closed_pipe_ends_no_demo_before_its_end(smsworks, hosted):
    words = ("demo", "--yes", "--base-url", hosted.box.base_url)
    assert unread(*words) == 0
    assert hosted.box.accepted() == 1001


@pytest.mark.parametrize(
    "words",
    [
        ("campaign", "status", CAMPAIGN, "--watch"),
        ("campaign", "status", CAMPAIGN, "--watch", "--exit-code", "--json"),
        ("campaign", "export", CAMPAIGN, "--json"),
        ("search", "--all", "--json"),
        ("inbox", "--follow", "--every", "0.01"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_closed_pipe_ends_output_that_may_have_no_end_as_sigpipe_does(words, shop, hosted):
    shop(*SEND, "Hello")
    reply = {"sender": "447700900124", "to": "447700900000", "content": "Yes"}
    hosted.do(lambda box: box.receive(**reply))
    more = ("--since", "1h") if "inbox" in words else ()
    assert unread(*words, *more) == 128 + signal.SIGPIPE


def test_sandbox_serves_on_although_nobody_reads_its_log(command_line):
    with command_line.start("sandbox", "--port", "0", "--json") as process:
        try:
            box = json.loads(process.stdout.readline())
            process.stdout.close()
            command_line.set(BASE_URL=box["base_url"], TOKEN=box["token"])
            for _ in range(3):
                assert command_line("balance").code == 0
        finally:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def closing(*descriptors):
    """Return what closes standard descriptors of a process before it begins, as ``>&-`` does."""

    def close():
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("descriptors", [(1,), (0, 1, 2)])
def test_descriptors_that_are_closed_change_no_exit_code(descriptors, smsworks, hosted):
    for words, code in (((*SEND, "Hello"), 0), ((*SEND, "Hello"), 3), (("get", "1234"), 1)):
        process = smsworks.start(*words, preexec_fn=closing(*descriptors))
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code
        assert "Traceback" not in err
    assert hosted.box.accepted() == 1


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_error_for_programs_that_cannot_be_written_changes_no_exit_code(smsworks, hosted):
    hosted.box.add_fault(Fault(path="/message/send", status=402))
    with FULL.open("w") as full:
        process = smsworks.start(*SEND, "Hello", "--json", stderr=full)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 3


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_question_that_nobody_can_read_is_answered_with_no(shop, hosted):
    with FULL.open("w") as full:
        process = shop.start("campaign", "forget", CAMPAIGN, stderr=full)
        process.communicate("y\n", timeout=PATIENCE)
    assert process.returncode == 1
    assert shop("campaign", "status", CAMPAIGN, "--json").record["forgotten"] is None
