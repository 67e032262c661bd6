"""What goes out: messages, batches and searches, checked as they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Required, TypedDict

import attrs

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks, values
from smsworks_async.models.fields import hidden, optional, wire
from smsworks_async.models.iterables import check_iterable


#: The metadata that a message's reference is kept in.
REFERENCE: Final = "reference"
#: The metadata that a message is marked with that was sent with an idempotency key.
KEY: Final = "smsworks-key"


def _as_pairs(metadata: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return None if metadata is None else [{"key": k, "value": v} for k, v in metadata.items()]


def _secret_pairs(pairs: Iterable[Mapping[str, str]]) -> Iterator[str]:
    return (pair["value"] for pair in pairs)


def _metadata() -> Any:
    """Return the field of a message's metadata: the names in it are no secrets, the values are."""
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(values.optional(checks.metadata)),
        repr=False,
        hash=False,
        metadata=wire(write=_as_pairs, secret=_secret_pairs),
    )


def _hex_pairs(data: bytes) -> str:
    return data.hex(" ")


def _schedule(value: object) -> datetime:
    return checks.aware_datetime(value, "at")


def _ai(value: object) -> bool:
    return checks.boolean(value, "ai")


def _destinations(numbers: Iterable[Any]) -> tuple[str, ...]:
    check_iterable(numbers, "destinations", awaitable=False)
    return phone.apply_rule(phone.canonical, numbers)


def _count(destinations: tuple[str, ...]) -> str:
    return f"<{len(destinations)} destinations>"


class MessageFields(TypedDict, total=False):
    """The fields of a message that is given as a mapping, or of a row of `bulk.send_each`.

    Attributes:
        sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
        destination: the recipient's number, in any usual spelling.
        content: the text, 1 to 1280 UTF-16 units.
        tag: a label to search for, at most 280 characters.
        delivery_report_url: where delivery reports are posted, instead of the account's address.
        ttl: minutes until the delivery report is deleted, 1 or more; three months by default.
        validity: minutes for which delivery is attempted, 1 to 2880; 2880 by default.
        ai: whether the provider may reword a text that is just over a credit's boundary; the
            account's own setting by default, and False in bulk.
        metadata: strings to keep with the message, by name.
        reference: your own name for the message, such as an order's number, 1 to 200 printable
            characters. It is kept in the metadata, and `messages.find` searches for it.
        response_email: addresses to which replies are forwarded; needs a reply number.
    """

    sender: Required[str]
    destination: Required[str | int]
    content: Required[str]
    tag: str | None
    delivery_report_url: str | None
    ttl: int | None
    validity: int | None
    ai: bool | None
    metadata: Mapping[str, str] | None
    reference: str | None
    response_email: Iterable[str] | None


@attrs.frozen(kw_only=True, init=False, repr=False, eq=False)
class _Common:
    sender: str = attrs.field(converter=checks.sender, metadata=wire(secret=False))
    content: str = attrs.field(converter=checks.content, repr=False)
    tag: str | None = optional(checks.tag)
    delivery_report_url: str | None = hidden(checks.delivery_report_url, "deliveryreporturl")
    ttl: int | None = optional(checks.ttl)
    validity: int | None = optional(checks.validity)
    ai: bool | None = optional(_ai)


def _check_marks(metadata: Mapping[str, str]) -> None:
    """Refuse metadata that would make a message look like one that was sent with a key."""
    if KEY in metadata:
        raise ValidationError(
            f"metadata: {KEY} is kept for messages that are sent with an idempotency_key; give it "
            "another name",
            field="metadata",
        )


def _keep_reference(message: Any, metadata: Mapping[str, str] | None, reference: str) -> None:
    """Put a message's reference into its metadata, while the message is being made."""
    if metadata is not None and metadata.get(REFERENCE, reference) != reference:
        raise ValidationError(
            f"metadata has another {REFERENCE}; give one of the two", field="reference"
        )
    object.__setattr__(message, "metadata", {**(metadata or {}), REFERENCE: reference})


