"""Sending again what could not be delivered, and might be: who, and within which limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async import phone
from smsworks_async.bulk.journals import Journal
from smsworks_async.bulk.journals.records import PlannedChunk, State
from smsworks_async.bulk.planning import packed, unpacked
from smsworks_async.bulk.recipients import Chunk, Kind
from smsworks_async.errors import CODES, NotFound, ValidationError
from smsworks_async.models.incoming import MessageRecord


T = TypeVar("T")

#: The flooding filter (the provider's guide): so many alike to one number in any rolling hour.
ALIKE: Final = 6
HOUR: Final = 3600.0
_EVERY: Final = 2**31
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_FAILED: Final = frozenset({"UNDELIVERED", "UNDELIVERABLE", "EXPIRED", "FAILED", "REJECTED"})


def may_be_delivered_yet(record: MessageRecord) -> bool:
    """Say whether a message failed for a reason that may pass (5006, 5008, 5013, 5015, 5034).

    The reason's own flag decides; where there is none, the table of codes does.
    """
    reason = record.failure_reason
    if record.status not in _FAILED or reason is None:
        return False
    if reason.permanent is not None:
        return not reason.permanent
    known = CODES.get(reason.code) if reason.code is not None else None
    return known is not None and not known.permanent


@attrs.define
class _Sends(Generic[T]):
    """What one recipient was sent, so far."""

    item: T
    position: int
    abroad: bool
    times: list[float]
    last: MessageRecord | None = None
    settled: bool = True


@attrs.frozen
class Again(Generic[T]):
    """Chooses whom to send to again.

    Args:
        kind: what the campaign sends.
        attempts: how often one recipient is sent to, at most, the first time included.
        pause: seconds since the last one failed, at least.
        now: POSIX seconds.
    """

    kind: Kind[T]
    attempts: int
    pause: float
    now: float

    def is_due(self, sends: _Sends[T]) -> bool:
        """Say whether a recipient is to be sent to again now."""
        record = sends.last
        if not sends.settled or record is None or not may_be_delivered_yet(record):
            return False
        if len(sends.times) >= self.attempts:
            return False
        if sum(time > self.now - HOUR for time in sends.times) >= ALIKE:
            return False
        failed = record.modified or record.created
        since = sends.times[-1] if failed is None else failed.timestamp()
        return since <= self.now - self.pause

    def chunks(self, due: Sequence[_Sends[T]], size: int) -> list[PlannedChunk]:
        """Put those who are due into chunks."""
        chunks: list[PlannedChunk] = []
        for abroad in (False, True):
            those = [sends for sends in due if sends.abroad is abroad]
            for start in range(0, len(those), size):
                some = those[start : start + size]
                items = [sends.item for sends in some]
                positions = [sends.position for sends in some]
                credits = self.kind.credits(items, abroad=abroad)
                chunks.append(packed(Chunk(0, items, positions, abroad, credits), self.kind))
        return chunks


class History(Generic[T]):
    """Reads what a campaign's recipients were sent, and what became of it.

    Args:
        journal: where the campaign is.
        campaign: its id.
        kind: what it sends.
        batches: reads a batch.
    """

    def __init__(self, journal: Journal, campaign: str, kind: Kind[T], batches: Any) -> None:
        self._journal = journal
        self._campaign = campaign
        self._kind = kind
        self._batches = batches

    async def sends(self) -> list[_Sends[T]]:
        """Give every recipient whose batch was accepted at least once, by position."""
        sends: dict[int, _Sends[T]] = {}
        for entry in await self._journal.entries(self._campaign, limit=_EVERY):
            if entry.state is State.SPLIT:
                continue
            chunk = unpacked(await self._journal.claim(self._campaign, entry.number), self._kind)
            accepted = entry.state is State.ACCEPTED
            records = await self._records(entry.batch_id) if accepted else {}
            for item, position in zip(chunk.items, chunk.positions, strict=True):
                known = sends.setdefault(position, _Sends(item, position, chunk.abroad, []))
                if not accepted:
                    # On its way, in doubt, or to be sent by another run: not again meanwhile.
                    known.settled = known.settled and entry.state is State.REJECTED
                    continue
                found = records.get(self._kind.destination(item), [])
                known.last = found.pop(0) if found else None
                made = known.last.created if known.last is not None else None
                known.times.append((entry.began or 0.0) if made is None else made.timestamp())
        return [sends[position] for position in sorted(sends)]

    async def _records(self, batch_id: str | None) -> Mapping[str, list[MessageRecord]]:
        """Read a batch, by destination; a record that has vanished tells nothing."""
        records: defaultdict[str, list[MessageRecord]] = defaultdict(list)
        try:
            found = await self._batches(batch_id)
        except NotFound:
            found = []
        for record in sorted(
            found, key=lambda one: one.created or datetime.min.replace(tzinfo=UTC)
        ):
            try:
                records[phone.normalise(record.destination or "")].append(record)
            except ValidationError:
                continue  # it has no number, and is nobody's
        return records
