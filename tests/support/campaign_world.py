"""Processes, their clocks and loops, a network and a provider, all moved by hand.

Everything of the package that runs here is its own code: campaigns, engine, journal source,
reconciler and journals. What is made up is what lies outside of it.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import attrs

from smsworks_async.errors import JournalError, NotFound, NotSent, OutcomeUnknown
from smsworks_async.journals import Journal, MemoryJournal, SQLiteJournal
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import Outcome
from support.processes import worker_command


#: Seconds that a request may take, and within which an accepted message is found by a search.
TIMEOUT = 10.0
SETTLE = 2.0
BEGINNING = 2e9
#: What sums of seconds may be wrong by.
INSTANT = 1e-6
#: The text of all messages.
CONTENT = "Hello"
SENDER = "AcmeCorp"


class Killed(JournalError):
    """The process is dead: nothing of it reaches the journal any more."""


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop that runs until it is idle, and whose time is its process's monotonic clock."""

    def __init__(self, clock):
        self._clock = clock
        #: Whether its process is stopped, and makes no step.
        self.frozen = False
        #: Calls that a thread is going to answer.
        self.outstanding = 0
        self._heard = False
        self._turns = 0
        super().__init__()
        self._clock_resolution = INSTANT
        self.set_exception_handler(lambda *_: None)

    def time(self):
        return self._clock()

    def next_timer(self):
        """Return when it next has something to do by itself, by its own clock."""
        return min((t.when() for t in self._scheduled if not t.cancelled()), default=math.inf)

    def is_busy(self):
        return bool(self._ready) or self.next_timer() <= self.time() + INSTANT

    def _run_once(self):
        self._turns += 1
        if self._turns > 20_000:
            raise AssertionError("a process goes round and round")
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
                raise AssertionError("the journal's thread does not answer")
            self._heard = True

    def bury(self):
        """Cancel all that runs, and close."""
        self.frozen = False
        for _ in range(20):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.run_until_idle()
        assert not asyncio.all_tasks(self), "what was cancelled does not end"
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


def _through(name):
    async def call(self, *args, **kwargs):
        return await self.make(name, args, kwargs)

    return call


class Mortal:
    """A process's handle of the journal: it can be killed or stopped at any call."""

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
        #: At which of the next journal calls something befalls it, and what.
        self.doom = None
        self.journal = Mortal(self, world.open())

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


@attrs.define(eq=False)
class Request:
    """A request of a process, on its way."""

    process: Process
    campaign: str
    document: object
    expired: object
    answer: asyncio.Future
    written: float | None = None
    #: It is accepted at this moment; or never.
    accept_at: float | None = None
    lag: float = 0.0
    over: bool = False
    batch: Batch | None = None
    returned: bool = False

    @property
    def messages(self):
        if isinstance(self.document, list):
            return [
                (m["destination"], {d["key"]: d["value"] for d in m["metadata"]})
                for m in self.document
            ]
        return [(number, {}) for number in self.document["destinations"]]

    @property
    def is_waited_for(self):
        return not self.answer.done() and not self.process.dead


@attrs.define(eq=False)
class Batch:
    """What the provider has accepted."""

    id: str
    campaign: str
    messages: list
    at: float
    lag: float

    @property
    def recipients(self):
        return [number for number, _ in self.messages]


@attrs.frozen
class Habits:
    """How the provider shows what it has."""

    content: str | None = CONTENT
    shows_batch: bool = True
    shows_date: bool = True
    shows_marks: bool = False
    #: What it makes of a search for metadata: "obeys", "ignores" or "nothing".
    metadata: str = "obeys"
    tells_time: bool = True


