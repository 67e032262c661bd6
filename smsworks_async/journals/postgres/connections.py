"""The connections of a journal to PostgreSQL: at most two, made when needed, and again when lost.

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

#: How many connections a loop has at most.
AT_MOST: Final = 2
#: Seconds for which a connection may say nothing at all, and those that `close` waits.
SILENCE: Final = 30.0
CLOSING: Final = 5.0


class Connections:
    """The connections of one loop, and the patience with which they are used.

    Args:
        target: where the database is.
        prepare: awaited with each new connection; it raises what makes it unusable.
    """

    def __init__(self, target: Target, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        self._target = target
        self._prepare = prepare
        self._free: list[Connection] = []
        self._open: set[Connection] = set()
        self._turn = asyncio.Semaphore(AT_MOST)
        self._jobs: set[asyncio.Task[Any]] = set()
        self._closed = False
        #: Whether a pooler may hand each transaction to another connection of the server.
        self.is_pooled = False

    async def do(
        self, job: Callable[[Connection, bool], Awaitable[T]], *, turn: asyncio.Lock | None = None
    ) -> T:
        """Do something with a connection, and again where that was lost.

        A caller that is cancelled does not wait for it any more, but it is brought to its end.

        Args:
            job: what to do; it is told whether it was begun before, so that it may have been done.
            turn: held until it is done; None for nothing.

        Raises:
            JournalError: that was not possible.
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
                # Out of reach of what is raised here: its words and its frames quote values.
                now = time.monotonic()
                failing_since = now if failing_since is None else failing_since
                if not self._bears(error, now - failing_since + wait):
                    raise journal_error(self._target.name, error)
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - a wait
                wait = min(2 * wait, weather.LONGEST_WAIT)

    def _bears(self, error: Exception, seconds: float) -> bool:
        """Return whether to try again after an error, when that lasts for some seconds already."""
        found = weather_of(error)
        if found is Weather.POOLED and not self.is_pooled:
            self._go_without_prepared_statements()
        # A connection that was in use meanwhile has prepared statements still.
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
                # After an error of a rule it was rolled back; in any other state nothing is known.
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
            # A statement that is not in a transaction may be prepared on another connection.
            async with connection.transaction() if self.is_pooled else nullcontext():
                await self._prepare(connection)
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        # The loop may be closed, where a journal outlived it.
        with suppress(RuntimeError):
            connection.terminate()

    def abandon(self) -> None:
        """Cut the connections at once, from wherever that is."""
        self._closed = True
        for connection in list(self._open):
            self._drop(connection)

    async def close(self) -> None:
        """Wait a few seconds for what is being done, and close the connections."""
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
            except Exception:  # it is gone, or says nothing: what was recorded is recorded
                self._drop(connection)
        self.abandon()


def _closed() -> JournalError:
    return JournalError("this journal is closed; open it again")


def _ignore(task: asyncio.Task[Any]) -> None:
    """Take note of the error of a job for which nobody waits, so that asyncio logs nothing."""
    if not task.cancelled():
        task.exception()
