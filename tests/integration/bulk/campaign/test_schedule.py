"""Campaigns whose batches are scheduled: when they go, and who is cancelled in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import ManualClock, Sandbox
from support.clock import SandboxClock, use_clock
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE


@pytest.fixture
async def box():
    async with Sandbox(clock=ManualClock(), delivery_delay=5) as sandbox:
        yield sandbox


@pytest.fixture
async def sms(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        use_clock(client, SandboxClock(box))
        yield client


@pytest.fixture
def journal(box):
    return MemoryJournal(clock=SandboxClock(box))


@pytest.fixture
def at(box):
    """An hour from now."""
    return datetime.fromtimestamp(box.now, UTC) + timedelta(hours=1)


@pytest.fixture
def kept(journal, at):
    more = {"journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 2, "at": at}
    return {**TEXT_TO_MANY, **more}


def statuses(box):
    """Count the sandbox's messages by status."""
    found = {}
    for message in box.messages:
        found[message.status] = found.get(message.status, 0) + 1
    return found


def texted(box):
    """Return how often each number was texted."""
    return box.accepted_by_destination()


async def test_a_scheduled_campaign_goes_out_at_its_time(sms, box, kept, journal, at):
    report = await sms.bulk.send(**kept, destinations=drama(25))
    assert (report.accepted, report.all_accepted) == (25, True)
    assert statuses(box) == {"SCHEDULED": 25}
    assert {job.schedule for job in await sms.messages.scheduled()} == {at}
    status = await sms.bulk.status("x", journal=journal)
    assert (status.at, status.scheduled, status.state) == (at, 25, "running")
    await box.advance(3700)
    assert statuses(box) == {"DELIVERED": 25}
    status = await sms.bulk.status("x", journal=journal)
    assert (status.scheduled, status.state) == (0, "done")
    # Again it schedules nothing, although its time is over.
    assert (await sms.bulk.send(**kept)).accepted == 25
    assert len(box.messages) == 25
