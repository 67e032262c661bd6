"""The search for unknown chunks among the provider's messages."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Generic, TypeVar

from smsworks_async.bulk.campaign.candidates import MessageSearch, Probe, named_by_the_answer
from smsworks_async.bulk.campaign.evidence import Candidate, Finding, Request, window
from smsworks_async.bulk.campaign.packing import unpack_chunk
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.timer import request_time
from smsworks_async.journals import Journal
from smsworks_async.journals.records import ChunkRecord


T = TypeVar("T")


class ChunkSearch(Generic[T]):
    """Searches for the chunks of a campaign.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        payload: the payload.
        gateway: the API.
        at: when the messages of its first round are due, in POSIX seconds; None for at once.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        payload: Payload[T],
        gateway: BulkGateway,
        at: float | None = None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._gateway = gateway
        self._at = at
        self._messages = MessageSearch(gateway, functools.partial(journal.has_batch, campaign))

    async def prepare(self) -> None:
        """Read the data shared by several searches.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        if self._at is not None:
            await self._messages.read_scheduled()

    async def look(self, entry: ChunkRecord) -> Finding:
        """Search once for one chunk, and accept it if its batch is found.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        chunk = unpack_chunk(
            await self._journal.read_chunk(self._campaign, entry.number), self._payload
        )
        theirs, ours = await self._gateway.now(), await self._journal.now()
        since, until = window(
            entry,
            began=await self._began(entry),
            request_time=request_time(self._gateway.timeout),
            ahead=0.0 if theirs is None else theirs - ours,
        )
        request = Request(
            recipients=Counter(map(self._payload.destination, chunk.items)),
            since=since,
            until=until,
            at=None if entry.round else self._at,
        )
        finding, found = await self._messages.look(
            self._probes(chunk), request, named_by_the_answer(entry)
        )
        return await self._accept(entry, found) if finding is Finding.FOUND else finding

    async def _began(self, entry: ChunkRecord) -> float | None:
        """Return when the campaign was created, if the chunk may have been sent any time since."""
        if not entry.restored:
            return entry.began
        return (await self._journal.summary(self._campaign)).campaign.created

    def _probes(self, chunk: Chunk[T]) -> list[Probe]:
        """Return a few messages of a chunk: the first, the middle and the last one."""
        payload, size = self._payload, len(chunk.items)
        probes = []
        for index in sorted({0, size // 2, size - 1}):
            item = chunk.items[index]
            probes.append(
                Probe(
                    destination=payload.destination(item),
                    sender=payload.sender(item),
                    content=None if payload.may_be_reworded(item) else payload.content(item),
                    marks=payload.marks(chunk.positions[index]),
                )
            )
        return probes

    async def _accept(self, entry: ChunkRecord, found: Sequence[Candidate]) -> Finding:
        """Accept a chunk with the first of the batches that may belong to it."""
        first = found[0].batch_id
        if first is None:  # a batch without an id cannot be accepted
            raise AssertionError
        taken = await self._journal.confirm_found(
            self._campaign, entry.number, entry.attempt, first, others=len(found) - 1
        )
        # Otherwise it may belong to another unknown chunk, or this one has changed.
        return Finding.FOUND if taken else Finding.TRACE
