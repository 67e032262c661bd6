"""Every history of a small model: no recipient is texted twice, or missing from the report.

The bounds are small here, and larger with ``SMSWORKS_TEST_SLOW=1``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import attrs
import pytest

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign import candidates, journal_source, reconciler, search
from smsworks_async.bulk.campaign import run as campaign
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.errors import JournalError, OutcomeUnknown
from smsworks_async.journals import (
    Campaign,
    MemoryJournal,
    SQLiteJournal,
    State,
    memory,
    reconciliation,
    transitions,
)
from smsworks_async.journals.sqlite import file, handles
from smsworks_async.models.report import BatchOutcome, Outcome
from support.clock import FakeClock
from support.exploration.explorer import Exploration
from support.exploration.journals import NAMES, PAYLOAD, TEXT, Gateway
from support.exploration.world import LEASE, TIMEOUT, Bound, Violation, describe, visible


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"

#: Without `resend` no recipient is texted twice, even if searches do not show all messages.
WITHOUT_RESEND = [
    Bound(deaths=2, steps_forward=1, steps_back=1, hidden=1),
    Bound(processes=3, deaths=1, steps_forward=1),
    Bound(chunks=2),
    Bound(chunks=2, claims=2, twins=True, deaths=1),
    Bound(deaths=1, steps_forward=1, refusals_with_ids=True, hidden=1),
    Bound(claims=2, copies=1, deaths=1),
]
#: With `resend`, only if the search does not show accepted messages for longer than `settle`.
WITH_RESEND = [
    Bound(claims=2, deaths=1, steps_forward=1, resends=1, hidden=1),
    Bound(claims=2, steps_forward=1, steps_back=1, resends=1),
    Bound(claims=2, steps_forward=1, resends=1, shows_batch_ids=False),
    Bound(claims=2, resends=1, refusals_with_ids=True, deaths=1),
    Bound(chunks=2, resends=1, processes=1, deaths=1),
]
SLOWLY = [
    Bound(chunks=2, deaths=2, steps_forward=1, steps_back=1, resends=1),
    Bound(chunks=2, deaths=2, steps_forward=1, steps_back=1, claims=4),
    Bound(chunks=3, processes=1, deaths=2, steps_forward=1, steps_back=1, resends=1, claims=4),
    Bound(deaths=2, steps_forward=1, steps_back=1, resends=2, hidden=1, refusals_with_ids=True),
    Bound(processes=3, claims=2, deaths=1, steps_forward=1, resends=1),
    Bound(chunks=2, processes=1, deaths=1, steps_forward=1, resends=2, twins=True, claims=4),
    Bound(claims=2, deaths=1, steps_forward=1, steps_back=1, copies=1),
]


def explored(bound):
    exploration = Exploration(bound)
    began = time.perf_counter()
    states_ = exploration.run()
    print(describe(bound, states_, time.perf_counter() - began))  # noqa: T201
    return exploration


@pytest.mark.parametrize("bound", WITHOUT_RESEND, ids=str)
def test_without_resend_nobody_is_texted_twice_or_lost_unnamed(bound):
    explored(bound)


@pytest.mark.parametrize("bound", WITH_RESEND, ids=str)
def test_with_resend_nobody_is_texted_twice_unless_the_search_hid_it(bound):
    explored(bound)


@pytest.mark.slow
@pytest.mark.parametrize("bound", SLOWLY, ids=str)
def test_nor_in_larger_worlds(bound):
    explored(bound)


# Proof that faults are found: mutants of the package's code, and the bounds that reveal them.


def no_trace_rule(monkeypatch):
    def judge(candidate, request, judge=candidates.judge):
        found = judge(candidate, request)
        return Finding.NOTHING if found is Finding.TRACE else found

    monkeypatch.setattr(candidates, "judge", judge)


def the_wall_clock_alone_at_the_write(monkeypatch):
    monkeypatch.setattr(
        journal_source,
        "lease_is_over",
        lambda lease, *, since_claim, now, lease_end: now >= lease_end,
    )


def no_lease_at_the_write(monkeypatch):
    monkeypatch.setattr(journal_source, "lease_is_over", lambda *_, **__: False)


def the_wall_clock_alone_before_a_resend(monkeypatch):
    def left(entry, *, watched, now, own, until_resend=reconciler.until_resend):
        return until_resend(entry, watched=1e9, now=now, own=own)

    monkeypatch.setattr(reconciler, "until_resend", left)


def a_resend_without_any_wait(monkeypatch):
    monkeypatch.setattr(reconciler, "until_resend", lambda *_, **__: 0.0)
    monkeypatch.setattr(campaign, "longest_request", lambda *_: -1e9)


def a_claim_that_is_no_compare_and_set(monkeypatch):
    claim_next = MemoryJournal.claim_next

    async def claim_anything(self, campaign, **claim):
        for tables in self.store.campaigns:
            for number, entry in tables.records.items():
                if entry.state is State.SENDING:
                    tables.records[number] = attrs.evolve(entry, state=State.PENDING)
        return await claim_next(self, campaign, **claim)

    monkeypatch.setattr(MemoryJournal, "claim_next", claim_anything)


def a_late_answer_that_is_lost(monkeypatch):
    def accept(entry, attempt, outcome, *more, accept=transitions._accept):
        late = entry.attempt != attempt or entry.state is not State.SENDING
        return (
            transitions.Change(entry, "too late", {})
            if late
            else accept(entry, attempt, outcome, *more)
        )

    monkeypatch.setattr(transitions, "_accept", accept)


def an_expired_lease_that_is_pending(monkeypatch):
    def expire(entry, now, expire=transitions.expire):
        change = expire(entry, now)
        return change and transitions.change(change.record, change.event, state=State.PENDING)

    monkeypatch.setattr(transitions, "expire", expire)


def names_as_they_are_spelled(monkeypatch):
    monkeypatch.setattr(options, "check_campaign", str)


def a_copy_that_is_believed(monkeypatch):
    monkeypatch.setattr(reconciliation, "suspect", lambda _: None)


def a_copy_that_is_cleared_at_once(monkeypatch):
    monkeypatch.setattr(reconciler, "until_resend", lambda *_, **__: 0.0)


def a_batch_that_two_may_hold(monkeypatch):
    async def none(self, batch_id):
        return []

    monkeypatch.setattr(memory.MemoryStore, "chunks_with_batch", none)


def a_double_that_is_not_kept(monkeypatch):
    def finish(entry, attempt, outcome, finish=transitions.finish, **more):
        change = finish(entry, attempt, outcome, **more)
        return change._replace(record=attrs.evolve(change.record, doubles=()))

    monkeypatch.setattr(transitions, "finish", finish)


MUTANTS = [
    (no_trace_rule, Bound(claims=2, resends=1, shows_batch_ids=False)),
    (
        the_wall_clock_alone_at_the_write,
        Bound(claims=2, steps_forward=1, steps_back=1, resends=1),
    ),
    (no_lease_at_the_write, Bound(claims=2, resends=1)),
    (the_wall_clock_alone_before_a_resend, Bound(claims=2, steps_forward=1, resends=1)),
    (a_resend_without_any_wait, Bound(claims=2, resends=1)),
    (a_claim_that_is_no_compare_and_set, Bound()),
    (a_late_answer_that_is_lost, Bound()),
    (an_expired_lease_that_is_pending, Bound()),
    (names_as_they_are_spelled, Bound()),
    (a_copy_that_is_believed, Bound(claims=2, copies=1)),
    (a_copy_that_is_cleared_at_once, Bound(claims=2, copies=1)),
    (a_batch_that_two_may_hold, Bound(chunks=2, claims=2, twins=True)),
    (a_double_that_is_not_kept, Bound(claims=2, resends=1, hidden=1)),
]


@pytest.mark.parametrize(("mutant", "bound"), MUTANTS, ids=lambda one: getattr(one, "__name__", ""))
def test_it_finds_what_is_wrong(monkeypatch, mutant, bound):
    mutant(monkeypatch)
    exploration = Exploration(bound)
    with pytest.raises(Violation) as found:
        exploration.run()
    print(f"{mutant.__name__}: {len(exploration.seen)} states, {found.value}")  # noqa: T201
    # Replaying the history leads to the same state.
    worlds = exploration.replay(found.value.history)
    assert exploration.problem(worlds[-1]) == found.value.what
    assert not any(map(exploration.problem, worlds[:-1]))


# The real stores behave in the same way, step by step.


class Mirror:
    """Replays a history with a real journal."""

    def __init__(self, exploration, journal, clock):
        self.exploration = exploration
        self.journal = journal
        self.clock = clock
        self.claimed = {}

    async def begin(self):
        for name in map(options.check_campaign, NAMES):
            await self.journal.begin(
                Campaign(id=name, kind="send", message=TEXT, chunk_size=1, deduplicate=True)
            )
            chunks = list(self.exploration.journals.planned.values())
            await self.journal.plan(name, chunks, [])

    async def step(self, before, what, after):
        if not what.startswith("process "):
            self.clock.advance(what == "a second passes")
            self.clock.set_ahead(after.clock - before.clock)
            return
        _, index, doing = what.split(" ", 2)
        me = before.processes[int(index)]
        name = options.check_campaign(NAMES[me.name])
        doing, _, number = doing.partition(":")[0].rpartition(" ")
        if doing == "claims":
            claim = {"owner": "p", "lease": LEASE, "round": 0, "after": -1, "international": True}
            record = (await self.journal.claim_next(name, **claim)).record
            assert record.number == int(number)
            self.claimed[name, record.number, record.attempt] = record
        elif doing in {"looks for", "looks again for"}:
            await self.journal.expire_leases(name)
            doubts = {entry.number: entry for entry in await self.journal.unknown_chunks(name)}
            gateway = Gateway(self.exploration.journals, visible(before))
            look = search.ChunkSearch(self.journal, name, PAYLOAD, gateway).look
            finding = await look(doubts[int(number)])
            assert what.endswith(finding.value)
        elif doing.startswith("has "):
            entry = self.exploration.journals.entry(before.campaigns, name, me.chunk)
            wait = campaign.longest_request(entry, TIMEOUT)
            assert await self.journal.resend(name, me.chunk, me.attempt, wait)
        else:
            outcome = self.outcome(before, what, after, me)
            if outcome is not None:
                claimed = self.claimed[name, me.chunk, me.attempt]
                await self.journal.finish(name, claimed, outcome)

    def outcome(self, before, what, after, me):
        if what.endswith("is answered"):
            which = (me.chunk, me.attempt)
            batches = [m.batch_id for m in before.messages if (m.chunk, m.attempt) == which]
            return BatchOutcome(me.chunk, Outcome.ACCEPTED, 1, batches[0])
        if what.endswith("loses the answer"):
            error = OutcomeUnknown("lost", operation="POST /batch/send")
            return BatchOutcome(me.chunk, Outcome.UNKNOWN, 1, error=error)
        if what.endswith("writes") and len(after.wire) == len(before.wire):
            return BatchOutcome(me.chunk, Outcome.NOT_SENT, 1)
        return None

    async def agrees(self, world):
        for name, entries in self.exploration.journals.chunks(world.campaigns):
            kept = await self.journal.chunks(name)
            assert list(map(facts, kept)) == list(map(facts, entries))


def facts(entry):
    return (
        *(entry.number, entry.state, entry.attempt, entry.batch_id, entry.reopenable),
        *(entry.found, entry.resent, entry.restored, entry.doubles),
    )


class Passer:
    """Another process, which opens, reads and closes the file on request."""

    CODE = """
