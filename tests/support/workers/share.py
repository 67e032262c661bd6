"""Processes that each call `bulk.work` once, forked from this one, which has imported all modules.

Each line of its input is an order, in JSON. It answers with the process id of the process that
carries the order out, which writes the result into the file that the order names.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp  # noqa: F401 - so that no process imports it for itself
import asyncpg  # noqa: F401

from smsworks_async import AsyncSMSWorks, RetryPolicy, SMSWorksError
from smsworks_async.journals.postgres import weather


def set_clock(file):
    """Set this process's clock ahead by the number of seconds in a file, which is read each
    time."""
    right = time.time
    time.time = lambda: right() + float(Path(file).read_text())


async def call(sms, order):
    if "plan" in order:
        status = await sms.bulk.plan(**order["plan"], campaign=order["campaign"])
        return {"read": status.read}
    report = await sms.bulk.work(
        order["campaign"], concurrency=order.get("concurrency", 3), seconds=order.get("seconds")
    )
    counts = ("read", "accepted", "rejected", "unknown", "not_sent", "opted_out", "adds_up")
    return {name: getattr(report, name) for name in counts}


async def carry_out(order):
    weather.PATIENCE = order.get("patience", weather.PATIENCE)
    if "ahead" in order:
        set_clock(order["ahead"])
    async with AsyncSMSWorks(
        order["token"],
        base_url=order["base_url"],
        journal=order["journal"],
        timeout=order.get("timeout", 30.0),
        retry=RetryPolicy(base=0),
    ) as sms:
        try:
            return {"error": None, **await call(sms, order)}
        except SMSWorksError as error:
            kind = type(error).__name__
            return {"error": kind, "words": str(error), "retryable": error.retryable}


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            order = json.loads(line)
            said = asyncio.run(carry_out(order))
            new = Path(f"{order['said']}.new")
            new.write_text(json.dumps(said))
            new.replace(order["said"])
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
