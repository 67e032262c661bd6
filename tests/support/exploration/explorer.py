"""Exhaustive exploration of a small model: processes, a journal, a provider, clocks and deaths.

The search is breadth first with hashed states, until there are no new ones, so invariants checked
in every state hold for every history within the bound, of any length. Every step calls the
package's own code: the journal's transitions, the reconciler's search and its decision, the waits,
and the check at the write. Only the provider, the network, the clocks and the deaths of processes
are modelled. Time is relative (now is 0, and ages are capped), so that the number of states is
finite.

A request is accepted within its time-out after the write, or never. An accepted message appears in
searches at once, after up to `settle`, or later: then it was *hidden*.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

import attrs

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign import journal_source, reconciler
from smsworks_async.bulk.campaign import run as runs
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.errors import OutcomeUnknown
from smsworks_async.journals import State
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.report import BatchOutcome, Outcome
from support.exploration.journals import (
    NAMES,
    Journals,
)
from support.exploration.world import (
    LEASE,
    SETTLE,
    STEP,
    TIMEOUT,
    Bound,
    Message,
    Process,
    Request,
    Violation,
    World,
    idle_process,
    in_order,
    older_process,
    visible,
    with_process,
)


LONG_LAG = 99


_LOST = OutcomeUnknown("lost", operation="POST /batch/send")


_NOT_SENT = BatchOutcome(0, Outcome.NOT_SENT, 1)


class Exploration:
    """The model within a bound."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        letters = "a" * bound.chunks if bound.twins else "abc"[: bound.chunks]
        self._recipients = [f"44770090000{ord(letter) - ord('a')}" for letter in letters]
        self.journals = Journals(bound, self._recipients)
        self._names = list(map(options.check_campaign, NAMES))
        self._named: dict[str, OutcomeUnknown] = {}
        self.seen: dict[World, tuple[World | None, str]] = {}

    def begin(self) -> World:
        """Return the initial state: everything is planned, and nothing was sent."""
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
            # If all spellings are one name, it does not matter which one a process uses.
            processes=tuple(
                Process(name=n % len(set(self._names))) for n in range(bound.processes)
            ),
            wire=(),
            messages=(),
        )

    # The possible next steps.

    def steps(self, world: World) -> Iterator[tuple[str, World]]:
        """Yield every possible next state, with a name for replaying it."""
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
            processes=tuple(map(older_process, world.processes)),
            # A request that was not accepted by then never is.
            wire=tuple(r._replace(age=r.age + 1) for r in world.wire if r.age + 1 <= TIMEOUT),
            messages=tuple(
                m._replace(visible_in=m.visible_in - 1) if 0 < m.visible_in < LONG_LAG else m
                for m in world.messages
            ),
        )

    def _copying(self, world: World) -> Iterator[tuple[str, World]]:
        """Copy the journal, or restore the copy, which is declared with `restored`."""
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
            lags[", and hides it"] = LONG_LAG
        ordinal = sum(m.chunk == request.chunk for m in world.messages)
        for how, lag in lags.items():
            hidden = lag == LONG_LAG
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
                yield (
                    "dies",
                    with_process(
                        world._replace(deaths=world.deaths - 1), index, idle_process(world, me)
                    ),
                )
            if me.epoch != world.epoch and me.doing not in {"holding", "waiting"}:
                yield "begins anew", with_process(world, index, idle_process(world, me))

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
            yield f"claims {claim.record.number}", with_process(claimed, index, holding)
        for number in self.journals.planned:
            entry = self.journals.entry(world.campaigns, name, number)
            if entry.state in {State.SENDING, State.UNKNOWN}:
                yield from self._look(world, index, me, number)

    def _look(
        self, world: World, index: int, me: Process, number: int
    ) -> Iterator[tuple[str, World]]:
        """Search for a chunk once; continue to watch it if nothing is found and that may matter."""
        name = self._names[me.name]
        entry, finding, after = self.journals.look(
            world.campaigns, world.clock, name, number, visible(world)
        )
        if entry is None or finding is None:
            yield f"expires {number}", world._replace(campaigns=after)
            return
        then = idle_process(world, me)
        if finding is Finding.NOTHING and (entry.reopenable or world.resends):
            then = then._replace(doing="watching", chunk=number, attempt=entry.attempt)
        looked = with_process(world._replace(campaigns=after), index, then)
        yield f"looks for {number}: {finding.value}", looked

    def _doubting(self, world: World, index: int, me: Process) -> Iterator[tuple[str, World]]:
        """Watch a chunk until it can no longer be accepted, search twice, and resend it."""
        name = self._names[me.name]
        entry = self.journals.entry(world.campaigns, name, me.chunk)
        if entry.state is not State.UNKNOWN or entry.attempt != me.attempt:
            yield "finds it settled", with_process(world, index, idle_process(world, me))
            return
        left = reconciler.until_resend(entry, watched=me.since, now=world.clock, own=TIMEOUT)
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
        if finding is not Finding.NOTHING:
            then = idle_process(world, then)
        looked = with_process(world._replace(campaigns=after), index, then)
        yield f"looks again for {then.chunk}: {finding.value}", looked

    def _send_again(
        self, world: World, index: int, me: Process, entry: ChunkRecord
    ) -> Iterator[tuple[str, World]]:
        which = (self._names[me.name], me.chunk, me.attempt)
        idle = idle_process(world, me)
        if entry.reopenable and entry.restored:
            _, after = self.journals.after(world.campaigns, world.clock, "clear_doubt", *which)
            yield f"clears {me.chunk}", with_process(world._replace(campaigns=after), index, idle)
        elif world.resends:
            wait = runs.longest_request(entry, TIMEOUT)
            _, after = self.journals.after(world.campaigns, world.clock, "resend", *which, wait)
            sent = world._replace(campaigns=after, resends=world.resends - 1)
            yield f"has {me.chunk} sent again", with_process(sent, index, idle)

    def _write(self, world: World, index: int, me: Process) -> World:
        late = journal_source.lease_is_over(
            LEASE, since_claim=me.since, now=world.clock, lease_end=me.lease_end
        )
        if late:
            return self._finish(world, index, me, _NOT_SENT)
        request = Request(me.chunk, me.attempt, me.epoch, 0.0)
        waiting = me._replace(doing="waiting", since=0.0, lease_end=0.0)
        return with_process(world._replace(wire=(*world.wire, request)), index, waiting)

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
        if me.epoch == world.epoch:  # otherwise its file is gone, with everything that it writes
            name = self._names[me.name]
            # A chunk in flight has not changed since its claim.
            entry = self.journals.entry(world.campaigns, name, me.chunk)
            claimed = attrs.evolve(entry, state=State.SENDING, attempt=me.attempt)
            _, after = self.journals.after(
                world.campaigns, world.clock, "finish", name, claimed, outcome
            )
            world = world._replace(campaigns=after)
        return with_process(world, index, idle_process(world, me))

    # The invariants.

    def problem(self, world: World) -> str | None:
        """Return the violation in a state, or an empty result."""
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
        """Visit every state within the bound; return their number.

        Raises:
            Violation: an invalid state, with its history.
        """
        first = self.begin()
        seen = self.seen = {first: (None, "begin")}
        waiting = deque([first])
        while waiting:
            world = waiting.popleft()
            for what, after in self.steps(world):
                after = in_order(after)  # noqa: PLW2901
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
        """Return the history of a state, for `replay`."""
        steps: list[str] = []
        at: World | None = world
        while at is not None:
            at, what = self.seen[at]
            steps.append(what)
        return steps[::-1][1:]

    def replay(self, history: list[str]) -> list[World]:
        """Replay a history; return its states."""
        worlds = [self.begin()]
        for what in history:
            worlds.append(in_order(dict(self.steps(worlds[-1]))[what]))
        return worlds

    def sample(self, count: int, seed: int = 20311126) -> list[list[str]]:
        """Return a sample of the longer half of the histories."""
        longer = list(self.seen)[len(self.seen) // 2 :]
        chosen = random.Random(seed).sample(longer, min(count, len(longer)))
        return [self.history(world) for world in chosen]
