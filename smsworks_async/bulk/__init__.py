"""Bulk: any number of recipients, in chunks, each of them accounted for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

import attrs

from smsworks_async.bulk import stream
from smsworks_async.bulk.estimate import BulkEstimate, estimate, what_to_estimate
from smsworks_async.bulk.kinds import OneText, kind_of_each
from smsworks_async.bulk.options import (
    ATTEMPTS,
    PAUSE,
    SETTLE,
    BulkFields,
    BulkOptions,
    EachFields,
    RunOptions,
    check_seconds,
    make_options,
    option_names,
)
from smsworks_async.bulk.provider import Provider
from smsworks_async.bulk.recipients import Kind, owned
from smsworks_async.bulk.report import (
    BatchOutcome,
    BulkProgress,
    BulkReport,
    BulkStatus,
    Outcome,
    Problem,
    Reason,
    RecipientOutcome,
)
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.outgoing import Message
from smsworks_async.resources._base import Resource


if TYPE_CHECKING:
    from smsworks_async.bulk.journals import Journal
    from smsworks_async.calls import Calls
    from smsworks_async.models.incoming import MessageRecord
    from smsworks_async.waiting import Waits


__all__ = [
    "AsyncBulk",
    "BatchOutcome",
    "BulkEstimate",
    "BulkFields",
    "BulkOptions",
    "BulkProgress",
    "BulkReport",
    "BulkStatus",
    "EachFields",
    "Outcome",
    "Problem",
    "Reason",
    "RecipientOutcome",
    "RunOptions",
]

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

    def __init__(self, calls: Calls, waits: Waits) -> None:
        super().__init__(calls)
        self._waits = waits

    async def send(
        self, *, destinations: Destinations | None = None, **fields: Unpack[BulkFields]
    ) -> BulkReport:
        """Send one text to any number of recipients, in chunks, and account for each of them.

        Without a journal it reads as it sends, and keeps only the numbers that it has seen, to find
        repeats, and what went wrong. With ``journal`` and ``campaign`` all recipients are written
        down before the first is sent to, and every request before it leaves: run again after
        whatever happened, it goes on where it was, and what is in doubt is looked for and not sent
        again. Numbers outside the UK go in chunks of their own.

        Args:
            destinations: any iterable or async iterable of numbers, in any usual spelling. It may
                be left out where the journal has the whole campaign.
            **fields: ``sender`` and ``content``, and if you like ``tag``,
                ``delivery_report_url``, ``ttl``, ``validity`` and ``ai`` (False unless asked for),
                as `CommonFields` explains; ``chunk_size``, ``concurrency``, ``max_rate``,
                ``deduplicate``, ``max_credits``, ``require_balance``, ``progress``, ``journal``,
                ``campaign``, ``on_unknown`` and ``settle``, as `BulkOptions` explains.

        Returns:
            A report that adds up. What happens to the requests is in the report, and not raised: a
            wrong token, too little credit or no connection leave recipients `rejected` or
            `not_sent`, and `stopped` says why a run ended early. With a journal it is of the whole
            campaign, earlier runs and other processes included.

        Raises:
            ValidationError: the message or a setting is not as it should be, `max_credits` or the
                balance does not suffice, or the journal has another campaign of this name; nothing
                was sent.
            BulkInterrupted: `destinations` or `progress` raised; its `report` tells how far it got.
            JournalError: the journal cannot be read or written.
        """
        message, options = _split(fields)
        if message.get("ai") is None:
            message["ai"] = False
        return await self._run(
            OneText.of(message, self._calls.settings.destination),
            destinations,
            "destinations",
            options,
        )

    async def send_each(
        self,
        messages: Messages | None = None,
        *,
        template: str | None = None,
        rows: Rows | None = None,
        **fields: Unpack[EachFields],
    ) -> BulkReport:
        """Send any number of messages, each with a text of its own; otherwise as `send`.

        Give messages, or a template and rows: ``template="Hi {first_name}"`` is filled from each
        row's ``first_name`` and sent to its ``destination``. A row without one of them is invalid.

        What has the same destination and the same text is a repeat. A refusal that is about one
        text stops that text alone: the chunk is halved until it is found. With a journal every
        message carries metadata that tells it from all others.

        Args:
            messages: any iterable or async iterable of messages, or mappings of `MessageFields`.
            template: a text with names in braces; ``{{`` and ``}}`` stand for braces.
            rows: any iterable or async iterable of mappings, such as `csv.DictReader` gives.
            **fields: see `BulkOptions`; with a template ``sender``, and if you like ``tag``,
                ``delivery_report_url``, ``ttl``, ``validity`` and ``ai``.

        Raises:
            As `send`.
        """
        common, options = _split(fields)
        kind = kind_of_each(
            template, common, options.get("campaign"), self._calls.settings.destination
        )
        if template is None:
            return await self._run(kind, messages, "messages", options)
        if messages is not None:
            raise ValidationError("give messages, or a template and rows", field="messages")
        return await self._run(kind, rows, "rows", options)

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
        """Say what a bulk run would cost, and send nothing.

        Give a content and destinations, or messages, or a template and rows. All of them are read:
        an iterator is used up.

        Args:
            content: the text for all destinations.
            destinations: as for `send`.
            messages: as for `send_each`.
            template: as for `send_each`.
            rows: as for `send_each`.
            deduplicate: whether repeats are set aside.
            balance: whether to ask for the account's balance, too.

        Raises:
            ValidationError: what was given is none of the three, or a text is not as it should be.
        """
        rule = self._calls.settings.destination
        kind, values, field = what_to_estimate(
            content, destinations, messages, template, rows, rule
        )
        check_iterable(values, field)
        found = await estimate(kind, owned(values), deduplicate=deduplicate)
        if balance:
            found = attrs.evolve(found, balance=await self._provider.balance())
        return found

    async def reconcile(
        self, campaign: str, *, journal: JournalOrPath, settle: float = SETTLE
    ) -> BulkReport:
        """Look for what is in doubt in a campaign, and account for everybody. It sends nothing.

        What is found is accepted. What is not stays unknown, and the report names it: a search may
        lag behind, so that finding nothing does not prove that nothing was sent.

        Args:
            campaign: its name.
            journal: where it is kept.
            settle: seconds within which it is looked for, several times.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read or written.
        """
        from smsworks_async.bulk import campaigns

        seconds = check_seconds(settle, "settle")
        async with campaigns.kept(journal, campaign) as kept:
            return await campaigns.reconcile(kept, self._provider, seconds, self._sleep)

    async def retry_undelivered(
        self,
        campaign: str,
        *,
        journal: JournalOrPath,
        attempts: int = ATTEMPTS,
        pause: float = PAUSE,
        **options: Unpack[RunOptions],
    ) -> BulkReport:
        """Send again to those whom a campaign did not reach for a reason that may have passed.

        It reads what became of the campaign's batches. Whoever's last message failed for a passing
        reason (no signal, roaming, do not disturb, expired, handset error: 5006, 5008, 5013, 5015,
        5034) is sent to again, in a round that the journal keeps beside the campaign; whoever is on
        the way, in doubt, delivered, or failed for good is not.

        Args:
            campaign: its name.
            journal: where it is kept.
            attempts: how often one recipient is sent to at most, the first time included: 2 or
                more. Whatever it allows, nobody gets more than 6 alike in an hour, which is where
                the provider's flooding filter begins.
            pause: seconds that must have passed since the last failure.
            **options: ``concurrency``, ``max_rate``, ``progress``, ``on_unknown`` and ``settle``.

        Returns:
            A report of this round: ``read`` are those who were due.

        Raises:
            As `send`.
        """
        from smsworks_async.bulk import campaigns
        from smsworks_async.bulk.again import Again

        if strangers := options.keys() - RunOptions.__optional_keys__:
            raise ValidationError(
                f"retry_undelivered has no {', '.join(sorted(strangers))}", field=min(strangers)
            )
        checks.whole_number(attempts, "attempts", at_least=2)
        check_seconds(pause, "pause")
        given: Any = {**options, "journal": journal, "campaign": campaign}
        chosen = make_options(self._calls.settings.batch_size, given)
        async with campaigns.kept(journal, campaign) as kept:
            again: Again[Any] = Again(kept.kind, attempts, pause, self._clock())
            return await campaigns.send_again(kept, self._provider, chosen, again, self._sleep)

    async def status(self, campaign: str, *, journal: JournalOrPath) -> BulkStatus:
        """Say how far a campaign has got, from any process that has its journal.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk import campaigns

        async with campaigns.kept(journal, campaign) as kept:
            return await campaigns.status(kept)

    async def outcomes(
        self, campaign: str, *, journal: JournalOrPath
    ) -> AsyncGenerator[RecipientOutcome]:
        """Give what became of every recipient of a campaign, one by one, as its journal has it.

        Those who were put into chunks come first, then those who were set aside.

        Raises:
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk import campaigns, export

        async with campaigns.kept(journal, campaign) as kept:
            rows = export.recipients(kept.journal, campaign, kept.kind)
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
        """Give what becomes of each recipient of a campaign, as soon as it is final.

        It looks at the campaign's batches, at once, a second later, then ever less often, down to
        every 30 seconds; a `smsworks_async.webhooks.Webhooks` that was given this client is quicker
        where the report names its batch. Each message comes once, those that were final before
        among them, and those of `retry_undelivered`. It ends when all of them are final. A batch
        whose records have vanished at the provider's says nothing.

        Args:
            campaign: its name.
            journal: where it is kept.
            timeout: seconds for all of it; None follows to the end. Networks may try for up to 72
                hours.

        Raises:
            StillInFlight: the time was over; it says how many were not final. Or recipients are
                still to be sent to, and nobody was sending for a minute.
            ValidationError: the journal has no such campaign.
            JournalError: the journal cannot be read.
        """
        from smsworks_async.bulk import campaigns
        from smsworks_async.bulk.follow import Follower

        seconds = None if timeout is None else check_seconds(timeout, "timeout")
        async with campaigns.kept(journal, campaign) as kept:
            follower = Follower(
                kept.journal, campaign, self._provider, self._waits, sleep=self._sleep
            )
            async with aclosing(follower.follow(seconds)) as records:
                async for record in records:
                    yield record

    async def export(
        self, campaign: str, *, journal: JournalOrPath, to: str | os.PathLike[str]
    ) -> int:
        """Write what became of every recipient of a campaign to a file, and count them.

        It says *accepted*, and not *delivered*: `follow` tells that. Its order is that of
        `outcomes`.

        Args:
            campaign: its name.
            journal: where it is kept.
            to: the file, ending in ``.csv`` or ``.jsonl`` (a JSON object a line). It holds whole
                numbers, and only its owner may read it.

        Raises:
            ValidationError: the journal has no such campaign, or the file another ending.
            JournalError: the journal cannot be read.
            OSError: the file cannot be written.
        """
        from smsworks_async.bulk import export

        return await export.write(self.outcomes(campaign, journal=journal), to)

    @property
    def _provider(self) -> Provider:
        return Provider(self._calls)

    async def _run(
        self,
        kind: Kind[Any],
        values: Iterable[Any] | AsyncIterable[Any] | None,
        field: str,
        given: BulkOptions,
    ) -> BulkReport:
        options = make_options(self._calls.settings.batch_size, given)
        if values is not None or options.journal is None:
            check_iterable(values, field)
        if values is not None and field != "destinations":
            values = owned(values)
        if options.journal is not None or values is None:
            from smsworks_async.bulk import campaigns

            return await campaigns.send(kind, values, self._provider, options, self._sleep)
        return await stream.send(kind, values, self._provider, options)


def _split(fields: Mapping[str, Any]) -> tuple[Any, BulkOptions]:
    """Part what is sent from how it is sent."""
    options = option_names()
    message = {name: value for name, value in fields.items() if name not in options}
    chosen: Any = {name: value for name, value in fields.items() if name in options}
    return message, chosen
