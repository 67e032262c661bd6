"""Bulk: any number of recipients, in chunks, each of them accounted for."""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Unpack

import attrs

from smsworks_async import phone, text
from smsworks_async.bulk.engine import Engine, Progress, Run
from smsworks_async.bulk.recipients import Kind, Reader, check_iterable
from smsworks_async.bulk.report import BulkReport
from smsworks_async.calls import Calls
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.convert import to_wire
from smsworks_async.models.incoming import Batch
from smsworks_async.models.outgoing import BatchMessage, CommonFields, Message
from smsworks_async.resources._base import Resource
from smsworks_async.resources.batches import SEND, SEND_EACH, as_message
from smsworks_async.transport import Operation


#: Chunks in flight at a time.
CONCURRENCY: Final = 8
#: What a text costs outside the UK: typically double, by the provider's guide (*Message length*).
ABROAD: Final = 2.0


class _OneText:
    """One text to many."""

    parse = staticmethod(phone.normalise)
    is_uk = staticmethod(phone.is_uk)
    key: Any = str

    def __init__(self, message: BatchMessage) -> None:
        self._wire = to_wire(message)
        self._credits = text.measure(message.content).credits

    def destination(self, item: str) -> str:
        return item

    def credits(self, items: Sequence[str], *, abroad: bool) -> float:
        return len(items) * self._credits * (ABROAD if abroad else 1.0)

    def document(self, items: Sequence[str]) -> dict[str, Any]:
        return {**self._wire, "destinations": items}


class _EachItsText:
    """A text to each."""

    def parse(self, value: Message | Mapping[str, Any]) -> Message:
        message = as_message(value)
        return attrs.evolve(message, ai=False) if message.ai is None else message

    def key(self, item: Message) -> Hashable:
        return item.destination, item.content

    def is_uk(self, item: Message) -> bool:
        return phone.is_uk(item.destination)

    def destination(self, item: Message) -> str:
        return item.destination

    def credits(self, items: Sequence[Message], *, abroad: bool) -> float:
        each = sum(text.measure(item.content).credits for item in items)
        return each * (ABROAD if abroad else 1.0)

    def document(self, items: Sequence[Message]) -> list[dict[str, Any]]:
        return [to_wire(item) for item in items]


@attrs.frozen(kw_only=True)
class _Options:
    chunk_size: int
    concurrency: int
    max_rate: float | None
    deduplicate: bool
    max_credits: float | None
    progress: Progress | None

    def check(self, batch_size: int) -> None:
        checks.whole_number(self.chunk_size, "chunk_size", at_least=1, at_most=batch_size)
        checks.whole_number(self.concurrency, "concurrency", at_least=1)
        for field in ("max_rate", "max_credits"):
            value = getattr(self, field)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not value > 0
            ):
                raise ValidationError(f"{field} must be a number above 0, or None", field=field)
        checks.yes_or_no(self.deduplicate, "deduplicate")
        if self.progress is not None and not callable(self.progress):
            raise ValidationError("progress must be a function", field="progress")


