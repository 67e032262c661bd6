"""Processes with their clocks and loops, a network and a provider, all controlled by tests.

The package's own code runs here: campaigns, engine, journal source, reconciler and journals. Only
the outside world is modelled.
"""

from __future__ import annotations

import asyncio
import copy
import math
import tempfile
from pathlib import Path

from smsworks_async.errors import APIError, NotSent
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.journals.steering import is_past
from support.campaigns.process import INSTANT, Process
from support.campaigns.provider import (
    BEGINNING,
    TIMEOUT,
    Batch,
)


class World:
    """The time, the network, the provider, a journal, and the processes."""

    def __init__(self, *, on_disk, kept_open, habits, visitor):
        #: The elapsed seconds, and those counted by monotonic clocks.
        self.now = self.awake = 0.0
        self.skew = 0.0
        self.habits = habits
        self.processes = []
        self.requests = []
        self.batches = []
        self.recorded = set()
        self.reads = "answer"
        self.held = []
        #: The result of requests to cancel a batch, and the held requests.
        self.cancels = "answer"
        self.held_cancels = []
        #: Whether the provider accepts and responds automatically, as at the end.
        self.willing = False
        self.visitor = visitor
        #: A counter of events, which determines their order.
        self.ticks = 0
        #: Called with each request before it is written.
        self.on_arrival = lambda request: None
        #: Called with each process after it has claimed a chunk.
        self.on_claim = lambda process: None
        self._admin = asyncio.new_event_loop()
        self._kept_open = kept_open
        self._folder = None
        self._memory = self._own = None
        self.copy = None
        if on_disk:
            self._folder = tempfile.TemporaryDirectory(dir=visitor.fastest)
            self.path = str(Path(self._folder.name) / "campaigns.db")
            self._own = self.open() if kept_open else None
        else:
            self._memory = MemoryJournal(clock=self.wall)

    @property
    def on_disk(self):
        return self._folder is not None

    def wall(self):
        return BEGINNING + self.now + self.skew

    def provider_time(self):
        return BEGINNING + self.now

    def open(self):
        return self._memory or SQLiteJournal(self.path, clock=self.wall)

    def ask(self, question):
        """Read from the journal, as an outside observer."""
        if self._memory is not None:
            return self._admin.run_until_complete(question(self._memory))
        own = self._own or self.open()

        async def ask():
            try:
                return await question(own)
            finally:
                if own is not self._own:
                    await own.close()

        return self._admin.run_until_complete(ask())

    # Processes

    def start(self):
        process = Process(self, len(self.processes) + 1)
        self.processes.append(process)
        return process

    @property
    def living(self):
        return [p for p in self.processes if not p.dead]

    def settle(self):
        """Run every process until it waits."""
        while True:
            busy = [p for p in self.living if not p.loop.frozen and p.loop.is_busy()]
            for process in busy:
                process.loop.run_until_idle()
            for process in self.processes:
                if process.dead and not process.loop.is_closed():
                    self.kill(process)
            if not busy:
                return

    def kill(self, process):
        process.dead = True
        process.loop.bury()
        self.release(process)

    def release(self, process):
        """Close the files and connections of an ended process."""
        if self.on_disk:
            self._admin.run_until_complete(process.journal.journal.close())

    def leave(self, process):
        """Remove a process whose run has ended."""
        process.dead = True
        process.loop.bury()
        self.release(process)

    # Time

    def pass_time(self, seconds, *, asleep=False):
        """Advance the time, and run due events in order."""
        end = self.now + seconds
        for _ in range(10_000):
            waits = [r.accept_at - self.now for r in self.requests if r.accept_at is not None]
            if not asleep:
                awake = [p.loop for p in self.living if not p.loop.frozen]
                waits += [loop.next_timer() - loop.time() for loop in awake]
            wait = max(0.0, min(waits, default=math.inf))
            if self.now + wait > end:
                break
            self._turn_clocks(wait, asleep=asleep)
            for request in self.requests:
                if request.accept_at is not None and request.accept_at <= self.now + INSTANT:
                    self.accept(request)
            if not asleep:
                self.settle()
        else:
            raise AssertionError("time does not pass")
        self._turn_clocks(end - self.now, asleep=asleep)

    def _turn_clocks(self, seconds, *, asleep):
        self.now += seconds
        if not asleep:
            self.awake += seconds

    # The network and the provider

    def tick(self):
        self.ticks += 1
        return self.ticks

    def arrive(self, request):
        self.on_arrival(request)
        self.requests.append(request)
        if self.willing:
            self.write(request)
            if request.written is not None:
                self.accept(request)
                self.answer(request)

    def write(self, request):
        """Write a request, unless its process finds that it must not be sent any more."""
        if request.written is not None or not request.is_waited_for or request.process.loop.frozen:
            return
        if request.expired():
            request.answer.set_exception(NotSent("it may not leave any more"))
            request.over = True
        else:
            request.written = self.now

    def may_be_accepted(self, request):
        if request.written is None or request.over or request.batch is not None:
            return False
        return self.now <= request.written + TIMEOUT + INSTANT

    def accept(self, request):
        request.accept_at = None
        if not self.may_be_accepted(request):
            return
        if request.due is not None and is_past(request.due, self.provider_time()):
            self.drop(request)
            self.refuse(request, APIError("it is past", status=400, code=4009))
        else:
            request.batch = Batch(
                f"b{len(self.batches)}",
                request.campaign,
                request.messages,
                self.now,
                request.lag,
                request.due,
            )
            self.batches.append(request.batch)

    def accept_later(self, request, part):
        """Accept a request after a fraction of its time-out."""
        if self.may_be_accepted(request):
            request.accept_at = max(self.now, request.written + part * TIMEOUT)

    def drop(self, request):
        """Drop a request, unless it was accepted."""
        if request.batch is None:
            request.over, request.accept_at = True, None

    def answer(self, request):
        if request.batch is not None and request.is_waited_for:
            request.answer.set_result(request.batch.id)

    def refuse(self, request, error):
        """Respond with an error; a rejected request is not accepted later."""
        if request.is_waited_for:
            request.answer.set_exception(error)

    def let_reads_go(self, reads):
        self.reads = reads
        if reads != "hold":
            held, self.held = self.held, []
            for waiting in held:
                if not waiting.done() and not waiting.get_loop().is_closed():
                    waiting.set_result(None)

    def cancel(self, batch):
        """Cancel a batch whose messages are not due yet."""
        if batch.status(self.provider_time()) == "SCHEDULED":
            batch.cancelled = True

    def let_cancels_go(self, how):
        """Set the result of requests to cancel a batch, including held ones."""
        self.cancels = how
        if how != "hold":
            held, self.held_cancels = self.held_cancels, []
            for batch, waiting in held:
                if how != "lost before":
                    self.cancel(batch)
                if not waiting.done() and not waiting.get_loop().is_closed():
                    waiting.set_result(how)

    # Copies of the journal

    def make_copy(self):
        if self.on_disk:
            self.visitor.ask("copy", self.path, self.path + ".copy")
            self.copy = (None, self.recorded.copy())
        else:
            self.copy = (copy.deepcopy(self._memory.store.campaigns), self.recorded.copy())

    def restore(self):
        """Replace the journal by the copy while no process uses it."""
        for process in self.living:
            self.kill(process)
        campaigns, recorded = self.copy
        if self.on_disk:
            if self._own is not None:
                self._admin.run_until_complete(self._own.close())
            self.visitor.ask("restore", self.path + ".copy", self.path)
            self._own = self.open() if self._kept_open else None
        else:
            self._memory.store.campaigns = copy.deepcopy(campaigns)
        self.recorded = recorded.copy()

    def close(self):
        for process in self.living:
            self.kill(process)
        if self.on_disk:
            if self._own is not None:
                self._admin.run_until_complete(self._own.close())
            self._folder.cleanup()
        self._admin.close()
