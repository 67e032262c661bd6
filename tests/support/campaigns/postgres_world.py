"""The world of a campaign whose journal is in PostgreSQL."""

from __future__ import annotations

import asyncio

from smsworks_async.journals import PostgresJournal
from support.campaigns.world import World
from support.postgres import empty


class PostgresWorld(World):
    """A world whose processes share a database.

    Args:
        url: the database's URL; the database is emptied.
    """

    def __init__(self, url, *, habits, visitor):
        asyncio.run(empty(url))
        self._url = url
        super().__init__(on_disk=False, kept_open=True, habits=habits, visitor=visitor)
        self._memory, self._own = None, self.open()

    def open(self):
        return PostgresJournal(self._url, clock=self.wall)

    def kill(self, process):
        process.dead = True
        # Its connections belong to its loop.
        process.loop.bury(process.journal.journal.close)

    leave = kill

    def close(self):
        for process in self.living:
            self.kill(process)
        self._admin.run_until_complete(self._own.close())
        self._admin.close()
