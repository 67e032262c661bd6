"""The methods of `AsyncBulk` that continue existing campaigns."""

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
    """The part of `AsyncBulk` that sends planned campaigns."""

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
        """Send chunks of a planned campaign, concurrently with any number of other processes.

        It claims one chunk after another until none is pending or a limit is reached. It waits
        neither for the sending window nor for other processes, and does not search for unknown
        chunks: run `reconcile` regularly for that. It ends early if the campaign is paused, halted
        or cancelled.

        SIGTERM stops it: no further chunk is claimed, requests in flight are completed, and it
        returns. This works on the main thread; the application's handler is called as well.

        Args:
            campaign: the campaign's name, as passed to `plan` or `plan_each`.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.
            limit: the most chunks to send, at least 1; default no limit.
            seconds: the seconds after which no further chunk is claimed, except a first one;
                greater than 0, default no limit.
            concurrency: the most requests in flight, at least 1; default 8. A temporary rejection
                halves it, and successes increase it again in steps of one.
            max_rate: requests a second of this call; default no limit.
            progress: an async or plain function, called with a `BulkProgress` when a chunk is done,
                and about once a second.

        Returns:
            A report of the whole campaign at the end of this call; `stopped` says why it ended
            early.

        Raises:
            ValidationError: a setting is invalid, or the campaign does not exist or is not
                completely planned; nothing was sent.
            ConfigurationError: the campaign respects a different opt-out list; nothing was sent.
            BulkInterrupted: `progress` raised; its `report` has the outcomes so far.
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
        """Send again to recipients whose message failed for a temporary reason.

        It reads the records of the campaign's batches. Recipients whose last message failed for a
        temporary reason (no signal, roaming, do not disturb, expired, handset error: 5006, 5008,
        5013, 5015, 5034) are sent to again, in a further round in the journal. Recipients whose
        message is in flight, unknown, delivered, or failed permanently are not.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.
            attempts: the most sends to one recipient, including the first, at least 2; default 3.
                In any case a recipient gets at most 6 identical texts an hour, the limit of the
                provider's flooding filter.
            pause: the seconds that must have passed since the last failure; default 900.
            concurrency: the most requests in flight, at least 1; default 8. A temporary rejection
                halves it, and successes increase it again in steps of one.
            max_rate: requests a second; default no limit.
            progress: an async or plain function, called with a `BulkProgress` when recipients are
                planned, when a chunk is done, and about once a second in every phase.
            on_unknown: what to do with an unknown chunk of which the search shows no trace:
                ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again, which
                texts its recipients twice if the search was wrong.
            settle: the seconds during which unknown chunks are searched for repeatedly; default 30.

        Returns:
            A report of this round; `read` is the number of recipients in it.

        Raises:
            ValidationError: a setting is invalid, or the campaign does not exist; nothing was sent.
            BulkInterrupted: `progress` raised; its `report` has the outcomes so far.
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
