"""Redelivery: who is sent to again after a failure that may pass, and within which limits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from smsworks_async import phone
from smsworks_async._failures import may_be_delivered_yet
from smsworks_async.bulk.campaign.packing import groups, pack_chunk
from smsworks_async.bulk.campaign.run import CampaignRun
from smsworks_async.bulk.campaign.stored import StoredCampaign
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutList
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import NotFound, ValidationError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import NO_LIMIT, ChunkRecord, PlannedChunk, State
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BulkReport, Outcome


T = TypeVar("T")

#: The flooding filter (the provider's guide): so many alike to one number in any rolling hour.
ALIKE: Final = 6
HOUR: Final = 3600.0


@attrs.define
class SendHistory(Generic[T]):
    """What one recipient was sent so far; times are POSIX seconds."""

    item: T
    destination: str
    content: str
    position: int
    international: bool
    times: list[float] = attrs.field(factory=list)
    last: MessageRecord | None = None
    settled: bool = True


@attrs.frozen
class RedeliveryPolicy:
    """Decides who is sent to again.

    Args:
        attempts: how often one recipient is sent to, at most, the first time included.
        pause: seconds since the last one failed, at least.
        now: POSIX seconds.
    """

    attempts: int
    pause: float
    now: float

    def due(self, sends: Sequence[SendHistory[T]]) -> list[SendHistory[T]]:
        """Return those who are to be sent to again now.

        Nobody gets more alike within an hour than the flooding filter lets pass, however often a
        number stands in the campaign.
        """
        alike: Counter[tuple[str, str]] = Counter()
        for one in sends:
            recent = sum(time > self.now - HOUR for time in one.times)
            alike[one.destination, one.content] += recent
        due: list[SendHistory[T]] = []
        for one in sends:
            key = (one.destination, one.content)
            if self._is_due(one) and alike[key] < ALIKE:
                alike[key] += 1
                due.append(one)
        return due

    def _is_due(self, sends: SendHistory[T]) -> bool:
        record = sends.last
        if not sends.settled or record is None or not may_be_delivered_yet(record):
            return False
        if len(sends.times) >= self.attempts:
            return False
        failed = record.modified or record.created
        since = sends.times[-1] if failed is None else failed.timestamp()
        return since <= self.now - self.pause


def redelivery_chunks(
    due: Sequence[SendHistory[T]], size: int, payload: Payload[T]
) -> list[PlannedChunk]:
    """Put those who are due into chunks of a size."""
    chunks: list[PlannedChunk] = []
    for international in (False, True):
        those = [sends for sends in due if sends.international is international]
        for start in range(0, len(those), size):
            some = those[start : start + size]
            items = [sends.item for sends in some]
            positions = [sends.position for sends in some]
            credits = payload.credits(items, international=international)
            chunks.append(pack_chunk(Chunk(0, items, positions, international, credits), payload))
    return chunks


class SendHistoryReader(Generic[T]):
    """Reads what a campaign's recipients were sent, and what became of it.

    Args:
        journal: where the campaign is.
        campaign: its id.
        payload: what it sends.
        batches: reads a batch.
    """

    def __init__(self, journal: Journal, campaign: str, payload: Payload[T], batches: Any) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._batches = batches

    async def read(self) -> list[SendHistory[T]]:
        """Return the history of every recipient who was put into a chunk, by position."""
        sends: dict[int, SendHistory[T]] = {}
        for entry in await self._journal.chunks(self._campaign, limit=NO_LIMIT):
            if entry.state is State.SPLIT:
                continue
            claim = await self._journal.read_chunk(self._campaign, entry.number)
            batches = [await self._records(batch_id) for batch_id in _batch_ids(entry)]
            for group in groups(claim, self._payload):
                for item, position in zip(group.items, group.positions, strict=True):
                    known = sends.get(position) or self._first(item, position, entry.international)
                    sends[position] = known
                    if group.outcome is Outcome.ACCEPTED:
                        self._note_accepted(known, batches, entry)
                    elif entry.is_open or group.outcome is Outcome.UNKNOWN:
                        # On its way, in doubt, or to be sent by another run: not again meanwhile.
                        known.settled = False
        return [sends[position] for position in sorted(sends)]

    def _note_accepted(
        self,
        sends: SendHistory[T],
        batches: Sequence[Mapping[str, list[MessageRecord]]],
        entry: ChunkRecord,
    ) -> None:
        taken = [self._take(records, sends) for records in batches]
        sends.last = _decisive(taken)
        for record in taken:
            began = entry.began or 0.0
            sends.times.append(began if record is None else _sent_at(record, began))

    def _first(self, item: T, position: int, international: bool) -> SendHistory[T]:
        payload = self._payload
        return SendHistory(
            item, payload.destination(item), payload.content(item), position, international
        )

    def _take(
        self, records: Mapping[str, list[MessageRecord]], sends: SendHistory[T]
    ) -> MessageRecord | None:
        """Remove and return a recipient's record; return None if it is ambiguous.

        A batch answers in no order that can be relied on, so that several texts to one number are
        told apart by what they say.
        """
        there = records.get(sends.destination, [])
        reworded = self._payload.may_be_reworded(sends.item)
        fits = [r for r in there if reworded or r.content in {None, sends.content}]
        if not fits or (reworded and len(there) > 1):
            return None
        # Of several alike, one that was delivered is as good as another.
        there.remove(fits[0])
        return fits[0]

    async def _records(self, batch_id: str) -> Mapping[str, list[MessageRecord]]:
        """Read a batch, by destination; a record that has vanished tells nothing."""
        records: defaultdict[str, list[MessageRecord]] = defaultdict(list)
        try:
            found = await self._batches(batch_id)
        except NotFound:
            found = []
        for record in found:
            records[phone.digits_of(record.destination)].append(record)
        return records


def _sent_at(record: MessageRecord, began: float) -> float:
    """Return when a message was sent: at the time that it was scheduled for, where that is later.

    Args:
        record: the message.
        began: when its request was begun, for a record without a date.
    """
    shown = [moment.timestamp() for moment in (record.created, record.schedule) if moment]
    return max(shown, default=began)


def _batch_ids(entry: ChunkRecord) -> list[str]:
    """Return the batches that a chunk was accepted with, doubles included."""
    if entry.state is not State.ACCEPTED or entry.batch_id is None:
        return []
    return [entry.batch_id, *entry.doubles]


def _decisive(taken: Sequence[MessageRecord | None]) -> MessageRecord | None:
    """Return the record that keeps a recipient from being sent to again, if one of them does."""
    for record in taken:
        if record is None or not may_be_delivered_yet(record):
            return record
    return taken[-1] if taken else None


async def retry_undelivered(
    stored: StoredCampaign,
    gateway: BulkGateway,
    options: Options,
    policy: RedeliveryPolicy,
    timer: Timer,
    *,
    opt_outs: OptOutList | None = None,
) -> BulkReport:
    """Send again to recipients whom the campaign did not reach, and who may be reached yet.

    Raises:
        ValidationError: the journal was restored from a copy.
    """
    journal, campaign = stored.journal, stored.campaign
    name, round = campaign.id, campaign.round
    if campaign.restored:
        raise ValidationError(
            f"the journal of campaign {name!r} was restored from a copy, which "
            "does not know of rounds that were sent after it was made; to text those again who "
            "were not reached, begin a campaign with them",
            field="campaign",
        )
    await journal.expire_leases(name)
    everything = await journal.chunks(name, limit=NO_LIMIT)
    last = [entry for entry in everything if round and entry.round == round]
    if not any(entry.is_open for entry in last):
        # Otherwise that round is continued, and nobody else is chosen.
        history = SendHistoryReader(journal, name, stored.payload, gateway.get)
        due = policy.due(await history.read())
        if due:
            round += 1
            # Processes that choose at the same time choose the same: the round is there once.
            chunks = redelivery_chunks(due, campaign.chunk_size, stored.payload)
            await journal.plan_round(name, round, chunks)
        elif not any(entry.state is State.UNKNOWN for entry in last):
            return BulkReport()
    run = CampaignRun(journal, campaign, stored.payload, gateway, options, timer, opt_outs=opt_outs)
    return await run.run(round)
