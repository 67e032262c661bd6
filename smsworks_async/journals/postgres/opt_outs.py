"""The statements of opt-outs in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from smsworks_async.journals.postgres.statements import Statements
from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

_SELECT: Final = "SELECT number, change, at, source, word, message_id FROM smsworks.opt_out AS o"
_INSERT: Final = (
    "INSERT INTO smsworks.opt_out (key, number, change, at, source, word, message_id) "
    "SELECT coalesce(max(key), 0) + 1, $1, $2, $3::float8, $4, $5, $6 FROM smsworks.opt_out "
    "ON CONFLICT (message_id) WHERE message_id != '' DO NOTHING"
)
_OPTED_OUT: Final = (
    "SELECT n FROM unnest($1::text[]) AS n WHERE (SELECT change FROM smsworks.opt_out "
    "WHERE number = n ORDER BY key DESC LIMIT 1) = 'out'"
)
_LAST_OF: Final = (
    "SELECT DISTINCT ON (number) number, change, at, source, word, message_id "
    "FROM smsworks.opt_out WHERE number = ANY ($1::text[]) ORDER BY number, key DESC"
)
_PAGE: Final = (
    f"{_SELECT} WHERE number > $1 AND change = 'out' AND key = "
    "(SELECT max(key) FROM smsworks.opt_out AS later WHERE later.number = o.number) "
    "ORDER BY number LIMIT $2"
)


def _event(row: Sequence[Any]) -> OptOutEvent:
    number, change, at, *rest = row
    return OptOutEvent(number, change, datetime.fromtimestamp(at, UTC), *rest)


class PostgresOptOuts(Statements):
    """An `OptOutStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()

    async def read_last_of(self, numbers: Sequence[str]) -> None:
        """Prefetch the last events of many numbers for `last_opt_out`."""
        await self._lock("opt-outs", "")
        found = {row[0]: _event(row) for row in await self._rows(_LAST_OF, list(numbers))}
        self._last_opt_outs = {number: found.get(number) for number in numbers}

    async def insert_opt_out(self, event: OptOutEvent) -> bool:
        what = (event.number, event.change, event.at.timestamp())
        values = (*what, event.source, event.word, event.message_id)
        if not event.message_id:
            self._write(_INSERT, *values)
            if event.number in self._last_opt_outs:
                self._last_opt_outs[event.number] = event
            return True
        return bool(await self._value(f"{_INSERT} RETURNING true", *values))

    async def last_opt_out(self, number: str) -> OptOutEvent | None:
        if number in self._last_opt_outs:
            return self._last_opt_outs[number]
        await self._lock("opt-outs", "")  # serialises all events: see schema.sql
        row = await self._row(f"{_SELECT} WHERE number = $1 ORDER BY key DESC LIMIT 1", number)
        return None if row is None else _event(row)

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        found = await self._rows(f"{_SELECT} WHERE number = $1 ORDER BY key", number)
        return list(map(_event, found))

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        return {row[0] for row in await self._rows(_OPTED_OUT, list(numbers))}

    async def opt_out_page(self, *, after: str, limit: int) -> Sequence[OptOutEvent]:
        return list(map(_event, await self._rows(_PAGE, after, limit)))

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        found = await self._rows(
            "SELECT key, number, change = 'out' FROM smsworks.opt_out WHERE key > $1 ORDER BY key",
            after,
        )
        return OptOutChanges.of(after, map(tuple, found))

    async def opt_out_list(self) -> str:
        return str(await self._value("SELECT id FROM smsworks.opt_out_list"))
