"""A journal in an SQLite file, for any number of processes on one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from smsworks_async.journals.base import BaseJournal
from smsworks_async.journals.sqlite.erasure import sweep
from smsworks_async.journals.sqlite.handles import Handle
from smsworks_async.journals.sqlite.store import SQLiteStore
from smsworks_async.journals.sqlite.worker import Worker
from smsworks_async.journals.store import Store, run


T = TypeVar("T")


class SQLiteJournal(BaseJournal):
    """A journal in a file, which is created with mode 0600.

    The file contains numbers and texts. Data is on the disk when a method returns: the file has a
    write-ahead log (WAL), and each commit waits for the disk (``synchronous=FULL``). It needs a
    local disk, since SQLite's locks are unreliable on network file systems.

    It is opened on first use, in the process that uses it, and can be used before and after a fork.
    All journals of one file in a process share one connection.

    Args:
        path: the file; a relative path is made absolute now.
        clock: returns POSIX seconds; all processes that share the file should use the same clock.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(clock)
        self.path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - keeps links as they are
        self._handle = Handle(self.path)
        # The keys of campaigns in the file of this worker.
        self._keys: dict[str, int] = {}
        self._keys_are_of: Worker | None = None

    @property
    def made_it(self) -> bool:
        """Whether this journal created its file."""
        return self._handle.made_it

    def _store(self, connection: sqlite3.Connection) -> SQLiteStore:
        return SQLiteStore(connection, self.clock(), self._handle.check_in_place)

    async def _run(self, rule: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        return await self._handle.do(lambda connection: run(rule(self._store(connection))))

    async def _run_for(
        self, campaign: str, rule: Callable[[Store, int], Coroutine[Any, Any, T]]
    ) -> T:
        worker = self._handle.worker()
        if worker is not self._keys_are_of:
            self._keys_are_of, self._keys = worker, {}
        keys = self._keys
        known = keys.get(campaign)

        def job(connection: sqlite3.Connection) -> tuple[int, T]:
            store = self._store(connection)
            key = run(store.key_of(campaign)) if known is None else known
            return key, run(rule(store, key))

        # Cache only committed keys.
        keys[campaign], result = await worker.do(job)
        return result

    async def _sweep(self) -> None:
        name = os.path.basename(self.path)  # noqa: PTH119 - it is a string everywhere here
        await self._handle.do(lambda connection: sweep(connection, name), alone=True)

    async def close(self) -> None:
        """Complete the waiting jobs; close the file unless another handle uses it."""
        await self._handle.close()
