"""Scheduled campaigns whose journal is a copy: batches may have been cancelled since."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smsworks_async import APIError, Outcome
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault
from support.messages import drama
from support.reports import named
from support.schedules import due_or_gone


FIRST = [f"4477009000{n:02d}" for n in range(10)]
in_a_file = pytest.mark.parametrize("scheduling", ["sqlite"], indirect=True)


@contextlib.asynccontextmanager
async def copy_of(scheduling):
    """Copy the journal's file, and return the journal of the copy."""
    path = Path(scheduling.journal.path).with_name("copy.db")
    with (
        closing(sqlite3.connect(scheduling.journal.path)) as old,
        closing(sqlite3.connect(path)) as new,
    ):
        old.backup(new)
    journal = SQLiteJournal(path, clock=scheduling.journal.clock)
    try:
        yield journal
    finally:
        await journal.close()


async def restore(scheduling, journal):
    return await scheduling.sms.bulk.reconcile("x", journal=journal, settle=0, restored=True)


@in_a_file
async def test_what_was_cancelled_since_the_copy_is_not_sent(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    async with copy_of(scheduling) as journal:
        assert (await scheduling.cancel()).not_sent == 25
        report = await restore(scheduling, journal)
        assert (report.accepted, report.unknown, report.not_sent) == (0, 0, 25)
        assert report.adds_up
        # The copy does not contain the cancellation either, so a person has to decide.
        status = await scheduling.sms.bulk.status("x", journal=journal)
        assert status.state == "paused"
        assert "cancelled after the copy" in status.why
        kept = {**scheduling.kept, "journal": journal}
        assert (await scheduling.sms.bulk.send(**kept)).not_sent == 25
    assert due_or_gone(scheduling.box) == {}


@in_a_file
async def test_what_was_scheduled_again_since_the_copy_is_in_doubt(scheduling):
    """The opted-out recipient opts in again, so that nothing else leads to the batch."""
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    async with copy_of(scheduling) as journal:
        await scheduling.opt_out(FIRST[3])
        assert (await scheduling.sms.bulk.send(**scheduling.kept)).opted_out == 1
        for _ in range(2):
            report = await restore(scheduling, journal)
            assert (report.accepted, report.unknown, report.adds_up) == (15, 10, True)
            assert named(report, Outcome.UNKNOWN) == FIRST
        kept = {**scheduling.kept, "journal": journal}
        await scheduling.sms.bulk.resume("x", journal=journal)
        report = await scheduling.sms.bulk.send(**kept, on_unknown="resend")
        assert report.unknown == 10
    assert set(due_or_gone(scheduling.box).values()) == {1}


@in_a_file
async def test_what_is_scheduled_as_the_copy_has_it_stays_accepted(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    async with copy_of(scheduling) as journal:
        assert (await restore(scheduling, journal)).accepted == 25
        await scheduling.box.advance(4000)
        assert (await restore(scheduling, journal)).accepted == 25


@in_a_file
async def test_nothing_changes_where_the_list_of_what_is_scheduled_cannot_be_read(scheduling):
    await scheduling.sms.bulk.send(**scheduling.kept, destinations=drama(25))
    async with copy_of(scheduling) as journal:
        await scheduling.cancel()
        scheduling.box.add_fault(Fault(path="/messages/schedule", error_code=4021, times=0))
        before = await journal.events("x")
        with pytest.raises(APIError):
            await restore(scheduling, journal)
        assert await journal.events("x") == before
