"""Bulk: any number of recipients, in chunks, each of them accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable, Mapping
from typing import Any, Unpack

from smsworks_async.answers import Operation
from smsworks_async.bulk.engine import Engine, Pace, Post
from smsworks_async.bulk.kinds import EachItsText, OneText
from smsworks_async.bulk.options import BulkFields, BulkOptions, make_options
from smsworks_async.bulk.recipients import Kind, Reader, check_iterable
from smsworks_async.bulk.report import BulkReport
from smsworks_async.bulk.stream import Stream
from smsworks_async.errors import ValidationError
from smsworks_async.models.incoming import Batch
from smsworks_async.models.outgoing import BatchMessage, CommonFields, Message
from smsworks_async.resources._base import Resource
from smsworks_async.resources.batches import SEND, SEND_EACH


class AsyncBulk(Resource):
    """Any number of recipients."""

    async def send(
        self,
        *,
        destinations: Iterable[str | int] | AsyncIterable[str | int],
        **fields: Unpack[BulkFields],
    ) -> BulkReport:
        """Send one text to any number of recipients, in chunks, and account for each of them.

        It reads as it sends, and keeps only the numbers that it has seen, to find repeats, and what
        went wrong. Numbers outside the UK go in chunks of their own.

        Args:
            destinations: any iterable or async iterable of numbers, in any usual spelling.
            **fields: ``sender`` and ``content``, and if you like ``tag``,
                ``delivery_report_url``, ``ttl``, ``validity`` and ``ai`` (False unless asked for),
                as `CommonFields` explains; ``chunk_size``, ``concurrency``, ``max_rate``,
                ``deduplicate``, ``max_credits`` and ``progress``, as `BulkOptions` explains.

        Returns:
            A report that adds up. What happens to the requests is in the report, and not raised: a
            wrong token, too little credit or no connection leave recipients `rejected` or
            `not_sent`, and `stopped` says why a run ended early.

        Raises:
            ValidationError: the message or a setting is not as it should be, or `max_credits` does
                not suffice; nothing was sent.
            BulkInterrupted: `destinations` or `progress` raised; its `report` tells how far it got.
        """
        message, options = _split(fields)
        if message.get("ai") is None:
            message["ai"] = False
        kind = OneText(BatchMessage(**message, destinations=()))
        return await self._run(kind, SEND, destinations, "destinations", options)

    async def send_each(
        self,
        messages: Iterable[Message | Mapping[str, Any]]
        | AsyncIterable[Message | Mapping[str, Any]],
        **options: Unpack[BulkOptions],
    ) -> BulkReport:
        """Send any number of messages, each with a text of its own; otherwise as `send`.

        What has the same destination and the same text is a repeat.

        Args:
            messages: any iterable or async iterable of messages, or mappings of `MessageFields`.
            **options: see `BulkOptions`.

        Raises:
            As `send`. A refusal of a text stops its chunk, not the run.
        """
        return await self._run(EachItsText(), SEND_EACH, messages, "messages", options)

    async def _run(
        self,
        kind: Kind[Any],
        operation: Operation,
        values: Iterable[Any] | AsyncIterable[Any],
        field: str,
        given: BulkOptions,
    ) -> BulkReport:
        options = make_options(self._calls.settings.batch_size, given)
        check_iterable(values, field)
        reader = Reader(kind, options.chunk_size, deduplicate=options.deduplicate)
        if options.max_credits is not None and isinstance(values, Collection):
            ahead = Reader(kind, options.chunk_size, deduplicate=options.deduplicate)
            chunks = (*ahead.take(values), *ahead.finish())
            _refuse_beyond(options.max_credits, sum(chunk.credits for chunk in chunks))
        stream = Stream(kind, values, reader, options.max_credits)
        pace = Pace(
            concurrency=options.concurrency, max_rate=options.max_rate, progress=options.progress
        )
        engine = Engine(stream, self._post(operation), pace, one_text=operation is SEND)
        await engine.carry_out()
        return await stream.report(engine.halt)

    def _post(self, operation: Operation) -> Post:
        async def post(document: Any) -> str:
            # Waiting for a turn is no part of the call, and does not use its time up.
            await self._calls.turn()
            batch = await self._calls.make(operation, document, into=Batch, has_turn=True)
            return batch.batch_id

        return post


def _split(fields: BulkFields) -> tuple[CommonFields, BulkOptions]:
    options = BulkOptions.__annotations__.keys()
    message: Any = {name: value for name, value in fields.items() if name not in options}
    chosen: Any = {name: value for name, value in fields.items() if name in options}
    return message, chosen


def _refuse_beyond(max_credits: float, estimate: float) -> None:
    """Refuse a run that would cost more than it may.

    Raises:
        ValidationError: it would.
    """
    if estimate > max_credits:
        raise ValidationError(
            f"this would cost about {estimate:g} credits, and max_credits is {max_credits:g}; "
            "nothing was sent",
            field="max_credits",
        )