class AsyncBulk(Resource):
    """Any number of recipients."""

    async def send(
        self,
        *,
        destinations: Iterable[str | int] | AsyncIterable[str | int],
        chunk_size: int | None = None,
        concurrency: int = CONCURRENCY,
        max_rate: float | None = None,
        deduplicate: bool = True,
        max_credits: float | None = None,
        progress: Progress | None = None,
        **message: Unpack[CommonFields],
    ) -> BulkReport:
        """Send one text to any number of recipients, in chunks, and account for each of them.

        It reads as it sends, and keeps only the numbers that it has seen, to find repeats, and what
        went wrong. Numbers outside the UK go in chunks of their own.

        Args:
            destinations: any iterable or async iterable of numbers, in any usual spelling.
            chunk_size: recipients in a request; 500, or the client's `batch_size`.
            concurrency: requests in flight at a time.
            max_rate: requests a second.
            deduplicate: set repeats aside; without it memory stays flat.
            max_credits: estimated credits not to go beyond. Where the number of recipients is known
                the run is refused before the first request, otherwise it stops before the chunk
                that goes beyond.
            progress: a function, async or not, called with a `BulkProgress` after each chunk.
            **message: ``sender``, ``content`` and the rest of `CommonFields`. ``ai`` is False
                unless asked for.

        Returns:
            A report that adds up. What the API refuses is in the report, not raised.

        Raises:
            ValidationError: the message or a setting is not as it should be, or `max_credits` does
                not suffice; nothing was sent.
            BulkInterrupted: `destinations` or `progress` raised; its `report` tells how far it got.
        """
        if message.get("ai") is None:
            message["ai"] = False
        checked = BatchMessage(**message, destinations=())
        options = _Options(
            chunk_size=self._calls.settings.batch_size if chunk_size is None else chunk_size,
            concurrency=concurrency,
            max_rate=max_rate,
            deduplicate=deduplicate,
            max_credits=max_credits,
            progress=progress,
        )
        check_iterable(destinations, "destinations")
        return await self._run(_OneText(checked), SEND, destinations, options)

    async def send_each(
        self,
        messages: Iterable[Message | Mapping[str, Any]]
        | AsyncIterable[Message | Mapping[str, Any]],
        *,
        chunk_size: int | None = None,
        concurrency: int = CONCURRENCY,
        max_rate: float | None = None,
        deduplicate: bool = True,
        max_credits: float | None = None,
        progress: Progress | None = None,
    ) -> BulkReport:
        """Send any number of messages, each with a text of its own; otherwise as `send`.

        Args:
            messages: any iterable or async iterable of messages, or mappings of `MessageFields`.
            deduplicate: set aside what has the same destination and the same text.
            chunk_size, concurrency, max_rate, max_credits, progress: as for `send`.

        Raises:
            As `send`. A refusal of a text stops its chunk, not the run.
        """
        options = _Options(
            chunk_size=self._calls.settings.batch_size if chunk_size is None else chunk_size,
            concurrency=concurrency,
            max_rate=max_rate,
            deduplicate=deduplicate,
            max_credits=max_credits,
            progress=progress,
        )
        check_iterable(messages, "messages")
        return await self._run(_EachItsText(), SEND_EACH, messages, options)

    async def _run(
        self,
        kind: Kind[Any],
        operation: Operation,
        values: Iterable[Any] | AsyncIterable[Any],
        options: _Options,
    ) -> BulkReport:
        options.check(self._calls.settings.batch_size)
        if options.max_credits is not None and isinstance(values, Collection):
            _refuse_beyond(options.max_credits, kind, values, options)
        run = Run(
            kind=kind,
            one_text=operation is SEND,
            post=_Post(self._calls, operation),
            values=values,
            chunk_size=options.chunk_size,
            concurrency=options.concurrency,
            max_rate=options.max_rate,
            deduplicate=options.deduplicate,
            max_credits=options.max_credits,
            progress=options.progress,
        )
        return await Engine(run).carry_out()


@attrs.frozen
class _Post:
    """Sends a chunk's document, and gives its batch id."""

    calls: Calls
    operation: Operation

    async def __call__(self, document: Any) -> str:
        return (await self.calls.make(self.operation, document, into=Batch)).batch_id


def _refuse_beyond(
    max_credits: float, kind: Kind[Any], values: Collection[Any], options: _Options
) -> None:
    reader = Reader(kind, options.chunk_size, deduplicate=options.deduplicate)
    estimate = sum(chunk.credits for chunk in (*reader.take(values), *reader.finish()))
    if estimate > max_credits:
        raise ValidationError(
            f"this would cost about {estimate:g} credits, and max_credits is {max_credits:g}; "
            "nothing was sent",
            field="max_credits",
        )
