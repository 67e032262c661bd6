"""Claims of chunks in PostgreSQL: read ahead, decided in Python, and written by one statement.

A few pending chunks are read at a time. `transitions` decides what a claim of each of the first
ones would write, and one statement writes it to the first that is unchanged and not locked. The
same statement compares the inputs of the decision: the campaign's control and window, the server's
timeline, the last opt-out and the time. If one of them has changed, nothing is claimed, and the
decision is repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from math import inf

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals import rows, steering, transitions
from smsworks_async.journals.postgres.ahead import (
    AHEAD_AT_MOST,
    BEHIND_AT_MOST,
    OWN,
    PEEK,
    READ_AHEAD,
    Ahead,
    Judged,
    ServerClock,
    take,
)
from smsworks_async.journals.postgres.statements import Connection, plain
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.records import Control, Refused, State, StoredChunk
from smsworks_async.journals.store import LeaveOut
from smsworks_async.journals.transitions import Change


@attrs.frozen(kw_only=True)
class Wanted:
    """The arguments of a claim; see `CampaignJournal.claim_next`."""

    owner: str
    lease: float
    round: int
    after: int
    international: bool
    server_time: float | None = None
    leave_out: LeaveOut | None = None


class Claims:
    """The claims of one event loop, which are made one after the other.

    Args:
        clock: the server's clock.
        given_now: returns the time by an injected clock, or None if there is none.
    """

    def __init__(self, clock: ServerClock, given_now: Callable[[], float | None]) -> None:
        self._clock = clock
        self._given_now = given_now
        # By the campaign's name, the round, and whether chunks outside the UK are included.
        self._ahead: dict[tuple[str, int, bool], Ahead] = {}
        #: Held by the current claim.
        self.turn = asyncio.Lock()

    def forget(self) -> None:
        """Discard the chunks that were read ahead."""
        self._ahead.clear()

    async def own(self, connection: Connection, key: int, owner: str) -> StoredChunk | None:
        """Return the chunk that an owner has claimed, after the response to the claim was lost."""
        row = await connection.fetchrow(OWN, key, owner)
        return None if row is None else StoredChunk(rows.chunk(row), row[-2], row[-1])

    async def claim(
        self, connection: Connection, key: int, name: str, wanted: Wanted
    ) -> StoredChunk | Refused | None:
        """Claim the next pending chunk: the rule `rules.claim_next` as one statement."""
        which = (name, wanted.round, wanted.international)
        ahead = self._ahead.setdefault(which, Ahead())
        given = self._given_now()
        now = self._clock() if given is None else given
        while True:
            judged, chunks = ahead.judged, ahead.above(wanted.after)
            if not chunks or judged is None or judged.moved or _refuses(judged, now, wanted):
                judged = await self._peek(connection, key, wanted, ahead)
                now = judged.now if given is None else given
                if judged.moved:
                    raise _moved(name)
                refused = _refuses(judged, now, wanted)
                if refused is not None:
                    return refused
                chunks = ahead.above(wanted.after)
            known = await _learn(connection, wanted.leave_out, judged)
            if not chunks:
                self._ahead.pop(which, None)
                return None
            decided = _decide(chunks, wanted, now)
            reply = await self._take(
                connection,
                key,
                judged,
                decided,
                wanted,
                known=known,
                now=now,
                is_given=given is not None,
            )
            ahead.judged = reply.judged
            if reply.taken is None:
                now = reply.judged.now if given is None else given
                if _may(reply.judged, known):
                    ahead.missed(decided, reply.other)
                continue
            taken = decided[reply.taken]
            ahead.width = max(1, ahead.width - 1)
            ahead.chunks.pop(reply.taken, None)
            if taken.is_claim:
                return StoredChunk(taken.change.record, taken.chunk.items, taken.chunk.positions)

    async def _peek(self, connection: Connection, key: int, wanted: Wanted, ahead: Ahead) -> Judged:
        since = time.time()
        found = await connection.fetch(
            PEEK, key, wanted.round, wanted.after, wanted.international, READ_AHEAD
        )
        judged = Judged.read(found[0])
        self._clock.set(judged.now, since)
        ahead.judged = judged
        chunks = [
            (row[7], StoredChunk(rows.chunk(row[8:]), row[-2], row[-1]))
            for row in map(tuple, found)
            if row[7] is not None
        ]
        ahead.chunks = {one[1].record.number: one for one in chunks}
        return judged

    async def _take(
        self,
        connection: Connection,
        key: int,
        judged: Judged,
        decided: Mapping[int, Decided],
        wanted: Wanted,
        *,
        known: int | None,
        now: float,
        is_given: bool,
    ) -> Reply:
        """Write one of several changes, if its chunk is the next one and unchanged."""
        tried = list(decided.values())
        first = tried[0].change
        columns = [rows.changed(one.change.fields) for one in tried]
        behind, ahead = (inf, inf) if is_given else (AHEAD_AT_MOST, BEHIND_AT_MOST)
        values = (
            *(key, now, -behind, ahead, judged.window, known, first.record.owner, first.event),
            *(wanted.round, wanted.after, wanted.international),
            list(decided),
            [one.version for one in tried],
            [one.change.record.attempt for one in tried],
            *map(list, zip(*columns, strict=True)),
        )
        since = time.time()
        row = await connection.fetchrow(take(tuple(first.fields)), *plain(values))
        reply = Reply(Judged.read(row), row[7], row[8])
        self._clock.set(reply.judged.now, since)
        return reply


@attrs.frozen
class Reply:
    """The result of the statement `ahead.take`.

    Attributes:
        judged: the current inputs of the decision.
        other: the number of the first pending chunk that was not tried, or has changed; None if
            there is none.
        taken: the number of the chunk that was written; None if none was.
    """

    judged: Judged
    other: int | None
    taken: int | None


@attrs.frozen
class Decided:
    """The change that a claim of a chunk would write, and the version of the chunk."""

    version: int
    chunk: StoredChunk
    change: Change

    @property
    def is_claim(self) -> bool:
        """Return whether it is a claim; otherwise the chunk is skipped."""
        return self.change.record.state is State.SENDING


def _decide(
    chunks: Iterable[tuple[int, StoredChunk]], wanted: Wanted, now: float
) -> dict[int, Decided]:
    """Return the changes of claims of the first chunks, with the same fields, or one skip."""
    decided: dict[int, Decided] = {}
    fields = None
    for version, chunk in chunks:
        one = Decided(version, chunk, _change(chunk, wanted, now))
        if decided and not (one.is_claim and one.change.fields.keys() == fields):
            break
        fields = one.change.fields.keys()
        decided[chunk.record.number] = one
        if not one.is_claim:
            break
    return decided


def _change(chunk: StoredChunk, wanted: Wanted, now: float) -> Change:
    left_out = "" if wanted.leave_out is None else wanted.leave_out.positions(chunk)
    if left_out == chunk.positions:
        return transitions.skip(chunk.record, left_out)
    return transitions.claim(
        chunk.record, wanted.owner, now, wanted.lease, wanted.server_time, left_out=left_out
    )


def _refuses(judged: Judged, now: float, wanted: Wanted) -> Refused | None:
    return steering.refuse(judged.controls, now, wanted.round)


async def _learn(connection: Connection, leave_out: LeaveOut | None, judged: Judged) -> int | None:
    """Pass new opt-outs to `leave_out`; return the key of the last known one."""
    if leave_out is None or leave_out.after is None:
        return None
    if judged.newest > leave_out.after:
        store = PostgresStore(connection, None, locks=False)
        leave_out.learn(await store.opt_out_changes(leave_out.after))
    return leave_out.after


def _may(judged: Judged, known: int | None) -> bool:
    """Return whether the inputs of a claim, except the time, are still current."""
    is_known = known is None or judged.newest <= known
    return judged.controls.control is Control.RUNNING and not judged.moved and is_known


def _moved(campaign: str) -> JournalError:
    return JournalError(
        f"campaign {campaign!r} was created on another timeline of the PostgreSQL server: a "
        "standby was promoted or a backup was restored, and the last records may be lost; call "
        "bulk.reconcile with restored=True for it before anything is sent"
    )
