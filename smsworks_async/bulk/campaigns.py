"""The methods of `AsyncBulk` for existing campaigns: control, follow and report."""

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
    """The part of `AsyncBulk` for existing campaigns."""

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
        """Search for a campaign's unknown chunks, and report all outcomes. It sends nothing new.

        Chunks that are found are accepted. Others stay unknown and are named in the report: a
        search may lag behind, so an empty result does not prove that nothing was sent.

        If a scheduled campaign was cancelled, its remaining batches are cancelled. In any other
        scheduled campaign, batches with recipients who have opted out since are cancelled and
        scheduled again without them; if other chunks are pending, `send` schedules them.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.
            settle: the seconds during which the chunks are searched for repeatedly; default 30.
            restored: whether the journal was restored from a copy, which lacks what was sent after
                it was made (default False). If so, pending chunks are searched for as well, from
                the campaign's creation on: they become pending again if no search shows a trace,
                and unknown otherwise. The same applies to scheduled chunks whose batch was
                cancelled since. Opt-outs since the copy's last event are read again from the
                incoming messages. Call it before anything is sent: `send` cannot detect a copy.

        Raises:
            APIError, NotSent, OutcomeUnknown: with `restored`, the incoming or the scheduled
                messages could not be read; no chunk was changed.
            ValidationError: the campaign does not exist or was forgotten; or with `restored`, the
                copy was made during planning and lacks recipients.
            ConfigurationError: the campaign is scheduled, and respects a different opt-out list.
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
        """Return the status of a campaign, from any process with access to its journal.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign.stored import open_campaign, status

        kept_in = self._journal_of(journal)
        async with open_campaign(kept_in, campaign, forgotten_too=True) as stored:
            return await status(stored)

    async def outcomes(
        self, campaign: str, *, journal: JournalOrPath | None = None
    ) -> AsyncGenerator[RecipientOutcome]:
        """Yield the outcome of every recipient of a campaign, from its journal.

        Recipients in chunks come first, then the excluded ones.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist.
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

        It polls the campaign's batches: at once, after a second, and then at growing intervals of
        up to 30 seconds. Delivery reports from a `smsworks_async.webhooks.Webhooks` with this
        client are used as soon as they arrive, if they name their batch. Each message is yielded
        once, including those that were already final, and those of `retry_undelivered`. The
        iteration ends when all are final. Batches whose records the provider has deleted are
        skipped. Scheduled batches are polled when their messages are due; the records of a
        cancelled batch have the status ``CANCELLED``.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.
            timeout: the limit in seconds; None to follow to the end. Networks may attempt delivery
                for up to 72 hours.

        Raises:
            StillInFlight: the time-out expired; the message has the number of recipients that are
                not final. Or recipients are pending, and no process has sent for a minute.
            ValidationError: the campaign does not exist.
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

        The outcome is *accepted*, not *delivered*; use `follow` for deliveries. The order is that
        of `outcomes`.

        Args:
            campaign: the campaign's name.
            to: the file, ending in ``.csv`` or ``.jsonl`` (one JSON object per line). It contains
                whole numbers and has the mode 0600. In a CSV file, cells that a spreadsheet would
                treat as formulas (beginning with ``=``, ``+``, ``-``, ``@``, a tab or a line end)
                are prefixed with an apostrophe, except ``+`` with only digits and blanks, an
                international number. JSON lines are exact.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist, or the file has a different ending.
            JournalError: the journal cannot be read.
            OSError: the file cannot be written.
        """
        from smsworks_async.bulk.campaign import export

        return await export.write(self.outcomes(campaign, journal=journal), values.path(to, "to"))

    async def pause(
        self, campaign: str, *, why: str = "", journal: JournalOrPath | None = None
    ) -> BulkStatus:
        """Pause a campaign, so that no process claims further chunks.

        Claimed requests are still sent; runs end, and their reports say why. Only `resume` lifts
        the pause. Scheduled batches are sent at their time; use `cancel` to cancel them.

        Args:
            campaign: the campaign's name.
            why: the reason, for reports and `status`, at most 200 characters.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist, is done, or was cancelled.
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
        """Lift a pause or a halt, and optionally change the sending window. It sends nothing.

        Args:
            campaign: the campaign's name.
            window: its new window; None to keep the current one.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist, is done, was cancelled, or is scheduled
                for a time outside the window.
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
        """Cancel a campaign permanently, and report all outcomes.

        No process claims further chunks. Claimed requests are still sent. Unknown chunks are
        searched for; pending recipients are *not sent* in the report. Then scheduled batches are
        cancelled at the provider, and a process that completes or finds one later cancels it, too.
        A batch that was already sent stays accepted and is in the report's `too_late`, as is one
        whose cancellation is unknown; call this method again to retry.

        Args:
            campaign: the campaign's name.
            why: the reason, for reports and `status`, at most 200 characters.
            settle: the seconds during which unknown chunks are searched for repeatedly; default 30.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist, or is done.
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
        """Yield the status of every campaign of a journal, in order of creation.

        Args:
            journal: a path, a PostgreSQL URL, or a journal; default: the client's.

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
        """Return the journal of a run: the argument, or the client's if there is a campaign."""
        if journal is not None or campaign is None:
            return journal
        return self._kept.journal()

    def _journal_of(self, journal: Any) -> Any:
        """Return the journal of a campaign: the argument, or the client's.

        Raises:
            ConfigurationError: there is neither.
        """
        found = self._kept.journal() if journal is None else check_journal(journal)
        if found is None:
            raise ConfigurationError(
                "a campaign needs a journal: pass journal= here or to the client"
            )
        return found
