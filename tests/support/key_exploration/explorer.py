"""Exhaustive exploration of a small model of calls with idempotency keys.

The search is breadth first with hashed states, until there are no new ones, so invariants checked
in every state hold for every history within the bound, of any length. A step is one transition of
the package's journal, one of its searches, or an event of the model. The decisions of
`_idempotency.sends` in between are modelled with its own functions. Only the provider, the network,
the clocks and the deaths of processes are simulated. Time is relative (now is 0, and ages are
capped), so that the number of states is finite.

A request is accepted within its time-out after the write, or never. An accepted message appears in
searches at once, after up to `SETTLE`, or later: then it was *hidden*.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from smsworks_async._idempotency import claims, sends
from smsworks_async._idempotency.answers import id_field, id_of, replay
from smsworks_async.bulk.campaign import reconciler
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.errors import InvalidMessage, OutcomeUnknown
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import State
from smsworks_async.models.report import BatchOutcome, Outcome
from support.exploration.world import LEASE, SETTLE, STEP, TIMEOUT, Violation
from support.key_exploration.invariants import Invariants
from support.key_exploration.journals import OWNER, Journals
from support.key_exploration.world import Bound, Message, Process, Request, World, is_of


Steps = Iterator[tuple[str, World]]

_LONG_LAG: Final = 99
_NOT_SENT: Final = BatchOutcome(0, Outcome.NOT_SENT, 1)
_LOST: Final = BatchOutcome(0, Outcome.UNKNOWN, 1, error=OutcomeUnknown("lost", operation="x"))
_REFUSED: Final = BatchOutcome(
    0, Outcome.REJECTED, 1, error=InvalidMessage("no", status=400, code=4002)
)


class Exploration:
    """The model within a bound."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.journals = Journals(bound)
        self.seen: dict[World, tuple[World | None, str]] = {}
        self.problem = Invariants(bound, self.journals).problem

    def begin(self) -> World:
        """Return the initial state, without calls."""
        bound = self.bound
        return World(
            clock=0.0,
            forward=bound.steps_forward,
            back=bound.steps_back,
            hidden=bound.hidden,
            claims=bound.claims,
            journal=self.journals.empty(),
            processes=tuple(map(Process, bound.calls)),
            wire=(),
            messages=(),
        ).in_order()

    # The possible next steps.

    def steps(self, world: World) -> Steps:
        """Yield every possible next state, with a name for replaying it."""
        late = any(p.doing == "waiting" and p.since >= TIMEOUT for p in world.processes)
        if not (late and self.bound.prompt):
            yield "a second passes", self._tick(world)
        if world.forward:
            forward = world._replace(clock=world.clock + STEP, forward=world.forward - 1)
            yield "the clock is set forward", forward
        if world.back:
            yield (
                "the clock is set back",
                world._replace(clock=world.clock - STEP, back=world.back - 1),
            )
        for request in world.wire:
            yield from self._answering(world, request)
        for index, process in enumerate(world.processes):
            for what, after in self._moves(world, index, process):
                yield f"process {index} {what}", after

    def _tick(self, world: World) -> World:
        return world._replace(
            journal=self.journals.older(world.journal),
            processes=tuple(p.older(self.bound.oldest) for p in world.processes),
            # A request that was not accepted by then never is.
            wire=tuple(r._replace(age=r.age + 1) for r in world.wire if r.age + 1 <= TIMEOUT),
            messages=tuple(
                m._replace(visible_in=m.visible_in - 1) if 0 < m.visible_in < _LONG_LAG else m
                for m in world.messages
            ),
        )

    def _answering(self, world: World, request: Request) -> Steps:
        """Let the provider accept or reject a request."""
        rest = world._replace(wire=tuple(one for one in world.wire if one is not request))
        what = f"key {request.made.key}, attempt {request.attempt}"
        for index, process in enumerate(world.processes):
            if process.doing == "waiting" and is_of(process, request):
                refused = process._replace(refused=True)
                yield f"the provider refuses {what}", rest.with_process(index, refused)
        lags = {"": 0}
        if self.bound.resends:  # otherwise an empty search changes nothing
            lags[", and shows it late"] = SETTLE
        if world.hidden:
            lags[", and hides it"] = _LONG_LAG
        ordinal = sum(m.made.key == request.made.key for m in world.messages)
        for how, lag in lags.items():
            message = Message(
                made=request.made,
                message_id=f"{request.made.key}-{ordinal}",
                attempt=request.attempt,
                visible_in=lag,
                hidden=lag == _LONG_LAG,
                answered=False,
            )
            accepted = rest._replace(
                messages=(*world.messages, message), hidden=world.hidden - message.hidden
            )
            yield f"the provider accepts {what}{how}", accepted

    def _moves(self, world: World, index: int, me: Process) -> Steps:
        if me.doing == "asking":
            yield from self._ask(world, index, me)
        elif me.doing == "claiming":
            yield from self._claim(world, index, me)
        elif me.doing == "holding":
            yield "is stopped before it writes", self._fail(world, index, me, _NOT_SENT)
            yield "dies", world.with_process(index, me.asks())
            yield "writes", self._write(world, index, me)
        elif me.doing == "waiting":
            yield "dies", world.with_process(index, me.asks())
            yield from self._wait(world, index, me)
        elif me.doing == "found":
            _, after = self.journals.confirm(world.journal, world.clock, me.made, me.found)
            confirmed = world._replace(journal=after)
            yield f"confirms {me.found[1]}", self._in_doubt_or_not(confirmed, index, me)
        else:
            yield from self._doubt(world, index, me)

    # A call, as `_idempotency.sends` makes it.

    def _ask(self, world: World, index: int, me: Process) -> Steps:
        kept, after = self.journals.key(world.journal, world.clock, me.made)
        asked = world._replace(journal=after)
        if kept is not None and self.journals.difference(kept, me.made) is not None:
            yield "learns that it is another call's key", asked.with_process(index, me.asks())
        elif kept is None or kept.is_free:
            if kept is not None and me.awaited == kept.request.attempt:
                yield "learns why it failed", self._return_failure(asked, index, me)
            elif world.claims:
                yield "finds it free", asked.with_process(index, me._replace(doing="claiming"))
        elif kept.request.state is State.ACCEPTED:
            answer = id_of(replay(kept.answer, self.journals.into))
            yield "is given the answer", self._return_answer(asked, index, me, str(answer))
        elif kept.request.state is State.SENDING:
            if me.awaited:
                yield "gives up", asked.with_process(index, me.asks())
            yield "waits for it", asked.with_process(index, me.asks(kept.request.attempt))
        else:
            doubting = me._replace(doing="doubting", attempt=kept.request.attempt)
            yield "finds it in doubt", asked.with_process(index, doubting)

    def _claim(self, world: World, index: int, me: Process) -> Steps:
        if not world.claims:
            return
        kept, after = self.journals.claim(world.journal, world.clock, me.made)
        yield "claims", self._hold(world._replace(journal=after), index, me, kept)

    def _hold(self, world: World, index: int, me: Process, kept: KeyRecord | None) -> World:
        if kept is None or kept.request.state is not State.SENDING or kept.request.owner != OWNER:
            return world.with_process(index, me.asks(me.awaited))
        claimed = kept.request
        holding = Process(
            me.made,
            doing="holding",
            attempt=claimed.attempt,
            lease_end=min(world.clock + LEASE, claimed.lease or world.clock),
        )
        return world._replace(claims=world.claims - 1).with_process(index, holding)

    def _write(self, world: World, index: int, me: Process) -> World:
        if claims.lease_is_over(
            LEASE, since_claim=me.since, now=world.clock, lease_end=me.lease_end
        ):
            return self._fail(world, index, me, _NOT_SENT)
        request = Request(me.made, me.attempt, 0.0)
        waiting = Process(me.made, doing="waiting", attempt=me.attempt)
        return world._replace(wire=(*world.wire, request)).with_process(index, waiting)

    def _wait(self, world: World, index: int, me: Process) -> Steps:
        yield "loses the answer", self._fail(world, index, me, _LOST)
        if me.refused:
            yield "is refused", self._fail(world, index, me, _REFUSED)
        for at, message in enumerate(world.messages):
            if not is_of(me, message):
                continue
            messages = list(world.messages)
            messages[at] = message._replace(answered=True)
            outcome = BatchOutcome(0, Outcome.ACCEPTED, 1, message.message_id)
            _, after = self._finish(world._replace(messages=tuple(messages)), me, outcome)
            yield "is answered", self._return_answer(after, index, me, message.message_id)
            if self.bound.refusals_with_ids:
                named: dict[str, Any] = {id_field(self.journals.into): message.message_id}
                error = OutcomeUnknown("refused", operation="x", **named)
                outcome = BatchOutcome(0, Outcome.UNKNOWN, 1, error=error)
                yield "is refused, with an id", self._fail(world, index, me, outcome)

    def _finish(self, world: World, me: Process, outcome: BatchOutcome) -> tuple[KeyRecord, World]:
        kept, after = self.journals.finish(world.journal, world.clock, me.made, me.attempt, outcome)
        return kept, world._replace(journal=after)

    def _fail(self, world: World, index: int, me: Process, outcome: BatchOutcome) -> World:
        kept, after = self._finish(world, me, outcome)
        # Recording the outcome reads nothing else of a claim.
        another = sends._has_another(kept.request, kept)
        if outcome.outcome is Outcome.UNKNOWN or another:
            return after.with_process(index, me.asks())  # the call reports an unknown outcome
        return self._return_failure(after, index, me)

    # Unknown: a search; with on_unknown="resend" also a watch, more searches, and a resend.

    def _doubt(self, world: World, index: int, me: Process) -> Steps:
        if me.doing == "doubting":
            then = me._replace(doing="watching", since=0.0) if me.made.resends else None
            yield from self._look(world, index, me, then)
            return
        kept, after = self.journals.key(world.journal, world.clock, me.made)
        entry = None if kept is None else kept.request
        if entry is None or entry.state is not State.UNKNOWN or entry.attempt != me.attempt:
            asked = world._replace(journal=after)
            yield "finds it settled", asked.with_process(index, me.asks(me.awaited))
            return
        left = reconciler.until_resend(entry, watched=me.since, now=world.clock, own=TIMEOUT)
        if me.doing == "watching" and not left:
            yield from self._look(world, index, me, me._replace(doing="looking", looked=0.0))
        elif me.doing == "looking" and me.looked >= SETTLE:
            yield from self._look(world, index, me, me._replace(doing="sure", looked=0.0))
        elif me.doing == "sure" and left:
            yield "finds it too early", self._in_doubt_or_not(world, index, me)
        elif me.doing == "sure" and world.claims:
            wait = sends.longest_request(entry, TIMEOUT)
            which = (world.journal, world.clock, me.made, me.attempt, wait)
            claimed, after = self.journals.resend(*which)
            yield "sends it again", self._hold(world._replace(journal=after), index, me, claimed)

    def _look(self, world: World, index: int, me: Process, then: Process | None) -> Steps:
        """Search once; continue with a given step if nothing is found."""
        which = (world.journal, world.clock, me.made, world.visible())
        entry, finding, found, after = self.journals.look(*which)
        looked = world._replace(journal=after)
        if entry is None or finding is None:
            yield "finds it settled", looked.with_process(index, me.asks(me.awaited))
            return
        what = f"looks: {finding.value}"
        if finding is Finding.FOUND and found is not None:
            yield what, looked.with_process(index, me._replace(doing="found", found=found))
        elif finding is Finding.NOTHING and then is not None and entry.attempt == me.attempt:
            yield what, looked.with_process(index, then)
        else:
            yield what, self._in_doubt_or_not(looked, index, me)

    def _in_doubt_or_not(self, world: World, index: int, me: Process) -> World:
        """End a call whose key is unchanged and unknown; otherwise ask again."""
        kept, after = self.journals.key(world.journal, world.clock, me.made)
        same = kept is not None and kept.request.attempt == me.attempt
        stays = same and kept is not None and kept.request.state is State.UNKNOWN
        asking = me.asks() if stays else me.asks(me.awaited)
        return world._replace(journal=after).with_process(index, asking)

    # What a call returns.

    def _return_answer(self, world: World, index: int, me: Process, message_id: str) -> World:
        given = [m for m in world.messages if m.message_id == message_id]
        returned = world.with_process(index, me.asks())
        if not given:
            return returned._replace(wrong=f"{message_id} is returned, and was not accepted")
        if given[0].made.text != me.made.text:
            return returned._replace(wrong=f"{message_id} is returned, which has another text")
        return returned

    def _return_failure(self, world: World, index: int, me: Process) -> World:
        returned = world.with_process(index, me.asks())
        if any(one.made.key == me.made.key for one in (*world.wire, *world.messages)):
            wrong = f"key {me.made.key} has failed for a call, and was or may be accepted"
            return returned._replace(wrong=wrong)
        return returned

    # The exploration itself.

    def run(self, steps: int | None = None) -> int:
        """Visit every state within the bound; return their number.

        Args:
            steps: the most steps of a history; None for no limit.

        Raises:
            Violation: an invalid state, with its history.
        """
        first = self.begin()
        seen = self.seen = {first: (None, "begin")}
        reached = [first]
        while reached and steps != 0:
            steps = None if steps is None else steps - 1
            reached = list(self._reach_from(reached, seen))
        return len(seen)

    def _reach_from(
        self, worlds: list[World], seen: dict[World, tuple[World | None, str]]
    ) -> Iterator[World]:
        """Advance one step; yield the new states."""
        for world in worlds:
            for what, then in self.steps(world):
                after = then.in_order()
                if after in seen:
                    continue
                seen[after] = (world, what)
                problem = self.problem(after)
                if problem is not None:
                    raise Violation(problem, self.history(after))
                yield after

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
            worlds.append(dict(self.steps(worlds[-1]))[what].in_order())
        return worlds

    def sample(self, count: int, seed: int = 20311126) -> list[list[str]]:
        """Return a sample of the longer half of the histories."""
        longer = list(self.seen)[len(self.seen) // 2 :]
        chosen = random.Random(seed).sample(longer, min(count, len(longer)))
        return [self.history(world) for world in chosen]
