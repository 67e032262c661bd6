"""A process that forks another one for each call with an idempotency key that it is ordered to
make.

It makes no call itself, so that the process of a call has no state of earlier calls. An order, and
each answer, is a line of JSON; see `support.keyed_calls`.
"""

from __future__ import annotations

import asyncio
import decimal  # noqa: F401
import gc
import json
import os
import resource
import signal
import sys

import aiohttp

# Modules that a call imports when it is made. Forked processes have them already, and a process of
# another user may not be able to read them.
import smsworks_async._idempotency.sends
import smsworks_async.optouts  # noqa: F401
from smsworks_async import AsyncSMSWorks, RetryPolicy, SMSWorksError
from smsworks_async.journals import SQLiteJournal
from support import keyed
from support.clock import HastyClock, use_clock
from support.waiting import end_calls


PATIENCE = 600  # seconds after which a process that hangs is ended


def say(**line):
    os.write(1, json.dumps(line).encode() + b"\n")


class StruckJournal(SQLiteJournal):
    """A journal that signals the process before or after a claim or a record."""

    def __init__(self, path, clock, strike):
        super().__init__(path, clock=clock)
        self._given = strike

    def _strike(self, where):
        if self._given.get("where") == where:
            os.kill(os.getpid(), getattr(signal, self._given["signal"]))

    async def claim_key(self, *args, **kwargs):
        self._strike("before the claim")
        kept = await super().claim_key(*args, **kwargs)
        self._strike("after the claim")
        return kept

    async def finish_key(self, *args, **kwargs):
        self._strike("before the record")
        kept = await super().finish_key(*args, **kwargs)
        self._strike("after the record")
        return kept


class Fork:
    """Forks a process, once, that continues the call like the first one.

    Args:
        goes_first: whether the forked process ends before the first one continues, which stops
            meanwhile and has to be woken; otherwise it begins when the first one has ended.
    """

    def __init__(self, goes_first):
        self._goes_first = goes_first
        self._child = None
        self._blocked, self._blocks = os.pipe()

    def __call__(self):
        if self._child is not None:
            return
        loop = asyncio.get_running_loop()
        self._child = os.fork()
        if not self._child:
            signal.alarm(PATIENCE)
            # Some loops continue in a forked process; asyncio's loop has to be set.
            asyncio._set_running_loop(loop)
            os.close(self._blocks)
            if not self._goes_first:
                os.read(self._blocked, 1)
        elif self._goes_first:
            self._wait()
            os.kill(os.getpid(), signal.SIGSTOP)

    def end(self):
        """Wait for the process and its output."""
        if self._child and not self._goes_first:
            os.close(self._blocks)
            self._wait()

    def _wait(self):
        _, status = os.waitpid(self._child, 0)
        if status:
            say(verdict=f"the forked process ended with {status}", forked=True)

    @property
    def is_child(self):
        return self._child == 0


async def call(order, fork):
    clock = HastyClock(order["clocks"], sets=order.get("sleep_sets_clocks", False))
    journal = StruckJournal(order["path"], clock, order.get("strike", {}))
    trace = aiohttp.TraceConfig()
    if order.get("fork", {}).get("where") == "trace":
        trace.on_request_start.append(lambda *_: forking())

    async def forking():
        fork()

    async def token():
        fork()
        return order["token"]

    sms = AsyncSMSWorks(
        token if order.get("fork", {}).get("where") == "token" else order["token"],
        base_url=order["base_url"],
        timeout=order["timeout"],
        retry=RetryPolicy(base=0),
        trace_configs=[trace],
        journal=journal,
    )
    use_clock(sms, clock)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, end_calls, sms)
    try:
        answer = await keyed.call(sms, order["way"], **order["arguments"])
    except SMSWorksError as error:
        words = str(error)
        said = {"verdict": type(error).__name__, "repeatable": error.safe_to_repeat, "words": words}
    except Exception as error:
        if not fork.is_child:
            raise
        said = {"verdict": type(error).__name__, "words": str(error)}
    else:
        found = getattr(answer, "batch_id", None) or answer.message_id
        said = {"verdict": "accepted", "id": found, "replayed": answer.replayed}
    say(**said, forked=fork.is_child)
    if fork.is_child:
        os._exit(0)
    await sms.close()
    await journal.close()
    fork.end()


def prepare(order):
    """Remove the rights and resources that the order withholds from the process."""
    if "user" in order and os.getuid() == 0:
        os.setuid(order["user"])
    if "largest_file" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"],) * 2)


def run(order):
    signal.alarm(PATIENCE)
    prepare(order)
    fork = Fork(order.get("fork", {}).get("goes_first", True))
    try:
        asyncio.run(call(order, fork))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def main():
    gc.freeze()  # so that memory stays shared with the processes that are forked
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            run(json.loads(line))
        say(pid=pid)
        while True:
            _, status = os.waitpid(pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            say(stopped=True)
        say(ended=-os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
