"""Reconciling: looking for what is in doubt among what the provider has.

A batch carries no mark of ours, so that it is looked for by its recipients: the messages to a few
of them, since the request was begun, from this sender and with this text, name a batch; that batch
is read, and its recipients are compared with the chunk's. Finding nothing proves nothing, since a
search may lag behind and records vanish in time.
"""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from smsworks_async import phone
from smsworks_async.bulk.journals import Journal
from smsworks_async.bulk.journals.records import Entry
from smsworks_async.bulk.planning import unpacked
from smsworks_async.bulk.provider import Provider
from smsworks_async.bulk.recipients import Chunk, Kind
from smsworks_async.errors import NotFound, SMSWorksError, ValidationError
from smsworks_async.models.incoming import MessageRecord


T = TypeVar("T")

#: By how much the provider's clock may be behind ours for a batch to count as found.
CLOCKS: Final = timedelta(minutes=5)
#: How much older a batch may be that is a reason not to send again: clocks can be set wrong.
TRACES: Final = timedelta(days=1)
#: When to look again, as parts of the time to settle: soon at first, since most lags are short.
LOOKS: Final = (0.0, 1 / 15, 3 / 15, 7 / 15, 1.0)
#: How many chunks are looked for at a time.
_AT_A_TIME: Final = 4


class Finding(enum.Enum):
    """What a look has found."""

    FOUND = "found"
    NOTHING = "nothing"
    #: Something that may be it and cannot be verified, or the look itself failed.
    DOUBT = "doubt"


class Reconciler(Generic[T]):
    """Looks for the chunks of a campaign that are in doubt.

    Args:
        journal: where the campaign is.
        campaign: its id.
        kind: what it sends.
        provider: whom it asks.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        kind: Kind[T],
        provider: Provider,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._kind = kind
        self._provider = provider
        self._sleep = sleep

    async def settle(self, seconds: float) -> list[Entry]:
        """Look for all that is in doubt, several times within so many seconds.

        Returns:
            The chunks of which every look has found nothing at all: those that may be resent by
            somebody who takes that risk. Chunks with a trace that cannot be verified, and chunks
            that could not be looked for, stay in doubt.
        """
        nothing: Counter[tuple[int, int]] = Counter()
        passed = 0.0
        looks = LOOKS if seconds else LOOKS[:1]
        for part in looks:
            doubts = await self._journal.stalled(self._campaign)
            if not doubts:
                return []
            if part:
                await self._sleep(part * seconds - passed)
                passed = part * seconds
            for entry, finding in await self._look_for(doubts):
                nothing[entry.number, entry.attempt] += finding is Finding.NOTHING
        left = await self._journal.stalled(self._campaign)
        return [e for e in left if nothing[e.number, e.attempt] == len(looks)]

    async def _look_for(self, doubts: Sequence[Entry]) -> list[tuple[Entry, Finding]]:
        findings: list[tuple[Entry, Finding]] = []
        for start in range(0, len(doubts), _AT_A_TIME):
            some = doubts[start : start + _AT_A_TIME]
            found = await asyncio.gather(*map(self.look, some), return_exceptions=True)
            for entry, finding in zip(some, found, strict=True):
                if isinstance(finding, BaseException) and not isinstance(finding, SMSWorksError):
                    raise finding
                failed = isinstance(finding, SMSWorksError)
                findings.append((entry, Finding.DOUBT if failed else finding))  # type: ignore[arg-type] # no error
            if any(isinstance(finding, SMSWorksError) for finding in found):
                # The provider cannot be asked: that is so for the others, too.
                findings.extend((entry, Finding.DOUBT) for entry in doubts[start + _AT_A_TIME :])
                break
        return findings

    async def look(self, entry: Entry) -> Finding:
        """Look for one chunk, once, and accept it where its batch is found.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        chunk = unpacked(await self._journal.claim(self._campaign, entry.number), self._kind)
        candidates = await self._candidates(entry, chunk)
        doubt = False
        for batch_id, is_its_own in candidates.items():
            if await self._journal.holds(self._campaign, batch_id):
                continue  # another chunk's
            if is_its_own and await self._has_its_recipients(batch_id, chunk):
                if await self._journal.found(self._campaign, entry.number, entry.attempt, batch_id):
                    return Finding.FOUND
                continue  # meanwhile it was found for another chunk, or this one has moved on
            doubt = True
        return Finding.DOUBT if doubt else Finding.NOTHING

    async def _candidates(self, entry: Entry, chunk: Chunk[T]) -> Mapping[str, bool]:
        """Give batches that may be it, and whether their time and their marks are this chunk's."""
        began = _moment(entry)
        size = len(chunk.items)
        candidates: dict[str, bool] = {}
        for index in sorted({0, size // 2, size - 1}):
            item = chunk.items[index]
            identity = self._kind.identity(chunk.positions[index])
            unmarked: set[str] = set()
            async for record in self._search(entry, item):
                if record.batch_id is None or not self._is_alike(record, item):
                    continue
                if any(record.metadata.get(key, value) != value for key, value in identity.items()):
                    continue  # it shows marks, and they are another's
                recent = record.created is None or record.created >= began - CLOCKS
                candidates[record.batch_id] = recent and candidates.get(record.batch_id, True)
                if not identity.keys() <= record.metadata.keys():
                    unmarked.add(record.batch_id)
            if unmarked:  # the provider does not show marks, but can be asked by them
                async for record in self._search(entry, item, metadata=identity):
                    unmarked.discard(record.batch_id or "")
            candidates.update(dict.fromkeys(unmarked, False))
        return candidates

    def _search(self, entry: Entry, item: T, **more: Any) -> AsyncIterator[MessageRecord]:
        return self._provider.iterate(
            destination=self._kind.destination(item),
            sender=self._kind.sender(item),
            from_=_moment(entry) - TRACES,
            **more,
        )

    def _is_alike(self, record: MessageRecord, item: T) -> bool:
        if record.content is None or self._kind.may_be_reworded(item):
            return True
        return record.content == self._kind.content(item)

    async def _has_its_recipients(self, batch_id: str, chunk: Chunk[T]) -> bool:
        try:
            records = await self._provider.get(batch_id)
        except NotFound:
            return False
        there = Counter(_number(record) for record in records)
        return there == Counter(map(self._kind.destination, chunk.items))


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.began or 0.0, UTC)


def _number(record: MessageRecord) -> str:
    try:
        return phone.normalise(record.destination or "")
    except ValidationError:
        return ""
