"""What a journal does in an SQLite file: one campaign, one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from smsworks_async.journals import rows, transitions
from smsworks_async.journals.checks import check_campaign, check_chunk, check_totals, no_such
from smsworks_async.journals.records import (
    Campaign,
    Claim,
    Entry,
    Event,
    PlannedChunk,
    State,
    Summary,
    Sums,
    Totals,
)
from smsworks_async.models.report import BatchOutcome, Problem


_ENTRY: Final = f"SELECT {rows.COLUMNS} FROM chunk WHERE campaign = ? AND number = ?"  # noqa: S608
_NEXT: Final = (
    f"SELECT {rows.COLUMNS}, items, positions "  # noqa: S608
    "FROM chunk JOIN recipients USING (campaign, number) "
    "WHERE campaign = ? AND state = 'pending' AND round = ? AND number > ? AND abroad <= ? "
    "ORDER BY number LIMIT 1"
)
_IN_STATE: Final = (
    f"SELECT {rows.COLUMNS} FROM chunk "  # noqa: S608
    "WHERE campaign = ? AND state = ? ORDER BY number"
)
_OF_ROUND: Final = (
    f"SELECT {rows.COLUMNS} FROM chunk "  # noqa: S608
    "WHERE campaign = ? AND round = ? ORDER BY number"
)
_ALIKE: Final = (
    f"SELECT {rows.COLUMNS}, chunk.campaign, items, "  # noqa: S608
    "(SELECT message FROM campaign WHERE key = chunk.campaign) "
    "FROM chunk JOIN recipients USING (campaign, number) "
    "WHERE state IN ('sending', 'unknown') AND size = ?"
)
_HELD: Final = (
    "SELECT 1 FROM chunk WHERE batch_id = ? UNION ALL "
    "SELECT 1 FROM chunk, json_each(doubles) WHERE doubles IS NOT NULL AND value = ?"
)
_PAGE: Final = (
    f"SELECT {rows.COLUMNS} FROM chunk "  # noqa: S608
    "WHERE campaign = ? AND number > ? ORDER BY number LIMIT ?"
)
_RECIPIENTS: Final = "SELECT items, positions FROM recipients WHERE campaign = ? AND number = ?"
_SUMS: Final = (
    "SELECT round > 0, state, count(*), sum(size), sum(credits) FROM chunk "
    "WHERE campaign = ? AND state != 'split' GROUP BY 1, 2"
)


class Transaction:
    """One campaign within one transaction."""

    def __init__(self, connection: sqlite3.Connection, key: int, now: float) -> None:
        self._db = connection
        self._key = key
        self._now = now

    @property
    def campaign(self) -> Campaign:
        return rows.campaign(
            self._db.execute(
                "SELECT id, kind, message, chunk_size, deduplicate, totals, round, created, "
                "restored FROM campaign WHERE key = ?",
                (self._key,),
            ).fetchone()
        )

    def _change(self, change: transitions.Change, detail: str = "") -> Entry:
        entry, what = change
        self._db.execute(rows.UPDATE, (*rows.moving(entry), self._key, entry.number))
        self._event(entry, what, detail)
        return entry

    def _event(self, entry: Entry, what: str, detail: str) -> None:
        self._db.execute(
            "INSERT INTO event (campaign, number, at, attempt, owner, what, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._key,
                entry.number,
                self._now,
                entry.attempt,
                entry.owner,
                what,
                rows.clean(detail),
            ),
        )

    def plan(self, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]) -> None:
        totals = self.campaign.totals
        (last,) = self._db.execute(
            "SELECT max(number) FROM chunk WHERE campaign = ?", (self._key,)
        ).fetchone()
        for chunk in chunks:
            kept = None
            if last is not None and chunk.number <= last:
                items, positions = self._db.execute(
                    _RECIPIENTS, (self._key, chunk.number)
                ).fetchone()
                kept = attrs.evolve(chunk, items=items, positions=positions)
            check_chunk(chunk, kept, totals)
            if kept is None:
                self._add(chunk, 0)
        self._db.executemany(
            "INSERT OR IGNORE INTO problem VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(self._key, *rows.problem_values(problem)) for problem in problems],
        )

    def _add(self, chunk: PlannedChunk, round: int) -> None:
        entry = Entry(
            number=chunk.number,
            size=chunk.size,
            abroad=chunk.abroad,
            credits=chunk.credits,
            round=round,
        )
        self._db.execute(rows.INSERT, (self._key, *rows.planned(entry), *rows.moving(entry)))
        self._db.execute(
            "INSERT INTO recipients VALUES (?, ?, ?, ?)",
            (self._key, chunk.number, chunk.items, chunk.positions),
        )
        self._event(entry, "planned", "")

    def planned(self, totals: Totals) -> None:
        check_totals(
            self.campaign.totals,
            totals,
            chunks=self._count("chunk"),
            set_aside=self._count("problem"),
        )
        self._db.execute(
            "UPDATE campaign SET totals = ? WHERE key = ?", (rows.pack_totals(totals), self._key)
        )

    def _count(self, table: str) -> int:
        query = f"SELECT count(*) FROM {table} WHERE campaign = ?"  # noqa: S608 - a name of ours
        return int(self._db.execute(query, (self._key,)).fetchone()[0])

    def _number_on(self, chunks: Sequence[PlannedChunk], round: int) -> list[int]:
        (last,) = self._db.execute(
            "SELECT max(number) FROM chunk WHERE campaign = ?", (self._key,)
        ).fetchone()
        numbers = list(range(last + 1, last + 1 + len(chunks)))
        for number, chunk in zip(numbers, chunks, strict=True):
            self._add(attrs.evolve(chunk, number=number), round)
        return numbers

    def plan_again(self, round: int, chunks: Sequence[PlannedChunk]) -> bool:
        before = self._entries(_OF_ROUND, round - 1) if round > 1 else ()
        if self.campaign.round != round - 1 or any(entry.is_open for entry in before):
            return False
        self._db.execute("UPDATE campaign SET round = ? WHERE key = ?", (round, self._key))
        self._number_on(chunks, round)
        return True

    def entry(self, number: int) -> Entry:
        return rows.entry(self._db.execute(_ENTRY, (self._key, number)).fetchone())

    def _entries(self, query: str, *arguments: object) -> list[Entry]:
        return [rows.entry(row) for row in self._db.execute(query, (self._key, *arguments))]

    def page(self, after: int, limit: int) -> list[Entry]:
        return self._entries(_PAGE, after, limit)

    def claim(self, entry: Entry) -> Claim:
        items, positions = self._db.execute(_RECIPIENTS, (self._key, entry.number)).fetchone()
        return Claim(entry, items, positions)

    def start(
        self,
        owner: str,
        lease: float,
        round: int,
        after: int,
        *,
        abroad: bool,
        there: float | None,
    ) -> Claim | None:
        row = self._db.execute(_NEXT, (self._key, round, after, abroad)).fetchone()
        if row is None:
            return None
        change = transitions.start(rows.entry(row), owner, self._now, lease, there)
        return Claim(self._change(change), *row[-2:])

    def finish(self, number: int, attempt: int, outcome: BatchOutcome) -> Entry:
        change = transitions.finish(self.entry(number), attempt, outcome)
        if outcome.batch_id is not None:
            self._take_from_others(outcome.batch_id, number)
        return self._change(change, outcome.batch_id or str(outcome.error or ""))

    def _take_from_others(self, batch_id: str, number: int) -> None:
        """Put those in doubt again that were thought to be the batch's."""
        wrong = self._db.execute(
            "SELECT campaign, number FROM chunk WHERE batch_id = ? AND found = 1", (batch_id,)
        )
        for key, other in wrong.fetchall():
            if (key, other) != (self._key, number):
                theirs = Transaction(self._db, key, self._now)
                theirs._change(transitions.unfind(theirs.entry(other)))

    def split(self, number: int, attempt: int, halves: Sequence[PlannedChunk]) -> Sequence[int]:
        change = transitions.split(self.entry(number), attempt)
        if change is None:
            return ()
        entry = self._change(change)
        return self._number_on(halves, entry.round)

    def reopen(self, round: int) -> int:
        return self._change_all(transitions.reopen, self._entries(_OF_ROUND, round))

    def suspect(self) -> int:
        self._db.execute("UPDATE campaign SET restored = 1 WHERE key = ?", (self._key,))
        return self._change_all(transitions.suspect, self._entries(_PAGE, -1, -1))

    def _change_all(
        self, decide: Callable[[Entry], transitions.Change | None], entries: Iterable[Entry]
    ) -> int:
        changes = [change for change in map(decide, entries) if change is not None]
        for change in changes:
            self._change(change)
        return len(changes)

    def clear(self, number: int, attempt: int) -> bool:
        change = transitions.clear(self.entry(number), attempt)
        if change is None:
            return False
        self._change(change)
        return True

    def stalled(self) -> Sequence[Entry]:
        for entry in self._entries(_IN_STATE, State.SENDING):
            change = transitions.stall(entry, self._now)
            if change is not None:
                self._change(change)
        return self._entries(_IN_STATE, State.UNKNOWN)

    def found(self, number: int, attempt: int, batch_id: str, others: int) -> bool:
        entry = self.entry(number)
        change = transitions.found(entry, attempt, batch_id)
        if change is None or self.holds(batch_id) or self._twins(entry) > others:
            return False
        self._change(change, batch_id)
        return True

    def _twins(self, entry: Entry) -> int:
        items, _ = self._db.execute(_RECIPIENTS, (self._key, entry.number)).fetchone()
        message = self.campaign.message
        return sum(
            (key, row[0]) != (self._key, entry.number)
            and transitions.is_twin(entry, rows.entry(row))
            and transitions.is_alike(items, message, others, json.loads(their_message))
            for *row, key, others, their_message in self._db.execute(_ALIKE, (entry.size,))
        )

    def holds(self, batch_id: str) -> bool:
        return self._db.execute(_HELD, (batch_id, batch_id)).fetchone() is not None

    def resend(self, number: int, attempt: int, wait: float) -> bool:
        change = transitions.resend(self.entry(number), attempt, self._now, wait)
        if change is None:
            return False
        self._change(change)
        return True

    def summary(self) -> Summary:
        sums: tuple[dict[State, Sums], dict[State, Sums]] = ({}, {})
        for later, state, chunks, recipients, credits in self._db.execute(_SUMS, (self._key,)):
            sums[later][State(state)] = Sums(chunks=chunks, recipients=recipients, credits=credits)
        (lease,) = self._db.execute(
            "SELECT min(lease) FROM chunk WHERE campaign = ? AND state = 'sending'", (self._key,)
        ).fetchone()
        return Summary(
            campaign=self.campaign,
            states=sums[0],
            again=sums[1],
            lease=None if lease is None else max(0.0, lease - self._now),
        )

    def problems(self, after: int, limit: int) -> Sequence[Problem]:
        found = self._db.execute(
            "SELECT position, value, reason, message, field, code FROM problem "
            "WHERE campaign = ? AND position > ? ORDER BY position LIMIT ?",
            (self._key, after, limit),
        )
        return [rows.problem(row) for row in found]

    def events(self, number: int | None) -> Sequence[Event]:
        found = self._db.execute(
            "SELECT number, at, attempt, owner, what, detail FROM event "
            "WHERE campaign = ? AND (? IS NULL OR number = ?) ORDER BY key",
            (self._key, number, number),
        )
        names = ("number", "at", "attempt", "owner", "what", "detail")
        return [Event(**dict(zip(names, row, strict=True))) for row in found]


def begin(connection: sqlite3.Connection, campaign: Campaign, now: float) -> Campaign:
    """Keep a campaign, or give the one that was kept.

    Raises:
        ValidationError: it was begun otherwise.
    """
    connection.execute(
        "INSERT OR IGNORE INTO campaign (id, kind, message, chunk_size, deduplicate, created) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            campaign.id,
            campaign.kind,
            json.dumps(campaign.message),
            campaign.chunk_size,
            campaign.deduplicate,
            now,
        ),
    )
    kept = Transaction(connection, key_of(connection, campaign.id), now).campaign
    check_campaign(kept, campaign)
    return kept


def key_of(connection: sqlite3.Connection, campaign: str) -> int:
    """Give a campaign's key in the file.

    Raises:
        ValidationError: there is none of that name.
    """
    row = connection.execute("SELECT key FROM campaign WHERE id = ?", (campaign,)).fetchone()
    if row is None:
        raise no_such(campaign)
    return int(row[0])
