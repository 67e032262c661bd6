"""Waiting for conditions instead of sleeping, and expiring a client's calls early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import Sandbox
from support.internals import server_of


#: The seconds after which a hanging test fails; more than the slowest machine needs.
PATIENCE = 600.0


async def until(condition: Callable[[], object], *processes: asyncio.subprocess.Process) -> None:
    """Run the loop until a condition holds; fail rather than hang.

    Args:
        condition: returns whether it holds.
        processes: the processes that cause the condition; the test fails if one ends before it.
    """
    turns = 0
    async with asyncio.timeout(PATIENCE):
        while not condition():
            ended = [process.returncode for process in processes if process.returncode is not None]
            assert not ended, f"a process ended with {ended[0]} before the condition held"
            turns += 1
            # After many turns the condition probably depends on other processes, which need the
            # CPU.
            await asyncio.sleep(0 if turns < 1000 else 0.005)


def when_held(box: Sandbox, function: Callable[[], object]) -> None:
    """Call a function, on the sandbox's loop, whenever a fault begins to hold a request."""
    gate = server_of(box).gate
    wait = gate.wait

    async def told(seconds: float | None) -> None:
        asyncio.get_running_loop().call_soon(function)
        await wait(seconds)

    gate.wait = told  # type: ignore[method-assign]


def end_calls(sms: AsyncSMSWorks) -> None:
    """Expire the time-outs of all running calls of a client."""
    sessions = sms._sessions
    now = asyncio.get_running_loop().time()
    for deadlines in (sessions._deadlines, *sessions._limited.values()):
        for scope in list(deadlines._running):
            deadlines.end(scope)
            scope.reschedule(now)


def give_up_when_held(box: Sandbox, sms: AsyncSMSWorks) -> None:
    """Expire a client's calls as soon as the sandbox holds a request.

    On a slow machine a short time-out would expire before the request reaches the sandbox.
    """
    when_held(box, lambda: end_calls(sms))
