"""A sandbox with a manual clock, for scheduled campaigns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import Journal, MemoryJournal, SQLiteJournal
from smsworks_async.sandbox import ManualClock, Sandbox
from support.clock import SandboxClock, use_clock
from support.messages import TEXT_TO_MANY
from support.sandboxes import AT_ONCE


#: The machine's own clock is before that, which single calls go by.
NOON = datetime(2050, 7, 1, 12, tzinfo=UTC)


@attrs.frozen
class Scheduling:
    """A sandbox, its client, a journal, and the arguments of a campaign that is due in an hour."""

    box: Sandbox
    sms: AsyncSMSWorks
    journal: Journal
    at: datetime

    @property
    def kept(self):
        return {
            **TEXT_TO_MANY,
            "journal": self.journal,
            "campaign": "x",
            "chunk_size": 10,
            "concurrency": 2,
            "at": self.at,
        }

    async def status(self):
        return await self.sms.bulk.status("x", journal=self.journal)

    async def cancel(self, **options):
        return await self.sms.bulk.cancel("x", journal=self.journal, **{"settle": 0, **options})

    async def opt_out(self, *numbers):
        for number in numbers:
            await self.journal.record_opt_out(number, "out", source="test")

    async def states(self):
        return [str(chunk.state) for chunk in await self.journal.chunks("x")]


@pytest.fixture(params=["memory", "sqlite"])
async def scheduling(request, tmp_path):
    async with (
        Sandbox(clock=ManualClock(NOON), delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        clock = SandboxClock(box)
        use_clock(sms, clock)
        at = datetime.fromtimestamp(box.now, UTC) + timedelta(hours=1)
        if request.param == "memory":
            journal: Journal = MemoryJournal(clock=clock)
        else:
            journal = SQLiteJournal(tmp_path / "journal.db", clock=clock)
        yield Scheduling(box, sms, journal, at)
        await journal.close()
