"""A journal in an SQLite file: for one machine, any number of processes."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from smsworks_async.bulk.journals import handled
from smsworks_async.bulk.journals.handled import Claimed
from smsworks_async.bulk.journals.handles import Handle
from smsworks_async.bulk.journals.records import (
    Campaign,
    Claim,
    Entry,
    Event,
    PlannedChunk,
    Summary,
    Totals,
)
from smsworks_async.bulk.journals.transactions import Transaction, begin, key_of
from smsworks_async.bulk.journals.worker import Worker
from smsworks_async.bulk.report import BatchOutcome, Problem


T = TypeVar("T")

_log: Final = logging.getLogger("smsworks_async.webhooks")


class SQLiteJournal:
    """Keeps campaigns in a file, which it makes, readable by its owner alone.

    The file holds numbers and texts. What it was told is on the disk when a method returns: it
    writes ahead (WAL) and waits for the disk (``synchronous=FULL``). It wants a local disk, since
    SQLite's locks do not hold on network file systems.

    It is opened when it is first used, in the process that uses it, and may be used before and
    after a fork. Any number of journals of one file in a process share one connection.

    Args:
        path: the file; a relative one is of the folder that is current now.
        clock: tells POSIX seconds; all processes that share the file should agree about them.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - keeps links as they are
        self.clock = clock
        self._handle = Handle(self.path)
        # Of the campaigns in the file that this worker has open.
        self._keys: dict[str, int] = {}
        self._keys_are_of: Worker | None = None

    @property
    def made_it(self) -> bool:
        """Whether this journal has made its file."""
        return self._handle.made_it

    async def _do(self, campaign: str, function: Callable[[Transaction], T]) -> T:
        worker = self._handle.worker()
        if worker is not self._keys_are_of:
            self._keys_are_of, self._keys = worker, {}
        keys = self._keys
        known = keys.get(campaign)

        def job(connection: sqlite3.Connection) -> tuple[int, T]:
            key = key_of(connection, campaign) if known is None else known
            return key, function(Transaction(connection, key, self.clock()))

        # Only what was committed is remembered.
        keys[campaign], result = await worker.do(job)
        return result

    async def begin(self, campaign: Campaign) -> Campaign:
        return await self._handle.do(lambda connection: begin(connection, campaign, self.clock()))

    async def plan(
        self, campaign: str, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
    ) -> None:
        await self._do(campaign, lambda tx: tx.plan(chunks, problems))

    async def planned(self, campaign: str, totals: Totals) -> None:
        await self._do(campaign, lambda tx: tx.planned(totals))

    async def plan_again(self, campaign: str, round: int, chunks: Sequence[PlannedChunk]) -> bool:
        return await self._do(campaign, lambda tx: tx.plan_again(round, chunks))

    async def start(
        self,
        campaign: str,
        *,
        owner: str,
        lease: float,
        round: int,
        after: int,
        abroad: bool,
        there: float | None = None,
    ) -> Claim | None:
        def start(tx: Transaction) -> Claim | None:
            # A claim in a file that nobody else sees would keep nobody from sending the same.
            self._handle.check_in_place()
            return tx.start(owner, lease, round, after, abroad=abroad, there=there)

        return await self._do(campaign, start)

    async def finish(
        self, campaign: str, number: int, attempt: int, outcome: BatchOutcome
    ) -> Entry:
        return await self._do(campaign, lambda tx: tx.finish(number, attempt, outcome))

    async def split(
        self, campaign: str, number: int, attempt: int, halves: Sequence[PlannedChunk]
    ) -> Sequence[int]:
        return await self._do(campaign, lambda tx: tx.split(number, attempt, halves))

    async def reopen(self, campaign: str, round: int) -> int:
        return await self._do(campaign, lambda tx: tx.reopen(round))

    async def suspect(self, campaign: str) -> int:
        return await self._do(campaign, lambda tx: tx.suspect())

    async def clear(self, campaign: str, number: int, attempt: int) -> bool:
        return await self._do(campaign, lambda tx: tx.clear(number, attempt))

    async def stalled(self, campaign: str) -> Sequence[Entry]:
        return await self._do(campaign, lambda tx: tx.stalled())

    async def found(
        self, campaign: str, number: int, attempt: int, batch_id: str, others: int = 0
    ) -> bool:
        return await self._do(campaign, lambda tx: tx.found(number, attempt, batch_id, others))

    async def holds(self, campaign: str, batch_id: str) -> bool:
        return await self._do(campaign, lambda tx: tx.holds(batch_id))

    async def resend(self, campaign: str, number: int, attempt: int, wait: float) -> bool:
        return await self._do(campaign, lambda tx: tx.resend(number, attempt, wait))

    async def now(self) -> float:
        return self.clock()

    async def summary(self, campaign: str) -> Summary:
        return await self._do(campaign, lambda tx: tx.summary())

    async def entries(self, campaign: str, after: int = -1, limit: int = 500) -> Sequence[Entry]:
        return await self._do(campaign, lambda tx: tx.page(after, limit))

    async def claim(self, campaign: str, number: int) -> Claim:
        return await self._do(campaign, lambda tx: tx.claim(tx.entry(number)))

    async def problems(
        self, campaign: str, after: int = -1, limit: int = 5000
    ) -> Sequence[Problem]:
        return await self._do(campaign, lambda tx: tx.problems(after, limit))

    async def events(self, campaign: str, number: int | None = None) -> Sequence[Event]:
        return await self._do(campaign, lambda tx: tx.events(number))

    async def seen(self, message_id: str) -> Sequence[str]:
        return await self._handle.do(lambda db: handled.statuses(db, message_id))

    async def claim_seen(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        def claim(db: sqlite3.Connection) -> Claimed:
            # A claim in a file that nobody else sees would keep nobody from handling the same.
            self._handle.check_in_place()
            return handled.claim(db, message_id, status, owner, now=self.clock(), seconds=seconds)

        claimed = await self._handle.do(claim)
        if claimed is Claimed.FROM_ANOTHER:
            _log.warning(
                "a report of message %s was claimed by a process that did not say what came of it "
                "in time; it is handled again, perhaps for the second time",
                message_id,
            )
        return bool(claimed)

    async def release_seen(self, message_id: str, owner: str) -> None:
        await self._handle.do(lambda db: handled.release(db, message_id, owner))

    async def add_seen(self, message_id: str, status: str, owner: str = "") -> None:
        await self._handle.do(lambda db: handled.add(db, message_id, status, owner, self.clock()))

    async def close(self) -> None:
        await self._handle.close()
