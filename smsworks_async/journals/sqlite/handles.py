"""The workers of this process: one for each journal file, shared by all its handles.

POSIX drops all locks of a process on a file when the process closes any descriptor of it. The next
process to close the file would then assume that it is the last one, and delete the log that this
one uses (https://www.sqlite.org/howtocorrupt.html, 2.2). So all handles of a file, identified by
device and inode, share one connection, and no other descriptor of the file is opened here.

Connections must not be used across a fork either (2.6 there): they are closed before this process
forks, and reopened on their next use, in both processes.
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

# All of this is guarded by `_lock`, which is held only briefly, except during forks.
_lock = new_lock()
_workers: dict[Identity, Worker] = {}
_ending: set[Worker] = set()
# Files that were open when this process was forked without the hooks below. SQLite would mistake
# the parent's locks for this process's, so they can neither be opened nor closed here.
_inherited: dict[Identity, Worker] = {}
_pid = os.getpid()
# The locks held while this process forks.
_held: list[threading.Lock] = []


class Handle:
    """A handle of a journal's file, which is opened on first use.

    A handle that was used before a fork can be used after it, in both processes.

    Args:
        path: the absolute path of the file.
        open: opens the file, if no other handle has opened it.
    """

    def __init__(self, path: str, *, open: Callable[[str], sqlite3.Connection] = connect) -> None:
        self.path = path
        self._open = open
        #: Whether this handle created the file.
        self.made_it = False
        self._worker: Worker | None = None
        self._closed = False

    async def do(self, function: Callable[[sqlite3.Connection], T], *, alone: bool = False) -> T:
        """Run a function in a transaction, which is durable when this returns.

        Args:
            function: the function of the connection.
            alone: run it separately and outside a transaction (default False).

        Raises:
            JournalError: the journal cannot be used.
        """
        return await self.worker().do(function, alone=alone)

    def check_in_place(self) -> None:
        """Check, within a transaction, that the path still refers to the opened file.

        Raises:
            JournalError: the file was deleted or replaced.
        """
        if self._worker is not None:
            self._worker.check_in_place(self.path)

    async def close(self) -> None:
        """Complete the waiting jobs; close the file if this is its last handle.

        Calling it again does nothing.
        """
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
        """Return the worker of the file, which is found or created by the first call.

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
            f"journal {Path(path).name}: it was open in the parent process of this forked one; "
            "close it there before the fork, or start a new process"
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
        # A later worker may have taken its place.
        if worker.identity is not None and _workers.get(worker.identity) is worker:
            del _workers[worker.identity]


def _all() -> set[Worker]:
    return {*_workers.values(), *_ending}


def _disown() -> None:
    """Keep the parent's objects alive after a fork, without using them."""
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
    # A signal handler may raise here; Python ignores that, and forks anyway.
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
