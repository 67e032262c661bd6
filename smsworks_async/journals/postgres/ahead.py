"""The statements of a claim in PostgreSQL, their results, and the chunks read ahead."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

import attrs

from smsworks_async.journals import rows
from smsworks_async.journals.postgres.store import CHUNK, TYPES
from smsworks_async.journals.records import Controls, StoredChunk


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

#: The number of pending chunks read at a time, and the most that one statement tries.
READ_AHEAD: Final = 8
#: The seconds by which the time of a decision may be ahead of, and behind, the server's time.
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
    """Return the statement that writes fields of the next pending chunk that is not locked.

    The chunk is one of those read ahead, if all pending chunks before it are unchanged.

    The parameters are the campaign; the time, and how far the server's time may be before and after
    it; the window, the last opt-out, the owner, the event; the round, the number after which chunks
    are taken, and whether chunks outside the UK are included; and lists of numbers, versions,
    attempts, and the values of each field.
    """
    lists = ", ".join(f"${n}::{TYPES.get(f, 'text')}[]" for n, f in enumerate(fields, 15))
    return (
        f"WITH judged AS ({_JUDGED}), "
        "may AS (SELECT FROM judged WHERE control = 'running' AND NOT moved "
        'AND "window" IS NOT DISTINCT FROM $5::text AND newest <= coalesce($6::bigint, newest) '
        "AND now - $2::float8 BETWEEN $3::float8 AND $4::float8), "
        f"wanted AS (SELECT * FROM unnest($12::integer[], $13::bigint[], $14::integer[], {lists}) "
        f"AS w (number, version, try, {', '.join(f'new_{field}' for field in fields)})), "
        # The first pending chunk that has changed: none after it is taken.
        "other AS (SELECT c.number FROM smsworks.chunk AS c "
        "WHERE c.campaign = $1 AND c.state = 'pending' AND c.round = $9 AND c.number > $10 "
        "AND (NOT c.international OR $11) AND NOT EXISTS (SELECT FROM wanted "
        "WHERE number = c.number AND version = c.xmin::text::bigint) ORDER BY c.number LIMIT 1), "
        "next AS (SELECT c.number FROM wanted JOIN smsworks.chunk AS c "
        "ON c.campaign = $1 AND c.number = wanted.number "
        "WHERE c.state = 'pending' AND c.xmin::text::bigint = wanted.version "
        "AND c.number < coalesce((SELECT number FROM other), c.number + 1) "
        "AND EXISTS (SELECT FROM may) ORDER BY c.number LIMIT 1 "
        "FOR NO KEY UPDATE OF c SKIP LOCKED), "
        f"taken AS (UPDATE smsworks.chunk AS c SET {', '.join(f'{f} = new_{f}' for f in fields)} "
        "FROM next JOIN wanted USING (number) "
        "WHERE c.campaign = $1 AND c.number = next.number RETURNING c.number, try), "
        "noted AS (INSERT INTO smsworks.event "
        "(campaign, number, at, attempt, owner, what, detail) "
        "SELECT $1, number, $2, try, $7::text, $8::text, '' FROM taken) "
        "SELECT judged.*, (SELECT number FROM other), (SELECT number FROM taken) FROM judged"
    )


@attrs.frozen
class Judged:
    """The inputs of a claim's decision."""

    now: float
    controls: Controls
    window: str | None
    moved: bool
    newest: int

    @classmethod
    def read(cls, row: Sequence[Any]) -> Judged:
        """Return the inputs from the first columns of a row."""
        now, control, why, window, at, moved, newest = row[:7]
        return cls(now, rows.controls((control, why, window, at)), window, moved, newest)


class ServerClock:
    """An estimate of the server's clock between statements."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return POSIX seconds."""
        return time.time() + self._ahead

    def set(self, now: float, since: float) -> None:
        """Record the server's time, which was read between `since`, by the local clock, and now."""
        self._ahead = now - (since + time.time()) / 2


@attrs.define(eq=False)
class Ahead:
    """Pending chunks of one round that were read ahead, by number, with their versions."""

    chunks: dict[int, tuple[int, StoredChunk]] = attrs.field(factory=dict)
    judged: Judged | None = None
    #: How many chunks one statement tries; more while others claim concurrently.
    width: int = 1

    def above(self, number: int) -> list[tuple[int, StoredChunk]]:
        """Return the chunks after a number that one statement tries."""
        return list(islice((one for n, one in self.chunks.items() if n > number), self.width))

    def missed(self, tried: Collection[int], other: int | None) -> None:
        """Record that none of the tried chunks could be claimed.

        Args:
            tried: their numbers.
            other: the number of the first pending chunk that is not among them, or has changed.
        """
        if other not in self.chunks:
            self.chunks.clear()
            return
        self.width = min(2 * self.width, READ_AHEAD)
        for number in tried:  # claimed by others
            self.chunks.pop(number, None)
