"""A journal restored from a copy: no recipient is texted twice, or the risk is announced."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from smsworks_async import (
    BulkInterrupted,
    JournalError,
    ValidationError,
)
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import ManualClock, Sandbox
from support.clock import SandboxClock, use_clock
from support.fault_matrix import Watched
from support.messages import TEXT_TO_MANY, drama
from support.reports import nobody_twice
from support.sandboxes import client


TWENTY = drama(20)


def backup(path, copy):
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


async def copied_while_it_ran(sms, path, clock, nth):
    """Run a campaign of five chunks to its end; its file is copied before one of the claims."""
    copy = path.with_name("copy.db")

    async def happens():
        backup(path, copy)

    journal = Watched(path, clock=clock, happens=happens, nth=nth)
    report = await sms.bulk.send(
        **TEXT_TO_MANY,
        destinations=TWENTY,
        journal=journal,
        campaign="x",
        chunk_size=4,
        concurrency=1,
    )
    await journal.close()
    assert report.accepted == 20
    return copy


async def damaged(path, clock):
    """Truncate a file; return the error of an attempt to use it."""
    with path.open("r+b") as file:
        file.truncate(file.seek(0, 2) // 2)
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(JournalError) as caught:
        await journal.summary("x")
    await journal.close()
    return str(caught.value)


async def test_a_damaged_journal_is_replaced_by_a_copy_reconciled_as_one_and_run_again(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    said = await damaged(path, clock)
    assert "restored=True" in said, "whoever follows the error's advice texts nobody twice"
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    posts = len([r for r in box.requests if r.path == "/batch/send"])
    report = await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert report.accepted == 20, "what was sent after the copy was made is found"
    kept = {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 4}
    again = await sms.bulk.send(**kept, destinations=TWENTY, on_unknown="resend")
    await journal.close()
    assert again.accepted == 20
    assert nobody_twice(box)
    assert len([r for r in box.requests if r.path == "/batch/send"]) == posts == 5


async def test_what_a_copy_has_pending_and_nobody_sent_is_sent_after_it_was_reconciled(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    copy = tmp_path / "copy.db"

    async def happens():  # the disk fails before the third claim, when one more was sent
        raise JournalError("the disk is broken")

    class Failing(Watched):
        async def claim_next(self, *args, **kwargs):
            if self.starts == 1:
                backup(path, copy)
            return await super().claim_next(*args, **kwargs)

    kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 4, "concurrency": 1}
    journal = Failing(path, clock=clock, happens=happens, nth=3)
    with pytest.raises(JournalError):
        await sms.bulk.send(**kept, journal=journal, destinations=TWENTY)
    await journal.close()
    assert box.accepted() == 8
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    report = await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert (report.accepted, report.unknown, report.not_sent) == (8, 0, 12)
    report = await sms.bulk.send(**kept, journal=journal)
    await journal.close()
    assert report.accepted == box.accepted() == 20
    assert nobody_twice(box)


@pytest.mark.parametrize(
    "settings",
    [{"rewrite": "trim"}, {"show_batch_ids": False}, {"rewrite": "typography"}],
    ids=str,
)
async def test_a_trace_of_what_a_copy_has_pending_keeps_it_from_being_sent(
    tmp_path, sms, box, clock, settings
):
    path = tmp_path / "campaigns.db"
    box.change_storage(**settings)
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    await sms.bulk.reconcile("x", journal=journal, restored=True)
    kept = {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 4}
    report = await sms.bulk.send(**kept, on_unknown="resend")
    await journal.close()
    assert nobody_twice(box)
    assert report.accepted + report.unknown == 20


async def test_a_copy_that_nobody_says_is_one_is_sent_again_as_the_docs_say(
    tmp_path, sms, box, clock
):
    """`send` cannot detect it: the risk that `restored=True` prevents."""
    path = tmp_path / "campaigns.db"
    copy = await copied_while_it_ran(sms, path, clock, nth=2)
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    await sms.bulk.send(**TEXT_TO_MANY, journal=journal, campaign="x", chunk_size=4)
    await journal.close()
    assert Counter(box.accepted_by_destination().values()) == {1: 4, 2: 16}


async def test_a_copy_that_was_made_during_planning_is_refused_since_it_lacks_recipients(
    tmp_path, sms, box, clock
):
    path, copy = tmp_path / "campaigns.db", tmp_path / "copy.db"

    def broken_off():
        yield from TWENTY[:12]
        raise OSError

    kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 4}
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(BulkInterrupted):
        await sms.bulk.send(**kept, journal=journal, destinations=broken_off())
    backup(path, copy)
    await sms.bulk.send(**kept, journal=journal, destinations=TWENTY)
    await journal.close()
    copy.replace(path)
    journal = SQLiteJournal(path, clock=clock)
    with pytest.raises(ValidationError, match="still being planned") as caught:
        await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert caught.value.field == "campaign"
    assert (await sms.bulk.status("x", journal=journal)).unknown == 0, "nothing has changed"
    await journal.close()
    assert nobody_twice(box)


async def test_a_round_that_a_copy_may_not_know_is_not_sent_again(tmp_path):
    path, copy = tmp_path / "campaigns.db", tmp_path / "copy.db"
    async with Sandbox(clock=ManualClock()) as box, client(box) as sms:
        clock = SandboxClock(box)
        use_clock(sms, clock)
        journal = SQLiteJournal(path, clock=clock)
        await sms.bulk.send(
            **TEXT_TO_MANY, destinations=["07700 900506"], journal=journal, campaign="x"
        )
        await box.advance(2000)
        backup(path, copy)
        await sms.bulk.retry_undelivered("x", journal=journal, attempts=2)
        await box.advance(2000)
        await journal.close()
        copy.replace(path)
        journal = SQLiteJournal(path, clock=clock)
        await sms.bulk.reconcile("x", journal=journal, restored=True)
        with pytest.raises(ValidationError, match="restored from a copy"):
            await sms.bulk.retry_undelivered("x", journal=journal, attempts=2)
        await journal.close()
        assert box.accepted("07700 900506") == 2
