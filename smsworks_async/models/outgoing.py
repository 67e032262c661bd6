"""Models of requests: messages, batches and searches, validated on creation."""

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


#: The metadata key of a message's reference.
REFERENCE: Final = "reference"
#: The metadata key that marks a message with its idempotency key.
KEY: Final = "smsworks-key"


def _as_pairs(metadata: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return None if metadata is None else [{"key": k, "value": v} for k, v in metadata.items()]


def _secret_pairs(pairs: Iterable[Mapping[str, str]]) -> Iterator[str]:
    return (pair["value"] for pair in pairs)


def _metadata() -> Any:
    """Return the field `metadata`, in which the values are secret and the keys are not."""
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
    """The fields of a message passed as a mapping, or of a row of `bulk.send_each`.

    Attributes:
        sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
        destination: the recipient's number, in any usual spelling.
        content: the text, 1 to 1280 UTF-16 units.
        tag: a label for searches, at most 280 characters.
        delivery_report_url: the URL for delivery reports, instead of the account's.
        ttl: minutes until the delivery report is deleted, at least 1; default three months.
        validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
        ai: whether the provider may reword a text that is slightly over a credit boundary;
            default: the account's setting, and False in bulk.
        metadata: strings to store with the message, by key.
        reference: your own reference, such as an order number, 1 to 200 printable characters. It is
            stored in the metadata, and `messages.find` searches for it.
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
    """Raise an error for metadata that uses the reserved key."""
    if KEY in metadata:
        raise ValidationError(
            f"metadata: the key {KEY} is reserved for messages with an idempotency_key; use "
            "another "
            "key",
            field="metadata",
        )


def _keep_reference(message: Any, metadata: Mapping[str, str] | None, reference: str) -> None:
    """Add a message's reference to its metadata during creation."""
    if metadata is not None and metadata.get(REFERENCE, reference) != reference:
        raise ValidationError(
            f"metadata has a different {REFERENCE}; pass only one of them", field="reference"
        )
    object.__setattr__(message, "metadata", {**(metadata or {}), REFERENCE: reference})


@values.plain
@attrs.frozen(kw_only=True)
class Message(_Common):
    """A validated text to one recipient; see `MessageFields` for its fields.

    Numbers outside the UK are validated by the client that sends the message, since they depend on
    its settings; until then such a number keeps its leading +.

    Raises:
        ValidationError: a field is invalid.
    """

    destination: str = attrs.field(converter=phone.canonical, repr=phone.mask)
    metadata: Mapping[str, str] | None = _metadata()
    reference: str | None = hidden(checks.reference, omit=True)  # sent in the metadata
    response_email: Iterable[str] | None = hidden(checks.response_email, "responseemail")

    def __attrs_post_init__(self) -> None:
        if self.metadata is not None:
            _check_marks(self.metadata)
        if self.reference is not None:
            _keep_reference(self, self.metadata, self.reference)


@attrs.frozen(kw_only=True)
class BinaryMessage:
    """A binary message to one recipient; see `AsyncMessages.send_binary` for its fields.

    Raises:
        ValidationError: a field is invalid.
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
    reference: str | None = hidden(checks.reference, omit=True)  # sent in the metadata
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
        ValidationError: a field is invalid.
    """

    destinations: tuple[str, ...] = attrs.field(converter=_destinations, repr=_count)


@attrs.frozen(kw_only=True)
class ScheduledOne(Message):
    """A scheduled `Message`. `checks.schedule` checks that its time is not past."""

    at: datetime = attrs.field(converter=_schedule, metadata=wire("schedule", secret=False))


@attrs.frozen(kw_only=True)
class ScheduledBatch(BatchMessage):
    """A scheduled `BatchMessage`; see `ScheduledOne`."""

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
    # A blank means no filter. A NaN is an error: ignoring it would find everything.
    blank = values.is_missing(value) and not isinstance(value, float)
    return None if blank else values.number(value, "credits")


def _unread(value: object) -> bool:
    return checks.boolean(value, "unread")


@attrs.frozen(kw_only=True)
class Query:
    """A search; see `AsyncMessages.search` for its fields. Its destination is not validated."""

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
