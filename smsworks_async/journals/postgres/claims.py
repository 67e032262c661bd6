"""The claim of a chunk in PostgreSQL: read ahead, decided in Python, and written by one statement.

A few pending chunks are read at a time. For the first of them, `transitions` decides what a claim
of each would write, and one statement writes it to the first that is still as it was read, and that
nobody else has locked. The same statement compares what the decision went by: the campaign's
control and window, the server's timeline, the last opt-out and the time. Where one of them is
another by now, nothing is claimed, and it is decided anew.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals import rows, transitions
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
    """What a claim is asked for: see `CampaignJournal.claim_next`."""

    owner: str
    lease: float
    round: int
    after: int
    international: bool
    server_time: float | None = None
    leave_out: LeaveOut | None = None


class Claims:
    """The claims of one loop, which are made one after the other.

    Args:
        clock: the server's.
        given_now: returns the time by a clock in its place; None where there is none.
    """

    def __init__(self, clock: ServerClock, given_now: Callable[[], float | None]) -> None:
        self._clock = clock
        self._given_now = given_now
        # By the campaign's name, the round, and whether chunks outside the UK are among them.
        self._ahead: dict[tuple[str, int, bool], Ahead] = {}
        #: Held by the claim that is being made.
        self.turn = asyncio.Lock()

    def forget(self) -> None:
        """Leave out all that was read ahead."""
        self._ahead.clear()

    async def own(self, connection: Connection, key: int, owner: str) -> StoredChunk | None:
        """Return the chunk that an owner has claimed, where the answer to the claim was lost."""
        row = await connection.fetchrow(OWN, key, owner)
        return None if row is None else StoredChunk(rows.chunk(row), row[-2], row[-1])

    def ask(self, name: str, wanted: Wanted) -> Ahead:
        """Return what was read ahead for a claim that is asked for now."""
        which = (name, wanted.round, wanted.international)
        ahead = self._ahead.get(which)
        if ahead is None or wanted.after < ahead.returned:
            ahead = self._ahead[which] = Ahead()
        return ahead

    def answered(self, name: str, wanted: Wanted, ahead: Ahead, number: int | None) -> None:
        """Take note of the number of the chunk that a caller has claimed, or of None."""
        if number is None:
            self._ahead.pop((name, wanted.round, wanted.international), None)
        else:
            ahead.returned = max(ahead.returned, number)

    async def claim(
        self, connection: Connection, key: int, name: str, wanted: Wanted, ahead: Ahead
    ) -> StoredChunk | Refused | None:
        """Claim the next pending chunk: the rule `rules.claim_next`, as one statement."""
        given = self._given_now()
        now = self._clock() if given is None else given
        ahead.drop(wanted.after)
        while True:
            judged = ahead.judged
            if not ahead.chunks or judged is None or _refuses(judged, now, wanted):
                judged = await self._peek(connection, key, wanted, ahead)
                now = judged.now if given is None else given
                if judged.moved:
                    raise _moved(name)
                refused = _refuses(judged, now, wanted)
                if refused is not None:
                    return refused
            known = await _learn(connection, wanted.leave_out, judged)
            if not ahead.chunks:
                return None
            decided = _decide(ahead.first(), wanted, now)
            judged, number = await self._take(
                connection, key, judged, decided, known, now=now, is_given=given is not None
            )
            ahead.judged = judged
            if number is None:
                now = judged.now if given is None else given
                _missed(ahead, decided[-1].change.record.number, known, judged)
                continue
            ahead.width = max(1, ahead.width - 1)
            ahead.drop(number)
            taken = next(one for one in decided if one.change.record.number == number)
            if taken.is_claim:
                chunk = taken.chunk
                return StoredChunk(taken.change.record, chunk.items, chunk.positions)

    async def _peek(self, connection: Connection, key: int, wanted: Wanted, ahead: Ahead) -> Judged:
        since = time.time()
        found = await connection.fetch(
            PEEK, key, wanted.round, wanted.after, wanted.international, READ_AHEAD
        )
        judged = Judged.read(found[0])
        self._clock.set(judged.now, since)
        ahead.judged = judged
        ahead.chunks = deque(
            (row[7], StoredChunk(rows.chunk(row[8:]), row[-2], row[-1]))
            for row in map(tuple, found)
            if row[7] is not None
        )
        return judged

    async def _take(
        self,
        connection: Connection,
        key: int,
        judged: Judged,
        decided: Sequence[Decided],
        known: int | None,
        *,
        now: float,
        is_given: bool,
    ) -> tuple[Judged, int | None]:
        """Write the first of some changes that still can be; return the chunk's number, or None."""
        first = decided[0].change
        columns = [rows.changed(one.change.fields) for one in decided]
        behind, ahead = (inf, inf) if is_given else (AHEAD_AT_MOST, BEHIND_AT_MOST)
        values = (
            *(key, now, -behind, ahead, judged.window, known, first.record.owner, first.event),
            [one.change.record.number for one in decided],
            [one.version for one in decided],
            [one.change.record.attempt for one in decided],
            *map(list, zip(*columns, strict=True)),
        )
        since = time.time()
        row = await connection.fetchrow(take(tuple(first.fields)), *plain(values))
        judged = Judged.read(row)
        self._clock.set(judged.now, since)
        return judged, row[7]


@attrs.frozen
class Decided:
    """What a claim of a chunk would write, and which version of the chunk that was decided for."""

    version: int
    chunk: StoredChunk
    change: Change

    @property
    def is_claim(self) -> bool:
        """Whether it is a claim; otherwise nobody in the chunk is left."""
        return self.change.record.state is State.SENDING


def _decide(chunks: Iterable[tuple[int, StoredChunk]], wanted: Wanted, now: float) -> list[Decided]:
    """Return what claims of the first chunks would write: of the same fields, or one skip."""
    decided: list[Decided] = []
    for version, chunk in chunks:
        one = Decided(version, chunk, _change(chunk, wanted, now))
        if decided and not (
            one.is_claim and one.change.fields.keys() == decided[0].change.fields.keys()
        ):
            break
        decided.append(one)
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
    return transitions.refuse(judged.controls, now, wanted.round)


async def _learn(connection: Connection, leave_out: LeaveOut | None, judged: Judged) -> int | None:
    """Tell who is to be left out of opt-outs that are new; return the last that is known."""
    if leave_out is None or leave_out.after is None:
        return None
    if judged.newest > leave_out.after:
        store = PostgresStore(connection, None, locks=False)
        leave_out.learn(await store.opt_out_changes(leave_out.after))
    return leave_out.after


def _missed(ahead: Ahead, last: int, known: int | None, judged: Judged) -> None:
    """Take note of a claim that found nothing: either it was to be decided anew, or others had.

    Others have claimed the chunks, or are about to.
    """
    may = judged.controls.control is Control.RUNNING and not judged.moved
    if not may:
        ahead.judged = None
    elif known is None or judged.newest <= known:
        ahead.drop(last)
        ahead.width = min(2 * ahead.width, READ_AHEAD)


def _moved(campaign: str) -> JournalError:
    return JournalError(
        f"campaign {campaign!r} was begun on another timeline of the PostgreSQL server: a standby "
        "has taken over, or a backup was restored, and what was recorded last may be lost; call "
        "bulk.reconcile with restored=True for it before anything is sent"
    )
