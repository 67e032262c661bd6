"""Execution of a rule's statements: values are made storable, and writes are buffered.

Consecutive writes are sent together, before the next read.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from smsworks_async.journals.records import storable
from smsworks_async.models.opt_outs import OptOutEvent


#: An asyncpg connection. It is `Any`, since asyncpg is imported on first use.
Connection: TypeAlias = Any

#: The start of the transaction in POSIX seconds, which is the time of a rule.
NOW: Final = "extract(epoch FROM now())::float8"


def plain(values: Sequence[Any]) -> list[Any]:
    """Return values that PostgreSQL can store: strings without NUL and lone surrogates."""
    return [_plain(value) if isinstance(value, str | list) else value for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return plain(value)
    return value if value.isascii() and "\0" not in value else storable(value)


class Statements:
    """The statements of one rule.

    Args:
        connection: a connection in a transaction, or for one statement.
        now: the time of the rule by an injected clock; None for the server's clock.
        locks: whether rows that are read are locked until the transaction ends.
    """

    __slots__ = ("_db", "_given_now", "_held", "_last_opt_outs", "_locks", "_now", "_writes")

    def __init__(self, connection: Connection, now: float | None, *, locks: bool) -> None:
        self._db = connection
        self._given_now = now
        self._now = now
        self._locks = locks
        self._held: set[tuple[str, str]] = set()
        self._writes: list[tuple[str, list[Any]]] = []
        # The prefetched last events of numbers.
        self._last_opt_outs: dict[str, OptOutEvent | None] = {}

    async def now(self) -> float:
        if self._now is None:
            self._now = await self._value(f"SELECT {NOW}")
        return self._now

    async def check_in_place(self) -> None:
        """Do nothing: the claims of campaigns compare the server's timeline themselves."""

    async def _rows(self, query: str, *values: Any) -> Sequence[Any]:
        if self._writes:
            await self.flush()
        rows: Sequence[Any] = await self._db.fetch(query, *plain(values))
        return rows

    async def _row(self, query: str, *values: Any) -> Any:
        if self._writes:
            await self.flush()
        return await self._db.fetchrow(query, *plain(values))

    async def _value(self, query: str, *values: Any) -> Any:
        row = await self._row(query, *values)
        return None if row is None else row[0]

    def _write(self, query: str, *values: Any) -> None:
        """Queue a statement whose result is not needed; it runs before the next read."""
        self._writes.append((query, plain(values)))

    async def flush(self) -> None:
        """Send the queued writes."""
        writes, self._writes = self._writes, []
        for query, group in groupby(writes, key=lambda write: write[0]):
            values = [one for _, one in group]
            if len(values) == 1:
                await self._db.execute(query, *values[0])
            else:
                await self._db.executemany(query, values)

    async def _lock(self, kind: str, name: str) -> None:
        """Lock an object that may have no row yet, until the transaction ends."""
        if self._locks and (kind, name) not in self._held:
            await self._row(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 7698))", f"{kind}:{name}"
            )
            self._held.add((kind, name))

    def _locking(self, query: str, how: str = "NO KEY UPDATE") -> str:
        return f"{query} FOR {how}" if self._locks else query
