"""Forgotten campaigns: no number and no text is left in the file or its log."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smsworks_async import AsyncSMSWorks, JournalError, ValidationError
from smsworks_async.journals import SQLiteJournal
from smsworks_async.journals.sqlite import erasure
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.journals import bytes_of
from support.messages import drama
from support.sandboxes import AT_ONCE


SENDER = "AcmeCorp"
#: Texts and rows of the campaign that is forgotten, each with a word that appears nowhere else.
CONTENT = "Zebra Grüße: we open at nine"
TEMPLATE = "Quagga {name}, your seat is kept"
NEEDLES = [b"Zebra", b"Quagga", b"Okapi", b"Tapir", b"seat is kept", b"7700900", b"7700 900"]


@pytest.fixture
async def opened(tmp_path):
    """A journal in a file, open until the test ends, so that the file has its log."""
    journal = SQLiteJournal(tmp_path / "journal.db")
    yield journal
    await journal.close()


def remains(folder, needles=NEEDLES):
    """Return the needles that are found in the bytes of a journal's files."""
    data = bytes_of(folder / "journal.db")
    forms = (data, data.replace(b"\x00", b""))  # as it is, and from UTF-16
    return {needle for needle in needles if any(needle in form for form in forms)}


def decoded(path):
    """Return all values of a journal's file as text, those that are JSON decoded."""
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump())
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), dump)


async def fill(sms, box, journal):
    """Send two campaigns with numbers and texts in every text field of a journal."""
    quoting = json.dumps({"message": "Okapi 07700 900123 is no good"})
    box.add_fault(Fault(path="/batch/send", status=400, body=quoting, nth=3))
    people = [*drama(120), "nobody 7700900999", *drama(3), "Tapir"]
    kept = {"sender": SENDER, "journal": journal, "chunk_size": 20, "concurrency": 1}
    await sms.bulk.send(**kept, content=CONTENT, destinations=people, campaign="one")
    rows = [{"destination": number, "name": f"Tapir {n}"} for n, number in enumerate(drama(300))]
    rows.append({"destination": "07700 900001"})
    await sms.bulk.send_each(**kept, template=TEMPLATE, rows=rows, campaign="each")


async def test_a_forgotten_campaign_is_nowhere_in_the_file_nor_in_its_log(
    sms, box, opened, tmp_path
):
    await fill(sms, box, opened)
    assert remains(tmp_path) == {*NEEDLES}
    before = {name: await sms.bulk.status(name, journal=opened) for name in ("one", "each")}
    events = {name: await opened.events(name) for name in before}
    for name in before:
        await sms.bulk.forget(name, journal=opened)
    assert remains(tmp_path) == set()
    assert (tmp_path / "journal.db-wal").exists()
    for name, status in before.items():
        now = await sms.bulk.status(name, journal=opened)
        assert now.forgotten is not None
        assert (now.accepted, now.rejected, now.invalid, now.duplicates, now.read) == (
            *(status.accepted, status.rejected, status.invalid, status.duplicates, status.read),
        )
        batches = {e.detail for e in events[name] if e.what == "accepted"}
        assert batches == {e.detail for e in await opened.events(name)} - {""}
    await opened.close()
    assert remains(tmp_path) == set()
    text = decoded(tmp_path / "journal.db")
    assert "batch-" in text or "accepted" in text
    assert not [needle for needle in NEEDLES if needle.decode() in text]
    assert "Grüße" not in text


