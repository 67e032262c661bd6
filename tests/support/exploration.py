"""All histories of a small world: processes, a journal, a provider, clocks and deaths.

Breadth first, with states hashed, until there are no new ones: what is checked in every state holds
for every history within the bound, however long. Every step of ours calls the package's own code:
the journal's transitions, the reconciler's look and its verdict, the waits, and the check at the
write. Only the provider, the network, the clocks and the deaths are modelled. Time is relative (now
is 0, and what lies too far back to matter is capped), so that there are finitely many states.

A request is accepted within one request's time of its write, or never. A message that was accepted
shows up in searches at once, as late as `settle`, or later: then it was *hidden*.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign import journal_source, reconcile, search
from smsworks_async.bulk.campaign import run as runs
from smsworks_async.bulk.campaign.waits import lease_for
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.errors import OutcomeUnknown
from smsworks_async.journals import Campaign, MemoryJournal, PlannedChunk, State, memory
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BatchOutcome, Outcome


TIMEOUT = 1.0
LEASE = lease_for(TIMEOUT)
SETTLE = 1
#: By how much a clock is set: more than a lease and a request last.
STEP = 5.0
#: What is older than this, in seconds, is as old as that; the journal's clock can be set back.
_OLDEST = STEP + LEASE + TIMEOUT + 2.0
_LONG_LAG = 99

TEXT = {"sender": "AcmeCorp", "content": "Hello"}
PAYLOAD = SharedText(TEXT)
_LOST = OutcomeUnknown("lost", operation="POST /batch/send")
_NOT_SENT = BatchOutcome(0, Outcome.NOT_SENT, 1)
# One campaign, as people and programs spell its name.
NAMES = ("caf\u00e9", "cafe\u0301 ")


@attrs.frozen(kw_only=True)
class Bound:
    """How large the world is."""

    chunks: int = 1
    processes: int = 2
    deaths: int = 0
    steps_forward: int = 0
    steps_back: int = 0
    resends: int = 0
    hidden: int = 0
    copies: int = 0
    #: In all, those of resends included.
    claims: int = 3
    #: Both chunks go to the same recipient, with the same text.
    twins: bool = False
    #: Records name their batch.
    shows_batch_ids: bool = True
    #: A refusal may carry the id of what was accepted.
    refusals_with_ids: bool = False


class Process(NamedTuple):
    """What a process is doing; ages are seconds, and count from when it began to."""

    doing: str = "idle"
    name: int = 0
    chunk: int = -1
    attempt: int = 0
    since: float = 0.0
    lease_end: float = 0.0
    looked: float = 0.0
    epoch: int = 0


class Request(NamedTuple):
    """A request that was written, and may be accepted yet."""

    chunk: int
    attempt: int
    epoch: int
    age: float


class Message(NamedTuple):
    """A batch that was accepted."""

    chunk: int
    batch_id: str
    attempt: int
    epoch: int
    visible_in: float
    hidden: bool
    answered: bool


class World(NamedTuple):
    """A state. The journal is a number, which `Journals` explains; -1 is none."""

    clock: float
    deaths: int
    forward: int
    back: int
    resends: int
    hidden: int
    copies: int
    claims: int
    epoch: int
    campaigns: int
    copy: int
    processes: tuple[Process, ...]
    wire: tuple[Request, ...]
    messages: tuple[Message, ...]


class Violation(AssertionError):
    """A state that must not be; its history can be replayed."""

    def __init__(self, what: str, history: list[str]) -> None:
        super().__init__("\n".join([what, *history]))
        self.what = what
        self.history = history


def done(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


Chunks = tuple[tuple[str, tuple[ChunkRecord, ...]], ...]


class Journals:
    """All the journals that there may be, by number, and what leads from one to another.

    Each transition is the package's own, and is made once for the same journal, clock and
    arguments: it is a function of nothing else.
    """

    def __init__(self, bound: Bound, recipients: list[str]) -> None:
        self.bound = bound
        self.recipients = recipients
        self.planned = {
            number: PlannedChunk(
                number=number,
                items=recipient,
                positions=str(number),
                size=1,
                international=False,
                credits=1.0,
            )
            for number, recipient in enumerate(recipients)
        }
        self._journals: list[Chunks] = []
        self._numbers: dict[Chunks, int] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def chunks(self, journal: int) -> Chunks:
        """Return the chunks of each campaign of a journal."""
        return self._journals[journal]

    def entry(self, journal: int, name: str, number: int) -> ChunkRecord:
        """Return one chunk."""
        return dict(self._journals[journal])[name][number]

    def planning(self) -> int:
        """Return the journal after every process has planned, whatever it calls the campaign."""
        journal = MemoryJournal(clock=lambda: 0.0)
        for name in map(options.check_campaign, NAMES):
            done(journal.begin(_campaign(name)))
            done(journal.plan(name, list(self.planned.values()), []))
        return self._number(journal)

    def after(
        self, journal: int, clock: float, method: str, *arguments: Any, **named: Any
    ) -> tuple[Any, int]:
        """Call a method of the package's journal; return its answer and the journal after it."""
        key = (journal, clock, method, arguments, *named.items())
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, clock)
            answer = done(getattr(opened, method)(*arguments, **named))
            known = self._known[key] = (answer, self._number(opened))
        return known  # type: ignore[no-any-return]

    def look(
        self, journal: int, clock: float, name: str, number: int, seen: tuple[Message, ...]
    ) -> tuple[ChunkRecord | None, search.Finding | None, int]:
        """Expire leases, and look for a chunk; None where it is not in doubt."""
        key = (journal, clock, "look", name, number, seen)
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, clock)
            done(opened.expire_leases(name))
            doubts = {entry.number: entry for entry in done(opened.unknown_chunks(name))}
            entry, finding = doubts.get(number), None
            if entry is not None:
                gateway = Gateway(self, seen)
                looking = search.ChunkSearch(opened, name, PAYLOAD, gateway)  # type: ignore[arg-type]
                finding = done(looking.look(entry))
            known = self._known[key] = (entry, finding, self._number(opened))
        return known  # type: ignore[no-any-return]

    def older(self, journal: int) -> int:
        """Let a second pass."""
        key = (journal, "older")
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, 0.0)
            for tables in opened.store.campaigns:
                tables.records = {n: _older(entry) for n, entry in tables.records.items()}
            known = self._known[key] = self._number(opened)
        return known  # type: ignore[no-any-return]

    def open(self, journal: int, clock: float) -> MemoryJournal:
        """Open a journal."""
        opened = MemoryJournal(clock=lambda: clock)
        for name, entries in self._journals[journal]:
            records = dict(enumerate(entries))
            tables = memory.Tables(_campaign(name), records=records, planned=self.planned)
            opened.store.campaigns.append(tables)
        return opened

    def _number(self, journal: MemoryJournal) -> int:
        chunks = tuple(
            (tables.campaign.id, tuple(map(_capped, tables.records.values())))
            for tables in journal.store.campaigns
        )
        number = self._numbers.get(chunks)
        if number is None:
            number = self._numbers[chunks] = len(self._journals)
            self._journals.append(chunks)
        return number


