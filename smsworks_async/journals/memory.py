"""A journal in memory, for a single process and for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from smsworks_async.journals.base import BaseJournal
from smsworks_async.journals.checks import no_such
from smsworks_async.journals.memory_keys import MemoryKeys
from smsworks_async.journals.memory_opt_outs import MemoryOptOuts
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Controls,
    Event,
    PlannedChunk,
    State,
    StoredChunk,
    Sums,
)
from smsworks_async.journals.store import Doubtful, Held, ReportClaim, Store, Tallies
from smsworks_async.journals.transitions import Change
from smsworks_async.models.report import Problem


T = TypeVar("T")


class MemoryJournal(BaseJournal):
    """A journal in memory, which lasts as long as the object.

    Args:
        clock: returns POSIX seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self.store = MemoryStore(clock)

    async def _run(self, rule: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        # The statements never wait, so no other rule runs before this one has ended.
        return await rule(self.store)

    async def _sweep(self) -> None:
        """Do nothing: there are no files."""

    async def close(self) -> None:
        """Do nothing: the data stays available."""


@attrs.define(eq=False)
class Tables:
    """One campaign with its chunks, problems and events."""

    campaign: Campaign
    records: dict[int, ChunkRecord] = attrs.field(factory=dict)
    planned: dict[int, PlannedChunk] = attrs.field(factory=dict)
    problems: dict[int, Problem] = attrs.field(factory=dict)
    events: list[Event] = attrs.field(factory=list)


class MemoryStore(MemoryOptOuts, MemoryKeys):
    """A `Store` of dictionaries. The protocols document the methods."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        #: The campaigns; a campaign's key is its index in this list.
        self.campaigns: list[Tables] = []
        self._statuses: dict[str, dict[str, None]] = {}
        self._claims: dict[str, ReportClaim] = {}

    async def now(self) -> float:
        return self._clock()

    async def check_in_place(self) -> None:
        pass

    async def key_of(self, name: str) -> int:
        for key, tables in enumerate(self.campaigns):
            if tables.campaign.id == name:
                return key
        raise no_such(name)

    async def campaign_ids(self) -> Sequence[str]:
        return [tables.campaign.id for tables in self.campaigns]

    async def insert_campaign(self, campaign: Campaign) -> None:
        if all(tables.campaign.id != campaign.id for tables in self.campaigns):
            self.campaigns.append(Tables(attrs.evolve(campaign, created=self._clock())))

    async def campaign(self, key: int) -> Campaign:
        return self.campaigns[key].campaign

    async def update_campaign(self, key: int, campaign: Campaign) -> None:
        self.campaigns[key].campaign = campaign

    async def controls(self, key: int) -> Controls:
        campaign = self.campaigns[key].campaign
        return Controls(campaign.control, campaign.why, campaign.window, campaign.at)

    async def next_number(self, key: int) -> int:
        return max(self.campaigns[key].records, default=-1) + 1

    async def count(self, key: int) -> tuple[int, int]:
        return len(self.campaigns[key].records), len(self.campaigns[key].problems)

    async def insert_chunks(self, key: int, chunks: Sequence[PlannedChunk], round: int) -> None:
        for chunk in chunks:
            record = ChunkRecord.planned(chunk, round)
            self.campaigns[key].planned[chunk.number] = chunk
            await self.write(key, Change(record, "planned", {}))

    async def insert_problems(self, key: int, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.campaigns[key].problems.setdefault(problem.position, problem)

    async def chunk(self, key: int, number: int) -> ChunkRecord:
        return self.campaigns[key].records[number]

    async def chunks(
        self,
        key: int,
        *,
        after: int,
        limit: int,
        state: State | None = None,
        round: int | None = None,
        marked: bool = False,
    ) -> Sequence[ChunkRecord]:
        return [
            record
            for number, record in sorted(self.campaigns[key].records.items())
            if number > after
            and state in {None, record.state}
            and round in {None, record.round}
            and (record.reopenable or record.resent or not marked)
        ][:limit]

    async def next_pending(
        self, key: int, *, round: int, after: int, international: bool
    ) -> StoredChunk | None:
        tables = self.campaigns[key]
        for number, record in sorted(tables.records.items()):
            if number <= after or record.round != round or record.state is not State.PENDING:
                continue
            if international or not record.international:
                chunk = tables.planned[number]
                return StoredChunk(record, chunk.items, chunk.positions)
        return None

    async def recipients(self, key: int, first: int, last: int) -> Mapping[int, tuple[str, str]]:
        planned = self.campaigns[key].planned
        return {n: (c.items, c.positions) for n, c in planned.items() if first <= n <= last}

    async def write(self, key: int, change: Change, detail: str = "") -> None:
        record = change.record
        self.campaigns[key].records[record.number] = record
        event = Event(
            number=record.number,
            at=self._clock(),
            attempt=record.attempt,
            owner=record.owner,
            what=change.event,
            detail=detail,
        )
        self.campaigns[key].events.append(event)

    async def replace_claimed(
        self, key: int, claimed: ChunkRecord, change: Change, batch_id: str | None, detail: str
    ) -> bool:
        there = self.campaigns[key].records[claimed.number]
        claim = (State.SENDING, claimed.attempt, claimed.owner)
        requests = [r for _, r in self._all()] + [kept.request for kept in self._keys.values()]
        found = any(r.found and r.batch_id == batch_id for r in requests if batch_id)
        if (there.state, there.attempt, there.owner) != claim or found:
            return False
        await self.write(key, change, detail)
        return True

    def _all(self) -> Iterable[Held]:
        for key, tables in enumerate(self.campaigns):
            for record in tables.records.values():
                yield Held(key, record)

    async def chunks_with_batch(self, batch_id: str) -> Sequence[Held]:
        return [h for h in self._all() if batch_id in {h.record.batch_id, *h.record.doubles}]

    async def doubtful(self, size: int) -> Sequence[Doubtful]:
        return [
            Doubtful(
                key,
                record,
                self.campaigns[key].planned[record.number].items,
                self.campaigns[key].campaign.message,
            )
            for key, record in self._all()
            if record.requested == size and record.state in {State.SENDING, State.UNKNOWN}
        ]

    async def tally(self, key: int) -> Tallies:
        records = self.campaigns[key].records.values()
        leases = [r.lease for r in records if r.state is State.SENDING and r.lease is not None]
        return Tallies(
            _sum_up(record for record in records if not record.round),
            _sum_up(record for record in records if record.round),
            min(leases, default=None),
        )

    async def problems(self, key: int, *, after: int, limit: int) -> Sequence[Problem]:
        problems = sorted(self.campaigns[key].problems.items())
        return [problem for position, problem in problems if position > after][:limit]

    async def events(self, key: int, number: int | None) -> Sequence[Event]:
        return [e for e in self.campaigns[key].events if number in {None, e.number}]

    async def last_events(self) -> Mapping[str, float]:
        return {
            tables.campaign.id: max(
                (event.at for event in tables.events), default=tables.campaign.created or 0.0
            )
            for tables in self.campaigns
        }

    async def erase_texts(self, key: int) -> None:
        tables = self.campaigns[key]
        tables.campaign = attrs.evolve(tables.campaign, message={})
        planned, problems = tables.planned, tables.problems
        tables.planned = {n: attrs.evolve(chunk, items="") for n, chunk in planned.items()}
        tables.problems = {
            position: attrs.evolve(problem, value=None, message="")
            for position, problem in problems.items()
        }

    async def erase_details(self, key: int, *, but_of: Collection[str]) -> None:
        tables = self.campaigns[key]
        tables.events = [
            event if event.what in but_of else attrs.evolve(event, detail="")
            for event in tables.events
        ]

    async def statuses(self, message_id: str) -> Sequence[str]:
        return tuple(self._statuses.get(message_id, ()))

    async def report_claim(self, message_id: str) -> ReportClaim | None:
        return self._claims.get(message_id)

    async def write_report_claim(self, message_id: str, claim: ReportClaim) -> None:
        self._claims[message_id] = claim

    async def delete_report_claim(self, message_id: str, owner: str) -> None:
        claim = self._claims.get(message_id)
        if claim is not None and claim.lease.owner == owner:
            del self._claims[message_id]

    async def insert_status(self, message_id: str, status: str) -> None:
        claim = self._claims.get(message_id)
        if claim is not None and claim.status == status:
            del self._claims[message_id]
        self._statuses.setdefault(message_id, {})[status] = None


def _sum_up(records: Iterable[ChunkRecord]) -> dict[State, Sums]:
    sums: dict[State, Sums] = {}
    for record in records:
        if record.state is State.SPLIT:
            continue
        before = sums.get(record.state, Sums(chunks=0, recipients=0, credits=0.0))
        sums[record.state] = Sums(
            chunks=before.chunks + 1,
            recipients=before.recipients + record.size,
            credits=before.credits + record.credits_requested,
            excluded=before.excluded + record.excluded,
            opted=before.opted + record.opted,
        )
    return sums
