"""The methods of `AsyncBulk` that plan campaigns and send nothing."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from smsworks_async.bulk.campaigns import JournalOrPath
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.continuing import Continuing
from smsworks_async.bulk.options import Options, choose_chunk_size
from smsworks_async.bulk.payloads import SharedText, personal_payload
from smsworks_async.bulk.recipients import copy_each
from smsworks_async.errors import ValidationError
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.outgoing import Message
from smsworks_async.models.report import BulkProgress, BulkStatus
from smsworks_async.models.values import is_missing
from smsworks_async.models.window import SendWindow


Destinations = Iterable[str | int] | AsyncIterable[str | int]
Messages = Iterable[Message | Mapping[str, Any]] | AsyncIterable[Message | Mapping[str, Any]]
Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


class Planning(Continuing):
    """The part of `AsyncBulk` that plans campaigns."""

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
        """Plan a complete campaign, and send nothing.

        If planning is interrupted, repeat it with the same arguments to continue. To send the
        campaign, call `send` with the same arguments without the destinations.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            content: the text, 1 to 1280 UTF-16 units.
            destinations: an iterable or async iterable of the recipients' numbers, in any usual
                spelling.
            campaign: the campaign's name in the journal, 1 to 100 printable characters.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary
                (default False).
            chunk_size: the recipients per request, 1 to the client's `batch_size`, which is the
                default (500).
            deduplicate: exclude duplicates (default True).
            progress: an async or plain function, called with a `BulkProgress` about once a second.
            journal: the journal of the campaign: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; default: the client's.
            window: a `SendWindow` with the hours in which requests may be sent; default: any time.
            respect_opt_outs: leave out recipients who have opted out when it is sent (default
                True).
            at: when the messages are due, as for `send`, which needs the same value; default: at
                once.

        Returns:
            The campaign's status. Without valid recipients nothing is stored, and the status has
            only
            the counts of what was read.

        Raises:
            ValidationError: the message or a setting is invalid, `at` is past or outside the
                window, or the journal has a different campaign of this name.
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
        """Plan a complete campaign of messages with their own texts, and send nothing; see `plan`.

        Args:
            campaign: the campaign's name in the journal, 1 to 100 printable characters.
            messages: an iterable or async iterable of messages, as for `send_each`.
            template: a text with names in braces, as for `send_each`.
            rows: an iterable or async iterable of mappings, as for `send_each`.
            sender: the sender ID of a template's messages. This and the next five are only for
                templates, since messages have their own.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary
                (default False).
            chunk_size: the recipients per request, 1 to the client's `batch_size`, which is the
                default (500).
            deduplicate: exclude duplicates (default True).
            progress: an async or plain function, called with a `BulkProgress` about once a second.
            journal: the journal of the campaign: a path, a PostgreSQL URL, or a journal of
                `smsworks_async.journals`; default: the client's.
            window: a `SendWindow` with the hours in which requests may be sent; default: any time.
            respect_opt_outs: leave out recipients who have opted out when it is sent (default
                True).

        Returns:
            The campaign's status, as `plan` returns it.

        Raises:
            ValidationError: a message or a setting is invalid, or the journal has a different
                campaign of this name.
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
        common = common_fields(sender, tag, delivery_report_url, ttl, validity, ai)
        payload = personal_payload(template, common, options.campaign, self._destination)
        values, field = messages_or_rows(template, messages, rows)
        return await self._plan(payload, values, field, options)

    async def _plan(
        self,
        payload: Payload[Any],
        values: Iterable[Any] | AsyncIterable[Any] | None,
        field: str,
        options: Options,
    ) -> BulkStatus:
        from smsworks_async.bulk.campaign.start import plan

        check_iterable(values, field)
        if field != "destinations":
            values = copy_each(values)
        return await plan(
            payload, values, self._gateway, options, self._timer, opt_outs=self._kept.opt_outs()
        )


def common_fields(*given: object) -> dict[str, Any]:
    """Return the shared fields of a template's messages that were passed."""
    names = ("sender", "tag", "delivery_report_url", "ttl", "validity", "ai")
    pairs = zip(names, given, strict=True)
    return {name: value for name, value in pairs if not is_missing(value)}


def messages_or_rows(template: object, messages: Any, rows: Any) -> tuple[Any, str]:
    """Return the messages, or the rows of a template, with the argument's name."""
    if template is None:
        return messages, "messages"
    if messages is not None:
        raise ValidationError("pass messages, or a template and rows", field="messages")
    return rows, "rows"