class Exploration:
    """The world within a bound."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        letters = "a" * bound.chunks if bound.twins else "abc"[: bound.chunks]
        self._recipients = [f"44770090000{ord(letter) - ord('a')}" for letter in letters]
        self.journals = Journals(bound, self._recipients)
        self._names = list(map(options.check_campaign, NAMES))
        self._named: dict[str, OutcomeUnknown] = {}
        self.seen: dict[World, tuple[World | None, str]] = {}

    def begin(self) -> World:
        """Return the world in which all is planned, and nothing has been sent."""
        bound = self.bound
        return World(
            clock=0.0,
            deaths=bound.deaths,
            forward=bound.steps_forward,
            back=bound.steps_back,
            resends=bound.resends,
            hidden=bound.hidden,
            copies=bound.copies,
            claims=bound.claims,
            epoch=0,
            campaigns=self.journals.planning(),
            copy=-1,
            # Where all spellings are one name, it does not matter who uses which.
            processes=tuple(
                Process(name=n % len(set(self._names))) for n in range(bound.processes)
            ),
            wire=(),
            messages=(),
        )

    # What may happen next.

    def steps(self, world: World) -> Iterator[tuple[str, World]]:
        """Give every step that is possible, with a name to replay it by."""
        yield "a second passes", self._tick(world)
        if world.forward:
            yield (
                "the clock is set forward",
                world._replace(clock=world.clock + STEP, forward=world.forward - 1),
            )
        if world.back:
            yield (
                "the clock is set back",
                world._replace(clock=world.clock - STEP, back=world.back - 1),
            )
        yield from self._copying(world)
        for request in world.wire:
            yield from self._accepting(world, request)
        for index, process in enumerate(world.processes):
            for what, after in self._moves(world, index, process):
                yield f"process {index} {what}", after

    def _tick(self, world: World) -> World:
        return world._replace(
            campaigns=self.journals.older(world.campaigns),
            copy=world.copy if world.copy < 0 else self.journals.older(world.copy),
            processes=tuple(map(_older_process, world.processes)),
            # What is not accepted by then never is.
            wire=tuple(r._replace(age=r.age + 1) for r in world.wire if r.age + 1 <= TIMEOUT),
            messages=tuple(
                m._replace(visible_in=m.visible_in - 1) if 0 < m.visible_in < _LONG_LAG else m
                for m in world.messages
            ),
        )

    def _copying(self, world: World) -> Iterator[tuple[str, World]]:
        """A copy of the journal is made, and takes the journal's place later; somebody says so."""
        if world.copies and world.copy < 0:
            yield "a copy is made", world._replace(copy=world.campaigns)
        elif world.copies:
            journal = world.copy
            for name in set(self._names):
                _, journal = self.journals.after(journal, world.clock, "suspect", name)
            yield (
                "the copy is restored",
                world._replace(
                    campaigns=journal, copy=-1, epoch=world.epoch + 1, copies=world.copies - 1
                ),
            )

    def _accepting(self, world: World, request: Request) -> Iterator[tuple[str, World]]:
        rest = tuple(one for one in world.wire if one is not request)
        lags = {"": 0, ", and shows it late": SETTLE}
        if world.hidden:
            lags[", and hides it"] = _LONG_LAG
        ordinal = sum(m.chunk == request.chunk for m in world.messages)
        for how, lag in lags.items():
            hidden = lag == _LONG_LAG
            message = Message(
                chunk=request.chunk,
                batch_id=f"{request.chunk}-{ordinal}",
                attempt=request.attempt,
                epoch=request.epoch,
                visible_in=lag,
                hidden=hidden,
                answered=False,
            )
            what = f"the provider accepts {request.chunk}, attempt {request.attempt}"
            accepted = world._replace(
                wire=rest,
                messages=(*world.messages, message),
                hidden=world.hidden - hidden,
            )
            yield f"{what} of journal {request.epoch}{how}", accepted

    def _moves(self, world: World, index: int, me: Process) -> Iterator[tuple[str, World]]:
        if me.doing == "idle":
            yield from self._idle(world, index, me)
        elif me.doing == "holding":
            yield "writes", self._write(world, index, me)
        elif me.doing == "waiting":
            yield from self._waiting(world, index, me)
        elif me.epoch == world.epoch:
            yield from self._doubting(world, index, me)
        if me.doing != "idle":
            if world.deaths:
                yield "dies", _now(world._replace(deaths=world.deaths - 1), index, _idle(world, me))
            if me.epoch != world.epoch and me.doing not in {"holding", "waiting"}:
                yield "begins anew", _now(world, index, _idle(world, me))

    def _idle(self, world: World, index: int, me: Process) -> Iterator[tuple[str, World]]:
        name = self._names[me.name]
        claim, after = self.journals.after(
            world.campaigns,
            world.clock,
            "claim_next",
            name,
            owner="p",
            lease=LEASE,
            round=0,
            after=-1,
            international=True,
        )
        if claim is not None and world.claims:
            holding = me._replace(
                doing="holding",
                chunk=claim.record.number,
                attempt=claim.record.attempt,
                lease_end=min(world.clock + LEASE, claim.record.lease),
                epoch=world.epoch,
            )
            claimed = world._replace(campaigns=after, claims=world.claims - 1)
            yield f"claims {claim.record.number}", _now(claimed, index, holding)
        for number in self.journals.planned:
            entry = self.journals.entry(world.campaigns, name, number)
            if entry.state in {State.SENDING, State.UNKNOWN}:
                yield from self._look(world, index, me, number)

    def _look(
        self, world: World, index: int, me: Process, number: int
    ) -> Iterator[tuple[str, World]]:
        """Look for a chunk once; go on to watch it where nothing is found and that may matter."""
        name = self._names[me.name]
        entry, finding, after = self.journals.look(
            world.campaigns, world.clock, name, number, visible(world)
        )
        if entry is None or finding is None:
            yield f"expires {number}", world._replace(campaigns=after)
            return
        then = _idle(world, me)
        if finding is search.Finding.NOTHING and (entry.reopenable or world.resends):
            then = then._replace(doing="watching", chunk=number, attempt=entry.attempt)
        looked = _now(world._replace(campaigns=after), index, then)
        yield f"looks for {number}: {finding.value}", looked

    def _doubting(self, world: World, index: int, me: Process) -> Iterator[tuple[str, World]]:
        """Watch a chunk until it can no longer be accepted, look, look again, and send it again."""
        name = self._names[me.name]
        entry = self.journals.entry(world.campaigns, name, me.chunk)
        if entry.state is not State.UNKNOWN or entry.attempt != me.attempt:
            yield "finds it settled", _now(world, index, _idle(world, me))
            return
        left = reconcile.until_resend(entry, watched=me.since, now=world.clock, own=TIMEOUT)
        if me.doing == "watching" and not left:
            yield from self._look_on(world, index, me._replace(doing="looking"), name)
        elif me.doing == "looking" and me.looked >= SETTLE:
            yield from self._look_on(world, index, me._replace(doing="sure", looked=0.0), name)
        elif me.doing == "sure" and not left:
            yield from self._send_again(world, index, me, entry)

    def _look_on(
        self, world: World, index: int, then: Process, name: str
    ) -> Iterator[tuple[str, World]]:
        _, finding, after = self.journals.look(
            world.campaigns, world.clock, name, then.chunk, visible(world)
        )
        if finding is None:
            return
        if finding is not search.Finding.NOTHING:
            then = _idle(world, then)
        looked = _now(world._replace(campaigns=after), index, then)
        yield f"looks again for {then.chunk}: {finding.value}", looked

    def _send_again(
        self, world: World, index: int, me: Process, entry: ChunkRecord
    ) -> Iterator[tuple[str, World]]:
        which = (self._names[me.name], me.chunk, me.attempt)
        idle = _idle(world, me)
        if entry.reopenable and entry.restored:
            _, after = self.journals.after(world.campaigns, world.clock, "clear_doubt", *which)
            yield f"clears {me.chunk}", _now(world._replace(campaigns=after), index, idle)
        elif world.resends:
            wait = runs.longest_request(entry, TIMEOUT)
            _, after = self.journals.after(world.campaigns, world.clock, "resend", *which, wait)
            sent = world._replace(campaigns=after, resends=world.resends - 1)
            yield f"has {me.chunk} sent again", _now(sent, index, idle)

    def _write(self, world: World, index: int, me: Process) -> World:
        late = journal_source.lease_is_over(
            LEASE, since_claim=me.since, now=world.clock, lease_end=me.lease_end
        )
        if late:
            return self._finish(world, index, me, _NOT_SENT)
        request = Request(me.chunk, me.attempt, me.epoch, 0.0)
        waiting = me._replace(doing="waiting", since=0.0, lease_end=0.0)
        return _now(world._replace(wire=(*world.wire, request)), index, waiting)

    def _waiting(self, world: World, index: int, me: Process) -> Iterator[tuple[str, World]]:
        unknown = BatchOutcome(me.chunk, Outcome.UNKNOWN, 1, error=_LOST)
        yield "loses the answer", self._finish(world, index, me, unknown)
        for at, message in enumerate(world.messages):
            if (message.chunk, message.attempt, message.epoch) == (me.chunk, me.attempt, me.epoch):
                answered = message._replace(answered=me.epoch == world.epoch)
                messages = (*world.messages[:at], answered, *world.messages[at + 1 :])
                accepted = BatchOutcome(me.chunk, Outcome.ACCEPTED, 1, message.batch_id)
                told = world._replace(messages=messages)
                yield "is answered", self._finish(told, index, me, accepted)
                if self.bound.refusals_with_ids:
                    error = self._named.setdefault(
                        message.batch_id,
                        OutcomeUnknown("refused", operation="x", batch_id=message.batch_id),
                    )
                    doubt = attrs.evolve(unknown, error=error)
                    yield "is refused, with an id", self._finish(world, index, me, doubt)

    def _finish(self, world: World, index: int, me: Process, outcome: BatchOutcome) -> World:
        if me.epoch == world.epoch:  # otherwise its file is gone, and so is what it writes there
            name = self._names[me.name]
            # A chunk that is being sent is as it was claimed.
            entry = self.journals.entry(world.campaigns, name, me.chunk)
            claimed = attrs.evolve(entry, state=State.SENDING, attempt=me.attempt)
            _, after = self.journals.after(
                world.campaigns, world.clock, "finish", name, claimed, outcome
            )
            world = world._replace(campaigns=after)
        return _now(world, index, _idle(world, me))

    # What must hold.

    def problem(self, world: World) -> str | None:
        """Say what is wrong with a state, if anything is."""
        entries = [e for _, some in self.journals.chunks(world.campaigns) for e in some]
        may_double = self.bound.resends or self.bound.copies
        for number, recipient in enumerate(self._recipients):
            got = [m for m in world.messages if self._recipients[m.chunk] == recipient]
            if may_double and any(m.hidden for m in got):
                continue
            wanted = self._recipients.count(recipient)
            if len(got) > wanted:
                return f"{recipient} is texted {len(got)} times, not {wanted}"
            reason = None if self.bound.twins else self._unaccounted(world, entries[number], got)
            if reason is not None:
                return reason
        if sum(entry.state is State.ACCEPTED for entry in entries) > len(world.messages):
            return "more chunks are accepted than there are batches"
        if not self.bound.copies:
            known = {one for entry in entries for one in (entry.batch_id, *entry.doubles)}
            lost = [m.batch_id for m in world.messages if m.answered and m.batch_id not in known]
            if lost:
                return f"batch {lost[0]} was answered, and nobody has it"
        return None

    def _unaccounted(self, world: World, entry: ChunkRecord, got: list[Message]) -> str | None:
        if entry.state is State.ACCEPTED and not got:
            return f"{entry.number} is accepted, and nobody was texted"
        if entry.state is State.PENDING and not entry.resent:
            if got:
                return f"{entry.number} is to be sent, and was accepted"
            if any(request.chunk == entry.number for request in world.wire):
                return f"{entry.number} is to be sent, and is on its way"
        return None

    # The exploration itself.

    def run(self, most: int = 10**9) -> int:
        """Visit every state within the bound, and return how many there are.

        Raises:
            Violation: a state that must not be, with its history.
        """
        first = self.begin()
        seen = self.seen = {first: (None, "begin")}
        waiting = deque([first])
        while waiting:
            world = waiting.popleft()
            for what, after in self.steps(world):
                after = _sorted(after)  # noqa: PLW2901
                if after in seen:
                    continue
                seen[after] = (world, what)
                problem = self.problem(after)
                if problem is not None:
                    raise Violation(problem, self.history(after))
                if len(seen) >= most:
                    raise AssertionError(f"more than {most} states")
                waiting.append(after)
        return len(seen)

    def history(self, world: World) -> list[str]:
        """Return what has led to a state, to be replayed by `replay`."""
        steps: list[str] = []
        at: World | None = world
        while at is not None:
            at, what = self.seen[at]
            steps.append(what)
        return steps[::-1][1:]

    def replay(self, history: list[str]) -> list[World]:
        """Go through a history once more; return the worlds that it leads through."""
        worlds = [self.begin()]
        for what in history:
            worlds.append(_sorted(dict(self.steps(worlds[-1]))[what]))
        return worlds

    def sample(self, count: int, seed: int = 20311126) -> list[list[str]]:
        """Return some of the histories, from the longer half of them."""
        longer = list(self.seen)[len(self.seen) // 2 :]
        chosen = random.Random(seed).sample(longer, min(count, len(longer)))
        return [self.history(world) for world in chosen]


class Gateway:
    """What a search shows of the messages that can be seen."""

    timeout = TIMEOUT

    def __init__(self, journals: Journals, seen: tuple[Message, ...]) -> None:
        self._journals = journals
        self._seen = seen

    async def now(self) -> None:
        return None

    def _record(self, message: Message) -> MessageRecord:
        return MessageRecord(
            message.batch_id,
            batch_id=message.batch_id if self._journals.bound.shows_batch_ids else None,
            destination=self._journals.recipients[message.chunk],
            content=TEXT["content"],
        )

    async def iterate(self, *, destination: str, **_: Any) -> Any:
        for record in map(self._record, self._seen):
            if record.destination == destination:
                yield record

    async def get(self, batch_id: str) -> list[MessageRecord]:
        return [self._record(m) for m in self._seen if m.batch_id == batch_id]


def visible(world: World) -> tuple[Message, ...]:
    """Return the messages that a search shows, as far as it shows them."""
    return tuple(
        Message(m.chunk, m.batch_id, 0, 0, 0.0, hidden=False, answered=False)
        for m in world.messages
        if not m.visible_in
    )


def _campaign(name: str) -> Campaign:
    return Campaign(id=name, kind="send", message=TEXT, chunk_size=1, deduplicate=True)


def _capped(entry: ChunkRecord) -> ChunkRecord:
    """Leave out what no decision goes by: whose it was, when it began, a lease that is settled."""
    began = None if entry.began is None else 0.0
    lease = entry.lease if entry.state in {State.SENDING, State.UNKNOWN} else None
    return attrs.evolve(entry, owner="", began=began, lease=lease)


def _older(entry: ChunkRecord) -> ChunkRecord:
    lease = entry.lease
    return entry if lease is None else attrs.evolve(entry, lease=max(lease - 1, -_OLDEST))


def _older_process(process: Process) -> Process:
    """Let a second pass for a process; what is older than matters is as old as that."""
    if process.doing == "holding":
        lease_end = max(process.lease_end - 1, -_OLDEST)
        return process._replace(since=min(process.since + 1, LEASE), lease_end=lease_end)
    if process.doing == "watching":
        return process._replace(since=min(process.since + 1, LEASE + TIMEOUT))
    if process.doing == "looking":
        return process._replace(looked=min(process.looked + 1, SETTLE))
    return process


def _idle(world: World, process: Process) -> Process:
    return Process(name=process.name, epoch=world.epoch)


def _now(world: World, index: int, process: Process) -> World:
    processes = (*world.processes[:index], process, *world.processes[index + 1 :])
    return world._replace(processes=processes)


def _sorted(world: World) -> World:
    return world._replace(
        processes=tuple(sorted(world.processes)),
        wire=tuple(sorted(world.wire)),
        messages=tuple(sorted(world.messages)),
    )


def describe(bound: Bound, states: int, seconds: float) -> str:
    """Say what was explored."""
    changed = {
        a.name: getattr(bound, a.name)
        for a in attrs.fields(Bound)
        if getattr(bound, a.name) != a.default
    }
    said = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the smallest world"
    return f"{said}: {states} states, {seconds:.1f} s"