async def test_forget_erases_what_a_closed_file_of_another_process_has(sms, box, tmp_path):
    path = tmp_path / "journal.db"
    await fill(sms, box, path)
    for name in ("one", "each"):
        await sms.bulk.forget(name, journal=path)
    assert remains(tmp_path) == set()


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM recipients").fetchone()
print("reads", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Return a function that starts a process which reads the journal until it is stopped."""
    monkeypatch.setattr(erasure, "SWEEP_PATIENCE", 0.0)
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", READER, tmp_path / "journal.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"reads\n"
        return process

    yield start
    for process in started:
        process.communicate()


@pytest.mark.parametrize("by", ["forget", "prune"])
async def test_forget_says_that_it_is_not_erased_while_another_process_reads(
    sms, box, opened, reader, by
):
    folder = Path(opened.path).parent
    await fill(sms, box, opened)

    async def erase():
        if by == "prune":
            return await sms.bulk.prune(before=timedelta(0), journal=opened)
        for name in ("one", "each"):
            await sms.bulk.forget(name, journal=opened)
        return ["one", "each"]

    other = reader()
    with pytest.raises(JournalError, match="not erased yet") as caught:
        await erase()
    assert caught.value.retryable
    assert remains(folder) != set()
    status = await sms.bulk.status("one", journal=opened)
    assert (status.accepted, status.forgotten) == (100, None)
    other.communicate()
    assert await erase() == ["one", "each"]
    assert remains(folder) == set()
    assert (await sms.bulk.status("one", journal=opened)).forgotten is not None
    # The journal remains usable.
    report = await sms.bulk.send(
        sender=SENDER, content="Hi", destinations=drama(2), journal=opened, campaign="next"
    )
    assert report.accepted == 2


async def test_calls_on_a_forgotten_campaign_say_what_is_gone(sms, kept, journal, tmp_path):
    await sms.bulk.send(**kept, destinations=drama(20))
    assert await sms.bulk.forget("x", journal=journal) is None

    async def drain():
        return [row async for row in sms.bulk.outcomes("x", journal=journal)]

    for call in (
        sms.bulk.send(**kept),
        sms.bulk.send(**kept, destinations=drama(20)),
        sms.bulk.reconcile("x", journal=journal),
        sms.bulk.reconcile("x", journal=journal, restored=True),
        sms.bulk.retry_undelivered("x", journal=journal),
        sms.bulk.export("x", journal=journal, to=tmp_path / "out.csv"),
        drain(),
    ):
        with pytest.raises(ValidationError, match="'x' was forgotten") as caught:
            await call
        assert caught.value.field == "campaign"
    assert list(tmp_path.iterdir()) == []
    status = await sms.bulk.status("x", journal=journal)
    assert (status.state, status.accepted) == ("done", 20)
    assert status == (await anext(sms.bulk.campaigns(journal=journal)))


async def test_follow_still_knows_the_batches_of_a_forgotten_campaign(kept, journal):
    async with (
        Sandbox(clock=ManualClock()) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        await sms.bulk.send(**kept, destinations=drama(20))
        await box.advance(60)
        await sms.bulk.forget("x", journal=journal)
        assert len([record async for record in sms.bulk.follow("x", journal=journal)]) == 20


async def test_forget_refuses_a_campaign_that_is_open_or_not_there(sms, kept, journal):
    plan = {name: kept[name] for name in kept if name != "concurrency"}
    await sms.bulk.plan(**plan, destinations=drama(5))
    with pytest.raises(ValidationError, match="5 recipients are still pending"):
        await sms.bulk.forget("x", journal=journal)
    with pytest.raises(ValidationError, match="no campaign 'y'"):
        await sms.bulk.forget("y", journal=journal)
    assert (await sms.bulk.send(**kept)).accepted == 5
    with pytest.raises(JournalError, match="no journal at this path"):
        await sms.bulk.forget("x", journal="missing.db")


@pytest.mark.parametrize("as_age", [True, False])
async def test_prune_takes_a_moment_or_an_age(sms, clock, kept, journal, as_age):
    await sms.bulk.send(**kept, destinations=drama(5))
    clock.advance(3600)
    await sms.bulk.send(**{**kept, "campaign": "y"}, destinations=drama(5))

    def before(seconds):
        moment = datetime.fromtimestamp(clock() - seconds, UTC)
        return timedelta(seconds=seconds) if as_age else moment

    assert await sms.bulk.prune(before=before(7200), journal=journal) == []
    assert await sms.bulk.prune(before=before(1800), journal=journal) == ["x"]
    found = {status.campaign: status async for status in sms.bulk.campaigns(journal=journal)}
    assert (found["x"].forgotten, found["y"].forgotten) == (
        datetime.fromtimestamp(clock(), UTC),
        None,
    )


@pytest.mark.parametrize("before", [datetime(2031, 1, 1), timedelta(-1), 90, None])  # noqa: DTZ001
async def test_prune_refuses_other_moments(sms, journal, before):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.prune(before=before, journal=journal)
    assert caught.value.field == "before"


async def test_forget_keeps_the_opt_outs_of_the_same_journal(box, opened):
    settings = {"base_url": box.base_url, "retry": AT_ONCE, "journal": opened}
    async with AsyncSMSWorks(box.token, **settings) as client:
        await client.opt_outs.add("07700 900001", source="shop")
        kept = {"sender": SENDER, "content": CONTENT, "campaign": "x"}
        report = await client.bulk.send(**kept, destinations=drama(3))
        assert (report.accepted, report.opted_out) == (2, 1)
        await client.bulk.forget("x")
        assert await client.opt_outs.contains("07700 900001")
        status = await client.bulk.status("x")
        assert (status.accepted, status.opted_out) == (2, 1)
