"""All kinds of calls with an idempotency key, made by processes that can be killed or stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import attrs

from smsworks_async.sandbox import Sandbox
from support.clock import set_both_clocks, settle
from support.keyed import WAYS
from support.processes import environment, worker_command
from support.waiting import until, when_held


#: The time-out of a call and the length of its lease, in seconds.
TIMEOUT = 30.0
LEASE = 38.5
#: Longer than a lease and all waits of a resent call.
AGES = 1000.0


def recipients(way: str) -> set[str]:
    """Return the numbers of a call in the sandbox's format."""
    fields = WAYS[way][1]
    several = fields.get("destinations") or [
        message["destination"] for message in fields.get("messages", [fields])
    ]
    return {f"44{number.replace(' ', '')[1:]}" for number in several}


@attrs.frozen
class Said:
    """The result of a call in its own process.

    Attributes:
        verdict: "accepted", or the name of the exception.
        id: the id of the message or batch.
        replayed: whether it was accepted before.
        repeatable: whether the exception is safe to repeat for the same call.
        words: the exception's message.
        forked: whether it was reported by a process that was forked during the call.
    """

    verdict: str
    id: str | None = None
    replayed: bool | None = None
    repeatable: bool | None = None
    words: str = ""
    forked: bool = False

    @property
    def outcome(self) -> tuple[str, str | None]:
        return self.verdict, self.id


class Callers:
    """A process that imports the package once, and forks a process for each call.

    Each call's process is new to the journal and to the API, like a freshly started one.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            worker_command("keyed_call"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._running: int | None = None

    def close(self) -> None:
        """Terminate it, and a call left by a failed test."""
        if self._running is not None:
            os.kill(self._running, signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    async def start(self, order: dict[str, Any]) -> Call:
        """Start a call after the previous one has ended."""
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        self._running = (await self.read())["pid"]
        return Call(self, self._running)

    async def read(self) -> dict[str, Any]:
        """Return the next line of its processes' output."""
        line = json.loads(await asyncio.to_thread(self._process.stdout.readline))
        if "ended" in line:
            self._running = None
        return line


class Call:
    """A process that makes one call."""

    def __init__(self, callers: Callers, pid: int) -> None:
        self._callers = callers
        self._said: list[Said] = []
        self.pid = pid

    async def stopped(self) -> None:
        """Wait until it has stopped itself."""
        assert "stopped" in await self._next()

    def go_on(self) -> None:
        """Wake the process that was stopped."""
        os.kill(self.pid, signal.SIGCONT)

    async def ended(self) -> list[Said] | int:
        """Wait until it has ended; return its result, or the signal that ended it.

        A negative number is the exit status of a failed process.
        """
        line = await self._next()
        return line["ended"] or self._said

    async def _next(self) -> dict[str, Any]:
        while "verdict" in (line := await self._callers.read()):
            self._said.append(Said(**line))
        return line


class Journaled:
    """A sandbox and a journal's file, shared by calls with one key.

    Args:
        box: the sandbox.
        path: the file.
        callers: starts the processes.
        way: one of `WAYS`.
    """

    def __init__(self, box: Sandbox, path: Path, callers: Callers, way: str) -> None:
        self.box, self.path, self.callers, self.way = box, path, callers, way
        self._ahead = self._passed = 0.0
        self.let_pass(0)

    def let_pass(self, seconds: float) -> None:
        """Let time pass, by both clocks of every process but not the sandbox's."""
        self._passed += seconds
        self.set_ahead(seconds)

    def set_ahead(self, seconds: float) -> None:
        """Set the wall clock, which the journal uses, without time passing."""
        self._ahead += seconds
        set_both_clocks(self._clocks, self._ahead, self._passed)

    async def let_pass_everywhere(self, seconds: float) -> None:
        """Let time pass, by a `ManualClock` of the sandbox too."""
        self.let_pass(seconds)
        await self.box.advance(seconds)

    def state(self) -> str:
        """Return the stored state of the key's request, without checking the lease.

        Raises:
            sqlite3.OperationalError: no process has opened the file.
        """
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            [(state,)] = connection.execute("SELECT state FROM idempotency_key")
        return state

    @property
    def _clocks(self) -> Path:
        return self.path.with_name("clocks")

    def order(
        self, more: Mapping[str, Any] = MappingProxyType({}), **process: Any
    ) -> dict[str, Any]:
        """Return an order for a process.

        Args:
            more: arguments of the call.
            process: events in the process; see the worker.
        """
        return {
            "path": str(self.path),
            "clocks": str(self._clocks),
            "token": self.box.token,
            "base_url": self.box.base_url,
            "timeout": TIMEOUT,
            "way": self.way,
            "arguments": dict(more),
            **process,
        }

    async def call(self, **process: Any) -> Said:
        """Make the call in a new process; return its result."""
        call = await self.callers.start(self.order(**process))
        said = await call.ended()
        assert isinstance(said, list), f"its process ended with {said}"
        return said[0]

    async def send_again(self) -> Said:
        """Make the call in a new process with on_unknown="resend".

        Its waits advance the clocks of all processes.
        """
        return await self.call(more={"on_unknown": "resend"}, sleep_sets_clocks=True)

    async def call_and_die(self, where: str) -> None:
        """Make the call in a new process that is killed at some point."""
        call = await self.callers.start(self.order(strike={"where": where, "signal": "SIGKILL"}))
        assert await call.ended() == signal.SIGKILL

    async def call_until_held(self, number: int) -> list[Said] | int:
        """Make the call in a new process, and send it a signal while the sandbox holds it.

        SIGUSR1 expires the call's time-out.
        """
        held: list[bool] = []
        when_held(self.box, lambda: held.append(True))
        call = await self.callers.start(self.order())
        await until(lambda: held)
        os.kill(call.pid, number)
        return await call.ended()

    async def release(self) -> None:
        """Complete the held requests, and remove all faults."""
        self.box.clear_faults()
        self.box.release()
        await settle()

    @property
    def is_accepted(self) -> bool:
        """Return whether the sandbox accepted it once for each recipient; more is an error."""
        counts = self.box.accepted_by_destination()
        assert set(counts.values()) <= {1}, "somebody was texted twice"
        assert set(counts) in (set(), recipients(self.way)), "not everybody alike"
        return bool(counts)

    @property
    def accepted_id(self) -> str:
        """Return the id of the accepted message or batch."""
        name = "batch_id" if self.way.startswith("batches") else "message_id"
        [identifier] = {getattr(message, name) for message in self.box.messages}
        return identifier

    def __repr__(self) -> str:
        return f"<{self.way}>"


class TwoCallers:
    """Two forking processes: one may be stopped while the other calls."""

    def __enter__(self) -> Self:
        self.first, self.second = Callers(), Callers()
        return self

    def __exit__(self, *_: object) -> None:
        self.first.close()
        self.second.close()
