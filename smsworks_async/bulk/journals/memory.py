"""A journal in memory: a campaign's ways without a file, for tests and for one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import attrs

from smsworks_async.bulk.journals import leases, states
from smsworks_async.bulk.journals.checks import check_campaign, check_chunk, check_totals, no_such
from smsworks_async.bulk.journals.leases import Lease
from smsworks_async.bulk.journals.records import (
    Campaign,
    Claim,
    Entry,
    Event,
    PlannedChunk,
    State,
    Summary,
    Sums,
    Totals,
)
from smsworks_async.bulk.report import BatchOutcome, Problem


@attrs.define(eq=False)
class _Kept:
    campaign: Campaign
    entries: dict[int, Entry] = attrs.field(factory=dict)
    planned: dict[int, PlannedChunk] = attrs.field(factory=dict)
    problems: dict[int, Problem] = attrs.field(factory=dict)
    events: list[Event] = attrs.field(factory=list)


class MemoryJournal:
    """Keeps campaigns for as long as it lives.

    Args:
        clock: tells POSIX seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._campaigns: dict[str, _Kept] = {}
        self._seen: dict[str, dict[str, None]] = {}
        self._leases: dict[str, Lease] = {}

    def _kept(self, campaign: str) -> _Kept:
        kept = self._campaigns.get(campaign)
        if kept is None:
            raise no_such(campaign)
        return kept

    def _change(self, kept: _Kept, change: states.Change, detail: str = "") -> Entry:
        entry, what = change
        kept.entries[entry.number] = entry
        kept.events.append(
            Event(
                number=entry.number,
                at=self.clock(),
                attempt=entry.attempt,
                owner=entry.owner,
                what=what,
                detail=detail,
            )
        )
        return entry

    def _add(self, kept: _Kept, chunk: PlannedChunk, round: int) -> None:
        kept.planned[chunk.number] = chunk
        entry = Entry(
            number=chunk.number,
            size=chunk.size,
            abroad=chunk.abroad,
            credits=chunk.credits,
            round=round,
        )
        self._change(kept, (entry, "planned"))

    async def begin(self, campaign: Campaign) -> Campaign:
        begun = attrs.evolve(campaign, created=self.clock())
        kept = self._campaigns.setdefault(campaign.id, _Kept(begun))
        check_campaign(kept.campaign, campaign)
        return kept.campaign

    async def plan(
        self, campaign: str, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
    ) -> None:
        kept = self._kept(campaign)
        for chunk in chunks:
            check_chunk(chunk, kept.planned.get(chunk.number), kept.campaign.totals)
            if chunk.number not in kept.planned:
                self._add(kept, chunk, 0)
        for problem in problems:
            kept.problems.setdefault(problem.position, problem)

    async def planned(self, campaign: str, totals: Totals) -> None:
        kept = self._kept(campaign)
        check_totals(
            kept.campaign.totals, totals, chunks=len(kept.planned), set_aside=len(kept.problems)
        )
        kept.campaign = attrs.evolve(kept.campaign, totals=totals)

    def _number_on(self, kept: _Kept, chunks: Sequence[PlannedChunk], round: int) -> list[int]:
        numbered = [
            attrs.evolve(chunk, number=number)
            for number, chunk in enumerate(chunks, max(kept.planned, default=-1) + 1)
        ]
        for chunk in numbered:
            self._add(kept, chunk, round)
        return [chunk.number for chunk in numbered]

    async def plan_again(self, campaign: str, round: int, chunks: Sequence[PlannedChunk]) -> bool:
        kept = self._kept(campaign)
        before = [entry for entry in kept.entries.values() if entry.round == round - 1]
        unfinished = round > 1 and any(entry.is_open for entry in before)
        if kept.campaign.round != round - 1 or unfinished:
            return False
        kept.campaign = attrs.evolve(kept.campaign, round=round)
        self._number_on(kept, chunks, round)
        return True

    async def start(
        self,
        campaign: str,
        *,
        owner: str,
        lease: float,
        round: int,
        after: int,
        abroad: bool,
        there: float | None = None,
    ) -> Claim | None:
        kept = self._kept(campaign)
        for number in sorted(kept.entries):
            entry = kept.entries[number]
            if number <= after or entry.round != round or (entry.abroad and not abroad):
                continue
            if entry.state is State.PENDING:
                change = states.start(entry, owner, self.clock(), lease, there)
                begun = self._change(kept, change)
                return Claim(begun, kept.planned[number].items, kept.planned[number].positions)
        return None

    async def finish(
        self, campaign: str, number: int, attempt: int, outcome: BatchOutcome
    ) -> Entry:
        kept = self._kept(campaign)
        change = states.finish(kept.entries[number], attempt, outcome)
        for other, entry in self._all() if outcome.batch_id else ():
            is_another = (other, entry.number) != (kept, number)
            if is_another and entry.found and entry.batch_id == outcome.batch_id:
                self._change(other, states.unfind(entry))
        return self._change(kept, change, outcome.batch_id or str(outcome.error or ""))

    async def split(
        self, campaign: str, number: int, attempt: int, halves: Sequence[PlannedChunk]
    ) -> Sequence[int]:
        kept = self._kept(campaign)
        change = states.split(kept.entries[number], attempt)
        if change is None:
            return ()
        entry = self._change(kept, change)
        return self._number_on(kept, halves, entry.round)

    async def reopen(self, campaign: str, round: int) -> int:
        kept = self._kept(campaign)
        entries = [entry for entry in kept.entries.values() if entry.round == round]
        return self._change_all(kept, states.reopen, entries)

    def _change_all(
        self, kept: _Kept, decide: Callable[[Entry], states.Change | None], entries: list[Entry]
    ) -> int:
        changes = [change for change in map(decide, entries) if change is not None]
        for change in changes:
            self._change(kept, change)
        return len(changes)

    async def suspect(self, campaign: str) -> int:
        kept = self._kept(campaign)
        kept.campaign = attrs.evolve(kept.campaign, restored=True)
        return self._change_all(kept, states.suspect, list(kept.entries.values()))

    async def clear(self, campaign: str, number: int, attempt: int) -> bool:
        kept = self._kept(campaign)
        change = states.clear(kept.entries[number], attempt)
        if change is None:
            return False
        self._change(kept, change)
        return True

    async def stalled(self, campaign: str) -> Sequence[Entry]:
        kept, now = self._kept(campaign), self.clock()
        for change in [states.stall(entry, now) for entry in kept.entries.values()]:
            if change is not None:
                self._change(kept, change)
        return [entry for entry in kept.entries.values() if entry.state is State.UNKNOWN]

    async def found(
        self, campaign: str, number: int, attempt: int, batch_id: str, others: int = 0
    ) -> bool:
        kept = self._kept(campaign)
        entry = kept.entries[number]
        change = states.found(entry, attempt, batch_id)
        if change is None or await self.holds(campaign, batch_id):
            return False
        twins = sum(
            states.is_twin(entry, other)
            for where, other in self._all()
            if (where, other.number) != (kept, number)
            and states.is_alike(
                kept.planned[number].items,
                kept.campaign.message,
                where.planned[other.number].items,
                where.campaign.message,
            )
        )
        if twins > others:
            return False
        self._change(kept, change, batch_id)
        return True

    async def holds(self, campaign: str, batch_id: str) -> bool:
        return any(batch_id in {entry.batch_id, *entry.doubles} for _, entry in self._all())

    def _all(self) -> list[tuple[_Kept, Entry]]:
        return [(kept, e) for kept in self._campaigns.values() for e in kept.entries.values()]

    async def resend(self, campaign: str, number: int, attempt: int, wait: float) -> bool:
        kept = self._kept(campaign)
        change = states.resend(kept.entries[number], attempt, self.clock(), wait)
        if change is None:
            return False
        self._change(kept, change)
        return True

    async def now(self) -> float:
        return self.clock()

    async def summary(self, campaign: str) -> Summary:
        kept, now = self._kept(campaign), self.clock()
        entries = kept.entries.values()
        leases = [e.lease or now for e in entries if e.state is State.SENDING]
        return Summary(
            campaign=kept.campaign,
            states=_sum_up(entry for entry in entries if not entry.round),
            again=_sum_up(entry for entry in entries if entry.round),
            lease=max(0.0, min(leases) - now) if leases else None,
        )

    async def entries(self, campaign: str, after: int = -1, limit: int = 500) -> Sequence[Entry]:
        entries = self._kept(campaign).entries
        return [entries[number] for number in sorted(entries) if number > after][:limit]

    async def claim(self, campaign: str, number: int) -> Claim:
        kept = self._kept(campaign)
        planned = kept.planned[number]
        return Claim(kept.entries[number], planned.items, planned.positions)

    async def problems(
        self, campaign: str, after: int = -1, limit: int = 5000
    ) -> Sequence[Problem]:
        problems = self._kept(campaign).problems
        return [problems[position] for position in sorted(problems) if position > after][:limit]

    async def events(self, campaign: str, number: int | None = None) -> Sequence[Event]:
        events = self._kept(campaign).events
        return [event for event in events if number is None or event.number == number]

    async def seen(self, message_id: str) -> Sequence[str]:
        return tuple(self._seen.get(message_id, ()))

    async def claim_seen(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        held = self._leases.get(message_id)
        if status in self._seen.get(message_id, ()):
            return False
        lease = leases.acquire(held, owner, self.clock(), seconds)
        self._leases[message_id] = lease
        return lease.owner == owner

    async def release_seen(self, message_id: str, owner: str) -> None:
        if leases.release(self._leases.get(message_id), owner) is None:
            self._leases.pop(message_id, None)

    async def add_seen(self, message_id: str, status: str, owner: str = "") -> None:
        self._seen.setdefault(message_id, {})[status] = None
        await self.release_seen(message_id, owner)

    async def close(self) -> None:
        """Nothing is to be let go of: what is kept stays for the next call."""


def _sum_up(entries: Iterable[Entry]) -> dict[State, Sums]:
    sums: dict[State, Sums] = {}
    for entry in entries:
        if entry.state is State.SPLIT:
            continue
        before = sums.get(entry.state, Sums(chunks=0, recipients=0, credits=0.0))
        sums[entry.state] = Sums(
            chunks=before.chunks + 1,
            recipients=before.recipients + entry.size,
            credits=before.credits + entry.credits,
        )
    return sums
