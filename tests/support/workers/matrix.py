"""A process that begins a campaign of any kind, and is killed in the middle of it."""

from __future__ import annotations

import asyncio
import json
import sys

from smsworks_async import AsyncSMSWorks, RetryPolicy
from support.workers.campaign import FatefulFile


async def main(order):
    journal = FatefulFile(order["path"])
    journal.fate = order["fate"]
    async with AsyncSMSWorks(
        order["token"], base_url=order["base_url"], retry=RetryPolicy(base=0)
    ) as sms:
        await getattr(sms.bulk, order["method"])(
            **order["fields"],
            chunk_size=order["chunk_size"],
            concurrency=1,
            journal=journal,
            campaign="x",
            settle=0,
        )
    await journal.close()


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
