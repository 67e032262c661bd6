"""A process with typical uses of a journal's file: campaigns, second handles, reads."""

from __future__ import annotations

import asyncio
import json
import sys

from smsworks_async import AsyncSMSWorks, JournalError, RetryPolicy
from smsworks_async.journals import SQLiteJournal
from support.clock import SharedClock, use_clock


TEXT = {"sender": "AcmeCorp", "content": "Hello"}


async def main(order):
    path = order["path"]
    reports = {}
    async with AsyncSMSWorks(
        order["token"],
        base_url=order["base_url"],
        timeout=order["timeout"],
        retry=RetryPolicy(base=0),
    ) as sms:
        clock = SharedClock(order["ahead"])
        use_clock(sms, clock)

        async def look(_):
            """Open and close the same file again, as `progress` may."""
            await sms.bulk.status(order["campaigns"][0], journal=path)
            seen = SQLiteJournal(path)
            await seen.add_seen("1", "DELIVERED")
            await seen.close()

        async def run(campaign):
            journal = SQLiteJournal(path, clock=clock)
            report = await sms.bulk.send(
                **TEXT,
                destinations=order["destinations"],
                chunk_size=order["chunk_size"],
                concurrency=2,
                journal=journal,
                campaign=campaign,
                settle=0,
                on_unknown=order.get("on_unknown", "report"),
                progress=look if order.get("second_handles") else None,
            )
            await journal.close()
            unknown = [n for b in report.batches if b.outcome == "unknown" for n in b.destinations]
            reports[campaign] = {
                "read": report.read,
                "accepted": report.accepted,
                "unknown": unknown,
                "adds_up": report.adds_up,
            }

        if order["what"] == "run":
            await asyncio.gather(*map(run, order["campaigns"]))
        else:  # repeated reads by a separate process
            for _ in range(order["times"]):
                await sms.bulk.status(order["campaigns"][0], journal=path)
    json.dump(reports, sys.stdout)


if __name__ == "__main__":
    try:
        asyncio.run(main(json.load(sys.stdin)))
    except JournalError as error:
        sys.exit(f"{error} ({error.__cause__!r})")
