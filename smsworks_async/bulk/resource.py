"""Bulk: any number of recipients, in chunks, each of them accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import attrs

from smsworks_async.bulk import run
from smsworks_async.bulk.campaigns import JournalOrPath
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.continuing import Continuing
from smsworks_async.bulk.costs import Prices
from smsworks_async.bulk.estimate import BulkEstimate, choose_payload, estimate
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.options import (
    Options,
    choose_chunk_size,
)
from smsworks_async.bulk.payloads import SharedText, personal_payload
from smsworks_async.bulk.recipients import copy_each
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.outgoing import Message
from smsworks_async.models.report import (
    BulkProgress,
    BulkReport,
    BulkStatus,
)
from smsworks_async.models.values import is_missing
from smsworks_async.models.window import SendWindow


if TYPE_CHECKING:
    pass


#: What may be sent in bulk, and what a campaign is read from.
Destinations = Iterable[str | int] | AsyncIterable[str | int]
Messages = Iterable[Message | Mapping[str, Any]] | AsyncIterable[Message | Mapping[str, Any]]
Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


class AsyncBulk(Continuing):
    """Any number of recipients."""

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
        """Send one text to any number of recipients, in chunks, and account for each of them.

        Without a journal it reads as it sends, and keeps only the numbers that it has seen, to find
        repeats, and what went wrong. With a journal and a campaign all recipients are written down
        before the first is sent to, and every request before it leaves: run again after whatever
        happened, it continues where it was, and unknown chunks are searched for and not sent again.
        Numbers outside the UK go in chunks of their own.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            content: the text, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of the recipients' numbers, in any usual
                spelling. It may be left out where the journal has the whole campaign.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where delivery reports are posted, instead of the account's
                address.
            ttl: minutes until a delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary
                (default False). With it texts cannot be compared when unknown chunks are searched
                for.
            chunk_size: recipients in one request, 1 to the client's `batch_size`, which is the
                default (500).
            concurrency: requests in flight at a time, 1 or more; 8 by default. A temporary refusal
                halves it, and successes raise it again one by one.
            max_rate: requests a second; no limit by default.
            deduplicate: set repeats aside (default True). Without it memory stays flat.
            max_credits: estimated credits that the run may cost, above 0; no limit by default.
                Where the number of recipients is known, the run is refused before the first
                request, otherwise it stops before the chunk that goes beyond. Like `estimate` it
                asks the API for the price in each country outside the UK, and counts a text whose
                price or country is not known double.
            require_balance: ask for the balance, and refuse the run before the first request where
                it is less than the estimate (default False), which `max_credits` describes. The
                number of recipients must be known: it is with a list, and with a journal.
            progress: a function, async or not, called with a `BulkProgress` when recipients are
                planned, whenever a chunk is done, and in every phase about once a second.
            journal: where the campaign is kept: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; the client's by default. Needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what becomes of a chunk whose outcome is unknown, and of which no trace is
                found: ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again,
                which texts its recipients twice where the search was mistaken. Needs a journal.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default. Needs a journal.
            window: the hours in which requests may leave, a `SendWindow`; always by default. It
                belongs to the campaign, and only `resume` changes it.
            respect_opt_outs: leave out who has opted out (default True), by the client's list, or
                else by the one in the campaign's journal; False is for messages that are no
                marketing. It belongs to the campaign; None leaves it as the campaign has it.
            at: when the messages are due: an aware datetime, at most 60 seconds in the past and
                within the window; at once by default. The provider is asked at any hour to send
                them then. It belongs to the campaign. Run again before that time, it cancels each
                batch with a recipient who has opted out since, and schedules it again without them;
                who cannot be left out any more is in the report's `too_late`.

        Returns:
            A report that adds up. What happens to the requests is in the report, and not raised: a
            wrong token, too little credit or no connection leave recipients `rejected` or
            `not_sent`, and `stopped` says why a run ended early. With a journal it is of the whole
            campaign, earlier runs and other processes included.
            A list without a valid recipient makes no campaign, and its name stays free.

        Raises:
            ValidationError: the message or a setting is not as it should be, `max_credits` or the
                balance does not suffice, `at` is past or outside the window, or the journal has
                another campaign of this name; nothing was sent.
            APIError, NotSent, OutcomeUnknown: with `max_credits` or `require_balance`, a price or
                the balance could not be asked for; nothing was sent.
            BulkInterrupted: `destinations` or `progress` raised; its `report` tells how far it got.
            JournalError: the journal cannot be read or written.
            CancelledError: the call was cancelled. Without a journal its ``report`` attribute tells
                how far it got, with recipients in flight as unknown.
        """
        payload = SharedText.of(
            self._destination,
            sender=sender,
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=False if is_missing(ai) else ai,  # None would leave it to the account's setting
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
        """Send any number of messages, each with a text of its own, and account for each of them.

        Pass messages, or a template, rows and a sender: ``template="Hi {first_name}"`` is filled
        from each row's ``first_name`` and sent to its ``destination``. A row without one of them is
        invalid.

        What has the same destination and the same text is a repeat. A refusal that is about one
        text stops that text alone: the chunk is halved until it is found. With a journal every
        message carries metadata that tells it from all others. It cannot be scheduled (there is no
        `at`), since the API schedules one text to many alone. Otherwise it is as `send`.

        Args:
            messages: an iterable or async iterable of messages, or of mappings of their fields as
                `MessageFields` has them.
            template: a text with names in braces; ``{{`` and ``}}`` stand for braces. The filled
                text has 1 to 1280 UTF-16 units.
            rows: an iterable or async iterable of mappings, such as `csv.DictReader` makes.
            sender: the sender ID of a template's messages, 3 to 11 ASCII letters and digits, or 3
                to 15 digits; required with a template. This and the next five are for a template
                only, since messages have their own.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where delivery reports are posted, instead of the account's
                address.
            ttl: minutes until a delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary; False
                by default.
            chunk_size: recipients in one request, 1 to the client's `batch_size`, which is the
                default (500).
            concurrency: requests in flight at a time, 1 or more; 8 by default. A temporary refusal
                halves it, and successes raise it again one by one.
            max_rate: requests a second; no limit by default.
            deduplicate: set repeats aside (default True). Without it memory stays flat.
            max_credits: estimated credits that the run may cost, above 0; no limit by default.
                Where the number of recipients is known, the run is refused before the first
                request, otherwise it stops before the chunk that goes beyond. Like `estimate` it
                asks the API for the price in each country outside the UK, and counts a text whose
                price or country is not known double.
            require_balance: ask for the balance, and refuse the run before the first request where
                it is less than the estimate (default False), which `max_credits` describes. The
                number of recipients must be known: it is with a list, and with a journal.
            progress: a function, async or not, called with a `BulkProgress` when recipients are
                planned, whenever a chunk is done, and in every phase about once a second.
            journal: where the campaign is kept: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; the client's by default. Needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what becomes of a chunk whose outcome is unknown, and of which no trace is
                found: ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again,
                which texts its recipients twice where the search was mistaken. Needs a journal.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default. Needs a journal.
            window: the hours in which requests may leave, a `SendWindow`; always by default. It
                belongs to the campaign, and only `resume` changes it.
            respect_opt_outs: leave out who has opted out (default True), by the client's list, or
                else by the one in the campaign's journal; False is for messages that are no
                marketing. It belongs to the campaign; None leaves it as the campaign has it.

        Returns:
            A report that adds up. What happens to the requests is in the report, and not raised: a
            wrong token, too little credit or no connection leave recipients `rejected` or
            `not_sent`, and `stopped` says why a run ended early. With a journal it is of the whole
            campaign, earlier runs and other processes included.
            A list without a valid recipient makes no campaign, and its name stays free.

        Raises:
            ValidationError: the message or a setting is not as it should be, `max_credits` or the
                balance does not suffice, or the journal has another campaign of this name; nothing
                was sent.
            APIError, NotSent, OutcomeUnknown: with `max_credits` or `require_balance`, a price or
                the balance could not be asked for; nothing was sent.
            BulkInterrupted: `messages`, `rows` or `progress` raised; its `report` tells how far it
                got.
            JournalError: the journal cannot be read or written.
            CancelledError: the call was cancelled. Without a journal its ``report`` attribute tells
                how far it got, with recipients in flight as unknown.
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
        common = _common(sender, tag, delivery_report_url, ttl, validity, ai)
        payload = personal_payload(template, common, options.campaign, self._destination)
        values, field = _each(template, messages, rows)
        return await self._run(payload, values, field, options)

    async def plan(
        self,
        *,
        sender: str,
        content: str,
        destinations: Destinations,
        campaign: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool = False,
        chunk_size: int | None = None,
        deduplicate: bool = True,
        progress: Callable[[BulkProgress], object] | None = None,
        journal: JournalOrPath | None = None,
        window: SendWindow | None = None,
        respect_opt_outs: bool | None = None,
        at: datetime | None = None,
    ) -> BulkStatus:
        """Plan a campaign, whole, and send nothing.

        Planning again with the same arguments goes on where it was interrupted. `send` with the
        same arguments, the destinations left out, sends it.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            content: the text, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of the recipients' numbers, in any usual
                spelling.
            campaign: the campaign's name in the journal, 1 to 100 printable characters.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where delivery reports are posted, instead of the account's
                address.
            ttl: minutes until a delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary
                (default False).
            chunk_size: recipients in one request, 1 to the client's `batch_size`, which is the
                default (500).
            deduplicate: set repeats aside (default True).
            progress: a function, async or not, called with a `BulkProgress` about once a second.
            journal: where the campaign is kept: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; the client's by default.
            window: the hours in which requests may leave, a `SendWindow`; always by default.
            respect_opt_outs: leave out who has opted out, when it is sent (default True).
            at: when the messages are due, as for `send`, which must be given the same; at once by
                default.

        Returns:
            The campaign's status. Without a valid recipient nothing is kept, and it counts what
            was read.

        Raises:
            ValidationError: the message or a setting is not as it should be, `at` is past or
                outside the window, or the journal has another campaign of this name.
            BulkInterrupted: `destinations` or `progress` raised.
            JournalError: the journal cannot be read or written.
        """
        payload = SharedText.of(
            self._destination,
            sender=sender,
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=False if is_missing(ai) else ai,
        )
        options = Options(
            chunk_size=choose_chunk_size(chunk_size, self._requester.settings.batch_size),
            deduplicate=deduplicate,
            progress=progress,
            journal=self._journal_of(journal),
            campaign=campaign,
            window=window,
            respect_opt_outs=respect_opt_outs,
            at=at,
        )
        return await self._plan(payload, destinations, "destinations", options)

    async def plan_each(
        self,
        *,
        campaign: str,
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
        deduplicate: bool = True,
        progress: Callable[[BulkProgress], object] | None = None,
        journal: JournalOrPath | None = None,
        window: SendWindow | None = None,
        respect_opt_outs: bool | None = None,
    ) -> BulkStatus:
        """Plan a campaign of messages with texts of their own, whole, and send nothing: see `plan`.

        Args:
            campaign: the campaign's name in the journal, 1 to 100 printable characters.
            messages: an iterable or async iterable of messages, as for `send_each`.
            template: a text with names in braces, as for `send_each`.
            rows: an iterable or async iterable of mappings, as for `send_each`.
            sender: the sender ID of a template's messages. This and the next five are for a
                template only, since messages have their own.
            tag: a label to search for, at most 280 characters.
            delivery_report_url: where delivery reports are posted, instead of the account's
                address.
            ttl: minutes until a delivery report is deleted, 1 or more; three months by default.
            validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
            ai: whether the provider may reword a text that is just over a credit's boundary; False
                by default.
            chunk_size: recipients in one request, 1 to the client's `batch_size`, which is the
                default (500).
            deduplicate: set repeats aside (default True).
            progress: a function, async or not, called with a `BulkProgress` about once a second.
            journal: where the campaign is kept: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; the client's by default.
            window: the hours in which requests may leave, a `SendWindow`; always by default.
            respect_opt_outs: leave out who has opted out, when it is sent (default True).

        Returns:
            The campaign's status, as `plan` returns it.

        Raises:
            ValidationError: a message or a setting is not as it should be, or the journal has
                another campaign of this name.
            BulkInterrupted: `messages`, `rows` or `progress` raised.
            JournalError: the journal cannot be read or written.
        """
        options = Options(
            chunk_size=choose_chunk_size(chunk_size, self._requester.settings.batch_size),
            deduplicate=deduplicate,
            progress=progress,
            journal=self._journal_of(journal),
            campaign=campaign,
            window=window,
            respect_opt_outs=respect_opt_outs,
        )
        common = _common(sender, tag, delivery_report_url, ttl, validity, ai)
        payload = personal_payload(template, common, options.campaign, self._destination)
        values, field = _each(template, messages, rows)
        return await self._plan(payload, values, field, options)

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
        """Return what a bulk run would cost, without sending anything, and what to look at first.

        Pass a content and destinations, or messages, or a template and rows. All of them are read:
        an iterator is used up.

        Args:
            content: the text for all destinations, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of numbers, as for `send`.
            messages: an iterable or async iterable of messages, as for `send_each`.
            template: a text with names in braces, as for `send_each`.
            rows: an iterable or async iterable of mappings, as for `send_each`.
            sender: the sender ID of a content or a template, which may be warned of; messages have
                their own.
            deduplicate: set repeats aside (default True).
            balance: ask for the account's balance, too (default True).
            respect_opt_outs: leave out who has opted out by the client's list, if it has one
                (default True).

        Where the client is international, the API is asked what a text costs in each country that
        a number belongs to: one request a country. A price that it does not know counts double.

        Raises:
            ValidationError: what was given is none of the three, or a text is not as it should be.
            APIError: the API refused to tell a price or the balance.
            JournalError: the client's list of opt-outs cannot be read.
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
            from smsworks_async.bulk.campaign.run import send

            return await send(
                payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
            )
        return await run.send(
            payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
        )

    async def _plan(
        self,
        payload: Payload[Any],
        values: Iterable[Any] | AsyncIterable[Any] | None,
        field: str,
        options: Options,
    ) -> BulkStatus:
        from smsworks_async.bulk.campaign.run import plan

        check_iterable(values, field)
        if field != "destinations":
            values = copy_each(values)
        return await plan(
            payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
        )


def _common(*given: object) -> dict[str, Any]:
    """Return what all messages of a template share: those fields that were given."""
    names = ("sender", "tag", "delivery_report_url", "ttl", "validity", "ai")
    pairs = zip(names, given, strict=True)
    return {name: value for name, value in pairs if not is_missing(value)}


def _each(template: object, messages: Any, rows: Any) -> tuple[Any, str]:
    """Return the messages, or a template's rows, with the argument's name."""
    if template is None:
        return messages, "messages"
    if messages is not None:
        raise ValidationError("give messages, or a template and rows", field="messages")
    return rows, "rows"
