"""One thread with one SQLite connection for each file, for callers on any event loop.

Waiting jobs are combined into one transaction with one fsync (group commit), so the cost per job
falls with the load. `handles` manages the workers of a process.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from smsworks_async._patching import new_lock, new_queue, original, start_thread
from smsworks_async.errors import JournalError, SMSWorksError
from smsworks_async.journals.sqlite.file import Identity, find, find_log


T = TypeVar("T")

#: The most jobs in a transaction, and the seconds for which the first of them waits for more: a
#: fraction of the time of an fsync.
GROUP_COMMIT_MAX: Final = 64
GROUP_COMMIT_WINDOW: Final = 0.0005

_EXPLANATIONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space, and run it again",
    sqlite3.SQLITE_IOERR: "it could not be read or written; check the disk",
    sqlite3.SQLITE_READONLY: "it is not writable; check its permissions and those of its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its folder and the permissions",
    sqlite3.SQLITE_PERM: "it must not be opened; check its permissions",
    sqlite3.SQLITE_CORRUPT: (
        "it is damaged; restore it from a copy, and call bulk.reconcile with restored=True for "
        "each campaign before anything is sent: a copy does not contain what was sent after it was "
        "made"
    ),
    sqlite3.SQLITE_NOTADB: "it is not a journal, or it is damaged",
    sqlite3.SQLITE_BUSY: "another process has locked it; run it again when it has ended",
    sqlite3.SQLITE_LOCKED: "another process has locked it; run it again when it has ended",
}


_HELD: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def journal_error(path: str, error: BaseException) -> JournalError:
    """Return the error to raise, with the problem of the journal and advice."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        why = f"there is no folder {Path(path).parent}; create it first, or correct the path"
    else:
        why = _EXPLANATIONS.get(code, f"it cannot be used ({type(error).__name__})")
    made = JournalError(f"journal {Path(path).name}: {why}", code in _HELD)
    made.__cause__ = error.with_traceback(None)  # its frames contain recipients
    return made


def replaced(path: str) -> JournalError:
    """Return the error for a file that was deleted or replaced while open."""
    return JournalError(
        f"journal {Path(path).name}: its file, or the -wal or -shm file that belongs to it, was "
        "deleted or replaced while it was open, so sending has stopped: the next run would not see "
        "its records; put the file back, or call bulk.reconcile with restored=True on a copy"
    )


@attrs.frozen
class _Job:
    """A function to run; None ends the thread."""

    function: Callable[[sqlite3.Connection], Any] | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    #: Whether it runs separately and outside a transaction.
    alone: bool = False


