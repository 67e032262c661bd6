"""Campaigns that a journal has: followed, controlled, and accounted for."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.options import check_journal, check_reason, check_seconds
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import ConfigurationError
from smsworks_async.journals.records import Command
from smsworks_async.models import checks, values
from smsworks_async.models.report import BulkReport, BulkStatus, RecipientOutcome
from smsworks_async.models.window import SendWindow, check_window
from smsworks_async.resources._base import Resource


if TYPE_CHECKING:
    from smsworks_async._client_journal import ClientJournal
    from smsworks_async._clock import Clock
    from smsworks_async._http.requester import Requester
    from smsworks_async.journals import Journal
    from smsworks_async.models.incoming import MessageRecord
    from smsworks_async.resources._poller import StatusPoller


JournalOrPath: TypeAlias = "Journal | str | os.PathLike[str]"


class Campaigns(Resource):
    """The part of `AsyncBulk` that is about campaigns which a journal has already."""

    def __init__(
        self, requester: Requester, poller: StatusPoller, kept: ClientJournal, clock: Clock
    ) -> None:
        super().__init__(requester)
        self._clock = clock
        self._poller = poller
        self._kept = kept

    async def reconcile(
        self,
        campaign: str,
        *,
        journal: JournalOrPath | None = None,
        settle: float = 30.0,
        restored: bool = False,
    ) -> BulkReport:
        """Search for a campaign's unknown chunks, and account for everybody. It sends nothing new.

        What is found is accepted. What is not stays unknown, and the report names it: a search may
        lag behind, so that finding nothing does not prove that nothing was sent.

        Of a scheduled campaign that was cancelled, it cancels the batches that still wait. In any
        other it cancels those with a recipient who has opted out since, and schedules them again
        without them; where other chunks are still to be sent, `send` does the latter.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.
            settle: seconds within which it is searched for, several times; 30 by default.
            restored: whether the journal was restored from a copy, which does not know what was
                sent after it was made (default False). Pending chunks are then searched for as
                well, since the campaign began: they are pending again where every search has
                found nothing at all, and unknown where there is a trace. So are scheduled ones
                whose batch was cancelled since. Opt-outs that came since the copy's last event are
                read again from the incoming messages. Call it before anything is sent: `send`
                cannot recognise a copy.

        Raises:
            APIError, NotSent, OutcomeUnknown: with `restored`, the incoming messages, or what is
                scheduled, could not be read; no chunk has changed.
            ValidationError: the journal has no such campaign, or has forgotten it; or with
                `restored` the copy was made while the campaign was being planned, so that it lacks
                recipients.
            ConfigurationError: the campaign is scheduled, and respects another opt-out list.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk.campaign.inbox import read_opt_outs_again
        from smsworks_async.bulk.campaign.reschedule import reconcile
        from smsworks_async.bulk.campaign.stored import open_campaign

        from_copy = checks.boolean(restored, "restored")
        seconds = check_seconds(settle, "settle")
        async with open_campaign(self._journal_of(journal), campaign) as stored:
            if from_copy:
                await read_opt_outs_again(
                    stored.journal, stored.campaign.id, self._gateway, self._kept.opt_outs()
                )
            return await reconcile(
                stored,
                self._gateway,
                seconds,
                self._timer,
                restored=from_copy,
                opt_outs=self._kept.opt_outs(),
            )

    async def status(self, campaign: str, *, journal: JournalOrPath | None = None) -> BulkStatus:
        """Return how far a campaign has got, from any process that has its journal.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign.stored import open_campaign, status

        kept_in = self._journal_of(journal)
        async with open_campaign(kept_in, campaign, forgotten_too=True) as stored:
            return await status(stored)

    async def outcomes(
        self, campaign: str, *, journal: JournalOrPath | None = None
    ) -> AsyncGenerator[RecipientOutcome]:
        """Yield the outcome of every recipient of a campaign, as its journal has it.

        Those who were put into chunks come first, then those who were set aside.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign import export
        from smsworks_async.bulk.campaign.stored import open_campaign

        async with open_campaign(self._journal_of(journal), campaign) as stored:
            rows = export.recipients(stored.journal, stored.campaign.id, stored.payload)
            async with aclosing(rows):
                async for outcome in rows:
                    yield outcome

    async def follow(
        self,
        campaign: str,
        *,
        journal: JournalOrPath | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of all of it, which outlasts its calls
    ) -> AsyncGenerator[MessageRecord]:
        """Yield the record of each recipient of a campaign, as soon as it is final.

        It looks at the campaign's batches, at once, a second later, then ever less often, down to
        every 30 seconds; a `smsworks_async.webhooks.Webhooks` that was given this client is quicker
        where the report names its batch. Each message comes once, those that were final before
        among them, and those of `retry_undelivered`. It ends when all of them are final. A batch
        whose records have vanished at the provider's says nothing. Scheduled batches are looked at
        when their messages are due; one that is cancelled for good has records with the status
        ``CANCELLED``.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.
            timeout: seconds for all of it; None follows to the end. Networks may try for up to 72
                hours.

        Raises:
            StillInFlight: the time was over; it says how many were not final. Or recipients are
                still to be sent to, and nobody was sending for a minute.
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign.follow import Follower
        from smsworks_async.bulk.campaign.stored import open_campaign

        seconds = None if timeout is None else check_seconds(timeout, "timeout")
        kept_in = self._journal_of(journal)
        async with open_campaign(kept_in, campaign, forgotten_too=True) as stored:
            follower = Follower(
                stored.journal,
                stored.campaign.id,
                self._gateway,
                self._poller,
                at=stored.campaign.at,
                sleep=self._clock.sleep,
            )
            async with aclosing(follower.follow(seconds)) as records:
                async for record in records:
                    yield record

    async def export(
        self,
        campaign: str,
        *,
        to: str | os.PathLike[str],
        journal: JournalOrPath | None = None,
    ) -> int:
        """Write the outcome of every recipient of a campaign to a file; return their number.

        It says *accepted*, and not *delivered*: `follow` tells that. Its order is that of
        `outcomes`.

        Args:
            campaign: the campaign's name.
            to: the file, ending in ``.csv`` or ``.jsonl`` (a JSON object a line). It holds whole
                numbers, and only its owner may read it. In a CSV file a cell that a spreadsheet
                would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a
                line end) begins with an apostrophe; ``+`` followed by digits and blanks alone,
                an international number, stays as it is. JSON lines are exact.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign, or the file another ending.
            JournalError: the journal cannot be read.
            OSError: the file cannot be written.
        """
        from smsworks_async.bulk.campaign import export

        return await export.write(self.outcomes(campaign, journal=journal), values.path(to, "to"))

    async def pause(
        self, campaign: str, *, why: str = "", journal: JournalOrPath | None = None
    ) -> BulkStatus:
        """Pause a campaign: no process claims a chunk of it any more.

        Requests that were claimed before go out; runs end, and their reports say why. Only `resume`
        lifts it. What is scheduled already is sent at its time; `cancel` cancels it.

        Args:
            campaign: the campaign's name.
            why: the reason, for reports and `status`, at most 200 characters.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign, or it is done or was cancelled.
            JournalError: the journal cannot be read or written.
        """
        return await self._steer(campaign, Command.PAUSE, journal, why=why)

    async def resume(
        self,
        campaign: str,
        *,
        window: SendWindow | None = None,
        journal: JournalOrPath | None = None,
    ) -> BulkStatus:
        """Lift a pause or a halt, and perhaps change the sending window. It sends nothing.

        Args:
            campaign: the campaign's name.
            window: its window from now on; None leaves it as it is.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign, it is done or was cancelled, or it is
                scheduled for a time outside the window.
            JournalError: the journal cannot be read or written.
        """
        return await self._steer(campaign, Command.RESUME, journal, window=check_window(window))

    async def _steer(
        self,
        campaign: str,
        command: Command,
        journal: JournalOrPath | None,
        *,
        why: str = "",
        window: SendWindow | None = None,
    ) -> BulkStatus:
        from smsworks_async.bulk.campaign.control import steer
        from smsworks_async.bulk.campaign.stored import open_campaign

        reason = check_reason(why)
        async with open_campaign(self._journal_of(journal), campaign) as stored:
            return await steer(stored, command, reason, window)

    async def cancel(
        self,
        campaign: str,
        *,
        why: str = "",
        settle: float = 30.0,
        journal: JournalOrPath | None = None,
    ) -> BulkReport:
        """Cancel a campaign, for good, and account for everybody.

        No process claims a chunk of it any more. Requests that were claimed before go out. Unknown
        chunks are searched for; whoever was not sent to is *not sent* in the report. Then scheduled
        batches are cancelled at the provider, and whoever finishes or finds one later cancels it,
        too. One that has gone out stays accepted, and is in the report's `too_late`, as is one of
        which it is not known; calling this again tries again.

        Args:
            campaign: the campaign's name.
            why: the reason, for reports and `status`, at most 200 characters.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign, or it is done.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk.campaign.control import cancel
        from smsworks_async.bulk.campaign.stored import open_campaign

        reason, seconds = check_reason(why), check_seconds(settle, "settle")
        async with open_campaign(self._journal_of(journal), campaign) as stored:
            return await cancel(stored, self._gateway, seconds, self._timer, reason)

    async def campaigns(
        self, *, journal: JournalOrPath | None = None
    ) -> AsyncGenerator[BulkStatus]:
        """Yield the status of every campaign of a journal, in the order in which they were begun.

        Args:
            journal: a path, a PostgreSQL URL, or a journal; the client's by default.

        Raises:
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign.stored import open_journal, status_of

        async with open_journal(self._journal_of(journal), must_exist=True) as opened:
            for name in await opened.campaign_ids():
                yield await status_of(opened, name)

    @property
    def _timer(self) -> Timer:
        return Timer(self._clock.sleep, self._clock.monotonic, self._clock.time)

    @property
    def _gateway(self) -> BulkGateway:
        return BulkGateway(self._requester)

    def _default_journal(self, journal: Any, campaign: Any) -> Any:
        """Return the journal of a run: as given, or the client's where there is a campaign."""
        if journal is not None or campaign is None:
            return journal
        return self._kept.journal()

    def _journal_of(self, journal: Any) -> Any:
        """Return the journal of a campaign: as given, or the client's.

        Raises:
            ConfigurationError: there is neither.
        """
        found = self._kept.journal() if journal is None else check_journal(journal)
        if found is None:
            raise ConfigurationError(
                "a campaign is kept in a journal: give journal=, or give the client one"
            )
        return found
