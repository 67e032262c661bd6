"""Batches: one text to many, or many texts, in one request of at most 500 recipients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Unpack

from smsworks_async.answers import Operation
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.checks import made
from smsworks_async.models.incoming import Batch, MessageRecord
from smsworks_async.models.iterables import as_mapping
from smsworks_async.models.outgoing import BatchFields, BatchMessage, Message, ScheduledBatch
from smsworks_async.resources._base import Resource


SEND: Final = Operation("POST", "/batch/send")
SEND_EACH: Final = Operation("POST", "/batch/any")
_SCHEDULE: Final = Operation("POST", "/batch/schedule")
_GET: Final = Operation("GET", "/batch/{}", repeatable=True)
_CANCEL: Final = Operation("DELETE", "/batches/schedule/{}", repeatable=True)


def as_message(value: Message | Mapping[str, Any]) -> Message:
    """Take a message, or make one of its fields.

    Raises:
        ValidationError: it is neither, or a field is not as the API wants it.
    """
    if isinstance(value, Message):
        return value
    fields = as_mapping(value)
    if fields is None:
        raise ValidationError(
            f"must be a Message or a mapping of its fields, not {type(value).__name__}",
            field="message",
        )
    return made(Message, fields)


def _at(position: int, value: Message | Mapping[str, Any]) -> Message:
    try:
        return as_message(value)
    except ValidationError as error:
        raise ValidationError(
            f"messages[{position}]: {error}",
            field=f"messages[{position}].{error.field}",
            code=error.code,
        ) from error


class AsyncBatches(Resource):
    """Batches of at most 500 recipients; `bulk` takes any number."""

    async def send(self, **batch: Unpack[BatchFields]) -> Batch:
        """Send one text to 1 to 500 recipients.

        Args:
            **batch: ``sender``, ``destinations`` and ``content``, and if you like ``tag``,
                ``delivery_report_url``, ``ttl``, ``validity`` and ``ai``; `BatchFields` explains
                them.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            APIError: the API refused the batch; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated.
        """
        return await self._post(SEND, made(BatchMessage, batch))

    async def send_each(self, messages: Iterable[Message | Mapping[str, Any]]) -> Batch:
        """Send 1 to 500 messages, each with a text of its own.

        Args:
            messages: messages, or mappings of their fields (see `MessageFields`).

        Raises:
            As `send`; a `ValidationError` names the message, such as ``messages[3].content``.
        """
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
            raise ValidationError("messages must be a list of messages", field="messages")
        checked = [_at(position, message) for position, message in enumerate(messages)]
        checks.batch_size(checked, "messages", self._calls.settings.batch_size)
        return await self._calls.make(SEND_EACH, checked, into=Batch)

    async def schedule(self, *, at: datetime, **batch: Unpack[BatchFields]) -> Batch:
        """Have one text sent to 1 to 500 recipients later.

        Args:
            at: when: a datetime that says its time zone, at most 60 seconds in the past.
            **batch: as for `send`.

        Raises:
            As `send`.
        """
        return await self._post(_SCHEDULE, made(ScheduledBatch, {**batch, "at": at}))

    async def get(self, batch_id: str) -> list[MessageRecord]:
        """Look up every message of a batch, which tells what became of each recipient.

        Raises:
            NotFound: there is no such batch.
        """
        return await self._on(_GET, batch_id, list[MessageRecord], "batch_id")

    async def cancel(self, batch_id: str) -> Batch:
        """Cancel a scheduled batch.

        Raises:
            NotFound: there is no such batch.
        """
        return await self._on(_CANCEL, batch_id, Batch, "batch_id")

    async def _post(self, operation: Operation, batch: BatchMessage) -> Batch:
        checks.batch_size(batch.destinations, "destinations", self._calls.settings.batch_size)
        return await self._calls.make(operation, batch, into=Batch)
