"""Cancellation of scheduled batches that must not be sent in their current form.

These are all batches of a cancelled campaign, and batches with recipients who have opted out since.
The chunks of the latter become pending, to be scheduled again without these recipients. A batch
counts as cancelled only if the API confirms it, so that no recipient is scheduled twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, Generic, TypeVar

from smsworks_async.bulk.campaign.packing import unpack_chunk
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.progress import Reporter, log
from smsworks_async.errors import OutcomeUnknown, SMSWorksError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import (
    NO_LIMIT,
    Campaign,
    ChunkRecord,
    Command,
    Control,
    State,
)
from smsworks_async.journals.steering import is_past
from smsworks_async.models.report import BatchOutcome, Outcome, Phase


T = TypeVar("T")

#: How often one run tries to cancel a batch and checks the result.
_TRIES: Final = 3
#: The number of concurrent cancellations.
_AT_A_TIME: Final = 4
#: The reason for pausing a campaign of a restored journal.
_CANCELLED_SINCE: Final = (
    "some of its batches were cancelled after the copy of the journal was made; resume it to "
    "schedule them again, or cancel it"
)


class ScheduledBatches(Generic[T]):
    """The scheduled batches of a campaign.

    Args:
        journal: the campaign's journal.
        campaign: the campaign.
        payload: the payload.
        gateway: the API.
        opt_outs: the opt-outs; None if they are not respected.
        reporter: reports progress.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: Campaign,
        payload: Payload[T],
        gateway: BulkGateway,
        *,
        opt_outs: OptOutView | None,
        reporter: Reporter,
    ) -> None:
        self._journal = journal
        self._campaign = campaign.id
        self._at = campaign.at
        self._payload = payload
        self._gateway = gateway
        self._opt_outs = opt_outs
        self._reporter = reporter
        # The errors because of which it is unknown whether a chunk's batch was cancelled.
        self._failures: dict[int, SMSWorksError] = {}
        #: The batches that could not be cancelled in time, for `BulkReport`.
        self.too_late: tuple[BatchOutcome, ...] = ()

    async def tidy(self) -> bool:
        """Cancel batches that must not be sent, and record those that could not be cancelled.

        Returns:
            Whether chunks are pending, to be scheduled again.

        Raises:
            JournalError: the journal or the opt-out list cannot be read or written.
        """
        if self._at is None:
            return False
        if (await self._journal.summary(self._campaign)).campaign.control is Control.CANCELLED:
            await self._do(self._cancel, await self._accepted())
            self.too_late = tuple([await self._late(entry) for entry in await self._accepted()])
            return False
        recalled = await self._do(self._recall, await self._to_recall(self._at))
        self.too_late = await self._opted_out_too_late(self._at)
        return any(recalled)

    async def read_cancelled(self) -> frozenset[str]:
        """Return the batches that the provider shows as cancelled.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        if self._at is None:
            return frozenset()
        jobs = await self._gateway.scheduled()
        return frozenset(job.message_id for job in jobs if job.batch and job.status == "CANCELLED")

    async def doubt_cancelled(self, cancelled: Collection[str]) -> None:
        """Mark chunks unknown whose batch was cancelled after the restored copy was made.

        The copy does not show whether they were scheduled again, or whether the whole campaign was
        cancelled. So the campaign is paused until somebody resumes it or cancels it again.

        Args:
            cancelled: the result of `read_cancelled`.

        Raises:
            JournalError: the journal cannot be read or written.
        """
        for entry in await self._accepted() if cancelled else ():
            for batch_id in filter(cancelled.__contains__, _batches(entry)):
                if await self._journal.begin_recall(self._campaign, entry.number, batch_id):
                    await self._journal.steer(self._campaign, Command.PAUSE, _CANCELLED_SINCE)
                    await self._journal.confirm_cancelled(self._campaign, entry.number, batch_id)

    async def check_control(self, entry: ChunkRecord) -> None:
        """Cancel the batch of a newly accepted chunk, if its campaign was cancelled."""
        if self._at is None:
            return
        refused = await self._journal.controls(self._campaign)
        if refused is not None and refused.control is Control.CANCELLED:
            await self._cancel(entry)

    async def _accepted(self) -> list[ChunkRecord]:
        found = await self._journal.chunks(self._campaign, limit=NO_LIMIT, state=State.ACCEPTED)
        return [entry for entry in found if not entry.round]

    async def _do(
        self, act: Callable[[ChunkRecord], Awaitable[bool]], entries: Sequence[ChunkRecord]
    ) -> list[bool]:
        done: list[bool] = []
        for start in range(0, len(entries), _AT_A_TIME):
            await self._reporter.enter(Phase.CANCELLING)
            some = entries[start : start + _AT_A_TIME]
            for result in await self._reporter.gather(map(act, some)):
                if isinstance(result, BaseException):
                    raise result
                done.append(result)
        return done

    async def _cancel(self, entry: ChunkRecord) -> bool:
        """Cancel the batches of a chunk; return whether all of them were."""
        self._failures.pop(entry.number, None)
        done = True
        for batch_id in _batches(entry):
            if await self._is_cancelled(entry, batch_id):
                await self._journal.confirm_cancelled(self._campaign, entry.number, batch_id)
            else:
                done = False
        return done

    async def _recall(self, entry: ChunkRecord) -> bool:
        """Cancel the batches of a chunk because of opt-outs; return whether it became pending."""
        self._failures.pop(entry.number, None)
        for batch_id in _batches(entry):
            # Recorded first, so that a crash here does not leave a cancelled batch as accepted.
            if not await self._journal.begin_recall(self._campaign, entry.number, batch_id):
                return False
            if await self._is_cancelled(entry, batch_id):
                record = await self._journal.confirm_cancelled(
                    self._campaign, entry.number, batch_id
                )
                if record is not None and record.state is State.PENDING:
                    return True
        if entry.number not in self._failures:
            await self._journal.end_recall(self._campaign, entry.number)
        return False

    async def _to_recall(self, at: float) -> list[ChunkRecord]:
        """Return chunks with opted-out recipients, and those of an earlier recall."""
        view = self._opt_outs
        if view is not None:
            await view.refresh()
        if view is None or view.is_empty or is_past(at, await self._journal.now()):
            return [entry for entry in await self._accepted() if entry.reopenable]
        return [
            entry
            for entry in await self._accepted()
            if entry.reopenable or view.leaves_out(await self._destinations(entry))
        ]

    async def _opted_out_too_late(self, at: float) -> tuple[BatchOutcome, ...]:
        view = self._opt_outs
        if view is None or view.is_empty:
            return ()
        found: list[BatchOutcome] = []
        for entry in await self._accepted():
            out = await view.out_before(await self._destinations(entry), at)
            if out:
                found.append(self._outcome(entry, out))
        return tuple(found)

    async def _late(self, entry: ChunkRecord) -> BatchOutcome:
        return self._outcome(entry, await self._destinations(entry))

    def _outcome(self, entry: ChunkRecord, destinations: tuple[str, ...]) -> BatchOutcome:
        log.warning(
            "campaign %s: batch %s of chunk %d could not be cancelled in time",
            *(self._campaign, entry.batch_id, entry.number),
        )
        return BatchOutcome(
            entry.number,
            Outcome.ACCEPTED,
            len(destinations),
            entry.batch_id,
            self._failures.get(entry.number),
            destinations,
            entry.doubles,
        )

    async def _destinations(self, entry: ChunkRecord) -> tuple[str, ...]:
        """Return the numbers in the last request of a chunk."""
        claim = await self._journal.read_chunk(self._campaign, entry.number)
        return tuple(map(self._payload.destination, unpack_chunk(claim, self._payload).items))

    async def _is_cancelled(self, entry: ChunkRecord, batch_id: str) -> bool:
        """Cancel a batch; return whether it is known to be cancelled."""
        try:
            return await cancel_batch(self._gateway, batch_id)
        except SMSWorksError as error:
            self._failures[entry.number] = error
            return False


def _batches(entry: ChunkRecord) -> list[str]:
    return [batch_id for batch_id in (entry.batch_id, *entry.doubles) if batch_id is not None]


async def cancel_batch(gateway: BulkGateway, batch_id: str) -> bool:
    """Cancel a scheduled batch; return True if it was cancelled, False if it was already sent.

    The request is retried a few times if neither its response nor the list of scheduled messages
    tells the result.

    Raises:
        SMSWorksError: the result is unknown.
    """
    failure: SMSWorksError = OutcomeUnknown(
        "the API did not confirm whether the batch was cancelled", operation="bulk"
    )
    for _ in range(_TRIES):
        try:
            if (await gateway.cancel(batch_id)).status == "CANCELLED":
                return True
        except SMSWorksError as error:
            failure = error
        status = await _read_back(gateway, batch_id)
        if status in {"CANCELLED", "PROCESSED"}:
            return status == "CANCELLED"
    raise failure


async def _read_back(gateway: BulkGateway, batch_id: str) -> str | None:
    """Return the status of a scheduled batch; None if it cannot be told."""
    try:
        for job in await gateway.scheduled():
            if job.batch and job.message_id == batch_id:
                return job.status
        statuses = {record.status for record in await gateway.get(batch_id)}
    except SMSWorksError:
        return None
    if "SCHEDULED" in statuses or not statuses:
        return None
    return "CANCELLED" if statuses == {"CANCELLED"} else "PROCESSED"
