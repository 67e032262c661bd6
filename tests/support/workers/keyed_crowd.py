"""A process in which many tasks make the same calls with idempotency keys."""

from __future__ import annotations

import asyncio
import json
import sys

from smsworks_async import AsyncSMSWorks, RetryPolicy
from support.keyed_crowd import Crowd


async def main(order):
    crowd = Crowd(order["count"])
    async with AsyncSMSWorks(
        order["token"],
        base_url=order["base_url"],
        retry=RetryPolicy(base=0),
        journal=order["path"],
    ) as sms:
        await asyncio.to_thread(sys.stdin.readline)  # all begin at once
        await crowd.call_in_tasks(sms, order["tasks"])
    json.dump(crowd.answers, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
