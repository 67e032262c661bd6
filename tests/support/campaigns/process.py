"""A process of a campaign: its loop, clock and journal handle, controlled by tests."""

from __future__ import annotations

import asyncio
import math

from smsworks_async.errors import JournalError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import StoredChunk
from smsworks_async.models.report import Outcome


#: The rounding error of sums of seconds.
INSTANT = 1e-6


class Killed(JournalError):
    """The process is dead: none of its calls reach the journal."""


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop that runs until it is idle, with its process's monotonic clock."""

    def __init__(self, clock):
        self._clock = clock
        #: Whether its process is stopped.
        self.frozen = False
        #: Calls that wait for a thread.
        self.outstanding = 0
        self._heard = False
        self._turns = 0
        super().__init__()
        self._clock_resolution = INSTANT
        self.set_exception_handler(lambda *_: None)

    def time(self):
        return self._clock()

    def next_timer(self):
        """Return the time of its next timer, by its own clock."""
        return min((t.when() for t in self._scheduled if not t.cancelled()), default=math.inf)

    def is_busy(self):
        return bool(self._ready) or self.next_timer() <= self.time() + INSTANT

    def _run_once(self):
        self._turns += 1
        if self._turns > 20_000:
            raise AssertionError("a process loops endlessly")
        heard, self._heard = self._heard, False
        if self.frozen or not (heard or self.is_busy()):
            self._stopping = True
        else:
            super()._run_once()

    def run_until_idle(self):
        self._turns = 0
        while not self.frozen:
            self.run_forever()
            if self.frozen or not self.outstanding:
                return
            if not self._selector.select(30):
                raise AssertionError("the journal's thread does not respond")
            self._heard = True

    def run_through(self, work):
        """Run a coroutine that waits for another thread or process to its end."""

        async def counted():
            try:
                await work
            finally:
                self.outstanding -= 1

        self.outstanding += 1
        task = self.create_task(counted())
        self.run_until_idle()
        task.result()

    def bury(self, close=None):
        """Cancel all tasks, close the objects of this loop, and close the loop."""
        self.frozen = False
        for _ in range(20):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.run_until_idle()
        assert not asyncio.all_tasks(self), "a cancelled task does not end"
        if close is not None:
            self.run_through(close())
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


def _through(name):
    async def call(self, *args, **kwargs):
        return await self.make(name, args, kwargs)

    return call


class Mortal:
    """A process's journal handle, at whose calls the process can be killed or stopped."""

    def __init__(self, process, journal):
        self._process = process
        self.journal = journal
        self.clock = journal.clock

    async def make(self, name, args, kwargs):
        process = self._process
        process.check_alive()
        fate = process.fate_of_call()
        await process.meet(fate, "before")
        process.loop.outstanding += 1
        try:
            result = await getattr(self.journal, name)(*args, **kwargs)
        finally:
            process.loop.outstanding -= 1
        if name == "finish" and args[2].outcome is Outcome.ACCEPTED:
            process.world.recorded.add(args[2].batch_id)
        process.note(name, result)
        await process.meet(fate, "after")
        process.check_alive()
        return result


for _name in (n for n in dir(Journal) if not n.startswith("_")):
    setattr(Mortal, _name, _through(_name))


class Process:
    """One process: a loop, a monotonic clock, a handle of the journal, and one run."""

    def __init__(self, world, number):
        self.world = world
        self.number = number
        self._offset = 1000.0 * number
        self.loop = SteppedLoop(self.monotonic)
        self.dead = False
        self.run = None
        #: The name of the campaign that it runs.
        self.campaign = None
        self.claimed_at = self.looked_at = 0
        #: At which of the next journal calls an event happens, and which event.
        self.doom = None
        self.journal = Mortal(self, world.open())

    def note(self, call, result):
        """Record when it last claimed a chunk, and last read the opt-outs."""
        if call == "claim_next" and isinstance(result, StoredChunk):
            self.claimed_at = self.world.tick()
            self.world.on_claim(self)
        elif call == "opt_out_changes":
            self.looked_at = self.world.tick()

    def monotonic(self):
        return self.world.awake + self._offset

    def check_alive(self):
        if self.dead:
            raise Killed("dead")

    def fate_of_call(self):
        if self.doom is None:
            return None
        calls, what = self.doom
        self.doom = (calls - 1, what) if calls else None
        return None if calls else what

    async def meet(self, fate, when):
        if fate == ("stop", when):
            self.loop.frozen = True
            await asyncio.sleep(0)
        elif fate == ("kill", when):
            self.dead = self.loop.frozen = True
            raise Killed("dead")

    def do(self, work):
        return self.loop.create_task(work)

    @property
    def is_stopped(self):
        return self.loop.frozen and not self.dead
