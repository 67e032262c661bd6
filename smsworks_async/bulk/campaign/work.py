"""The share of a campaign that one call of `work` sends."""

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


_ASKED: Final = "a stop was requested"
_TIME: Final = "its time limit was reached"
_ENOUGH: Final = "its limit of chunks was reached"


def ended_by_itself(report: BulkReport) -> bool:
    """Return whether a call ended at its own limit, so that another call can continue."""
    return str(report.stopped) in {_ASKED, _TIME, _ENOUGH}


@attrs.define
class Quota:
    """The number of chunks that one call may claim.

    Attributes:
        chunks: the remaining chunks; None for no limit.
        why: the reason why nothing more may be claimed, or an empty string.
        has_sent: set once a request was made.
    """

    chunks: int | None
    why: str = ""
    has_sent: asyncio.Event = attrs.field(factory=asyncio.Event)

    def take(self) -> bool:
        """Reserve one chunk before a claim; return whether there is one."""
        if self.why:
            return False
        if self.chunks is not None:
            if not self.chunks:
                self.why = _ENOUGH
                return False
            self.chunks -= 1
        return True

    def give_back(self) -> None:
        """Undo `take` if nothing was claimed."""
        if self.chunks is not None:
            self.chunks += 1

    def note_sent(self) -> None:
        """Record that a request was made."""
        self.has_sent.set()


class Work:
    """One call's share of a campaign.

    Args:
        run: the run of a completely planned campaign.
        stop: the request to stop.
        limit: the most chunks to send; None for no limit.
        seconds: the seconds after which no further chunk is claimed; None for no limit.
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
            ValidationError: planning is not complete.
            ConfigurationError: it respects a different opt-out list.
            BulkInterrupted: the callback raised.
            JournalError: the journal cannot be read or written.
        """
        run = self._run
        if run.campaign.totals is None:
            raise ValidationError(
                f"campaign {run.campaign.id!r} is not completely planned yet; call bulk.plan with "
                "all "
                "its recipients first",
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
        """Send pending chunks, including those returned by others; return why it ended early."""
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
        """Watch for a stop request and the time limit, which also end waits."""
        loop = asyncio.get_running_loop()
        timer = None if self._seconds is None else asyncio.ensure_future(self._end_after())
        try:
            with self._stop.listening(lambda: loop.call_soon_threadsafe(self._end, _ASKED)):
                yield
        finally:
            if timer is not None:
                timer.cancel()
                await asyncio.gather(timer, return_exceptions=True)

    async def _end_after(self) -> None:
        await self._run.timer.sleep(self._seconds or 0.0)
        # Otherwise calls with a short time limit could repeat forever without sending.
        await self._quota.has_sent.wait()
        self._end(_TIME)

    def _end(self, why: str) -> None:
        self._quota.why = self._quota.why or why
        if self._dispatcher is not None:
            self._dispatcher.stop(NotSent(why))
