"""What the provider posts to a URL of yours: delivery reports and incoming messages."""

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
    """What became of a message, as it was posted: all that a `MessageRecord` tells.

    Reports come in any order, twice, or not at all; `is_final` says whether this is the last word.
    The provider does not post a message's `metadata` back, so that it is empty: to find out what a
    report belongs to, store the ``message_id`` that the send returned, and look that up.
    """

    @classmethod
    def of(cls, record: MessageRecord) -> Self:
        """Make a report of a record that was looked up."""
        return cls(**{a.name: getattr(record, a.name) for a in attrs.fields(MessageRecord)})


@attrs.frozen
class IncomingMessage:
    """An SMS that somebody sent to a number or a short code of yours.

    Attributes:
        message_id: the message's id.
        sender: the number that it came from, such as ``"447700900123"``, or an empty string.
        destination: your number, or your short code, such as ``"60777"``.
        content: the text. Half of a surrogate pair, as a split emoji leaves it, is U+FFFD.
        parts: how many parts it came in, or None where nobody says.
        keyword: the keyword that it began with, or None.
        created: when it came, UTC; None in what is posted, which does not say.
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
        """Make an incoming message of the record that searches give."""
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