class Worker:
    """Runs functions on a connection, each of them atomically.

    Args:
        path: the file.
        identity: the file's expected identity; None to skip the check.
        open: opens the file.
        after: a worker of the same file that is ending, and must close it first.
        closed: called on the thread when it has ended.
    """

    def __init__(
        self,
        path: str,
        identity: Identity | None = None,
        *,
        open: Callable[[str], sqlite3.Connection],
        after: Worker | None = None,
        closed: Callable[[Worker], None] | None = None,
    ) -> None:
        self.path = path
        self.identity = identity
        self.pid = os.getpid()
        #: The number of handles that use it; closing the last one ends it.
        self.handles = 1
        #: Held while the connection is used, opened or closed.
        self.busy = new_lock()
        self.connection: sqlite3.Connection | None = None
        self._real = path
        #: The identities of the log's files while the connection is open.
        self.log: tuple[Identity | None, Identity | None] = (None, None)
        self._open = open
        self._after = after
        self._closed = closed
        self._queue: queue.SimpleQueue[_Job] = new_queue()
        self._sleep = original("time", "sleep")
        self._starting = new_lock()
        #: Held while the thread runs; None before.
        self._running: threading.Lock | None = None
        self._over = False

    async def do(self, function: Callable[[sqlite3.Connection], T], *, alone: bool = False) -> T:
        """Run a function in a transaction, which is durable when this returns.

        Args:
            function: the function of the connection.
            alone: run it separately and outside a transaction (default False).

        Raises:
            JournalError: the journal cannot be used.
        """
        loop = asyncio.get_running_loop()
        job = _Job(function, loop, loop.create_future(), alone)
        self._put(job)
        result: T = await job.future
        return result

    async def end(self) -> None:
        """Complete the waiting jobs, and close the file."""
        loop = asyncio.get_running_loop()
        end = _Job(None, loop, loop.create_future())
        self._put(end)
        await end.future

    def _put(self, job: _Job) -> None:
        with self._starting:  # so that no job is added after the end
            if self._over:
                raise JournalError("this journal is closed; open it again")
            self._over = job.function is None
            if self._running is None:
                running = new_lock()
                running.acquire()
                try:
                    start_thread(functools.partial(self._run, running), "journal")
                except RuntimeError as error:
                    raise journal_error(self.path, error) from error
                self._running = running
            self._queue.put(job)

    def join(self) -> None:
        """Wait until the thread has ended, if it was started."""
        with self._starting:
            running = self._running
        if running is not None:
            with running:
                pass

    def pause(self) -> None:
        """Close the connection until its next use; the caller must hold `busy`."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _run(self, running: threading.Lock) -> None:
        try:
            self._main()
        finally:
            running.release()

    def _main(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        end: _Job | None = None
        while end is None:
            jobs, end = self._next()
            if jobs:
                with self.busy:
                    results = self._carry_out(jobs)
                _answer(list(zip(jobs, results, strict=True)))
        with self.busy:
            self.pause()
        if self._closed is not None:
            self._closed(self)
        _answer([(end, None)])

    def _next(self) -> tuple[Sequence[_Job], _Job | None]:
        """Wait for a job; return all jobs waiting after a short delay, and the end if requested."""
        jobs: list[_Job] = []
        while len(jobs) < GROUP_COMMIT_MAX:
            try:
                job = self._queue.get(block=not jobs)
            except queue.Empty:
                break
            if job.function is None:
                return jobs, job
            if not jobs and GROUP_COMMIT_WINDOW:
                # One sleep: waiting for each further job would cost a thread switch each.
                self._sleep(GROUP_COMMIT_WINDOW)
            jobs.append(job)
        return jobs, None

    def _carry_out(self, jobs: Sequence[_Job]) -> Sequence[Any]:
        parts = itertools.groupby(jobs, key=lambda job: job.alone)
        return [result for alone, part in parts for result in self._results(list(part), alone)]

    def _results(self, jobs: Sequence[_Job], alone: bool) -> Sequence[Any]:
        try:
            if self.connection is None:
                self.connection = self._connect()
            if alone:
                return [job.function(self.connection) for job in jobs if job.function is not None]
            return _together(jobs, self.connection)
        except SMSWorksError as error:  # the file cannot be used as a journal
            return [error] * len(jobs)
        except Exception as error:
            if self.connection is not None and self.connection.in_transaction:
                _roll_back(self.connection)
            return [journal_error(self.path, error)] * len(jobs)

    def _connect(self) -> sqlite3.Connection:
        connection = self._open(self.path)
        try:  # another file may have replaced it meanwhile
            check_in_place(self.path, self.identity)
        except JournalError:
            connection.close()
            raise
        self._real = os.path.realpath(self.path)
        self.log = find_log(self._real)
        return connection

    def check_in_place(self, path: str) -> None:
        """Check that a path still refers to the opened file, and that its log exists.

        Raises:
            JournalError: one of them was deleted or replaced.
        """
        check_in_place(path, self.identity)
        if self.identity is not None and find_log(self._real) != self.log:
            raise replaced(path)


def check_in_place(path: str, identity: Identity | None) -> None:
    """Check that a path still refers to the opened file.

    Raises:
        JournalError: the file was deleted or replaced.
    """
    if identity is not None and find(path) != identity:
        raise replaced(path)


def _together(jobs: Sequence[_Job], connection: sqlite3.Connection) -> list[Any]:
    """Run jobs in one transaction; if one fails, run each in its own."""
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
        pass  # the error is already reported, and nothing was committed


def _answer(results: Sequence[tuple[_Job, Any]]) -> None:
    """Deliver results to the waiting callers, with one wake-up for each event loop."""

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
            pass  # the loop is closed, so nothing waits for the result
