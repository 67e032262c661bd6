"""Batches: one text to many, or many texts, in one request of at most 500 recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.checks import build_model
from smsworks_async.models.incoming import Batch, MessageRecord
from smsworks_async.models.iterables import as_mapping, check_iterable
from smsworks_async.models.outgoing import BatchMessage, Message, ScheduledBatch
from smsworks_async.resources._base import Resource
from smsworks_async.resources._calls import Call, KeyedBy, OnUnknown, Send
from smsworks_async.resources._opted_out import check_opt_outs


SEND: Final = Operation("POST", "/batch/send", body=BatchMessage)
SEND_EACH: Final = Operation("POST", "/batch/any", body=Message)
SCHEDULE: Final = Operation("POST", "/batch/schedule", body=ScheduledBatch)
_SEND: Final = Send("batches.send", SEND, Batch)
_SEND_EACH: Final = Send("batches.send_each", SEND_EACH, Batch, is_list=True)
_SCHEDULE: Final = Send("batches.schedule", SCHEDULE, Batch)
_GET: Final = Operation("GET", "/batch/{}", repeatable=True)
_CANCEL: Final = Operation("DELETE", "/batches/schedule/{}", repeatable=True)


def as_message(value: Message | Mapping[str, Any]) -> Message:
    """Return a `Message`, creating it from a mapping of fields if necessary.

    Raises:
        ValidationError: it is neither, or a field is invalid.
    """
    if isinstance(value, Message):
        return value
    fields = as_mapping(value)
    if fields is None:
        raise ValidationError(
            f"must be a Message or a mapping of its fields, not {type(value).__name__}",
            field="message",
        )
    return build_model(Message, fields)


def _at(position: int, value: Any, judge: Callable[[Any], str]) -> Message:
    try:
        message = as_message(value)
        destination = judge(message.destination)
        if destination == message.destination:
            return message
        return attrs.evolve(message, destination=destination)
    except ValidationError as error:
        raise ValidationError(
            f"messages[{position}]: {error}",
            field=f"messages[{position}].{error.field}",
            code=error.code,
        ) from error


class AsyncBatches(Resource):
    """Batches of at most 500 recipients; `bulk` takes any number."""

    async def send(
        self,
        *,
        sender: str,
        destinations: Iterable[str | int],
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> Batch:
        """Send one text to 1 to 500 recipients.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destinations: the recipients' numbers, in any usual spelling, 1 to 500 (or the client's
                `batch_size`).
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary;
                default: the account's setting.
            respect_opt_outs: raise `OptedOut` if a recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: recipients have opted out (with `respect_opt_outs`), see its `positions`;
                nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the batch; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the batch may have been accepted; it was not sent again. With a key it
                is safe to repeat the call, which searches for the batch first.
        """
        batch = BatchMessage(
            sender=sender,
            destinations=self._destinations(destinations),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._post(_SEND, batch, respect_opt_outs, keyed)

    async def send_each(
        self,
        *,
        messages: Iterable[Message | Mapping[str, Any]],
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> Batch:
        """Send 1 to 500 messages, each with its own text.

        Args:
            messages: `Message` objects, or mappings with the fields of `MessageFields`; 1 to 500
                (or the client's `batch_size`).
            respect_opt_outs: raise `OptedOut` if a recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; `field` also contains the index, such as
                ``messages[3].content``. Nothing was sent.
            OptedOut: recipients have opted out (with `respect_opt_outs`), see its `positions`;
                nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the batch; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the batch may have been accepted; it was not sent again. With a key it
                is safe to repeat the call, which searches for the batch first.
        """
        check_iterable(messages, "messages", awaitable=False)
        if as_mapping(messages) is not None:
            raise ValidationError("messages must be a list of messages", field="messages")
        checked = [
            _at(position, message, self._destination) for position, message in enumerate(messages)
        ]
        checks.batch_size(checked, "messages", self._requester.settings.batch_size)
        destinations = [message.destination for message in checked]

        async def check() -> None:
            await check_opt_outs(self._kept, destinations, respect_opt_outs, "messages")

        keyed = KeyedBy(idempotency_key, on_unknown)
        call = Call(_SEND_EACH, checked, None if respect_opt_outs is False else check)
        return await self._make(call, keyed)

    async def schedule(
        self,
        *,
        at: datetime,
        sender: str,
        destinations: Iterable[str | int],
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> Batch:
        """Schedule one text to 1 to 500 recipients.

        Args:
            at: when to send it: an aware datetime, at most 60 seconds in the past.
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destinations: the recipients' numbers, in any usual spelling, 1 to 500 (or the client's
                `batch_size`).
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for delivery reports, instead of the account's.
            ttl: minutes until a delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary;
                default: the account's setting.
            respect_opt_outs: raise `OptedOut` if a recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: recipients have opted out (with `respect_opt_outs`), see its `positions`;
                nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the batch; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the batch may have been accepted; it was not sent again. With a key it
                is safe to repeat the call, which searches for the batch first.
        """
        batch = ScheduledBatch(
            at=at,
            sender=sender,
            destinations=self._destinations(destinations),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._post(_SCHEDULE, batch, respect_opt_outs, keyed)

    async def get(self, batch_id: str) -> list[MessageRecord]:
        """Return the record of every message of a batch.

        Args:
            batch_id: the batch's id.

        Raises:
            NotFound: the batch does not exist.
        """
        return await self._on(_GET, batch_id, list[MessageRecord], "batch_id")

    async def cancel(self, batch_id: str) -> Batch:
        """Cancel a scheduled batch.

        Args:
            batch_id: the batch's id.

        Raises:
            NotFound: the batch does not exist.
        """
        return await self._on(_CANCEL, batch_id, Batch, "batch_id")

    async def _post(
        self, send: Send[Batch], batch: BatchMessage, respect_opt_outs: object, keyed: KeyedBy
    ) -> Batch:
        checks.batch_size(batch.destinations, "destinations", self._requester.settings.batch_size)

        async def check() -> None:
            if isinstance(batch, ScheduledBatch):
                checks.schedule(batch.at)
            await check_opt_outs(self._kept, batch.destinations, respect_opt_outs, "destinations")

        is_checked = respect_opt_outs is not False or isinstance(batch, ScheduledBatch)
        call = Call(send, (batch,), check if is_checked else None)
        return await self._make(call, keyed)
