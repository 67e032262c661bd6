"""Planning: read and validate all recipients, and put them into chunks, before sending."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from smsworks_async.bulk.campaign.packing import pack_chunk
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.payloads import warnings_of
from smsworks_async.bulk.progress import CallbackRaised, Reporter
from smsworks_async.bulk.recipients import Reader, slices
from smsworks_async.journals import Journal
from smsworks_async.journals.records import Campaign, PlannedChunk, Totals
from smsworks_async.models.report import BulkInterrupted, BulkReport, Phase, Reason


T = TypeVar("T")

#: The number of chunks, and of problems, to store in one transition.
_CHUNKS: Final = 50
_PROBLEMS: Final = 5000


class Planner(Generic[T]):
    """Reads recipients into a journal, or checks that they are the same as the stored ones.

    Planning can be interrupted at any point, and repeated from the start: existing data is
    compared.

    A campaign without valid recipients is not stored, so its name stays free for a corrected list
    or template. Nothing is written before the first chunk; until then problems are kept in memory.

    Args:
        journal: the campaign's journal.
        campaign: the campaign.
        payload: the payload.
        reader: validates and deduplicates recipients, and puts them into chunks.
        reporter: reports progress.
        begun: whether the journal already has a part of the campaign.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: Campaign,
        payload: Payload[T],
        reader: Reader[T],
        reporter: Reporter,
        *,
        begun: bool,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._reader = reader
        self._reporter = reporter
        self._begun = begun
        self._waiting: list[PlannedChunk] = []

    async def plan(self, values: Iterable[Any] | AsyncIterable[Any]) -> BulkReport | None:
        """Read all recipients, and record them.

        Returns:
            The report if there are no valid recipients, and so no campaign; otherwise None.

        Raises:
            ValidationError: the stored recipients are different.
            BulkInterrupted: the iterable or the callback raised; the recipients before that are in
                the journal.
        """
        self._reporter.counts = self._counts
        self._reporter.begin(Phase.PLANNING)
        try:
            await self._read(slices(values))
            is_kept = await self._finish()
            await self._reporter.notify()
        except CallbackRaised as raised:
            raise await self._interrupted(raised.error) from raised.error
        return None if is_kept else self._report()

    async def _read(self, source: AsyncIterator[Sequence[Any]]) -> None:
        while (some := await self._next(source)) is not None:
            self._add(self._reader.feed(some))
            if len(self._waiting) >= _CHUNKS or len(self._reader.problems) >= _PROBLEMS:
                await self._write()
            await self._reporter.heartbeat()
            await asyncio.sleep(0)

    async def _finish(self) -> bool:
        """Record that the plan is complete; return whether there is one."""
        reader = self._reader
        self._add(reader.flush())
        await self._write()
        if self._begun:
            set_aside = reader.set_aside.copy()
            totals = Totals(read=reader.read, set_aside=set_aside, chunks=reader.chunks)
            await self._journal.finish_planning(self._campaign.id, totals)
        return self._begun

    async def _next(self, source: AsyncIterator[Sequence[Any]]) -> Sequence[Any] | None:
        try:
            return await anext(source, None)
        except Exception as error:
            raise await self._interrupted(error) from error

    def _add(self, chunks: Iterable[Chunk[T]]) -> None:
        self._waiting.extend(pack_chunk(chunk, self._payload) for chunk in chunks)

    async def _write(self) -> None:
        if not self._begun:
            if not self._waiting:
                return
            await self._journal.begin(self._campaign)
            self._begun = True
        problems, self._reader.problems = self._reader.problems, []
        chunks, self._waiting = self._waiting, []
        await self._journal.plan(self._campaign.id, chunks, problems[:_PROBLEMS])
        for start in range(_PROBLEMS, len(problems), _PROBLEMS):  # further ones kept in memory
            await self._journal.plan(self._campaign.id, (), problems[start : start + _PROBLEMS])

    async def _interrupted(self, error: Exception) -> BulkInterrupted:
        await self._write()
        return BulkInterrupted(
            f"planning was interrupted by {type(error).__name__}, and nothing was sent; repeat it "
            "with "
            "the whole list to continue",
            report=self._report(),
        )

    def _counts(self) -> dict[str, int]:
        set_aside = self._reader.set_aside
        return {
            "read": self._reader.read,
            "invalid": set_aside[Reason.INVALID],
            "duplicates": set_aside[Reason.DUPLICATE],
        }

    def _report(self) -> BulkReport:
        counts: Any = self._counts()
        return BulkReport(
            **counts,
            not_sent=counts["read"] - counts["invalid"] - counts["duplicates"],
            problems=() if self._begun else tuple(self._reader.problems),
            warnings=warnings_of(self._payload),
        )
