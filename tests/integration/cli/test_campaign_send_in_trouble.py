"""`smsworks campaign send` with faulty files, journals, disks and terminals."""

from __future__ import annotations

import itertools
import os
import select
import signal
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import JournalError
from smsworks_async.cli import _campaign_send
from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite import file as sqlite_file
from support.campaign_send import BAD, EVERYBODY, TEXT, send, texted
from support.waiting import PATIENCE


FULL = Path("/dev/full")


def test_campaign_send_is_refused_without_the_credits_for_it(smsworks, hosted, people):
    hosted.do(lambda box: setattr(box, "credits", 2.0))
    done = smsworks(*send(people(), "--yes"))
    assert (done.code, texted(hosted)) == (3, {})
    assert "takes 3 credits, and the account has 2" in done.error


UNREADABLE = pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("", None, "is a folder"),
        ("missing.csv", None, "cannot be read: No such file"),
        ("empty.csv", b"", "is empty"),
        ("a.csv", b"Name,Phone,Mobile\nA,1,2\n", "the option is --column HEADING"),
        ("a.csv", b"Name,Kontakt\nA,07700900001\n", "the option is --column HEADING"),
        ("a.xlsx", b"PK\x03\x04 and no more", "damaged or incomplete"),
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0",
            "password",
        ),
        ("a.csv", b"Mobile,b\n07700900001,x\n", "no column has that heading"),
        ("a.csv", b'Name,Mobile\n"A,07700900001\n', "never closed"),
    ],
)


@UNREADABLE
def test_campaign_send_says_in_a_line_what_is_wrong_with_a_file(
    smsworks, tmp_path, name, data, words
):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    text = "Hi {Vorname}" if "that heading" in words else TEXT
    done = smsworks(*send(str(tmp_path / name), "--yes", text=text))
    assert done.code == 2
    assert words in done.error


def test_campaign_send_says_that_nobody_can_be_texted(smsworks, people):
    done = smsworks(*send(people(rows=[BAD]), "--yes"))
    assert done.code == 3
    assert "no recipient that can be texted" in done.error


def test_campaign_send_tells_of_a_journal_that_is_in_use_elsewhere(
    smsworks, hosted, people, tmp_path, monkeypatch
):
    journal = tmp_path / "j.db"
    with hosted.client(journal=str(journal)) as sms:
        sms.opt_outs.add("07700 900999")
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.05)
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        done = smsworks(*send(people(), "--yes", "--journal", str(journal)))
    assert (done.code, texted(hosted)) == (3, {})
    assert "lock" in done.error


@pytest.fixture
def failing(monkeypatch):
    """Return a function that makes journals fail from the n-th call of a method on."""

    def fail(method, number):
        real, calls = getattr(SQLiteJournal, method), itertools.count(1)

        async def called(self, *args, **options):
            if next(calls) >= number:
                raise JournalError("the disk is full")
            return await real(self, *args, **options)

        monkeypatch.setattr(SQLiteJournal, method, called)

    return fail


@pytest.mark.parametrize("failure", [("claim_next", 3), ("finish", 1)])
def test_campaign_send_says_that_texts_left_before_the_journal_failed(
    smsworks, hosted, people, failing, failure
):
    failing(*failure)
    done = smsworks(*send(people(), "--yes", "--chunk-size", "1", "--concurrency", "1"))
    assert sum(texted(hosted).values()) > 0
    assert done.code == 4
    assert "the disk is full; texts may have been accepted" in done.error


def test_campaign_send_sent_nothing_where_the_first_claim_fails(smsworks, hosted, people, failing):
    failing("claim_next", 1)
    done = smsworks(*send(people(), "--yes"))
    assert (done.code, done.error, texted(hosted)) == (3, "the disk is full", {})