import json, sqlite3, sys
for line in sys.stdin:
    connection = sqlite3.connect(sys.argv[1], timeout=1)
    rows = connection.execute("SELECT number, state, attempt FROM chunk ORDER BY number").fetchall()
    connection.close()
    print(json.dumps(rows), flush=True)
"""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def pass_by(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


SAMPLED = Bound(claims=2, deaths=1, steps_forward=1, resends=1)


async def mirrored(exploration, history, journal, clock, between):
    mirror = Mirror(exploration, journal, clock)
    await mirror.begin()
    worlds = exploration.replay(history)
    for before, what, after in zip(worlds[:-1], history, worlds[1:], strict=True):
        await mirror.step(before, what, after)
        await between()
        await mirror.agrees(after)


async def on_sqlite(exploration, histories, folder):
    """Replay histories in files that second handles and another process open and close."""
    for turn, history in enumerate(histories):
        path = folder / f"{turn}.db"
        clock = FakeClock(1e9)
        journal = SQLiteJournal(path, clock=clock)
        passer = Passer(path)

        async def between(path=path, passer=passer, journal=journal):
            second = SQLiteJournal(path)
            await second.seen("1")
            await second.close()
            # Another process sees everything that was reported as stored.
            kept = await journal.chunks(options.check_campaign(NAMES[0]))
            assert passer.pass_by() == [[e.number, e.state.value, e.attempt] for e in kept]

        try:
            await mirrored(exploration, history, journal, clock, between)
        finally:
            passer.close()
            await journal.close()


async def test_the_real_stores_do_the_same_on_a_sample_of_the_histories(tmp_path):
    exploration = explored(SAMPLED)
    histories = exploration.sample(200 if SLOW else 20)

    async def nothing():
        pass

    for history in histories:
        clock = FakeClock(1e9)
        journal = MemoryJournal(clock=clock)
        await mirrored(exploration, history, journal, clock, nothing)
    await on_sqlite(exploration, histories, tmp_path)
    print(f"{len(histories)} histories, {sum(map(len, histories))} steps on both stores")  # noqa: T201


async def test_a_second_descriptor_shows_on_the_real_store(monkeypatch, tmp_path):
    """Closing it drops the locks of all connections of this process to the file."""

    def share(path, open, share=handles._share):
        shared = share(path, open)
        os.close(os.open(path, os.O_RDONLY))
        return shared

    exploration = explored(SAMPLED)
    histories = exploration.sample(20)
    monkeypatch.setattr(handles, "_share", share)
    # Without its locks it may also deadlock with itself.
    monkeypatch.setattr(file, "PATIENCE", 0.1)
    with pytest.raises((AssertionError, JournalError, ValueError)):
        await on_sqlite(exploration, histories, tmp_path)