@values.plain
@attrs.frozen(kw_only=True)
class Message(_Common):
    """One text to one recipient, checked and ready to send; see `MessageFields` for its fields.

    Without a client it is not known whether numbers outside the UK may be texted: such a number
    keeps its leading +, and the client that sends the message judges it.

    Raises:
        ValidationError: a field is not as the API wants it.
    """

    destination: str = attrs.field(converter=phone.canonical, repr=phone.mask)
    metadata: Mapping[str, str] | None = _metadata()
    reference: str | None = hidden(checks.reference, omit=True)  # it is in the metadata
    response_email: Iterable[str] | None = hidden(checks.response_email, "responseemail")

    def __attrs_post_init__(self) -> None:
        if self.metadata is not None:
            _check_marks(self.metadata)
        if self.reference is not None:
            _keep_reference(self, self.metadata, self.reference)


@attrs.frozen(kw_only=True)
class BinaryMessage:
    """Bytes for one recipient; see `AsyncMessages.send_binary` for its fields.

    Raises:
        ValidationError: a field is not as the API wants it.
    """

    sender: str = attrs.field(converter=checks.sender, metadata=wire(secret=False))
    destination: str = attrs.field(converter=phone.canonical, repr=phone.mask)
    data: bytes = attrs.field(
        converter=checks.binary,
        repr=lambda data: f"<{len(data)} bytes>",
        metadata=wire("content", write=_hex_pairs),
    )
    tag: str | None = optional(checks.tag)
    delivery_report_url: str | None = hidden(checks.delivery_report_url, "deliveryreporturl")
    ttl: int | None = optional(checks.ttl)
    validity: int | None = optional(checks.validity)
    metadata: Mapping[str, str] | None = _metadata()
    reference: str | None = hidden(checks.reference, omit=True)  # it is in the metadata
    response_email: Iterable[str] | None = hidden(checks.response_email, "responseemail")

    def __attrs_post_init__(self) -> None:
        if self.metadata is not None:
            _check_marks(self.metadata)
        if self.reference is not None:
            _keep_reference(self, self.metadata, self.reference)


@attrs.frozen(kw_only=True)
class BatchMessage(_Common):
    """One text to many recipients; see `AsyncBatches.send` for its fields.

    Raises:
        ValidationError: a field is not as the API wants it.
    """

    destinations: tuple[str, ...] = attrs.field(converter=_destinations, repr=_count)


@attrs.frozen(kw_only=True)
class ScheduledOne(Message):
    """A `Message` to be sent at its time; whether that is past, `checks.schedule` tells."""

    at: datetime = attrs.field(converter=_schedule, metadata=wire("schedule", secret=False))


@attrs.frozen(kw_only=True)
class ScheduledBatch(BatchMessage):
    """A `BatchMessage` to be sent at its time; as for `ScheduledOne`."""

    at: datetime = attrs.field(converter=_schedule, metadata=wire("schedule", secret=False))


def _moment(field: str) -> Callable[[object], datetime]:
    def check(value: object) -> datetime:
        return checks.aware_datetime(value, field)

    return check


def _string(field: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        return checks.text(value, field)

    return check


def _search_limit(value: object) -> int:
    return checks.integer(value, "limit", at_least=1, at_most=1000)


def _skip(value: object) -> int:
    return checks.integer(value, "skip", at_least=0)


def _credits(value: object) -> float | None:
    # A blank does not narrow the search. A NaN was computed: without it everything would be found.
    blank = values.is_missing(value) and not isinstance(value, float)
    return None if blank else values.number(value, "credits")


def _unread(value: object) -> bool:
    return checks.boolean(value, "unread")


@attrs.frozen(kw_only=True)
class Query:
    """A search; see `AsyncMessages.search` for its fields. Its destination is not judged."""

    status: str | None = optional(_string("status"))
    destination: str | None = hidden(phone.digits_of)
    sender: str | None = optional(_string("sender"), shown=False)
    keyword: str | None = hidden(_string("keyword"))
    tag: str | None = optional(checks.tag)
    credits: float | None = attrs.field(default=None, converter=attrs.converters.optional(_credits))
    from_: datetime | None = optional(_moment("from_"), "from")
    to: datetime | None = optional(_moment("to"))
    metadata: Mapping[str, str] | None = _metadata()
    unread: bool | None = optional(_unread)
    limit: int | None = optional(_search_limit)
    skip: int | None = optional(_skip)
