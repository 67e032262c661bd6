"""What a claim in PostgreSQL goes by: the statements, what they tell, and what is read ahead."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

import attrs

from smsworks_async.journals import rows
from smsworks_async.journals.postgres.store import CHUNK, TYPES
from smsworks_async.journals.records import Controls, StoredChunk


# All that is put into statements below are names of columns; values are always bound.
# ruff: noqa: S608

#: How many pending chunks are read at a time, and how many of them one statement may try.
READ_AHEAD: Final = 8
#: Seconds by which the time that a claim was decided for may be ahead of the server's, and behind.
AHEAD_AT_MOST: Final = 1.0
BEHIND_AT_MOST: Final = 5.0

_JUDGED: Final = (
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS now, "
    'control, why, "window", at, (timeline <> smsworks.timeline()) IS TRUE '
    "AS moved, (SELECT coalesce(max(key), 0) FROM smsworks.opt_out) AS newest "
    "FROM smsworks.campaign WHERE key = $1"
)
PEEK: Final = (
    f"WITH judged AS ({_JUDGED}) SELECT judged.*, pending.* FROM judged LEFT JOIN LATERAL ("
    f"SELECT c.xmin::text::bigint AS version, {CHUNK}, items, positions FROM smsworks.chunk AS c "
    "JOIN smsworks.recipients USING (campaign, number) "
    "WHERE campaign = $1 AND state = 'pending' AND round = $2 AND number > $3 "
    "AND (NOT international OR $4) ORDER BY number LIMIT $5) AS pending ON true"
)
OWN: Final = (
    f"SELECT {CHUNK}, items, positions FROM smsworks.chunk AS c "
    "JOIN smsworks.recipients USING (campaign, number) "
    "WHERE campaign = $1 AND state = 'sending' AND owner = $2"
)


@cache
def take(fields: tuple[str, ...]) -> str:
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
        "AND EXISTS (SELECT FROM may) ORDER BY c.number LIMIT 1 "
        "FOR NO KEY UPDATE OF c SKIP LOCKED), "
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
    """The server's clock, as far as it is known between statements."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self._ahead

    def set(self, now: float, since: float) -> None:
        """Take in the server's time, which it told between a moment of this machine and now."""
        self._ahead = now - (since + time.time()) / 2


@attrs.define(eq=False)
class Ahead:
    """Pending chunks of one round that were read ahead, by their numbers."""

    chunks: deque[tuple[int, StoredChunk]] = attrs.field(factory=deque)
    judged: Judged | None = None
    #: How many are tried by one statement: more while others claim as well.
    width: int = 1
    #: The highest number that was returned to a caller. Who asks for one below it does not go on
    #: from there: chunks may have become pending that were not so when these were read.
    returned: int = -1

    def first(self) -> list[tuple[int, StoredChunk]]:
        """Return those that one statement tries."""
        return list(islice(self.chunks, self.width))

    def drop(self, number: int) -> None:
        """Leave out those up to a number."""
        while self.chunks and self.chunks[0][1].record.number <= number:
            self.chunks.popleft()
