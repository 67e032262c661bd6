"""Kinds of send, positions of faults, and the faulty connection, for the fault matrix."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from smsworks_async import APIError, NotSent, Outcome, OutcomeUnknown
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault
from support.clock import FakeClock
from support.reports import named, nobody_twice
from support.waiting import until


CHUNK, CHUNKS = 4, 3
PEOPLE = [f"447700900{n:03d}" for n in range(CHUNK * CHUNKS)]

AT = datetime.now(UTC) + timedelta(hours=1)
TEXT = {"sender": "AcmeCorp", "content": "Hello"}
ONE = {**TEXT, "destination": PEOPLE[0]}
MANY = {**TEXT, "destinations": PEOPLE[:1]}
#: All sends except bulk, each to one recipient.
SINGLE = {
    "messages.send": ("messages", "send", ONE),
    "messages.flash": ("messages", "flash", ONE),
    "messages.schedule": ("messages", "schedule", {**ONE, "at": AT}),
    "batches.send": ("batches", "send", MANY),
    "batches.send_each": ("batches", "send_each", {"messages": [ONE]}),
    "batches.schedule": ("batches", "schedule", {**MANY, "at": AT}),
    "otp.send": ("otp", "send", {"sender": "AcmeCorp", "destination": PEOPLE[0]}),
}
#: Bulk sends, each to all of `PEOPLE`.
BULK: dict[str, tuple[str, dict[str, Any]]] = {
    "bulk.send": ("send", {**TEXT, "destinations": PEOPLE}),
    "bulk.send_each": (
        "send_each",
        {
            "messages": [
                {"sender": "AcmeCorp", "destination": number, "content": f"Hello {index}"}
                for index, number in enumerate(PEOPLE)
            ]
        },
    ),
    "bulk.send_each with a template": (
        "send_each",
        {
            "template": "Hello {name}",
            "sender": "AcmeCorp",
            "rows": [{"destination": number, "name": f"N{number[-2:]}"} for number in PEOPLE],
        },
    ),
}


@attrs.frozen
class Position:
    """The position of a fault.

    Attributes:
        fault: the sandbox's fault, or None if the connection fails.
        says: the allowed results of a single send: exceptions, or None for accepted.
        line: the behaviour of the connection.
    """

    fault: dict[str, Any] | None
    says: tuple[type[Exception] | None, ...]
    line: str = "passes on"

    def of(self, path: str, nth: int) -> list[Fault]:
        return [] if self.fault is None else [Fault(path=path, nth=nth, **self.fault)]


POSITIONS = {
    "the connection is refused": Position(None, (NotSent,), "refuses"),
    "the connection is dropped at once": Position(None, (NotSent, OutcomeUnknown), "hangs up"),
    "the answer is cut before accepting": Position({"when": "before"}, (OutcomeUnknown,)),
    "the answer is cut after accepting": Position({"when": "after"}, (OutcomeUnknown,)),
    "the answer is cut in the middle": Position({"when": "mid"}, (OutcomeUnknown,)),
    "the request is held and accepted late": Position({"when": "late"}, (OutcomeUnknown,)),
    "the account is refused": Position({"error_code": 4021}, (APIError,)),
    "one recipient is refused": Position({"error_code": 4004}, (APIError,)),
    "a refusal passes": Position({"status": 429, "retry_after": 0}, (None,)),
    "a refusal names what it accepted": Position(
        {"when": "after", "error_code": 5006, "carry_ids": True, "times": 1}, (OutcomeUnknown,)
    ),
    "a bare 500 before accepting": Position({"status": 500}, (OutcomeUnknown,)),
    "a bare 503 after accepting": Position({"when": "after", "status": 503}, (OutcomeUnknown,)),
}


class Line:
    """A TCP relay in front of a sandbox, which can refuse or drop connections.

    Args:
        box: the sandbox.
        does: "passes on", "refuses" or "hangs up".
    """

    def __init__(self, box, does):
        self._box = box
        self._does = does
        self._hang_ups = 2 if does == "hangs up" else 0
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self):
        if self._does == "passes on":
            self.base_url = self._box.base_url
            return self
        self._socket = self._exits.enter_context(socket.socket())
        self._socket.bind(("127.0.0.1", 0))  # refuses connections until it listens
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        if self._does == "hangs up":
            await self.mend()
        return self

    async def __aexit__(self, *_):
        await self._exits.aclose()

    async def mend(self):
        """Relay everything from now on."""
        if self._does == "passes on" or hasattr(self, "_server"):
            return
        self._server = await asyncio.start_server(self._serve, sock=self._socket)
        self._exits.callback(self._server.close)

    async def _serve(self, reader, writer):
        if self._hang_ups:
            self._hang_ups -= 1
            linger = struct.pack("ii", 1, 0)  # closed by a reset
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._box.port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(pump(reader, ours), pump(theirs, writer))


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


class ReleasingClock(FakeClock):
    """A clock whose next sleep of a second or more releases the request that the sandbox holds.

    The request has been accepted when that sleep ends.

    Args:
        box: the sandbox.

    Attributes:
        holding: whether a request is to be released.
    """

    def __init__(self, box):
        super().__init__()
        self._box = box
        self.holding = False

    async def sleep(self, seconds):
        await super().sleep(seconds)
        if self.holding and seconds >= 1:
            await self.let_go()

    async def let_go(self):
        self.holding = False
        before = self._box.accepted()
        self._box.release()
        await until(lambda: self._box.accepted() > before)


class Watched(SQLiteJournal):
    """A journal with a callback just before or just after its n-th claim."""

    def __init__(self, path, *, clock, happens=None, nth=0, after=False):
        super().__init__(path, clock=clock)
        self.happens, self.nth, self.after = happens, nth, after
        self.starts = 0

    async def claim_next(self, *args, **kwargs):
        self.starts += 1
        now = self.happens is not None and self.starts == self.nth
        if now and not self.after:
            await self.happens()
        claim = await super().claim_next(*args, **kwargs)
        if now and self.after:
            await self.happens()
        return claim


async def open_and_close(path):
    """Open and close a journal's file in another process, as if that were the last one."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute('SELECT count(*) FROM chunk').fetchone(); c.close()"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", code, str(path))
    assert await other.wait() == 0


def check(report, box):
    """Compare a report with the sandbox's counts:

    each texted at most once and reported correctly.
    """
    counts = box.accepted_by_destination()
    assert nobody_twice(box), "somebody was texted twice"
    assert report.adds_up
    assert report.read == len(PEOPLE)
    assert report.accepted_twice == 0
    doubted = named(report, Outcome.UNKNOWN)
    spared = named(report, Outcome.REJECTED, Outcome.NOT_SENT)
    assert len(doubted) == report.unknown
    assert len(spared) == report.rejected + report.not_sent
    assert len(set(doubted + spared)) == len(doubted + spared), "somebody is named twice"
    assert not set(spared) & set(counts), "somebody was texted who was not, by the report"
    accepted = set(PEOPLE) - set(doubted) - set(spared)
    assert len(accepted) == report.accepted
    assert accepted <= set(counts), "somebody was not texted who was, by the report"
