"""Models of the provider's callbacks: delivery reports and incoming messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from smsworks_async import phone
from smsworks_async.models import readers
from smsworks_async.models.fields import wire
from smsworks_async.models.incoming import MessageRecord, extra_fields


@attrs.frozen
class DeliveryReport(MessageRecord):
    """A delivery report: a `MessageRecord` that the provider posted.

    Reports can arrive out of order, repeatedly, or not at all; check `is_final` for the final one.
    The `metadata` is empty, since the provider does not post it back. To match a report to your own
    data, store the ``message_id`` that the send returned.
    """

    @classmethod
    def of(cls, record: MessageRecord) -> Self:
        """Return a report with the fields of a message record."""
        return cls(**{a.name: getattr(record, a.name) for a in attrs.fields(MessageRecord)})


@attrs.frozen
class IncomingMessage:
    """An SMS that was sent to one of your numbers or short codes.

    Attributes:
        message_id: the message's id.
        sender: the sender's number, such as ``"447700900123"``, or an empty string.
        destination: your number, or your short code, such as ``"60777"``.
        content: the text. Half of a surrogate pair, from a split emoji, is replaced by U+FFFD.
        parts: the number of parts that it arrived in, or None if it is not known.
        keyword: the keyword at its beginning, or None.
        created: when it arrived, UTC; None in a callback, which does not contain it.
        extra: fields that we do not know.
    """

    message_id: str = attrs.field(metadata=wire("messageid", also=("id",)))
    sender: str = attrs.field(
        default="",
        repr=phone.mask,
        metadata=wire("from", also=("sender",), read=readers.string_or_empty),
    )
    destination: str = attrs.field(
        default="",
        repr=phone.mask,
        metadata=wire("to", also=("destination",), read=readers.string_or_empty),
    )
    content: str = attrs.field(default="", repr=False, metadata=wire(read=readers.string_or_empty))
    parts: int | None = None
    keyword: str | None = attrs.field(default=None, repr=False)
    created: datetime | None = None
    extra: Mapping[str, Any] = extra_fields()

    @classmethod
    def of(cls, record: MessageRecord) -> Self:
        """Return an incoming message with the fields of a record from a search."""
        return cls(
            record.message_id,
            record.sender or "",
            record.destination or "",
            record.content or "",
            None,
            record.keyword,
            record.created,
            extra=record.extra,
        )
