"""State machines that make the same calls to several journals and compare the results."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from smsworks_async import (
    BatchOutcome,
    InsufficientCredit,
    InvalidMessage,
    JournalError,
    NotSent,
    Outcome,
    OutcomeUnknown,
    Problem,
    Reason,
    ValidationError,
)
from smsworks_async.journals import (
    Campaign,
    MemoryJournal,
    PlannedChunk,
    State,
    Totals,
)
from smsworks_async.journals.records import pack_error
from support.clock import FakeClock
from support.internals import sqlite_journal_in_memory
from support.naive_journal import NaiveJournal


NAMES = ("x", "y")


BATCHES = ("1", "2", "3")


MESSAGES = ("7", "8")


OWNERS = ("a", "b")


# The same text and recipients, different ones, outside the UK, and a different size.
CHUNKS = [
    PlannedChunk(
        number=number,
        items=items,
        positions=f"{number}-{number + size - 1}",
        size=size,
        international=number == 2,
        credits=float(size),
    )
    for number, (items, size) in enumerate([("a,b", 2), ("b,a", 2), ("c,d", 2), ("e", 1)])
]


PROBLEMS = [
    Problem(20, {"destination": "nobody"}, Reason.INVALID, "it is no number", code=4004),
    Problem(21, "a", Reason.DUPLICATE, "it was there"),
]


OUTCOMES = {
    "accepted": (Outcome.ACCEPTED, None),
    "unknown": (Outcome.UNKNOWN, OutcomeUnknown("lost", operation="x")),
    "named": (Outcome.UNKNOWN, OutcomeUnknown("refused", operation="x", batch_id="1")),
    "not sent": (Outcome.NOT_SENT, NotSent("no connection")),
    "given back": (Outcome.NOT_SENT, None),
    "refused": (Outcome.REJECTED, InvalidMessage("no", status=400, code=4002)),
    "no credit": (Outcome.REJECTED, InsufficientCredit("no", status=402, code=4021)),
}


names = st.sampled_from(NAMES)


numbers = st.integers(0, 5)


attempts = st.integers(0, 2)


batches = st.sampled_from(BATCHES)


moments = st.sampled_from([0.0, 4.0, 11.0, 700.0])


def plain(value):
    """Return a value with comparable errors."""
    if isinstance(value, Exception):
        return type(value).__name__, pack_error(value)
    if attrs.has(type(value)):
        return attrs.asdict(value, recurse=False, value_serializer=lambda _, __, v: plain(v))
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


class Journals(RuleBasedStateMachine):
    """Makes the same calls to all journals, and compares the results."""

    played: ClassVar = Counter()

    def __init__(self):
        super().__init__()
        self.clock = FakeClock(1000.0)
        self.loop = asyncio.new_event_loop()
        self.journals = self.make_journals()
        self.played["histories"] += 1

    def make_journals(self):
        """Return the journals to compare."""
        return [
            NaiveJournal(self.clock),
            MemoryJournal(clock=self.clock),
            sqlite_journal_in_memory(self.clock),
        ]

    def teardown(self):
        for journal in self.journals:
            self.loop.run_until_complete(journal.close())
        self.loop.close()

    def call(self, method, *args, **kwargs):
        """Call a method of each journal; return the common result."""
        answers = [
            self.loop.run_until_complete(self._call(journal, method, args, kwargs))
            for journal in self.journals
        ]
        first, *others = map(plain, answers)
        for other in others:
            assert other == first, f"{method} of one journal differs"
        return answers[0]

    async def _call(self, journal, method, args, kwargs):
        try:
            answer = await getattr(journal, method)(*args, **kwargs)
        except ValidationError as error:
            return "refused", error.field, str(error)
        except JournalError as error:
            return "not done", str(error)
        return sorted(answer) if method == "seen" else answer

    @rule(seconds=moments, back=st.booleans())
    def pass_time(self, seconds, back):
        self.clock.set_ahead(-seconds if back else seconds)


class Campaigns(Journals):
    """Campaigns of a few chunks."""

    def __init__(self):
        super().__init__()
        self.claimed = []
        self.owners = 0

    def chunks_of(self, name):
        answer = self.call("chunks", name)
        return answer if isinstance(answer, list) else []

    def exists(self, name, number):
        return number in [record.number for record in self.chunks_of(name)]

    # Planning

    @initialize(planned=st.sampled_from([2, 1, 0]))
    def start(self, planned):
        for name in NAMES[:planned]:
            self.begin(name, "Hello", 2)
            self.call("plan", name, CHUNKS, PROBLEMS)

    @rule(name=names, content=st.sampled_from(["Hello", "Hello", "Hi"]), size=st.integers(1, 2))
    def begin(self, name, content, size):
        message = {"sender": "AcmeCorp", "content": content}
        campaign = Campaign(
            id=name, kind="send", message=message, chunk_size=size, deduplicate=True
        )
        self.call("begin", campaign)

    @rule(name=names, first=st.integers(0, 3), last=st.integers(0, 4), other=numbers)
    def plan(self, name, first, last, other):
        start = min(first, len(self.chunks_of(name)))
        chunks = [
            attrs.evolve(chunk, items="z" * chunk.size) if chunk.number == other else chunk
            for chunk in CHUNKS[start:last]
        ]
        self.call("plan", name, chunks, PROBLEMS[: first % 3])

    @rule(name=names, chunks=st.integers(3, 5), problems=st.integers(1, 2))
    def finish_planning(self, name, chunks, problems):
        counts = {Reason.INVALID: 1, Reason.DUPLICATE: problems - 1}
        self.call("finish_planning", name, Totals(read=9, set_aside=counts, chunks=chunks))

    @rule(name=names, round=st.integers(1, 2))
    def plan_round(self, name, round):
        self.call("plan_round", name, round, CHUNKS[:2])

    # Sending

    @rule(
        name=names,
        lease=st.sampled_from([0.0, 10.0]),
        round=st.sampled_from([0, 0, 0, 1]),
        after=st.sampled_from([-1, -1, -1, 1]),
        international=st.booleans(),
        server_time=st.sampled_from([None, 990.0]),
        own=st.booleans(),
    )
    def claim_next(self, name, own, **claim):
        self.owners += own
        answer = self.call("claim_next", name, owner=f"owner {self.owners}", **claim)
        if answer is not None and not isinstance(answer, tuple):
            self.claimed.append((name, answer.record))

    @precondition(lambda self: self.claimed)
    @rule(pick=st.integers(0, 9), what=st.sampled_from(list(OUTCOMES)), batch_id=batches)
    def finish(self, pick, what, batch_id):
        """Finish a claim: the last one, a finished one, or an expired one."""
        name, claimed = self.claimed[-1 - pick % len(self.claimed)]
        outcome, error = OUTCOMES[what]
        made = BatchOutcome(claimed.number, outcome, claimed.size, error=error)
        if outcome is Outcome.ACCEPTED:
            made = attrs.evolve(made, batch_id=batch_id)
        self.call("finish", name, claimed, made)

    @precondition(lambda self: self.claimed)
    @rule(pick=st.integers(0, 9))
    def finish_with_a_batch_that_was_found(self, pick):
        name, claimed = self.claimed[-1 - pick % len(self.claimed)]
        everything = [r for name in NAMES for r in self.chunks_of(name)]
        for record in [r for r in everything if r.found][:1]:
            made = BatchOutcome(
                claimed.number, Outcome.ACCEPTED, claimed.size, batch_id=record.batch_id
            )
            self.call("finish", name, claimed, made)

    @precondition(lambda self: self.claimed)
    @rule(pick=st.integers(0, 9))
    def split(self, pick):
        name, claimed = self.claimed[-1 - pick % len(self.claimed)]
        halves = [attrs.evolve(CHUNKS[3], items=one) for one in "ab"]
        self.call("split", name, claimed.number, claimed.attempt, halves)

    # Unknown chunks

    @rule(name=names)
    def expire_leases(self, name):
        self.call("expire_leases", name)

    @rule(name=names, round=st.integers(0, 1))
    def reopen(self, name, round):
        self.call("reopen", name, round)

    @rule(name=names)
    def suspect(self, name):
        self.call("suspect", name)

    @rule(name=names, number=numbers, attempt=attempts)
    def clear_doubt(self, name, number, attempt):
        if self.exists(name, number):
            self.call("clear_doubt", name, number, attempt)

    @rule(name=names, number=numbers, attempt=attempts, wait=st.sampled_from([0.0, 5.0]))
    def resend(self, name, number, attempt, wait):
        if self.exists(name, number):
            self.call("resend", name, number, attempt, wait)

    @rule(name=names, batch_id=batches, others=st.integers(0, 2))
    def confirm_found(self, name, batch_id, others):
        """Search for unknown chunks, as a reconciler does."""
        unknown = self.call("unknown_chunks", name)
        for record in unknown[:1] if isinstance(unknown, list) else ():
            which = (record.number, record.attempt, batch_id)
            self.call("confirm_found", name, *which, others=others)

    @rule(number=numbers, attempt=attempts, batch_id=batches)
    def confirm_found_of_another_attempt(self, number, attempt, batch_id):
        if self.exists("x", number):
            self.call("confirm_found", "x", number, attempt, batch_id)

    @invariant()
    def agree(self):
        """Compare the stored data and the events."""
        self.played["steps"] += 1
        for name in NAMES:
            self.call("summary", name)
            self.call("events", name)
            self.call("chunks", name)

    def teardown(self):
        """Compare the other data that can be read."""
        for name in NAMES:
            self.call("problems", name)
            self.call("problems", name, 20, 1)
            self.call("unknown_chunks", name)
            self.call("events", name, 1)
            self.call("chunks", name, 0, 2)
            for state in State:
                self.call("chunks", name, state=state)
            for record in self.chunks_of(name):
                self.call("read_chunk", name, record.number)
            self.call("read_chunks", name, 1, 2)
            for batch_id in BATCHES:
                self.call("has_batch", name, batch_id)
        super().teardown()


class Reports(Journals):
    """Reports that are claimed and handled."""

    @rule(
        message_id=st.sampled_from(MESSAGES),
        status=st.sampled_from(["SENT", "DELIVERED", "half \ud800"]),
        owner=st.sampled_from(OWNERS),
        seconds=st.sampled_from([5.0, 60.0]),
    )
    def claim_seen(self, message_id, status, owner, seconds):
        self.call("claim_seen", message_id, status, owner, seconds)

    @rule(
        message_id=st.sampled_from(MESSAGES),
        status=st.sampled_from(["SENT", "DELIVERED"]),
        owner=st.sampled_from((*OWNERS, "")),
    )
    def add_seen(self, message_id, status, owner):
        self.call("add_seen", message_id, status, owner)

    @rule(message_id=st.sampled_from(MESSAGES), owner=st.sampled_from(OWNERS))
    def release_seen(self, message_id, owner):
        self.call("release_seen", message_id, owner)

    @invariant()
    def agree(self):
        """Compare the handled reports."""
        self.played["steps"] += 1
        for message_id in MESSAGES:
            self.call("seen", message_id)
