"""The connections of a journal to PostgreSQL: at most two, opened on demand, reopened when lost.

They belong to one event loop of one process.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

import asyncpg

from smsworks_async.errors import JournalError, SMSWorksError
from smsworks_async.journals.postgres import weather
from smsworks_async.journals.postgres.statements import Connection
from smsworks_async.journals.postgres.url import Target
from smsworks_async.journals.postgres.weather import Weather, journal_error, weather_of


T = TypeVar("T")

#: The most connections of a loop.
AT_MOST: Final = 2
#: The time-out of a silent connection, and the time-out of `close`, in seconds.
SILENCE: Final = 30.0
CLOSING: Final = 5.0


class Connections:
    """The connections of one loop, with retries.

    Args:
        target: the database.
        prepare: awaited with each new connection; raises if it is unusable.
    """

    def __init__(self, target: Target, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        self._target = target
        self._prepare = prepare
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._turn = asyncio.Semaphore(AT_MOST)
        self._jobs: set[asyncio.Task[Any]] = set()
        self._closed = False
        #: Whether a pooler may use a different server connection for each transaction.
        self.is_pooled = False

    async def do(
        self, job: Callable[[Connection, bool], Awaitable[T]], *, turn: asyncio.Lock | None = None
    ) -> T:
        """Run a job with a connection; repeat it if the connection was lost.

        If the caller is cancelled it stops waiting, but the job is completed.

        Args:
            job: the job; its second argument tells whether it was started before, and so may have
                been done.
            turn: a lock to hold until the job is done, or None.

        Raises:
            JournalError: the job failed.
        """
        if self._closed:
            raise _closed()
        task = asyncio.ensure_future(self._insist(job, nullcontext() if turn is None else turn))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_ignore)
            raise

    async def _insist(
        self,
        job: Callable[[Connection, bool], Awaitable[T]],
        turn: AbstractAsyncContextManager[None],
    ) -> T:
        async with turn:
            failing_since: float | None = None
            wait, begun = weather.FIRST_WAIT, False

            async def attempt() -> T:
                nonlocal begun
                async with self._connection() as connection:
                    again, begun = begun, True
                    return await job(connection, again)

            while True:
                try:
                    return await attempt()
                except SMSWorksError:
                    raise
                except Exception as caught:
                    error = caught
                # Kept from the chained errors, whose messages and frames quote values.
                now = time.monotonic()
                failing_since = now if failing_since is None else failing_since
                if not self._bears(error, now - failing_since + wait):
                    raise journal_error(self._target.name, error)
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - a wait
                wait = min(2 * wait, weather.LONGEST_WAIT)

    def _bears(self, error: Exception, seconds: float) -> bool:
        """Return whether to retry after an error, given the seconds since the first one."""
        found = weather_of(error)
        if found is Weather.POOLED and not self.is_pooled:
            self._go_without_prepared_statements()
        # Connections that were in use at that time still have prepared statements.
        passes = found is not Weather.LASTING
        return passes and seconds <= weather.PATIENCE and not self._closed

    def _go_without_prepared_statements(self) -> None:
        self.is_pooled = True
        for connection in self._free:
            self._drop(connection)
        self._free.clear()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        async with self._turn:
            connection = self._take() or await self._connect()
            try:
                yield connection
            except BaseException as error:
                # After an error of a rule it was rolled back; in other cases its state is unknown.
                if not isinstance(error, SMSWorksError):
                    self._drop(connection)
                raise
            finally:
                if connection in self._open and not connection.is_closed():
                    self._free.append(connection)
                else:
                    self._drop(connection)

    def _take(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._drop(connection)
        return None

    async def _connect(self) -> Connection:
        if self._closed:
            raise _closed()
        connection = await asyncpg.connect(
            **self._target.connect_arguments(),
            command_timeout=SILENCE,
            statement_cache_size=0 if self.is_pooled else 200,
            max_cached_statement_lifetime=0,
        )
        self._open.add(connection)
        try:
            # Outside a transaction a statement may be prepared on a different connection.
            async with connection.transaction() if self.is_pooled else nullcontext():
                await self._prepare(connection)
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        # The loop may be closed, if the journal outlived it.
        with suppress(RuntimeError):
            connection.terminate()

    def abandon(self) -> None:
        """Abort the connections immediately; callable from any thread."""
        self._closed = True
        for connection in list(self._open):
            self._drop(connection)

    async def close(self) -> None:
        """Wait a few seconds for running jobs, and close the connections."""
        self._closed = True
        if self._jobs:
            _, left = await asyncio.wait(self._jobs, timeout=CLOSING)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=CLOSING)
        free, self._free = self._free, []
        for connection in free:
            self._open.discard(connection)
            try:
                await connection.close(timeout=CLOSING)
            except Exception:  # lost or silent; committed data is safe
                self._drop(connection)
        self.abandon()


def _closed() -> JournalError:
    return JournalError("this journal is closed; open it again")


def _ignore(task: asyncio.Task[Any]) -> None:
    """Retrieve the error of a job without a waiter, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
