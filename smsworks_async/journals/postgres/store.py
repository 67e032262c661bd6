"""The statements of a journal's campaigns in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from smsworks_async.journals import rows
from smsworks_async.journals.checks import no_such
from smsworks_async.journals.postgres.erasure import PostgresErasure
from smsworks_async.journals.postgres.keys import PostgresKeys
from smsworks_async.journals.postgres.opt_outs import PostgresOptOuts
from smsworks_async.journals.postgres.reports import PostgresReports
from smsworks_async.journals.postgres.statements import NOW
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
from smsworks_async.journals.store import Doubtful, Held, Tallies
from smsworks_async.journals.transitions import Change
from smsworks_async.models.report import Problem


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

CHUNK: Final = ", ".join(f"c.{name}" for name in rows.CHUNK)
_SELECT: Final = f"SELECT {CHUNK} FROM smsworks.chunk AS c WHERE campaign = $1"
_NEXT_PENDING: Final = (
    f"SELECT {CHUNK}, items, positions FROM smsworks.chunk AS c "
    "JOIN smsworks.recipients USING (campaign, number) "
    "WHERE campaign = $1 AND state = 'pending' AND round = $2 AND number > $3 "
    "AND (NOT international OR $4) ORDER BY number LIMIT 1"
)
_INSERT_CAMPAIGN: Final = (
    "INSERT INTO smsworks.campaign (id, kind, message, chunk_size, deduplicate, created, "
    '"window", opt_outs, at, timeline) '
    f"VALUES ($1, $2, $3, $4, $5, coalesce($6, {NOW}), $7, $8, $9, smsworks.timeline()) "
    "ON CONFLICT (id) DO NOTHING"
)
_INSERT_PROBLEMS: Final = (
    "INSERT INTO smsworks.problem (campaign, position, value, reason, message, field, code) "
    "SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], "
    "$7::integer[]) ON CONFLICT DO NOTHING"
)
_WITH_BATCH: Final = (
    f"SELECT {CHUNK}, c.campaign FROM smsworks.chunk AS c WHERE batch_id = $1 "
    "OR (doubles IS NOT NULL AND doubles::jsonb ? $1) ORDER BY c.campaign, c.number"
)
_DOUBTFUL: Final = (
    f"SELECT {CHUNK}, c.campaign, items, "
    "(SELECT message FROM smsworks.campaign WHERE key = c.campaign) "
    "FROM smsworks.chunk AS c JOIN smsworks.recipients USING (campaign, number) "
    "WHERE state IN ('sending', 'unknown') AND size - excluded = $1"
)
_TALLY: Final = (
    "SELECT round > 0, state, count(*), sum(size)::bigint, "
    "sum(CASE WHEN excluded = 0 THEN credits ELSE credits * (size - excluded) / size END), "
    "sum(excluded)::bigint, sum(opted)::bigint, min(lease) FROM smsworks.chunk "
    "WHERE campaign = $1 AND state != 'split' GROUP BY 1, 2"
)
_EVENT: Final = "INSERT INTO smsworks.event (campaign, number, at, attempt, owner, what, detail)"
# The types of columns whose parameters need a cast.
TYPES: Final = {
    **dict.fromkeys(("began", "lease", "lease_seconds", "ahead"), "float8"),
    **dict.fromkeys(("attempt", "excluded", "opted"), "integer"),
    **dict.fromkeys(("reopenable", "found", "resent", "restored"), "boolean"),
}


def assigned(fields: Sequence[str], first: int) -> str:
    """Return the assignments of fields to parameters from a number on."""
    return ", ".join(
        f"{name} = ${n}::{TYPES.get(name, 'text')}" for n, name in enumerate(fields, first)
    )


@cache
def _write(fields: tuple[str, ...]) -> str:
    """Return the statement that updates fields of a chunk and inserts an event."""
    event = (
        f"{_EVENT} VALUES ($1::bigint, $2::integer, coalesce($3::float8, {NOW}), $4::integer, "
        "$5::text, $6::text, $7::text)"
    )
    if not fields:
        return event
    return (
        f"WITH written AS (UPDATE smsworks.chunk SET {assigned(fields, 8)} "
        f"WHERE campaign = $1::bigint AND number = $2::integer) {event}"
    )


@cache
def _replace(fields: tuple[str, ...], *, unless_found: bool) -> str:
    """Return the statement that updates fields of a chunk that is still sent under a claim."""
    claimed, batch = 8 + len(fields), 10 + len(fields)
    found = f" AND NOT smsworks.lock_batch(${batch})" if unless_found else ""
    return (
        f"WITH written AS (UPDATE smsworks.chunk SET {assigned(fields, 8)} "
        "WHERE campaign = $1::bigint AND number = $2::integer AND state = 'sending' "
        f"AND attempt = ${claimed}::integer AND owner = ${claimed + 1}::text{found} "
        "RETURNING campaign, number) "
        f"{_EVENT} SELECT campaign, number, coalesce($3::float8, {NOW}), $4::integer, $5::text, "
        "$6::text, $7::text FROM written RETURNING true"
    )


class PostgresStore(PostgresErasure, PostgresKeys, PostgresReports, PostgresOptOuts):
    """A `Store` within one transaction. The protocols document the methods."""

    __slots__ = ()

    # Campaigns

    async def key_of(self, name: str) -> int:
        key = await self._value("SELECT key FROM smsworks.campaign WHERE id = $1", name)
        if key is None:
            raise no_such(name)
        return int(key)

    async def campaign_ids(self) -> Sequence[str]:
        return [row[0] for row in await self._rows("SELECT id FROM smsworks.campaign ORDER BY key")]

    async def insert_campaign(self, campaign: Campaign) -> None:
        self._write(
            _INSERT_CAMPAIGN,
            campaign.id,
            campaign.kind,
            json.dumps(campaign.message),
            campaign.chunk_size,
            campaign.deduplicate,
            self._given_now,
            None if campaign.window is None else campaign.window.pack(),
            campaign.opt_outs,
            campaign.at,
        )

    async def campaign(self, key: int) -> Campaign:
        columns = ", ".join(f'"{name}"' for name in rows.CAMPAIGN)
        query = f"SELECT {columns} FROM smsworks.campaign WHERE key = $1"
        return rows.campaign(await self._row(self._locking(query), key))

    async def update_campaign(self, key: int, campaign: Campaign) -> None:
        changing = ", ".join(f'"{name}" = ${n}' for n, name in enumerate(rows.CHANGING, 2))
        self._write(
            f"UPDATE smsworks.campaign SET {changing} WHERE key = $1",
            *(key, *rows.campaign_values(campaign)),
        )

    async def controls(self, key: int) -> Controls:
        # Locked, so that a chunk does not become pending while the campaign is being cancelled.
        query = 'SELECT control, why, "window", at FROM smsworks.campaign WHERE key = $1'
        return rows.controls(await self._row(self._locking(query, "SHARE"), key))

    async def keep_timeline(self, key: int) -> None:
        """Store the server's current timeline as that of a campaign."""
        self._write(
            "UPDATE smsworks.campaign SET timeline = smsworks.timeline() WHERE key = $1", key
        )

    # Chunks

    async def next_number(self, key: int) -> int:
        # The lock serialises numbering. The second query runs after it, to see committed chunks.
        await self._row(self._locking("SELECT key FROM smsworks.campaign WHERE key = $1"), key)
        last = await self._value("SELECT max(number) FROM smsworks.chunk WHERE campaign = $1", key)
        return 0 if last is None else last + 1

    async def count(self, key: int) -> tuple[int, int]:
        row = await self._row(
            "SELECT (SELECT count(*) FROM smsworks.chunk WHERE campaign = $1), "
            "(SELECT count(*) FROM smsworks.problem WHERE campaign = $1)",
            key,
        )
        return row[0], row[1]

    async def insert_chunks(self, key: int, chunks: Sequence[PlannedChunk], round: int) -> None:
        if not chunks:
            return
        now = await self.now()
        await self._copy(
            "chunk",
            ("campaign", "number", "size", "international", "credits", "round"),
            [(key, *rows.planned(chunk, round)) for chunk in chunks],
        )
        await self._copy(
            "recipients",
            ("campaign", "number", "items", "positions"),
            [(key, chunk.number, *_texts(chunk)) for chunk in chunks],
        )
        await self._copy(
            "event",
            ("campaign", "number", "at", "attempt", "owner", "what", "detail"),
            [(key, chunk.number, now, 0, "", "planned", "") for chunk in chunks],
        )

    async def _copy(
        self, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]
    ) -> None:
        await self.flush()
        await self._db.copy_records_to_table(
            table, schema_name="smsworks", columns=columns, records=records
        )

    async def insert_problems(self, key: int, problems: Sequence[Problem]) -> None:
        if problems:
            columns = zip(*(rows.problem_values(problem) for problem in problems), strict=True)
            self._write(_INSERT_PROBLEMS, key, *map(list, columns))

    async def chunk(self, key: int, number: int) -> ChunkRecord:
        return rows.chunk(await self._row(self._locking(f"{_SELECT} AND number = $2"), key, number))

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
        query, values = f"{_SELECT} AND number > $2", [key, after, limit]
        if state is not None:
            query += f" AND state = '{state.value}'"
        if round is not None:
            query += " AND round = $4"
            values.append(round)
        if marked:
            query += " AND (reopenable OR resent)"
        found = await self._rows(self._locking(f"{query} ORDER BY number LIMIT $3"), *values)
        return list(map(rows.chunk, found))

    async def next_pending(
        self, key: int, *, round: int, after: int, international: bool
    ) -> StoredChunk | None:
        row = await self._row(
            self._locking(_NEXT_PENDING, "NO KEY UPDATE OF c"), key, round, after, international
        )
        return None if row is None else StoredChunk(rows.chunk(row), row[-2], row[-1])

    async def recipients(self, key: int, first: int, last: int) -> Mapping[int, tuple[str, str]]:
        found = await self._rows(
            "SELECT number, items, positions FROM smsworks.recipients "
            "WHERE campaign = $1 AND number BETWEEN $2 AND $3",
            *(key, first, last),
        )
        return {number: (items, positions) for number, items, positions in found}

    async def write(self, key: int, change: Change, detail: str = "") -> None:
        query = _write(tuple(change.fields))
        self._write(query, *self._event(key, change, detail), *rows.changed(change.fields))

    def _event(self, key: int, change: Change, detail: str) -> tuple[Any, ...]:
        record = change.record
        who = (record.attempt, record.owner, change.event, storable(detail))
        return (key, record.number, self._given_now, *who)

    async def replace_claimed(
        self, key: int, claimed: ChunkRecord, change: Change, batch_id: str | None, detail: str
    ) -> bool:
        fields = change.fields
        values = [*self._event(key, change, detail), *rows.changed(fields)]
        values += [claimed.attempt, claimed.owner]
        if batch_id is not None:
            values.append(batch_id)
        query = _replace(tuple(fields), unless_found=batch_id is not None)
        return bool(await self._value(query, *values))

    # Chunks of all campaigns

    async def chunks_with_batch(self, batch_id: str) -> Sequence[Held]:
        await self._lock_batch(batch_id)
        found = await self._rows(self._locking(_WITH_BATCH), batch_id)
        return [Held(row[-1], rows.chunk(row)) for row in found]

    async def doubtful(self, size: int) -> Sequence[Doubtful]:
        return [
            Doubtful(row[-3], rows.chunk(row), row[-2], json.loads(row[-1]))
            for row in await self._rows(_DOUBTFUL, size)
        ]

    # Reading

    async def tally(self, key: int) -> Tallies:
        return rows.tallies(await self._rows(_TALLY, key))

    async def problems(self, key: int, *, after: int, limit: int) -> Sequence[Problem]:
        found = await self._rows(
            "SELECT position, value, reason, message, field, code FROM smsworks.problem "
            "WHERE campaign = $1 AND position > $2 ORDER BY position LIMIT $3",
            *(key, after, limit),
        )
        return list(map(rows.problem, found))

    async def events(self, key: int, number: int | None) -> Sequence[Event]:
        found = await self._rows(
            "SELECT number, at, attempt, owner, what, detail FROM smsworks.event WHERE campaign = "
            f"$1 {'' if number is None else 'AND number = $2 '}ORDER BY key",
            *((key,) if number is None else (key, number)),
        )
        return list(map(rows.event, found))


def _texts(chunk: PlannedChunk) -> tuple[str, str]:
    return storable(chunk.items), chunk.positions
