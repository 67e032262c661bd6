"""Bulk: any number of recipients, in chunks, each of them accounted for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from smsworks_async.bulk import run
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.costs import Prices
from smsworks_async.bulk.estimate import BulkEstimate, choose_payload, estimate
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.options import (
    Options,
    check_journal,
    check_seconds,
    choose_chunk_size,
)
from smsworks_async.bulk.payloads import SharedText, personal_payload
from smsworks_async.bulk.recipients import copy_each
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks, values
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.outgoing import Message
from smsworks_async.models.report import (
    BulkProgress,
    BulkReport,
    BulkStatus,
    RecipientOutcome,
)
from smsworks_async.models.values import is_missing
from smsworks_async.resources._base import Resource


if TYPE_CHECKING:
    from smsworks_async._client_journal import ClientJournal
    from smsworks_async._http.requester import Requester
    from smsworks_async.journals import Journal
    from smsworks_async.models.incoming import MessageRecord
    from smsworks_async.resources._poller import StatusPoller


#: What may be sent in bulk, and what a campaign is read from.
Destinations = Iterable[str | int] | AsyncIterable[str | int]
Messages = Iterable[Message | Mapping[str, Any]] | AsyncIterable[Message | Mapping[str, Any]]
Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]
JournalOrPath: TypeAlias = "Journal | str | os.PathLike[str]"


class AsyncBulk(Resource):
    """Any number of recipients."""

    # Tests turn the time by these.
    _sleep = staticmethod(asyncio.sleep)
    _clock = staticmethod(time.time)
    _monotonic = staticmethod(time.monotonic)

    def __init__(self, requester: Requester, poller: StatusPoller, kept: ClientJournal) -> None:
        super().__init__(requester)
        self._poller = poller
        self._kept = kept

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
            journal: where the campaign is kept: the path of an SQLite file, or a journal of
                `smsworks_async.journals`. Needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what becomes of a chunk whose outcome is unknown, and of which no trace is
                found: ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again,
                which texts its recipients twice where the search was mistaken. Needs a journal.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default. Needs a journal.

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
            journal=journal,
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
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
    ) -> BulkReport:
        """Send any number of messages, each with a text of its own, and account for each of them.

        Pass messages, or a template, rows and a sender: ``template="Hi {first_name}"`` is filled
        from each row's ``first_name`` and sent to its ``destination``. A row without one of them is
        invalid.

        What has the same destination and the same text is a repeat. A refusal that is about one
        text stops that text alone: the chunk is halved until it is found. With a journal every
        message carries metadata that tells it from all others. Otherwise it is as `send`.

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
            journal: where the campaign is kept: the path of an SQLite file, or a journal of
                `smsworks_async.journals`. Needs a campaign.
            campaign: the campaign's name in the journal, 1 to 100 printable characters. The same
                name continues the same campaign.
            on_unknown: what becomes of a chunk whose outcome is unknown, and of which no trace is
                found: ``"report"`` (the default) leaves it unknown; ``"resend"`` sends it again,
                which texts its recipients twice where the search was mistaken. Needs a journal.
            settle: seconds within which unknown chunks are searched for, several times; 30 by
                default. Needs a journal.

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
        fields = {
            "sender": sender,
            "tag": tag,
            "delivery_report_url": delivery_report_url,
            "ttl": ttl,
            "validity": validity,
            "ai": ai,
        }
        common = {name: value for name, value in fields.items() if not is_missing(value)}
        options = Options(
            chunk_size=choose_chunk_size(chunk_size, self._requester.settings.batch_size),
            concurrency=concurrency,
            max_rate=max_rate,
            deduplicate=deduplicate,
            max_credits=max_credits,
            require_balance=require_balance,
            progress=progress,
            journal=journal,
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
        )
        payload = personal_payload(template, common, options.campaign, self._destination)
        if template is None:
            return await self._run(payload, messages, "messages", options)
        if messages is not None:
            raise ValidationError("give messages, or a template and rows", field="messages")
        return await self._run(payload, rows, "rows", options)

    async def estimate(
        self,
        *,
        content: str | None = None,
        destinations: Destinations | None = None,
        messages: Messages | None = None,
        template: str | None = None,
        rows: Rows | None = None,
        deduplicate: bool = True,
        balance: bool = True,
    ) -> BulkEstimate:
        """Return what a bulk run would cost, without sending anything.

        Pass a content and destinations, or messages, or a template and rows. All of them are read:
        an iterator is used up.

        Args:
            content: the text for all destinations, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of numbers, as for `send`.
            messages: an iterable or async iterable of messages, as for `send_each`.
            template: a text with names in braces, as for `send_each`.
            rows: an iterable or async iterable of mappings, as for `send_each`.
            deduplicate: set repeats aside (default True).
            balance: ask for the account's balance, too (default True).

        Where the client is international, the API is asked what a text costs in each country that
        a number belongs to: one request a country. A price that it does not know counts double.

        Raises:
            ValidationError: what was given is none of the three, or a text is not as it should be.
            APIError: the API refused to tell a price or the balance.
        """
        payload, people, field = choose_payload(
            content, destinations, messages, template, rows, self._destination
        )
        check_iterable(people, field)
        asked = checks.boolean(balance, "balance")
        apart = checks.boolean(deduplicate, "deduplicate")
        gateway = self._gateway
        found = await estimate(
            payload, copy_each(people), deduplicate=apart, prices=Prices(gateway.cost)
        )
        if asked:
            found = attrs.evolve(found, balance=await gateway.balance())
        return found

    async def reconcile(
        self,
        campaign: str,
        *,
        journal: JournalOrPath,
        settle: float = 30.0,
        restored: bool = False,
    ) -> BulkReport:
        """Search for a campaign's unknown chunks, and account for everybody. It sends nothing.

        What is found is accepted. What is not stays unknown, and the report names it: a search may
        lag behind, so that finding nothing does not prove that nothing was sent.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: the path of an SQLite file, or a journal.
            settle: seconds within which it is searched for, several times; 30 by default.
            restored: whether the journal was restored from a copy, which does not know what was
                sent after it was made (default False). Pending chunks are then searched for as
                well, since the campaign began: they are pending again where every search has
                found nothing at all, and unknown where there is a trace. Call it before anything
                is sent: `send` cannot recognise a copy.

        Raises:
            ValidationError: the journal has no such campaign, or with `restored` the copy was
                made while the campaign was being planned, so that it lacks recipients.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk.campaign.reconcile import reconcile
        from smsworks_async.bulk.campaign.stored import open_campaign

        from_copy = checks.boolean(restored, "restored")
        seconds = check_seconds(settle, "settle")
        async with open_campaign(check_journal(journal), campaign) as stored:
            return await reconcile(stored, self._gateway, seconds, self._timer, restored=from_copy)

    async def retry_undelivered(
        self,
        campaign: str,
        *,
        journal: JournalOrPath,
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
            journal: where it is kept: the path of an SQLite file, or a journal.
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

        most = checks.integer(attempts, "attempts", at_least=2)
        seconds = check_seconds(pause, "pause")
        options = Options(
            chunk_size=self._requester.settings.batch_size,
            concurrency=concurrency,
            max_rate=max_rate,
            progress=progress,
            journal=journal,
            campaign=campaign,
            on_unknown=on_unknown,
            settle=settle,
        )
        policy = RedeliveryPolicy(most, seconds, self._clock())
        async with open_campaign(check_journal(journal), campaign) as stored:
            return await retry_undelivered(stored, self._gateway, options, policy, self._timer)

    async def status(self, campaign: str, *, journal: JournalOrPath) -> BulkStatus:
        """Return how far a campaign has got, from any process that has its journal.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: the path of an SQLite file, or a journal.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign.stored import open_campaign, status

        async with open_campaign(check_journal(journal), campaign) as stored:
            return await status(stored)

    async def outcomes(
        self, campaign: str, *, journal: JournalOrPath
    ) -> AsyncGenerator[RecipientOutcome]:
        """Yield the outcome of every recipient of a campaign, as its journal has it.

        Those who were put into chunks come first, then those who were set aside.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: the path of an SQLite file, or a journal.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk.campaign import export
        from smsworks_async.bulk.campaign.stored import open_campaign

        async with open_campaign(check_journal(journal), campaign) as stored:
            rows = export.recipients(stored.journal, stored.campaign.id, stored.payload)
            async with aclosing(rows):
                async for outcome in rows:
                    yield outcome

    async def follow(
        self,
        campaign: str,
        *,
        journal: JournalOrPath,
        timeout: float | None = None,  # noqa: ASYNC109 - of all of it, which outlasts its calls
    ) -> AsyncGenerator[MessageRecord]:
        """Yield the record of each recipient of a campaign, as soon as it is final.

        It looks at the campaign's batches, at once, a second later, then ever less often, down to
        every 30 seconds; a `smsworks_async.webhooks.Webhooks` that was given this client is quicker
        where the report names its batch. Each message comes once, those that were final before
        among them, and those of `retry_undelivered`. It ends when all of them are final. A batch
        whose records have vanished at the provider's says nothing.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: the path of an SQLite file, or a journal.
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
        async with open_campaign(check_journal(journal), campaign) as stored:
            follower = Follower(
                stored.journal, stored.campaign.id, self._gateway, self._poller, sleep=self._sleep
            )
            async with aclosing(follower.follow(seconds)) as records:
                async for record in records:
                    yield record

    async def export(
        self, campaign: str, *, journal: JournalOrPath, to: str | os.PathLike[str]
    ) -> int:
        """Write the outcome of every recipient of a campaign to a file; return their number.

        It says *accepted*, and not *delivered*: `follow` tells that. Its order is that of
        `outcomes`.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: the path of an SQLite file, or a journal.
            to: the file, ending in ``.csv`` or ``.jsonl`` (a JSON object a line). It holds whole
                numbers, and only its owner may read it. In a CSV file a cell that a spreadsheet
                would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a
                line end) begins with an apostrophe; ``+`` followed by digits and blanks alone,
                an international number, stays as it is. JSON lines are exact.

        Raises:
            ValidationError: the journal has no such campaign, or the file another ending.
            JournalError: the journal cannot be read.
            OSError: the file cannot be written.
        """
        from smsworks_async.bulk.campaign import export

        return await export.write(self.outcomes(campaign, journal=journal), values.path(to, "to"))

    @property
    def _timer(self) -> Timer:
        return Timer(self._sleep, self._monotonic, self._clock)

    @property
    def _gateway(self) -> BulkGateway:
        return BulkGateway(self._requester)

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

            return await send(payload, values, self._gateway, options, self._timer)
        return await run.send(payload, values, self._gateway, options, self._timer)
