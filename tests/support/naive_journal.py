"""A simple reference journal for comparisons, without rules, statements and shortcuts.

Each method is self-contained and works on dictionaries. Of the package it uses only the transitions
of single chunks and the checks of plans.
"""

from __future__ import annotations

import attrs

from smsworks_async.journals import reconciliation, transitions
from smsworks_async.journals.checks import check_campaign, check_chunk, check_totals, no_such
from smsworks_async.journals.records import ChunkRecord, Event, State, StoredChunk, Summary, Sums


@attrs.define(eq=False)
class Kept:
    campaign: object
    records: dict = attrs.field(factory=dict)
    planned: dict = attrs.field(factory=dict)
    problems: dict = attrs.field(factory=dict)
    events: list = attrs.field(factory=list)


class NaiveJournal:
    def __init__(self, clock):
        self.clock = clock
        self.campaigns = {}
        self.handled = {}
        self.claims = {}

    def kept(self, name):
        if name not in self.campaigns:
            raise no_such(name)
        return self.campaigns[name]

    def change(self, kept, change, detail=""):
        record, what, _ = change
        kept.records[record.number] = record
        event = {"attempt": record.attempt, "owner": record.owner, "what": what, "detail": detail}
        kept.events.append(Event(number=record.number, at=self.clock(), **event))
        return record

    def add(self, kept, chunk, round):
        kept.planned[chunk.number] = chunk
        plan = {"size": chunk.size, "international": chunk.international, "credits": chunk.credits}
        record = ChunkRecord(number=chunk.number, round=round, **plan)
        self.change(kept, (record, "planned", {}))

    def number_on(self, kept, chunks, round):
        numbers = []
        for chunk in chunks:
            numbers.append(max(kept.planned, default=-1) + 1)
            self.add(kept, attrs.evolve(chunk, number=numbers[-1]), round)
        return numbers

    def everywhere(self):
        return [(kept, r) for kept in self.campaigns.values() for r in kept.records.values()]

    async def begin(self, campaign):
        begun = Kept(attrs.evolve(campaign, created=self.clock()))
        kept = self.campaigns.setdefault(campaign.id, begun).campaign
        check_campaign(kept, campaign)
        return kept

    async def plan(self, name, chunks, problems):
        kept = self.kept(name)
        for chunk in chunks:
            there = kept.planned.get(chunk.number)
            there = there and (there.items, there.positions)
            check_chunk(chunk, there, kept.campaign.totals)
        for chunk in chunks:
            if chunk.number not in kept.planned:
                self.add(kept, chunk, 0)
        for problem in problems:
            kept.problems.setdefault(problem.position, problem)

    async def finish_planning(self, name, totals):
        kept = self.kept(name)
        there = {"chunks": len(kept.planned), "set_aside": len(kept.problems)}
        check_totals(kept.campaign.totals, totals, **there)
        kept.campaign = attrs.evolve(kept.campaign, totals=totals)

    async def plan_round(self, name, round, chunks):
        kept = self.kept(name)
        before = [record for record in kept.records.values() if record.round == round - 1]
        if kept.campaign.round != round - 1:
            return False
        if round > 1 and any(record.is_open for record in before):
            return False
        kept.campaign = attrs.evolve(kept.campaign, round=round)
        self.number_on(kept, chunks, round)
        return True

    async def claim_next(
        self, name, *, owner, lease, round, after, international, server_time=None
    ):
        kept = self.kept(name)
        for number in sorted(kept.records):
            record = kept.records[number]
            if number <= after or record.round != round or record.state is not State.PENDING:
                continue
            if record.international and not international:
                continue
            change = transitions.claim(record, owner, self.clock(), lease, server_time)
            self.change(kept, change)
            return await self.read_chunk(name, number)
        return None

    async def finish(self, name, claimed, outcome):
        kept = self.kept(name)
        change = transitions.finish(kept.records[claimed.number], claimed.attempt, outcome)
        for other, record in self.everywhere():
            if (other, record.number) == (kept, claimed.number) or outcome.batch_id is None:
                continue
            if record.found and record.batch_id == outcome.batch_id:
                self.change(other, reconciliation.revoke_found(record))
        return self.change(kept, change, outcome.batch_id or str(outcome.error or ""))

    async def split(self, name, number, attempt, halves):
        kept = self.kept(name)
        change = transitions.split(kept.records[number], attempt)
        if change is None:
            return ()
        self.change(kept, change)
        return self.number_on(kept, halves, change.record.round)

    def change_all(self, kept, decide, round=None):
        changes = [
            decide(record) for record in kept.records.values() if round in {None, record.round}
        ]
        made = [self.change(kept, change) for change in changes if change is not None]
        return len(made)

    async def reopen(self, name, round):
        return self.change_all(self.kept(name), transitions.reopen, round)

    async def suspect(self, name):
        kept = self.kept(name)
        kept.campaign = attrs.evolve(kept.campaign, restored=True)
        return self.change_all(kept, reconciliation.suspect)

    async def expire_leases(self, name):
        now = self.clock()
        return self.change_all(self.kept(name), lambda r: transitions.expire(r, now))

    def change_one(self, name, number, decide):
        kept = self.kept(name)
        change = decide(kept.records[number])
        if change is not None:
            self.change(kept, change)
        return change is not None

    async def clear_doubt(self, name, number, attempt):
        return self.change_one(name, number, lambda r: reconciliation.clear_doubt(r, attempt))

    async def resend(self, name, number, attempt, wait):
        now = self.clock()
        return self.change_one(name, number, lambda r: reconciliation.resend(r, attempt, now, wait))

    async def confirm_found(self, name, number, attempt, batch_id, *, others=0):
        kept = self.kept(name)
        record = kept.records[number]
        change = reconciliation.confirm_found(record, attempt, batch_id)
        if change is None or await self.has_batch(name, batch_id):
            return False
        twins = 0
        for where, other in self.everywhere():
            one, two = kept.planned[number].items, where.planned[other.number].items
            messages = (kept.campaign.message, where.campaign.message)
            if (where, other.number) != (kept, number):
                alike = reconciliation.is_alike(one, messages[0], two, messages[1])
                twins += alike and reconciliation.is_twin(record, other)
        if twins > others:
            return False
        self.change(kept, change, batch_id)
        return True

    async def has_batch(self, name, batch_id):
        self.kept(name)
        return any(batch_id in {r.batch_id, *r.doubles} for _, r in self.everywhere())

    async def unknown_chunks(self, name):
        return [r for r in await self.chunks(name, -1, 9999) if r.state is State.UNKNOWN]

    async def chunks(self, name, after=-1, limit=500, state=None):
        records = sorted(self.kept(name).records.items())
        chosen = [record for number, record in records if number > after]
        return [record for record in chosen if state in {None, record.state}][:limit]

    async def read_chunk(self, name, number):
        kept = self.kept(name)
        planned = kept.planned[number]
        return StoredChunk(kept.records[number], planned.items, planned.positions)

    async def read_chunks(self, name, first, last):
        numbers = sorted(self.kept(name).records)
        return [await self.read_chunk(name, n) for n in numbers if first <= n <= last]

    async def problems(self, name, after=-1, limit=5000):
        problems = sorted(self.kept(name).problems.items())
        return [problem for position, problem in problems if position > after][:limit]

    async def events(self, name, number=None):
        return [e for e in self.kept(name).events if number in {None, e.number}]

    async def summary(self, name):
        kept = self.kept(name)
        first = [r for r in kept.records.values() if r.round == 0]
        later = [r for r in kept.records.values() if r.round > 0]
        leases = [r.lease for r in kept.records.values() if r.state is State.SENDING]
        return Summary(
            campaign=kept.campaign,
            states=sums(first),
            later_rounds=sums(later),
            lease=max(0.0, min(leases) - self.clock()) if leases else None,
        )

    async def now(self):
        return self.clock()

    async def seen(self, message_id):
        return list(self.handled.get(message_id, ()))

    async def claim_seen(self, message_id, status, owner, seconds):
        if status in self.handled.get(message_id, ()):
            return False
        now, (of, holder, until) = self.clock(), self.claims.get(message_id, ("", owner, 0.0))
        if holder != owner and now < until:
            self.claims[message_id] = (of, holder, min(until, now + seconds))
            return False
        self.claims[message_id] = (status, owner, now + seconds)
        return True

    async def release_seen(self, message_id, owner):
        if message_id in self.claims and self.claims[message_id][1] == owner:
            del self.claims[message_id]

    async def add_seen(self, message_id, status, owner=""):
        await self.release_seen(message_id, owner)
        if message_id in self.claims and self.claims[message_id][0] == status:
            del self.claims[message_id]
        self.handled.setdefault(message_id, set()).add(status)

    async def close(self):
        pass


def sums(records):
    return {
        state: Sums(
            chunks=len(those),
            recipients=sum(r.size for r in those),
            credits=sum(r.credits for r in those),
        )
        for state in State
        if state is not State.SPLIT and (those := [r for r in records if r.state is state])
    }
