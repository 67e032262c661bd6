"""Campaigns that a journal has already, sent on: the methods of `AsyncBulk` that need no list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from smsworks_async._stops import stopping_on_sigterm
from smsworks_async.bulk.campaigns import JournalOrPath
from smsworks_async.bulk.erasure import Erasure
from smsworks_async.bulk.options import Options, check_seconds
from smsworks_async.models import checks, values
from smsworks_async.models.report import BulkProgress, BulkReport


class Continuing(Erasure):
    """The part of `AsyncBulk` that sends what was planned before."""

    async def work(
        self,
        campaign: str,
        *,
        journal: JournalOrPath | None = None,
        limit: int | None = None,
        seconds: float | None = None,
        concurrency: int = 8,
        max_rate: float | None = None,
        progress: Callable[[BulkProgress], object] | None = None,
    ) -> BulkReport:
        """Send chunks of a campaign that was planned before, together with any other processes.

        It claims one chunk after another until none is pending, or a limit is reached. It waits
        neither for the sending window nor for other processes, and searches for nothing: that is
        what `reconcile` does, from a timer. It ends early where the campaign is paused, halted or
        cancelled.

        SIGTERM asks it to stop: nothing more is claimed, what is in flight ends, and it returns.
        That is so on the main thread; the application's own handler is called as well.

        Args:
            campaign: the campaign's name, as it was given to `plan` or `plan_each`.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.
            limit: chunks to send at most, 1 or more; no limit by default.
            seconds: after which nothing more is claimed, above 0, but for a first chunk; no limit
                by default.
            concurrency: requests in flight at a time, 1 or more; 8 by default. A temporary refusal
                halves it, and successes raise it again one by one.
            max_rate: requests a second of this call; no limit by default.
            progress: a function, async or not, called with a `BulkProgress` whenever a chunk is
                done, and about once a second.

        Returns:
            A report of the whole campaign, as it is at the end of this call; `stopped` says why
            that was early.

        Raises:
            ValidationError: a setting is not as it should be, the journal has no such campaign, or
                it is not planned whole; nothing was sent.
            ConfigurationError: the campaign respects another opt-out list; nothing was sent.
            BulkInterrupted: `progress` raised; its `report` tells how far it got.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk.campaign.run import CampaignRun
        from smsworks_async.bulk.campaign.stored import open_campaign
        from smsworks_async.bulk.campaign.work import Work

        kept_in = self._journal_of(journal)
        most = None if limit is None else checks.integer(limit, "limit", at_least=1)
        time = None if seconds is None else values.seconds(seconds, "seconds", above=True)
        options = Options(
            chunk_size=self._requester.settings.batch_size,
            concurrency=concurrency,
            max_rate=max_rate,
            progress=progress,
            journal=kept_in,
            campaign=campaign,
        )
        with stopping_on_sigterm() as stop:
            async with open_campaign(kept_in, campaign) as stored:
                run = CampaignRun(
                    stored.journal,
                    stored.campaign,
                    stored.payload,
                    self._gateway,
                    options,
                    self._timer,
                    opt_outs=self._kept.opt_outs(),
                )
                return await Work(run, stop, most, time).report()

    async def retry_undelivered(
        self,
        campaign: str,
        *,
        journal: JournalOrPath | None = None,
        attempts: int = 3,
        pause: float = 900.0,
        concurrency: int = 8,
        max_rate: float | None = None,
        progress: Callable[[BulkProgress], object] | None = None,
        on_unknown: Literal["report", "resend"] = "report",
        settle: float = 30.0,
    ) -> BulkReport:
        """Send again to those whom a campaign did not reach for a reason that may have passed.

        It reads what became of the campaign's batches. Whoever's last message failed for a passing
        reason (no signal, roaming, do not disturb, expired, handset error: 5006, 5008, 5013, 5015,
        5034) is sent to again, in a round that the journal keeps beside the campaign; whoever is on
        the way, unknown, delivered, or failed for good is not.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.
            attempts: how often one recipient is sent to at most, the first time included, 2 or
                more; 3 by default. Whatever it allows, nobody gets more than 6 alike in an hour,
                which is where the provider's flooding filter begins.
            pause: seconds that must have passed since the last failure; 900 by default.
            concurrency: requests in flight at a time, 1 or more; 8 by default. A temporary refusal
                halves it, and successes raise it again one by one.
            max_rate: requests a second; no limit by default.
            progress: a function, async or not, called with a `BulkProgress` when recipients are
                planned, whenever a chunk is done, and in every phase about once a second.
            on_unknown: what becomes of a chunk whose outcome is unknown, and of which no trace is
                found: ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again,
                which texts its recipients twice where the search was mistaken.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default.

        Returns:
            A report of this round: `read` are those who were due.

        Raises:
            ValidationError: a setting is not as it should be, or the journal has no such campaign;
                nothing was sent.
            BulkInterrupted: `progress` raised; its `report` tells how far it got.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk.campaign.redelivery import RedeliveryPolicy, retry_undelivered
        from smsworks_async.bulk.campaign.stored import open_campaign

        kept_in = self._journal_of(journal)
        most = checks.integer(attempts, "attempts", at_least=2)
        seconds = check_seconds(pause, "pause")
        options = Options(
            chunk_size=self._requester.settings.batch_size,
            concurrency=concurrency,
            max_rate=max_rate,
            progress=progress,
            journal=kept_in,
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
        )
        policy = RedeliveryPolicy(most, seconds, self._clock.time())
        async with open_campaign(kept_in, campaign) as stored:
            return await retry_undelivered(
                stored, self._gateway, options, policy, self._timer, opt_outs=self._kept.opt_outs()
            )