class Gateway:
    """What `bulk.gateway.BulkGateway` is to a run, whose answers wait for a rule."""

    acquire_rate = None
    timeout = TIMEOUT

    def __init__(self, process, campaign):
        self._process = process
        self._world = process.world
        self._campaign = campaign

    def post(self, payload):
        async def post(document, expired, on_retry):
            answer = self._process.loop.create_future()
            request = Request(self._process, self._campaign, document, expired, answer)
            self._world.arrive(request)
            try:
                async with asyncio.timeout(TIMEOUT):
                    batch_id = await answer
            except TimeoutError:
                if request.written is None:
                    raise NotSent("it took too long to connect") from None
                raise lost() from None
            request.returned = True
            return batch_id

        return post

    async def _read(self, answer):
        world = self._world
        if world.reads == "fail":
            raise lost()
        if world.reads == "hold":
            waiting = self._process.loop.create_future()
            world.held.append(waiting)
            try:
                async with asyncio.timeout(TIMEOUT):
                    await waiting
            except TimeoutError:
                raise lost() from None
        return answer

    def _records(self, batch):
        world, habits = self._world, self._world.habits
        for index, (number, marks) in enumerate(batch.messages):
            # The messages of a batch appear one after the other.
            if batch.at + batch.lag * (index + 1) / len(batch.messages) <= world.now + INSTANT:
                yield (
                    MessageRecord(
                        f"{batch.id}.{index}",
                        batch_id=batch.id if habits.shows_batch else None,
                        destination=number,
                        sender=SENDER,
                        content=habits.content,
                        created=datetime.fromtimestamp(BEGINNING + batch.at, UTC)
                        if habits.shows_date
                        else None,
                        metadata=marks if habits.shows_marks else {},
                    ),
                    marks,
                )

    async def iterate(self, *, destination, sender, from_, metadata=None):
        habits = self._world.habits
        found = []
        for batch in self._world.batches:
            for record, marks in self._records(batch):
                if record.destination != destination or BEGINNING + batch.at < from_.timestamp():
                    continue
                obeyed = metadata is None or habits.metadata == "ignores"
                if obeyed or (habits.metadata == "obeys" and metadata.items() <= marks.items()):
                    found.append(record)
        for record in await self._read(found):
            yield record

    async def get(self, batch_id):
        there = [batch for batch in self._world.batches if batch.id == batch_id]
        records = [record for batch in there for record, _ in self._records(batch)]
        found = await self._read(records)
        if not found:
            raise NotFound("there is none", status=404)
        return found

    async def balance(self):
        return await self._read(1e6)

    def server_time(self):
        return BEGINNING + self._world.now if self._world.habits.tells_time else None

    async def now(self):
        return await self._read(
            BEGINNING + self._world.now if self._world.habits.tells_time else None
        )


def lost():
    return OutcomeUnknown("lost", operation="POST /batch/send")


class World:
    """The time, the network, the provider, a journal, and the processes."""

    def __init__(self, *, on_disk, kept_open, habits, visitor):
        #: Seconds that have passed, and how many of them monotonic clocks have counted.
        self.now = self.awake = 0.0
        self.skew = 0.0
        self.habits = habits
        self.processes = []
        self.requests = []
        self.batches = []
        self.recorded = set()
        self.reads = "answer"
        self.held = []
        #: Whether the provider accepts and answers by itself, as it does in the end.
        self.willing = False
        self.visitor = visitor
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

    def open(self):
        return self._memory or SQLiteJournal(self.path, clock=self.wall)

    def ask(self, question):
        """Ask the journal something, as whoever looks at it from outside."""
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
        """Let every process go as far as it can by itself."""
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
        """Close what a process that has ended had open."""
        if self.on_disk:
            self._admin.run_until_complete(process.journal.journal.close())

    def leave(self, process):
        """End a process whose run has come to its end."""
        process.dead = True
        process.loop.bury()
        self.release(process)

    # Time

    def pass_time(self, seconds, *, asleep=False):
        """Let time pass, and all that happens meanwhile by itself happen in its order."""
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

    def arrive(self, request):
        self.requests.append(request)
        if self.willing:
            self.write(request)
            if request.written is not None:
                self.accept(request)
                self.answer(request)

    def write(self, request):
        """Let a request leave, unless its process finds that it may not any more."""
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
        if self.may_be_accepted(request):
            request.batch = Batch(
                f"b{len(self.batches)}",
                request.campaign,
                request.messages,
                self.now,
                request.lag,
            )
            self.batches.append(request.batch)

    def accept_later(self, request, part):
        """Have a request accepted when this part of the time that it may take is over."""
        if self.may_be_accepted(request):
            request.accept_at = max(self.now, request.written + part * TIMEOUT)

    def drop(self, request):
        """Let a request never be accepted, unless it is."""
        if request.batch is None:
            request.over, request.accept_at = True, None

    def answer(self, request):
        if request.batch is not None and request.is_waited_for:
            request.answer.set_result(request.batch.id)

    def refuse(self, request, error):
        """Answer with an error; what is refused is not accepted later."""
        if request.is_waited_for:
            request.answer.set_exception(error)

    def let_reads_go(self, reads):
        self.reads = reads
        if reads != "hold":
            held, self.held = self.held, []
            for waiting in held:
                if not waiting.done() and not waiting.get_loop().is_closed():
                    waiting.set_result(None)

    # Copies of the journal

    def make_copy(self):
        if self.on_disk:
            self.visitor.ask("copy", self.path, self.path + ".copy")
            self.copy = (None, self.recorded.copy())
        else:
            self.copy = (copy.deepcopy(self._memory.store.campaigns), self.recorded.copy())

    def restore(self):
        """Put the copy in the journal's place; nobody uses it meanwhile."""
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


class Visitor:
    """A process of its own that opens the journal's file and closes it again."""

    def __init__(self):
        shared_memory = Path("/dev/shm")
        self.fastest = shared_memory if shared_memory.is_dir() else None
        self._process = None

    def ask(self, *command):
        if self._process is None:
            self._process = subprocess.Popen(
                worker_command("journal_visitor"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None
