"""Which worker a journal's file has in this process: one, whatever the number of handles.

POSIX drops all locks that a process has on a file as soon as the process closes any descriptor of
it; the next process to close the file then takes itself for the last one, and deletes the log from
under this one (https://www.sqlite.org/howtocorrupt.html, 2.2). So all handles of a file, by its
device and inode, share one connection, and nothing here opens a descriptor of a file beside it.

Connections do not survive a fork either (2.6 there): they are closed before this process forks, and
opened again when they are next used, here and in the child.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from smsworks_async._patching import new_lock
from smsworks_async.errors import JournalError
from smsworks_async.journals.sqlite.file import Identity, connect, find, make
from smsworks_async.journals.sqlite.worker import Worker, journal_error, replaced


T = TypeVar("T")

# All of this is under `_lock`, which is held for no longer than it takes to look at a file, but for
# forks.
_lock = new_lock()
_workers: dict[Identity, Worker] = {}
_ending: set[Worker] = set()
# Files that were open when this process was forked without being told of it. SQLite takes the
# other process's locks for this one's, so that they cannot be opened here, nor closed.
_inherited: dict[Identity, Worker] = {}
_pid = os.getpid()
# What is locked while this process forks.
_held: list[threading.Lock] = []


class Handle:
    """Somebody's use of a journal's file, which is opened when it is first used.

    A handle that was used before a fork can be used after it, in both processes.

    Args:
        path: the file, absolute.
        open: opens it, where no other handle has.
    """

    def __init__(self, path: str, *, open: Callable[[str], sqlite3.Connection] = connect) -> None:
        self.path = path
        self._open = open
        #: Whether this handle has made the file.
        self.made_it = False
        self._worker: Worker | None = None
        self._closed = False

    async def do(self, function: Callable[[sqlite3.Connection], T], *, alone: bool = False) -> T:
        """Carry a function out in a transaction; what it did is durable when this returns.

        Args:
            function: what to do with the connection.
            alone: whether it is to be done by itself, and outside a transaction (default False).

        Raises:
            JournalError: that was not possible.
        """
        return await self.worker().do(function, alone=alone)

    def check_in_place(self) -> None:
        """Check that the path still leads to the file that was opened; within a transaction.

        Raises:
            JournalError: the file was deleted, or another one has taken its place.
        """
        if self._worker is not None:
            self._worker.check_in_place(self.path)

    async def close(self) -> None:
        """Finish what waits; the last handle of a file closes it. Calling it again does nothing."""
        with _lock:
            worker, self._worker, self._closed = self._worker, None, True
            if worker is None or worker.pid != os.getpid():
                return
            worker.handles -= 1
            if worker.handles:
                return
            _ending.add(worker)
        await worker.end()

    def worker(self) -> Worker:
        """Return the worker of the file, which is found, or made, at the first call.

        Raises:
            JournalError: the journal is closed, or the file cannot be opened.
        """
        with _lock:
            if self._closed:
                raise JournalError("this journal is closed; open it again")
            if self._worker is None or self._worker.pid != os.getpid():
                self._worker, self.made_it = _share(self.path, self._open)
            return self._worker


def _share(path: str, open: Callable[[str], sqlite3.Connection]) -> tuple[Worker, bool]:
    if _pid != os.getpid():
        _disown()
    try:
        identity = find(path)
        for other in _workers.values():
            if other.path == path and other.identity != identity:
                raise replaced(path)
        made_it = identity is None
        if identity is None:
            identity = make(path)
    except OSError as error:
        raise journal_error(path, error) from error
    if identity in _inherited:
        raise JournalError(
            f"journal {Path(path).name}: it was open in the process that this one was forked "
            "from; close it there before it forks, or start this process anew"
        )
    before = _workers.get(identity)
    if before is not None and before not in _ending:
        before.handles += 1
        return before, made_it
    worker = _workers[identity] = Worker(path, identity, open=open, after=before, closed=_forget)
    return worker, made_it


def _forget(worker: Worker) -> None:
    with _lock:
        _ending.discard(worker)
        # One that came after it may have taken its place.
        if worker.identity is not None and _workers.get(worker.identity) is worker:
            del _workers[worker.identity]


def _all() -> set[Worker]:
    return {*_workers.values(), *_ending}


def _disown() -> None:
    """Keep what this process has inherited from the one that it was forked from, and leave it."""
    global _pid  # noqa: PLW0603 - there is one in each process
    _pid = os.getpid()
    _inherited.update(
        {
            worker.identity: worker
            for worker in _all()
            if worker.connection is not None and worker.identity is not None
        }
    )
    _workers.clear()
    _ending.clear()


def _before_fork() -> None:
    # A signal's handler may raise anywhere here, which Python passes over, and forks all the same.
    _lock.acquire()
    _held.append(_lock)
    for worker in _all():
        worker.busy.acquire()
        _held.append(worker.busy)
        worker.pause()


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - the parent's is locked, and may be by another thread
    _lock = new_lock()
    _held.clear()
    _disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
