"""One thread with one SQLite connection, for callers on an event loop.

What waits for the thread goes into one transaction, and so costs one fsync: the more there is to
do, the less each of it costs.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import attrs

from smsworks_async.errors import JournalError, SMSWorksError


T = TypeVar("T")

#: How many jobs go into one transaction, and the seconds that the first of them waits for more: a
#: fraction of what the disk takes, and whoever sends has others in flight meanwhile.
_TOGETHER: Final = 64
_GATHER: Final = 0.0005

_EXPLANATIONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, and run it again",
    sqlite3.SQLITE_IOERR: "it could not be read or written; look at the disk",
    sqlite3.SQLITE_READONLY: "it may not be written to; look at its permissions and its folder's",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; look at the folder and at the permissions",
    sqlite3.SQLITE_PERM: "it may not be opened; look at its permissions",
    sqlite3.SQLITE_CORRUPT: "it is damaged; get it back from a copy, and reconcile before sending",
    sqlite3.SQLITE_NOTADB: "it is no journal, or it is damaged",
    sqlite3.SQLITE_BUSY: "another process holds it locked; run it again when that one has ended",
    sqlite3.SQLITE_LOCKED: "another process holds it locked; run it again when that one has ended",
}


def journal_error(path: str, error: BaseException) -> JournalError:
    """Say what is wrong with a journal, and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    why = _EXPLANATIONS.get(code, f"it cannot be used ({type(error).__name__})")
    made = JournalError(f"journal {os.path.basename(path)}: {why}")  # noqa: PTH119
    made.__cause__ = error
    return made


@attrs.frozen
class _Job:
    """A function to carry out; None ends the thread."""

    function: Callable[[sqlite3.Connection], Any] | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Worker:
    """Carries functions of a connection out, each of them whole or not at all.

    Args:
        path: the file, for errors.
        connect: opens it.
    """

    def __init__(self, path: str, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._queue: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closed = False

    async def do(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Carry a function out in a transaction; what it did is durable when this returns.

        Raises:
            JournalError: that was not possible.
        """
        if self._pid != os.getpid():
            raise JournalError(
                "this journal was opened before this process forked; open it again in the child"
            )
        loop = asyncio.get_running_loop()
        job = _Job(function, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise JournalError("this journal is closed; open it again")
            if self._thread is None:
                # A daemon, so that a journal which nobody closed does not hold up the exit.
                self._thread = threading.Thread(target=self._main, name="journal", daemon=True)
                self._thread.start()
            self._queue.put(job)
        result: T = await job.future
        return result

    async def close(self) -> None:
        """Finish what waits, and close the file."""
        with self._lock:
            to_end = self._thread is not None and not self._closed and self._pid == os.getpid()
            self._closed = True
        if to_end:
            loop = asyncio.get_running_loop()
            end = _Job(None, loop, loop.create_future())
            self._queue.put(end)
            await end.future

    def _main(self) -> None:
        connection: sqlite3.Connection | None = None
        end: _Job | None = None
        while end is None:
            jobs, end = self._next()
            if jobs:
                connection = self._carry_out(jobs, connection)
        if connection is not None:
            connection.close()
        _answer([(end, None)])

    def _next(self) -> tuple[Sequence[_Job], _Job | None]:
        """Give all that waits, and the end if it has come."""
        jobs: list[_Job] = []
        until = 0.0
        while len(jobs) < _TOGETHER:
            try:
                job = self._queue.get(timeout=max(0.0, until - time.monotonic()) if jobs else None)
            except queue.Empty:
                break
            until = until or time.monotonic() + _GATHER
            if job.function is None:
                return jobs, job
            jobs.append(job)
        return jobs, None

    def _carry_out(
        self, jobs: Sequence[_Job], connection: sqlite3.Connection | None
    ) -> sqlite3.Connection | None:
        try:
            connection = connection or self._connect()
            results = _together(jobs, connection)
        except SMSWorksError as error:  # it is no journal that we can use
            results = [error] * len(jobs)
        except Exception as error:
            if connection is not None and connection.in_transaction:
                _roll_back(connection)
            results = [journal_error(self._path, error)] * len(jobs)
        _answer(list(zip(jobs, results, strict=True)))
        return connection


def _together(jobs: Sequence[_Job], connection: sqlite3.Connection) -> list[Any]:
    """Carry jobs out in one transaction; where one of them is refused, each in its own."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        results = [job.function(connection) for job in jobs if job.function is not None]
    except SMSWorksError as error:
        connection.execute("ROLLBACK")
        if len(jobs) == 1:
            return [error]
        return [result for job in jobs for result in _together([job], connection)]
    connection.execute("COMMIT")
    return results


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except sqlite3.Error:
        pass  # what failed is told already; without a commit nothing of it stays


def _answer(results: Sequence[tuple[_Job, Any]]) -> None:
    """Give results to those who wait, and wake each of their loops once."""

    def deliver(those: Sequence[tuple[_Job, Any]]) -> None:
        for job, result in those:
            if job.future.done():
                continue
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    for loop in {job.loop for job, _ in results}:
        those = [(job, result) for job, result in results if job.loop is loop]
        try:
            loop.call_soon_threadsafe(deliver, those)
        except RuntimeError:
            pass  # the loop has closed, and nobody waits any more
