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
from functools import cache
from itertools import islice
from math import inf
from typing import Any, Final

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals import rows, transitions
from smsworks_async.journals.postgres.statements import Connection, plain
from smsworks_async.journals.postgres.store import CHUNK, TYPES, PostgresStore
from smsworks_async.journals.records import Control, Controls, Refused, State, StoredChunk
from smsworks_async.journals.store import LeaveOut
from smsworks_async.journals.transitions import Change


# All that is put into statements below are names of columns; values are always bound.
# ruff: noqa: S608

#: How many pending chunks are read at a time, and how many of them one statement may try.
READ_AHEAD: Final = 8
#: Seconds by which the time that a claim was decided for may be ahead of the server's, and behind.
_AHEAD: Final = 1.0
_BEHIND: Final = 5.0

_JUDGED: Final = (
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS now, "
    'control, why, "window", at, (timeline <> smsworks.timeline()) IS TRUE '
    "AS moved, (SELECT coalesce(max(key), 0) FROM smsworks.opt_out) AS newest "
    "FROM smsworks.campaign WHERE key = $1"
)
_PEEK: Final = (
    f"WITH judged AS ({_JUDGED}) SELECT judged.*, pending.* FROM judged LEFT JOIN LATERAL ("
    f"SELECT c.xmin::text::bigint AS version, {CHUNK}, items, positions FROM smsworks.chunk AS c "
    "JOIN smsworks.recipients USING (campaign, number) "
    "WHERE campaign = $1 AND state = 'pending' AND round = $2 AND number > $3 "
    "AND (NOT international OR $4) ORDER BY number LIMIT $5) AS pending ON true"
)
_OWN: Final = (
    f"SELECT {CHUNK}, items, positions FROM smsworks.chunk AS c "
    "JOIN smsworks.recipients USING (campaign, number) "
    "WHERE campaign = $1 AND state = 'sending' AND owner = $2"
)


@cache
def _take(fields: tuple[str, ...]) -> str:
    """Return the statement that writes fields of the first chunk that is as it was read.

    Its values are the campaign, the time, how far the server's may be from it, the window, the last
    opt-out, the owner, the event, and lists: numbers, versions, attempts, and those of each field.
    """
    lists = ", ".join(f"${n}::{TYPES.get(f, 'text')}[]" for n, f in enumerate(fields, 12))
    return (
        f"WITH judged AS ({_JUDGED}), "
        "may AS (SELECT FROM judged WHERE control = 'running' AND NOT moved "
        'AND "window" IS NOT DISTINCT FROM $5::text AND newest <= coalesce($6::bigint, newest) '
        "AND now - $2::float8 BETWEEN $3::float8 AND $4::float8), "
        f"wanted AS (SELECT * FROM unnest($9::integer[], $10::bigint[], $11::integer[], {lists}) "
        f"AS w (number, version, try, {', '.join(f'new_{field}' for field in fields)})), "
        "picked AS (SELECT c.number FROM wanted JOIN smsworks.chunk AS c "
        "ON c.campaign = $1 AND c.number = wanted.number "
        "WHERE c.state = 'pending' AND c.xmin::text::bigint = wanted.version "
        "AND EXISTS (SELECT FROM may) ORDER BY c.number LIMIT 1 FOR NO KEY UPDATE OF c SKIP LOCKED), "
        f"taken AS (UPDATE smsworks.chunk AS c SET {', '.join(f'{f} = new_{f}' for f in fields)} "
        "FROM picked JOIN wanted USING (number) "
        "WHERE c.campaign = $1 AND c.number = picked.number RETURNING c.number, try), "
        "noted AS (INSERT INTO smsworks.event "
        "(campaign, number, at, attempt, owner, what, detail) "
        "SELECT $1, number, $2, try, $7::text, $8::text, '' FROM taken) "
        "SELECT judged.*, (SELECT number FROM taken) FROM judged"
    )


@attrs.frozen
class Judged:
    """What a claim is decided by."""

    now: float
    controls: Controls
    window: str | None
    moved: bool
    newest: int

    @classmethod
    def read(cls, row: Sequence[Any]) -> Judged:
        """Read it from the first columns of a row."""
        now, control, why, window, at, moved, newest = row[:7]
        return cls(now, rows.controls((control, why, window, at)), window, moved, newest)


class ServerClock:
    """The server's clock, as far as it is known between statements.

    Args:
        given: a clock in the place of the server's, for tests.
    """

    def __init__(self, given: Callable[[], float] | None = None) -> None:
        self.given = given
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self._ahead if self.given is None else self.given()

    def set(self, now: float, since: float) -> None:
        """Take in the server's time, which it told between a moment of this machine and now."""
        self._ahead = now - (since + time.time()) / 2


