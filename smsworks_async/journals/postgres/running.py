"""Execution of a journal's rules in PostgreSQL: connections and transactions."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from smsworks_async.errors import ConfigurationError, JournalError
from smsworks_async.journals.base import BaseJournal
from smsworks_async.journals.postgres.ahead import ServerClock
from smsworks_async.journals.postgres.claims import Claims
from smsworks_async.journals.postgres.layout import (
    check_layout,
    check_server,
    create,
    look_at,
)
from smsworks_async.journals.postgres.statements import Connection
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.postgres.url import parse
from smsworks_async.journals.store import Store


if TYPE_CHECKING:
    from smsworks_async.journals.postgres.connections import Connections


T = TypeVar("T")

# Otherwise a process that is stopped in a transaction would hold its locks forever.
WRITING: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    "SET LOCAL idle_in_transaction_session_timeout = '20s'"
)
READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# The connections of the parent process. They are kept open, since closing them here would end the
# parent's sessions.
_inherited: list[object] = []


@attrs.frozen(eq=False)
class Here:
    """The state of a journal on one event loop of one process."""

    connections: Connections
    claims: Claims
    #: The keys of campaigns, by name.
    keys: dict[str, int] = attrs.field(factory=dict)


class RunInPostgres(BaseJournal):
    """A journal that runs its rules in a PostgreSQL database; see `PostgresJournal`."""

    def __init__(
        self, url: str, *, clock: Callable[[], float] | None = None, must_exist: bool = False
    ) -> None:
        check_installed()
        self._target = parse(url)
        self._server_clock = ServerClock()
        super().__init__(self._server_clock if clock is None else clock)
        self._must_exist = must_exist
        self._of_loops: dict[asyncio.AbstractEventLoop, Here] = {}
        self._pid = os.getpid()
        self._closed = False
        #: Whether this journal created its tables.
        self.made_it = False

    def _here(self) -> Here:
        if self._closed:
            raise JournalError("this journal is closed; open it again")
        self._leave_inherited()
        loop = asyncio.get_running_loop()
        here = self._of_loops.get(loop)
        if here is None:
            for other in [one for one in self._of_loops if one.is_closed()]:
                self._of_loops.pop(other).connections.abandon()
            here = self._of_loops[loop] = self._open()
        return here

    def _leave_inherited(self) -> None:
        if self._pid != os.getpid():
            _inherited.append(self._of_loops)
            self._of_loops, self._pid = {}, os.getpid()

    def _open(self) -> Here:
        from smsworks_async.journals.postgres.connections import Connections

        async def prepare(connection: Connection) -> None:
            await self._prepare(connection)
            # It may be a different server now, promoted or restored.
            here.keys.clear()
            here.claims.forget()

        here = Here(Connections(self._target, prepare), Claims(self._server_clock, self._given_now))
        return here

    async def _prepare(self, connection: Connection) -> None:
        since = time.time()
        server = await look_at(connection)
        self._server_clock.set(server.now, since)
        check_server(server, self._target.name)
        if not server.is_laid_out:
            if self._must_exist:
                raise JournalError(f"there is no journal in this database: {self._target.name}")
            self.made_it = await create(connection)
        await check_layout(connection, self._target.name)

    # Running a rule

    def _given_now(self) -> float | None:
        return None if self.clock is self._server_clock else self.clock()

    async def _transaction(
        self,
        connection: Connection,
        rule: Callable[[PostgresStore], Awaitable[T]],
        *,
        reads: bool = False,
    ) -> T:
        await connection.execute(READING if reads else WRITING)
        try:
            store = PostgresStore(connection, self._given_now(), locks=not reads)
            result = await rule(store)
            await store.flush()
        except Exception:
            # A lost connection needs no rollback; the first error is the one to report.
            with contextlib.suppress(Exception):
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
        return result

    async def _alone(
        self,
        here: Here,
        connection: Connection,
        rule: Callable[[PostgresStore], Awaitable[T]],
        *,
        reads: bool = False,
    ) -> T:
        """Run a rule with one writing statement, which needs no explicit transaction."""
        if here.connections.is_pooled:
            # With a pooler, statements may be prepared and executed on different connections.
            return await self._transaction(connection, rule, reads=reads)
        store = PostgresStore(connection, self._given_now(), locks=False)
        return await rule(store)

    async def _key(self, here: Here, store: Store, campaign: str) -> int:
        key = here.keys.get(campaign)
        if key is None:
            key = here.keys[campaign] = await store.key_of(campaign)
        return key

    async def _run(self, rule: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        return await self._here().connections.do(
            lambda connection, _: self._transaction(connection, rule)
        )

    async def _run_for(
        self, campaign: str, rule: Callable[[Store, int], Coroutine[Any, Any, T]]
    ) -> T:
        here = self._here()

        async def with_key(store: PostgresStore) -> T:
            return await rule(store, await self._key(here, store, campaign))

        return await here.connections.do(
            lambda connection, _: self._transaction(connection, with_key)
        )

    async def _read(
        self, rule: Callable[[Store], Coroutine[Any, Any, T]], *, as_one: bool = False
    ) -> T:
        here = self._here()

        async def job(connection: Connection, _again: bool) -> T:
            if as_one:
                return await self._transaction(connection, rule, reads=True)
            return await self._alone(here, connection, rule, reads=True)

        return await here.connections.do(job)

    async def _read_for(
        self,
        campaign: str,
        rule: Callable[[Store, int], Coroutine[Any, Any, T]],
        *,
        as_one: bool = False,
    ) -> T:
        here = self._here()

        async def with_key(store: Store) -> T:
            return await rule(store, await self._key(here, store, campaign))

        return await self._read(with_key, as_one=as_one)

    async def close(self) -> None:
        """Wait for running jobs and close the connections; calling it again does nothing."""
        self._closed = True
        self._leave_inherited()
        of_loops, self._of_loops = self._of_loops, {}
        here = of_loops.pop(asyncio.get_running_loop(), None)
        for loop, other in of_loops.items():
            with contextlib.suppress(RuntimeError):  # already closed
                loop.call_soon_threadsafe(other.connections.abandon)
        if here is not None:
            await here.connections.close()


def check_installed() -> None:
    """Check that the extra is installed.

    Raises:
        ConfigurationError: it is not installed.
    """
    if importlib.util.find_spec("asyncpg") is None:
        raise ConfigurationError(
            "a PostgreSQL journal needs the extra `postgres`, which is not installed: "
            "python -m pip install asyncpg"
        )
