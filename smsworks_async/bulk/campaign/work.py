"""A share of a campaign: chunks that one process sends of what was planned, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from smsworks_async._failures import dooms_account
from smsworks_async._stops import StopRequest
from smsworks_async.bulk.campaign.journal_source import JournalSource
from smsworks_async.bulk.campaign.report import make_report
from smsworks_async.bulk.campaign.run import CampaignRun
from smsworks_async.bulk.dispatcher import Dispatcher
from smsworks_async.bulk.progress import CallbackRaised
from smsworks_async.bulk.source import interrupted, stopped_by
from smsworks_async.errors import NotSent, SMSWorksError, ValidationError
from smsworks_async.journals.records import Command
from smsworks_async.models.report import BulkReport


_ASKED: Final = "the process was asked to stop"
_TIME: Final = "its time was over"
_ENOUGH: Final = "it has sent as many chunks as it was to"


def ended_by_itself(report: BulkReport) -> bool:
    """Return whether a call ended at a limit of its own, so that another one may go on."""
    return str(report.stopped) in {_ASKED, _TIME, _ENOUGH}


@attrs.define
class Quota:
    """How much one call may claim.

    Attributes:
        chunks: how many more chunks; None for any number.
        why: why nothing more may be claimed, in words; an empty string while it may.
        has_sent: set once a request was made.
    """

    chunks: int | None
    why: str = ""
    has_sent: asyncio.Event = attrs.field(factory=asyncio.Event)

    def take(self) -> bool:
        """Take one chunk, before it is claimed; return whether there is one to take."""
        if self.why:
            return False
        if self.chunks is not None:
            if not self.chunks:
                self.why = _ENOUGH
                return False
            self.chunks -= 1
        return True

    def give_back(self) -> None:
        """Undo `take`, since nothing was claimed."""
        if self.chunks is not None:
            self.chunks += 1

    def note_sent(self) -> None:
        """Note that a request was made."""
        self.has_sent.set()


class Work:
    """One call's share of a campaign.

    Args:
        run: the campaign, planned whole.
        stop: whether the process is to stop.
        limit: chunks to send at most; None for all.
        seconds: after which nothing more is claimed; None for no limit.
    """

    def __init__(
        self, run: CampaignRun[Any], stop: StopRequest, limit: int | None, seconds: float | None
    ) -> None:
        self._run = run
        self._stop = stop
        self._seconds = seconds
        self._quota = Quota(limit)
        self._dispatcher: Dispatcher[Any] | None = None

    async def report(self) -> BulkReport:
        """Send pending chunks until there are none, or a limit is reached; return the report.

        Raises:
            ValidationError: the campaign is not planned whole.
            ConfigurationError: it respects another opt-out list.
            BulkInterrupted: the callback raised.
            JournalError: the journal cannot be read or written.
        """
        run = self._run
        if run.campaign.totals is None:
            raise ValidationError(
                f"campaign {run.campaign.id!r} is not planned whole yet; call bulk.plan with all "
                "of its recipients first",
                field="campaign",
            )
        opt_outs = await run.respected()
        batches = run.batches(opt_outs)
        halt: SMSWorksError | None = None
        async with self._ending():
            for round in sorted({0, run.campaign.round}):
                source = await run.source(round, opt_outs, batches, self._quota)
                run.reporter.refresh = source.refresh
                try:
                    halt = halt or await self._send(source)
                except CallbackRaised as raised:
                    raise await interrupted(source, raised.error, None) from raised.error
        ended = NotSent(self._quota.why) if self._quota.why else None
        report = await make_report(run.journal, run.campaign.id, run.payload, halt or ended)
        return attrs.evolve(report, too_late=batches.too_late)

    async def _send(self, source: JournalSource[Any]) -> SMSWorksError | None:
        """Send what is pending, also what others put back; return why that ended early."""
        run = self._run
        at = None if source.round else run.campaign.at
        dispatcher = Dispatcher(run.payload, run.gateway, run.options, run.reporter, at)
        self._dispatcher = dispatcher
        while not self._quota.why:
            await source.begin()
            halt = await dispatcher.send(source)
            if self._quota.why:
                break
            if halt is not None:
                if dooms_account(halt):
                    await run.journal.steer(run.campaign.id, Command.HALT, str(halt))
                return halt
            if source.refused is not None:
                return stopped_by(source.refused, run.campaign.id)
            if not await run.has_more(source):
                break
        return None

    @asynccontextmanager
    async def _ending(self) -> AsyncIterator[None]:
        """Watch for the request to stop, and for the time, which end waits as well."""
        loop = asyncio.get_running_loop()
        self._stop.listen(lambda: loop.call_soon_threadsafe(self._end, _ASKED))
        timer = None if self._seconds is None else asyncio.ensure_future(self._end_after())
        try:
            yield
        finally:
            self._stop.listen(lambda: None)
            if timer is not None:
                timer.cancel()
                await asyncio.gather(timer, return_exceptions=True)

    async def _end_after(self) -> None:
        await self._run.timer.sleep(self._seconds or 0.0)
        # Or else calls whose time is short would follow each other for ever.
        await self._quota.has_sent.wait()
        self._end(_TIME)

    def _end(self, why: str) -> None:
        self._quota.why = self._quota.why or why
        if self._dispatcher is not None:
            self._dispatcher.stop(NotSent(why))