@attrs.define(eq=False)
class Ahead:
    """Pending chunks of one round that were read ahead, by their numbers."""

    #: All that were pending above this number are in the list, as far as was read.
    position: int = -1
    chunks: deque[tuple[int, StoredChunk]] = attrs.field(factory=deque)
    judged: Judged | None = None
    #: How many are tried by one statement: more while others claim as well.
    width: int = 1

    def above(self, number: int) -> list[tuple[int, StoredChunk]]:
        """Return those above a number, which one statement tries; none where it is to be read."""
        if number < self.position:
            self.chunks.clear()
        while self.chunks and self.chunks[0][1].record.number <= number:
            self.chunks.popleft()
        return list(islice(self.chunks, self.width))

    def drop(self, number: int) -> None:
        """Leave out those up to a number."""
        while self.chunks and self.chunks[0][1].record.number <= number:
            self.chunks.popleft()
        self.position = number


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
        clock: the journal's.
    """

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._ahead: dict[tuple[int, int, bool], Ahead] = {}
        #: Held by the claim that is being made.
        self.turn = asyncio.Lock()

    def forget(self) -> None:
        """Leave out all that was read ahead."""
        self._ahead.clear()

    async def own(self, connection: Connection, key: int, owner: str) -> StoredChunk | None:
        """Return the chunk that an owner has claimed, where the answer to the claim was lost."""
        row = await connection.fetchrow(_OWN, key, owner)
        return None if row is None else StoredChunk(rows.chunk(row), row[-2], row[-1])

    async def claim(
        self, connection: Connection, key: int, name: str, wanted: Wanted
    ) -> StoredChunk | Refused | None:
        """Claim the next pending chunk: the rule `rules.claim_next`, as one statement."""
        which = (key, wanted.round, wanted.international)
        ahead = self._ahead.setdefault(which, Ahead())
        now = self._clock()
        while True:
            chunks = ahead.above(wanted.after)
            judged = ahead.judged
            if not chunks or judged is None or self._refuses(judged, now, wanted.round):
                judged = await self._peek(connection, key, wanted, ahead)
                now = self._now(judged)
                if judged.moved:
                    raise _moved(name)
                refused = self._refuses(judged, now, wanted.round)
                if refused is not None:
                    return refused
                chunks = ahead.above(wanted.after)
            known = await self._learn(connection, wanted.leave_out, judged)
            if not chunks:
                self._ahead.pop(which, None)
                return None
            decided = _decide(chunks, wanted, now)
            judged, number = await self._take(connection, key, judged, decided, known, now)
            ahead.judged = judged
            if number is None:
                now = self._now(judged)
                self._missed(ahead, decided[-1].change.record.number, known, judged)
                continue
            ahead.width = max(1, ahead.width - 1)
            ahead.drop(number)
            taken = next(one for one in decided if one.change.record.number == number)
            if taken.is_claim:
                chunk = taken.chunk
                return StoredChunk(taken.change.record, chunk.items, chunk.positions)

    def _now(self, judged: Judged) -> float:
        return judged.now if self._clock.given is None else self._clock()

    @staticmethod
    def _refuses(judged: Judged, now: float, round: int) -> Refused | None:
        return transitions.refuse(judged.controls, now, round)

    async def _peek(
        self, connection: Connection, key: int, wanted: Wanted, ahead: Ahead
    ) -> Judged:
        since = time.time()
        found = await connection.fetch(
            _PEEK, key, wanted.round, wanted.after, wanted.international, READ_AHEAD
        )
        judged = Judged.read(found[0])
        self._clock.set(judged.now, since)
        ahead.judged, ahead.position = judged, wanted.after
        ahead.chunks = deque(
            (row[7], StoredChunk(rows.chunk(row[8:]), row[-2], row[-1]))
            for row in map(tuple, found)
            if row[7] is not None
        )
        return judged

    @staticmethod
    async def _learn(
        connection: Connection, leave_out: LeaveOut | None, judged: Judged
    ) -> int | None:
        """Tell who is to be left out of opt-outs that are new; return the last that is known."""
        if leave_out is None or leave_out.after is None:
            return None
        if judged.newest > leave_out.after:
            store = PostgresStore(connection, None, locks=False)
            leave_out.learn(await store.opt_out_changes(leave_out.after))
        return leave_out.after

    async def _take(
        self,
        connection: Connection,
        key: int,
        judged: Judged,
        decided: Sequence[Decided],
        known: int | None,
        now: float,
    ) -> tuple[Judged, int | None]:
        """Write the first of some changes that still can be; return the chunk's number, or None."""
        first = decided[0].change
        columns = [rows.changed(one.change.fields) for one in decided]
        behind, ahead = (_AHEAD, _BEHIND) if self._clock.given is None else (inf, inf)
        values = (
            *(key, now, -behind, ahead, judged.window, known, first.record.owner, first.event),
            [one.change.record.number for one in decided],
            [one.version for one in decided],
            [one.change.record.attempt for one in decided],
            *map(list, zip(*columns, strict=True)),
        )
        since = time.time()
        row = await connection.fetchrow(_take(tuple(first.fields)), *plain(values))
        judged = Judged.read(row)
        self._clock.set(judged.now, since)
        return judged, row[7]

    @staticmethod
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


def _decide(
    chunks: Iterable[tuple[int, StoredChunk]], wanted: Wanted, now: float
) -> list[Decided]:
    """Return what claims of the first chunks would write: claims of the same fields, or one skip."""
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


def _moved(campaign: str) -> JournalError:
    return JournalError(
        f"campaign {campaign!r} was begun on another timeline of the PostgreSQL server: a standby "
        "has taken over, or a backup was restored, and what was recorded last may be lost; call "
        "bulk.reconcile with restored=True for it before anything is sent"
    )
