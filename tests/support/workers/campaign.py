"""A process that sends a campaign, and that can be killed or stopped at a chosen moment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import ClassVar

from smsworks_async import AsyncSMSWorks, RetryPolicy, SendWindow
from smsworks_async.journals import PostgresJournal, SQLiteJournal
from support.clock import SharedClock, use_clock


class Fateful:
    """A journal that signals the process before or after its n-th claim or finish."""

    fate: ClassVar = {}
    starts = finishes = 0

    def _strike(self, where, count):
        if self.fate.get("where") == where and self.fate["nth"] == count:
            os.kill(os.getpid(), getattr(signal, self.fate["signal"]))

    async def claim_next(self, *args, **kwargs):
        self.starts += 1
        count = self.starts
        self._strike("before start", count)
        claim = await super().claim_next(*args, **kwargs)
        self._strike("after start", count)
        return claim

    async def finish(self, *args, **kwargs):
        self.finishes += 1
        count = self.finishes
        self._strike("before finish", count)
        entry = await super().finish(*args, **kwargs)
        self._strike("after finish", count)
        return entry


class FatefulFile(Fateful, SQLiteJournal):
    pass


class FatefulDatabase(Fateful, PostgresJournal):
    pass


async def main(order):
    clock = SharedClock(order["ahead"]) if "ahead" in order else None
    kind = FatefulDatabase if order["path"].startswith("postgresql:") else FatefulFile
    journal = kind(order["path"], clock=clock or time.time)
    journal.fate = order.get("fate", {})
    async with AsyncSMSWorks(
        order["token"],
        base_url=order["base_url"],
        timeout=order.get("timeout", 30.0),
        retry=RetryPolicy(base=0),
    ) as sms:
        if clock is not None:
            use_clock(sms, clock)
        report = await sms.bulk.send(
            sender="AcmeCorp",
            content="Hello",
            destinations=order["destinations"],
            chunk_size=order["chunk_size"],
            concurrency=order.get("concurrency", 3),
            journal=journal,
            campaign="x",
            settle=0,
            on_unknown=order.get("on_unknown", "report"),
            window=SendWindow(*order["window"], outside="stop") if "window" in order else None,
        )
    await journal.close()
    unknown = [n for b in report.batches if b.outcome == "unknown" for n in b.destinations]
    not_sent = [n for b in report.batches if b.outcome == "not sent" for n in b.destinations]
    said = {"accepted": report.accepted, "unknown": unknown, "not_sent": not_sent}
    json.dump(said | {"adds_up": report.adds_up, "read": report.read}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
