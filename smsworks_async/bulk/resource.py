"""Bulk sends: any number of recipients, in chunks, with an outcome for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import attrs

from smsworks_async.bulk import run
from smsworks_async.bulk.campaigns import JournalOrPath
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.costs import Prices
from smsworks_async.bulk.estimate import BulkEstimate, choose_payload, estimate
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.options import (
    Options,
    choose_chunk_size,
)
from smsworks_async.bulk.payloads import SharedText, personal_payload
from smsworks_async.bulk.planning import (
    Destinations,
    Messages,
    Planning,
    Rows,
    common_fields,
    messages_or_rows,
)
from smsworks_async.bulk.recipients import copy_each
from smsworks_async.models import checks
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.report import (
    BulkProgress,
    BulkReport,
)
from smsworks_async.models.values import is_missing
from smsworks_async.models.window import SendWindow


class AsyncBulk(Planning):
    """Sends to any number of recipients."""

    async def send(
        self,
        *,
        sender: str,
        content: str,
        destinations: Destinations | None = None,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool = False,
        chunk_size: int | None = None,
        concurrency: int = 8,
        max_rate: float | None = None,
        deduplicate: bool = True,
        max_credits: float | None = None,
        require_balance: bool = False,
        progress: Callable[[BulkProgress], object] | None = None,
        journal: JournalOrPath | None = None,
        campaign: str | None = None,
        on_unknown: Literal["report", "resend"] = "report",
        settle: float = 30.0,
        window: SendWindow | None = None,
        respect_opt_outs: bool | None = None,
        at: datetime | None = None,
    ) -> BulkReport:
        """Send one text to any number of recipients, in chunks, with an outcome for each of them.

        Without a journal, recipients are read while sending; only the numbers that were read, to
        find duplicates, and failures are kept in memory. With a journal and a campaign, all
        recipients are recorded before the first request, and every request before it is sent. If
        the call is repeated, for example after a crash, it continues where it stopped, and searches
        for unknown chunks instead of sending them again. Numbers outside the UK go in separate
        chunks.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            content: the text, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of the recipients' numbers, in any usual
                spelling. It can be omitted if the journal has the complete plan.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary
                (default False). If so, texts cannot be compared in searches for unknown chunks.
            chunk_size: the recipients per request, 1 to the client's `batch_size`, which is the
                default (500).
            concurrency: the most requests in flight, at least 1; default 8. A temporary rejection
                halves it, and successes increase it again in steps of one.
            max_rate: requests a second; default no limit.
            deduplicate: exclude duplicates (default True). Without it memory use is constant.
            max_credits: the limit of the run's estimated cost, greater than 0; default no limit. If
                the number of recipients is known, a run over the limit is refused before the first
                request; otherwise it stops before the chunk that exceeds it. Like `estimate`, it
                reads the price of each country outside the UK from the API, and counts a text with
                an unknown price or country double.
            require_balance: read the balance, and refuse the run before the first request if it is
                less than the estimated cost (default False); see `max_credits`. The number of
                recipients must be known, from a list or a journal.
            progress: an async or plain function, called with a `BulkProgress` when recipients are
                planned, when a chunk is done, and about once a second in every phase.
            journal: the journal of the campaign: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; default: the client's. It needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what to do with an unknown chunk of which the search shows no trace:
                ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again, which
                texts its recipients twice if the search was wrong. It needs a journal.
            settle: the seconds during which unknown chunks are searched for repeatedly; default 30.
                It needs a journal.
            window: a `SendWindow` with the hours in which requests may be sent; default: any time.
                It is stored with the campaign, and only `resume` changes it.
            respect_opt_outs: leave out recipients who have opted out, according to the client's
                list, or else the one in the campaign's journal (default True). False is for
                non-marketing messages. It is stored with the campaign; None keeps the campaign's
                setting.
            at: when the messages are due: an aware datetime, at most 60 seconds in the past and
                within the window; default: at once. Scheduling itself is not limited to the window.
                It is stored with the campaign. If the call is repeated before that time, batches
                with recipients who have opted out since are cancelled and scheduled again without
                them; if it is too late for that, they are in the report's `too_late`.

        Returns:
            A report whose counts add up. Failures of requests are not raised, but reported: with a
            wrong token, too little credit or no connection, recipients are `rejected` or
            `not_sent`, and `stopped` says why the run ended early. With a journal the report covers
            the whole campaign, including earlier runs and other processes. A list without valid
            recipients creates no campaign, and its name stays unused.

        Raises:
            ValidationError: the message or a setting is invalid, `max_credits` or the balance is
                too low, `at` is past or outside the window, or the journal has a different campaign
                of this name; nothing was sent.
            APIError, NotSent, OutcomeUnknown: with `max_credits` or `require_balance`, a price or
                the balance could not be read; nothing was sent.
            BulkInterrupted: `destinations` or `progress` raised; its `report` has the outcomes so
                far.
            JournalError: the journal cannot be read or written.
            CancelledError: the call was cancelled. Without a journal its ``report`` attribute has
                the outcomes so far, with recipients in flight as unknown.
        """
        payload = SharedText.of(
            self._destination,
            sender=sender,
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=False if is_missing(ai) else ai,  # None would mean the account's setting
        )
        options = Options(
            chunk_size=choose_chunk_size(chunk_size, self._requester.settings.batch_size),
            concurrency=concurrency,
            max_rate=max_rate,
            deduplicate=deduplicate,
            max_credits=max_credits,
            require_balance=require_balance,
            progress=progress,
            journal=self._default_journal(journal, campaign),
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
            window=window,
            respect_opt_outs=respect_opt_outs,
            at=at,
        )
        return await self._run(payload, destinations, "destinations", options)

    async def send_each(
        self,
        *,
        messages: Messages | None = None,
        template: str | None = None,
        rows: Rows | None = None,
        sender: str | None = None,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        chunk_size: int | None = None,
        concurrency: int = 8,
        max_rate: float | None = None,
        deduplicate: bool = True,
        max_credits: float | None = None,
        require_balance: bool = False,
        progress: Callable[[BulkProgress], object] | None = None,
        journal: JournalOrPath | None = None,
        campaign: str | None = None,
        on_unknown: Literal["report", "resend"] = "report",
        settle: float = 30.0,
        window: SendWindow | None = None,
        respect_opt_outs: bool | None = None,
    ) -> BulkReport:
        """Send any number of messages, each with its own text, and report each outcome.

        Pass messages, or a template, rows and a sender: ``template="Hi {first_name}"`` is filled
        from each row's ``first_name`` and sent to its ``destination``. A row without one of them is
        invalid.

        A message with the same destination and the same text as an earlier one is a duplicate. A
        rejection of one text affects only that text: the chunk is halved until it is found. With a
        journal every message has identifying metadata. The messages cannot be scheduled (there is
        no `at`), since the API can only schedule one text to many. Everything else is as for
        `send`.

        Args:
            messages: an iterable or async iterable of `Message` objects, or of mappings with the
                fields of `MessageFields`.
            template: a text with names in braces; ``{{`` and ``}}`` stand for braces. The filled
                text has 1 to 1280 UTF-16 units.
            rows: an iterable or async iterable of mappings, such as a
                `csv.DictReader`.
            sender: the sender ID of a template's messages, 3 to 11 ASCII letters and digits, or 3
                to 15 digits; required with a template. This and the next five are only for
                templates, since messages have their own.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary
                (default False).
            chunk_size: the recipients per request, 1 to the client's `batch_size`, which is the
                default (500).
            concurrency: the most requests in flight, at least 1; default 8. A temporary rejection
                halves it, and successes increase it again in steps of one.
            max_rate: requests a second; default no limit.
            deduplicate: exclude duplicates (default True). Without it memory use is constant.
            max_credits: the limit of the run's estimated cost, greater than 0; default no limit. If
                the number of recipients is known, a run over the limit is refused before the first
                request; otherwise it stops before the chunk that exceeds it. Like `estimate`, it
                reads the price of each country outside the UK from the API, and counts a text with
                an unknown price or country double.
            require_balance: read the balance, and refuse the run before the first request if it is
                less than the estimated cost (default False); see `max_credits`. The number of
                recipients must be known, from a list or a journal.
            progress: an async or plain function, called with a `BulkProgress` when recipients are
                planned, when a chunk is done, and about once a second in every phase.
            journal: the journal of the campaign: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; default: the client's. It needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what to do with an unknown chunk of which the search shows no trace:
                ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again, which
                texts its recipients twice if the search was wrong. It needs a journal.
            settle: the seconds during which unknown chunks are searched for repeatedly; default 30.
                It needs a journal.
            window: a `SendWindow` with the hours in which requests may be sent; default: any time.
                It is stored with the campaign, and only `resume` changes it.
            respect_opt_outs: leave out recipients who have opted out, according to the client's
                list, or else the one in the campaign's journal (default True). False is for
                non-marketing messages. It is stored with the campaign; None keeps the campaign's
                setting.

        Returns:
            A report whose counts add up. Failures of requests are not raised, but reported: with a
            wrong token, too little credit or no connection, recipients are `rejected` or
            `not_sent`, and `stopped` says why the run ended early. With a journal the report covers
            the whole campaign, including earlier runs and other processes. A list without valid
            recipients creates no campaign, and its name stays unused.

        Raises:
            ValidationError: the message or a setting is invalid, `max_credits` or the balance is
                too low, or the journal has a different campaign of this name; nothing was sent.
            APIError, NotSent, OutcomeUnknown: with `max_credits` or `require_balance`, a price or
                the balance could not be read; nothing was sent.
            BulkInterrupted: `messages`, `rows` or `progress` raised; its `report` has the outcomes
                so far.
            JournalError: the journal cannot be read or written.
            CancelledError: the call was cancelled. Without a journal its ``report`` attribute has
                the outcomes so far, with recipients in flight as unknown.
        """
        options = Options(
            chunk_size=choose_chunk_size(chunk_size, self._requester.settings.batch_size),
            concurrency=concurrency,
            max_rate=max_rate,
            deduplicate=deduplicate,
            max_credits=max_credits,
            require_balance=require_balance,
            progress=progress,
            journal=self._default_journal(journal, campaign),
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
            window=window,
            respect_opt_outs=respect_opt_outs,
        )
        common = common_fields(sender, tag, delivery_report_url, ttl, validity, ai)
        payload = personal_payload(template, common, options.campaign, self._destination)
        values, field = messages_or_rows(template, messages, rows)
        return await self._run(payload, values, field, options)

    async def estimate(
        self,
        *,
        content: str | None = None,
        destinations: Destinations | None = None,
        messages: Messages | None = None,
        template: str | None = None,
        rows: Rows | None = None,
        sender: str | None = None,
        deduplicate: bool = True,
        balance: bool = True,
        respect_opt_outs: bool = True,
    ) -> BulkEstimate:
        """Estimate the cost of a bulk run and check its texts, without sending anything.

        Pass content and destinations, or messages, or a template and rows. All recipients are read,
        which exhausts an iterator.

        Args:
            content: the text for all destinations, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of numbers, as for `send`.
            messages: an iterable or async iterable of messages, as for `send_each`.
            template: a text with names in braces, as for `send_each`.
            rows: an iterable or async iterable of mappings, as for `send_each`.
            sender: the sender ID for content or a template, which is also checked; messages have
                their own.
            deduplicate: exclude duplicates (default True).
            balance: read the account's balance, too (default True).
            respect_opt_outs: leave out recipients who have opted out according to the client's
                list, if it has one (default True).

        If the client is international, the price of each country among the numbers is read from
        the API with one request per country. An unknown price counts double.

        Raises:
            ValidationError: the arguments are not one of the three combinations, or a text is
                invalid.
            APIError: the API rejected the request for a price or the balance.
            JournalError: the client's opt-out list cannot be read.
        """
        payload, people, field = choose_payload(
            content, destinations, messages, template, rows, sender, self._destination
        )
        check_iterable(people, field)
        respected = checks.boolean(respect_opt_outs, "respect_opt_outs")
        opt_outs = self._kept.opt_outs() if respected else None
        asked = checks.boolean(balance, "balance")
        apart = checks.boolean(deduplicate, "deduplicate")
        gateway = self._gateway
        found = await estimate(
            payload,
            copy_each(people),
            deduplicate=apart,
            prices=Prices(gateway.cost),
            opt_outs=None if opt_outs is None else OptOutView(opt_outs),
        )
        if asked:
            found = attrs.evolve(found, balance=await gateway.balance())
        return found

    async def _run(
        self,
        payload: Payload[Any],
        values: Iterable[Any] | AsyncIterable[Any] | None,
        field: str,
        options: Options,
    ) -> BulkReport:
        if values is not None or options.journal is None:
            check_iterable(values, field)
        if values is not None and field != "destinations":
            values = copy_each(values)
        if options.journal is not None or values is None:
            from smsworks_async.bulk.campaign.start import send

            return await send(
                payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
            )
        return await run.send(
            payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
        )
