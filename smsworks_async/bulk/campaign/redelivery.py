"""Redelivery: which recipients are sent to again after a temporary failure, with limits."""

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

#: The flooding filter (provider's guide): the most identical texts to one number in a rolling hour.
ALIKE: Final = 6
HOUR: Final = 3600.0


@attrs.define
class SendHistory(Generic[T]):
    """The messages sent to one recipient so far; times are POSIX seconds."""

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
    """Decides which recipients are sent to again.

    Args:
        attempts: the most sends to one recipient, including the first.
        pause: the least seconds since the last failure.
        now: the time, in POSIX seconds.
    """

    attempts: int
    pause: float
    now: float

    def due(self, sends: Sequence[SendHistory[T]]) -> list[SendHistory[T]]:
        """Return the recipients to send to again now.

        A number gets no more identical texts within an hour than the flooding filter allows, even
        if it occurs several times in the campaign.
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
    """Put the due recipients into chunks of a given size."""
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
    """Reads the messages sent to a campaign's recipients, and their statuses.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        payload: the payload.
        batches: reads a batch.
    """

    def __init__(self, journal: Journal, campaign: str, payload: Payload[T], batches: Any) -> None:
        self._journal = journal
        self._campaign = campaign
        self._payload = payload
        self._batches = batches

    async def read(self) -> list[SendHistory[T]]:
        """Return the history of every recipient in a chunk, by position."""
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
                        # In flight, unknown, or pending for another run: do not send again
                        # meanwhile.
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

        The records of a batch have no reliable order, so several texts to one number are
        distinguished by their content.
        """
        there = records.get(sends.destination, [])
        reworded = self._payload.may_be_reworded(sends.item)
        fits = [r for r in there if reworded or r.content in {None, sends.content}]
        if not fits or (reworded and len(there) > 1):
            return None
        # Among identical ones, prefer a delivered one.
        there.remove(fits[0])
        return fits[0]

    async def _records(self, batch_id: str) -> Mapping[str, list[MessageRecord]]:
        """Read the records of a batch, by destination; deleted records are missing."""
        records: defaultdict[str, list[MessageRecord]] = defaultdict(list)
        try:
            found = await self._batches(batch_id)
        except NotFound:
            found = []
        for record in found:
            records[phone.digits_of(record.destination)].append(record)
        return records


def _sent_at(record: MessageRecord, began: float) -> float:
    """Return when a message was sent, or its scheduled time if that is later.

    Args:
        record: the message.
        began: when its request was started, for a record without a date.
    """
    shown = [moment.timestamp() for moment in (record.created, record.schedule) if moment]
    return max(shown, default=began)


def _batch_ids(entry: ChunkRecord) -> list[str]:
    """Return the accepted batches of a chunk, including doubles."""
    if entry.state is not State.ACCEPTED or entry.batch_id is None:
        return []
    return [entry.batch_id, *entry.doubles]


def _decisive(taken: Sequence[MessageRecord | None]) -> MessageRecord | None:
    """Return the record that prevents sending to a recipient again, if there is one."""
    for record in taken:
        if record is None or not may_be_delivered_yet(record):
            return record
    return taken[-1] if taken else None


async def find_due(
    stored: StoredCampaign, batches: Any, policy: RedeliveryPolicy
) -> list[SendHistory[Any]]:
    """Return the recipients to send to again, from the records of the campaign's batches.

    Args:
        stored: the campaign.
        batches: a function that reads a batch.
        policy: decides which recipients are due.
    """
    reader = SendHistoryReader(stored.journal, stored.campaign.id, stored.payload, batches)
    return policy.due(await reader.read())


async def next_destinations(
    stored: StoredCampaign, batches: Any, policy: RedeliveryPolicy
) -> set[str]:
    """Return the numbers to which `retry_undelivered` would send; nothing is sent."""
    journal, campaign, payload = stored.journal, stored.campaign, stored.payload
    numbers: set[str] = set()
    for entry in await journal.chunks(campaign.id, limit=NO_LIMIT):
        if campaign.round and entry.round == campaign.round and entry.is_open:
            claim = await journal.read_chunk(campaign.id, entry.number)
            for group in groups(claim, payload):
                numbers.update(map(payload.destination, group.items))
    return numbers or {one.destination for one in await find_due(stored, batches, policy)}


async def retry_undelivered(
    stored: StoredCampaign,
    gateway: BulkGateway,
    options: Options,
    policy: RedeliveryPolicy,
    timer: Timer,
    *,
    opt_outs: OptOutList | None = None,
) -> BulkReport:
    """Send again to recipients whose message failed temporarily.

    Raises:
        ValidationError: the journal was restored from a copy.
    """
    journal, campaign = stored.journal, stored.campaign
    name, round = campaign.id, campaign.round
    if campaign.restored:
        raise ValidationError(
            f"the journal of campaign {name!r} was restored from a copy, which "
            "lacks rounds that were sent after it was made; to send again to recipients who were "
            "not reached, create a new campaign with them",
            field="campaign",
        )
    await journal.expire_leases(name)
    everything = await journal.chunks(name, limit=NO_LIMIT)
    last = [entry for entry in everything if round and entry.round == round]
    if not any(entry.is_open for entry in last):
        # Otherwise continue that round, without choosing further recipients.
        due = await find_due(stored, gateway.get, policy)
        if due:
            round += 1
            # Processes that choose concurrently choose the same, so the round is stored once.
            chunks = redelivery_chunks(due, campaign.chunk_size, stored.payload)
            await journal.plan_round(name, round, chunks)
        elif not any(entry.state is State.UNKNOWN for entry in last):
            return BulkReport()
    run = CampaignRun(journal, campaign, stored.payload, gateway, options, timer, opt_outs=opt_outs)
    return await run.run(round)
