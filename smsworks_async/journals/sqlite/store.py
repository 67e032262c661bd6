"""The statements of a journal in an SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from smsworks_async.journals import rows
from smsworks_async.journals.checks import no_such
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Controls,
    Event,
    PlannedChunk,
    State,
    StoredChunk,
    storable,
)
from smsworks_async.journals.sqlite.erasure import SQLiteErasure
from smsworks_async.journals.sqlite.keys import SQLiteKeys
from smsworks_async.journals.sqlite.opt_outs import SQLiteOptOuts
from smsworks_async.journals.sqlite.reports import SQLiteReports
from smsworks_async.journals.store import Doubtful, Held, Tallies
from smsworks_async.journals.transitions import Change
from smsworks_async.models.report import Problem


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

_CHUNK: Final = ", ".join(rows.CHUNK)
_SELECT: Final = f"SELECT {_CHUNK} FROM chunk WHERE campaign = ?"
_NEXT_PENDING: Final = (
    f"SELECT {_CHUNK}, items, positions FROM chunk JOIN recipients USING (campaign, number) "
    "WHERE campaign = ? AND state = 'pending' AND round = ? AND number > ? AND international <= ? "
    "ORDER BY number LIMIT 1"
)
_INSERT_CHUNK: Final = (
    "INSERT INTO chunk (campaign, number, size, international, credits, round, "
    "state, attempt, owner, reopenable, found, resent) "
    "VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, '', 0, 0, 0)"
)
_INSERT_EVENT: Final = (
    "INSERT INTO event (campaign, number, at, attempt, owner, what, detail) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_WITH_BATCH: Final = (
    f"SELECT {_CHUNK}, campaign FROM chunk WHERE batch_id = ? UNION ALL "
    f"SELECT {_CHUNK}, campaign FROM chunk, json_each(doubles) "
    "WHERE doubles IS NOT NULL AND value = ?"
)
#: The tables of requests, each with a batch or a message.
_WITH_BATCHES: Final = ("chunk", "idempotency_key")
_DOUBTFUL: Final = (
    f"SELECT {_CHUNK}, chunk.campaign, items, "
    "(SELECT message FROM campaign WHERE key = chunk.campaign) "
    "FROM chunk JOIN recipients USING (campaign, number) "
    "WHERE state IN ('sending', 'unknown') AND size - excluded = ?"
)
_TALLY: Final = (
    "SELECT round > 0, state, count(*), sum(size), sum(credits * (size - excluded) / size), "
    "sum(excluded), sum(opted), min(lease) FROM chunk "
    "WHERE campaign = ? AND state != 'split' GROUP BY 1, 2"
)


@cache
def _update(fields: tuple[str, ...]) -> str:
    return (
        f"UPDATE chunk SET {', '.join(f'{name} = ?' for name in fields)} "
        "WHERE campaign = ? AND number = ?"
    )


@cache
def _replace(fields: tuple[str, ...], *, unless_found: bool) -> str:
    found = "".join(
        f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE batch_id = ? AND found = 1)"
        for table in _WITH_BATCHES
    )
    return (
        f"{_update(fields)} AND state = 'sending' AND attempt = ? AND owner = ?"
        f"{found if unless_found else ''}"
    )


class SQLiteStore(SQLiteErasure, SQLiteKeys, SQLiteReports, SQLiteOptOuts):
    """A `Store` within one transaction. The protocols document the methods.

    Args:
        connection: a connection in a transaction.
        now: the time of the transaction.
        check_in_place: raises `JournalError` if the file was deleted or replaced.
    """

    __slots__ = ("_check_in_place", "_db", "_now")

    def __init__(
        self, connection: sqlite3.Connection, now: float, check_in_place: Callable[[], None]
    ) -> None:
        self._db = connection
        self._now = now
        self._check_in_place = check_in_place

    async def now(self) -> float:
        return self._now

    async def check_in_place(self) -> None:
        self._check_in_place()

    # Campaigns

    async def key_of(self, name: str) -> int:
        row = self._one("SELECT key FROM campaign WHERE id = ?", name)
        if row is None:
            raise no_such(name)
        return int(row[0])

    async def campaign_ids(self) -> Sequence[str]:
        return [name for (name,) in self._db.execute("SELECT id FROM campaign ORDER BY key")]

    async def insert_campaign(self, campaign: Campaign) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO campaign (id, kind, message, chunk_size, deduplicate, created, "
            "window, opt_outs, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                campaign.id,
                campaign.kind,
                json.dumps(campaign.message),
                campaign.chunk_size,
                campaign.deduplicate,
                self._now,
                None if campaign.window is None else campaign.window.pack(),
                campaign.opt_outs,
                campaign.at,
            ),
        )

    async def campaign(self, key: int) -> Campaign:
        row = self._one(f"SELECT {', '.join(rows.CAMPAIGN)} FROM campaign WHERE key = ?", key)
        return rows.campaign(row)

    async def update_campaign(self, key: int, campaign: Campaign) -> None:
        changing = ", ".join(f"{name} = ?" for name in rows.CHANGING)
        self._db.execute(
            f"UPDATE campaign SET {changing} WHERE key = ?", (*rows.campaign_values(campaign), key)
        )

    async def controls(self, key: int) -> Controls:
        row = self._one("SELECT control, why, window, at FROM campaign WHERE key = ?", key)
        return rows.controls(row)

    # Chunks

    async def next_number(self, key: int) -> int:
        (last,) = self._one("SELECT max(number) FROM chunk WHERE campaign = ?", key)
        return 0 if last is None else last + 1

    async def count(self, key: int) -> tuple[int, int]:
        chunks, problems = self._one(
            "SELECT (SELECT count(*) FROM chunk WHERE campaign = ?), "
            "(SELECT count(*) FROM problem WHERE campaign = ?)",
            *(key, key),
        )
        return chunks, problems

    async def insert_chunks(self, key: int, chunks: Sequence[PlannedChunk], round: int) -> None:
        self._db.executemany(_INSERT_CHUNK, [(key, *rows.planned(c, round)) for c in chunks])
        self._db.executemany(
            "INSERT INTO recipients VALUES (?, ?, ?, ?)",
            [(key, chunk.number, chunk.items, chunk.positions) for chunk in chunks],
        )
        self._db.executemany(
            _INSERT_EVENT, [(key, c.number, self._now, 0, "", "planned", "") for c in chunks]
        )

    async def insert_problems(self, key: int, problems: Sequence[Problem]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO problem VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(key, *rows.problem_values(problem)) for problem in problems],
        )

    async def chunk(self, key: int, number: int) -> ChunkRecord:
        return rows.chunk(self._one(f"{_SELECT} AND number = ?", key, number))

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
        query, values = f"{_SELECT} AND number > ?", [key, after]
        if state is not None:
            query += f" AND state = '{state.value}'"
        if round is not None:
            query += " AND round = ?"
            values.append(round)
        if marked:
            query += " AND (reopenable OR resent)"
        found = self._db.execute(f"{query} ORDER BY number LIMIT ?", (*values, limit))
        return list(map(rows.chunk, found))

    async def next_pending(
        self, key: int, *, round: int, after: int, international: bool
    ) -> StoredChunk | None:
        row = self._one(_NEXT_PENDING, key, round, after, international)
        return None if row is None else StoredChunk(rows.chunk(row), row[-2], row[-1])

    async def recipients(self, key: int, first: int, last: int) -> Mapping[int, tuple[str, str]]:
        found = self._db.execute(
            "SELECT number, items, positions FROM recipients "
            "WHERE campaign = ? AND number BETWEEN ? AND ?",
            (key, first, last),
        )
        return {number: (items, positions) for number, items, positions in found}

    async def write(self, key: int, change: Change, detail: str = "") -> None:
        fields = change.fields
        if fields:
            values = (*rows.changed(fields), key, change.record.number)
            self._db.execute(_update(tuple(fields)), values)
        self._insert_event(key, change, detail)

    async def replace_claimed(
        self, key: int, claimed: ChunkRecord, change: Change, batch_id: str | None, detail: str
    ) -> bool:
        fields = change.fields
        values = [*rows.changed(fields), key, claimed.number, claimed.attempt, claimed.owner]
        if batch_id is not None:
            values += [batch_id] * len(_WITH_BATCHES)
        query = _replace(tuple(fields), unless_found=batch_id is not None)
        if not self._db.execute(query, values).rowcount:
            return False
        self._insert_event(key, change, detail)
        return True

    def _insert_event(self, key: int, change: Change, detail: str) -> None:
        record = change.record
        self._db.execute(
            _INSERT_EVENT,
            (
                key,
                record.number,
                self._now,
                record.attempt,
                record.owner,
                change.event,
                storable(detail),
            ),
        )

    # Chunks of all campaigns

    async def chunks_with_batch(self, batch_id: str) -> Sequence[Held]:
        found = self._db.execute(_WITH_BATCH, (batch_id, batch_id))
        return [Held(row[-1], rows.chunk(row)) for row in found]

    async def doubtful(self, size: int) -> Sequence[Doubtful]:
        return [
            Doubtful(key, rows.chunk(row), items, json.loads(message))
            for *row, key, items, message in self._db.execute(_DOUBTFUL, (size,))
        ]

    # Reading

    async def tally(self, key: int) -> Tallies:
        return rows.tallies(self._db.execute(_TALLY, (key,)))

    async def problems(self, key: int, *, after: int, limit: int) -> Sequence[Problem]:
        found = self._db.execute(
            "SELECT position, value, reason, message, field, code FROM problem "
            "WHERE campaign = ? AND position > ? ORDER BY position LIMIT ?",
            (key, after, limit),
        )
        return list(map(rows.problem, found))

    async def events(self, key: int, number: int | None) -> Sequence[Event]:
        found = self._db.execute(
            "SELECT number, at, attempt, owner, what, detail FROM event "
            "WHERE campaign = ? AND (? IS NULL OR number = ?) ORDER BY key",
            (key, number, number),
        )
        return list(map(rows.event, found))

    def _one(self, query: str, *values: object) -> Any:
        return self._db.execute(query, values).fetchone()
