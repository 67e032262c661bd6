"""The statements of opt-outs in an SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

_SELECT: Final = "SELECT number, change, at, source, word, message_id FROM opt_out"
_OPTED_OUT: Final = (
    "SELECT number FROM opt_out WHERE change = 'out' AND key IN "
    "(SELECT max(key) FROM opt_out WHERE number IN (SELECT value FROM json_each(?)) "
    "GROUP BY number)"
)
_PAGE: Final = (
    f"{_SELECT} WHERE number > ? AND change = 'out' AND key = "
    "(SELECT max(key) FROM opt_out AS later WHERE later.number = opt_out.number) "
    "ORDER BY number LIMIT ?"
)
_CHANGES: Final = (
    "SELECT max(key), count(*), sum(change = 'in'), group_concat(number, char(10)) "
    "FROM opt_out WHERE key > ?"
)
_EVENTS: Final = "SELECT key, number, change = 'out' FROM opt_out WHERE key > ? ORDER BY key"


def _event(row: Sequence[Any]) -> OptOutEvent:
    number, change, at, *rest = row
    return OptOutEvent(number, change, datetime.fromtimestamp(at, UTC), *rest)


class SQLiteOptOuts:
    """An `OptOutStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()
    _db: sqlite3.Connection

    async def insert_opt_out(self, event: OptOutEvent) -> bool:
        values = (event.number, event.change, event.at.timestamp())
        inserted = self._db.execute(
            "INSERT INTO opt_out (number, change, at, source, word, message_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*values, event.source, event.word, event.message_id),
        )
        return inserted.rowcount == 1

    async def last_opt_out(self, number: str) -> OptOutEvent | None:
        query = f"{_SELECT} WHERE number = ? ORDER BY key DESC LIMIT 1"
        row = self._db.execute(query, (number,)).fetchone()
        return None if row is None else _event(row)

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        found = self._db.execute(f"{_SELECT} WHERE number = ? ORDER BY key", (number,))
        return list(map(_event, found))

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        found = self._db.execute(_OPTED_OUT, (json.dumps(list(numbers)),))
        return {number for (number,) in found}

    async def opt_out_page(self, *, after: str, limit: int) -> Sequence[OptOutEvent]:
        return list(map(_event, self._db.execute(_PAGE, (after, limit))))

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        # A run starts by reading the whole list: as one string, if there are no opt-ins.
        last, count, back, numbers = self._db.execute(_CHANGES, (after,)).fetchone()
        if not count:
            return OptOutChanges(after, (), ())
        out = numbers.split("\n")
        if not back and len(out) == count:
            return OptOutChanges(last, out, ())
        return OptOutChanges.of(after, self._db.execute(_EVENTS, (after,)))

    async def opt_out_list(self) -> str:
        (list_id,) = self._db.execute("SELECT id FROM opt_out_list").fetchone()
        return str(list_id)