def test_campaign_send_sends_although_the_copy_of_what_was_set_aside_cannot_be_written(
    smsworks, hosted, people, monkeypatch
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    done = smsworks(*send(people(BAD), "--yes"))
    assert (done.code, texted(hosted)) == (1, EVERYBODY)
    assert "cannot be written beside the file: No space left on device" in done.error


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_campaign_send_sends_to_everybody_once_although_nobody_reads_what_it_writes(
    smsworks, hosted, people
):
    with FULL.open("w") as full:
        done = smsworks.run(*send(people(), "--yes"), stdout=full)
    assert done.code == 1
    assert "standard output cannot be written to" in done.error
    assert texted(hosted) == EVERYBODY
    other = send(people(name="b.csv"), "--yes", "--again", text="Other. STOP to opt out")
    with smsworks.start(*other) as process:
        process.stdout.close()
        process.stdin.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (0, "")
    assert set(texted(hosted).values()) == {2}


def test_campaign_send_of_a_journal_in_no_folder_sends_nothing(smsworks, hosted, people):
    done = smsworks(*send(people(), "--yes", "--journal", "/nowhere/at/all/j.db"))
    assert done.code in {2, 3}
    assert texted(hosted) == {}
    assert len(done.err.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="this system has no pseudo-terminals")
def test_campaign_send_shows_a_bar_on_a_terminal_and_takes_it_away(smsworks, hosted, people):
    import fcntl
    import termios

    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {"TERM": "xterm", "NO_COLOR": "1"}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), its)
    with smsworks.start(*send(people()), variables=variables, **pipes) as process:
        os.close(its)
        written = ""
        asked = False
        while process.poll() is None or written[-1:] != "\n":
            ready, _, _ = select.select([ours], [], [], PATIENCE)
            assert ready, written
            try:
                written += os.read(ours, 4096).decode()
            except OSError:  # Linux's error for a closed terminal
                break
            if "[y/N]" in written and not asked:
                asked = os.write(ours, b"y\n") == 2
    os.close(ours)
    assert process.returncode == 0, written
    assert texted(hosted) == EVERYBODY
    shown = written.replace("\r", "")
    assert "Planning \u2501" in shown or "Planning \u2578" in shown or "Sending \u2501" in shown
    assert shown.rstrip().splitlines()[-4].startswith("Accepted  3")


def test_campaign_send_looks_again_once_it_is_planned(smsworks, hosted, people, monkeypatch):
    """Check a list in another order, which is another campaign, sent from another terminal."""
    lines = Path(people()).read_text("utf-8").splitlines()
    other = Path(people()).with_name("other.csv")
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]), "utf-8")
    looked, elsewhere = _campaign_send.find_earlier, []

    async def look(*args, **options):
        found = await looked(*args, **options)
        if not elsewhere:  # the other process sends just after this one has checked
            elsewhere.append(smsworks.run(*send(str(other), "--yes")).code)
        return found

    monkeypatch.setattr(_campaign_send, "find_earlier", look)
    done = smsworks(*send(people(), "--yes"))
    assert (elsewhere, done.code) == ([0], 3)
    assert "in the meantime; nothing was sent" in done.error
    assert set(texted(hosted).values()) == {1}
    assert smsworks(*send(people(), "--yes")).code == 3
    assert set(texted(hosted).values()) == {1}


def test_campaign_send_can_be_stopped_while_it_waits_for_another_campaign(
    smsworks, hosted, people, monkeypatch
):
    def wait(_, __, *, check):
        signal.raise_signal(signal.SIGINT)
        check()

    with monkeypatch.context() as patch:
        patch.setattr(_campaign_send, "find_conflict", wait)
        stopped = smsworks(*send(people(), "--yes"))
    assert (stopped.code, texted(hosted)) == (130, {})
    assert stopped.error == (
        "stopped: 0 accepted, 3 not sent, none unknown; run the same command to continue"
    )
    assert smsworks(*send(people(), "--yes")).code == 0
    assert texted(hosted) == EVERYBODY
