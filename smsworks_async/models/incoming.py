"""Models of the API's responses: results of sends, records and one-time passwords.

All of them are frozen, slotted and picklable, and keep unknown fields in `extra`. Their reprs omit
texts and passcodes and mask phone numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from smsworks_async import phone
from smsworks_async.models import readers
from smsworks_async.models.failure import FailureReason, read_failure_reason
from smsworks_async.models.fields import wire


#: The statuses that do not change any more.
FINAL_STATUSES: Final = frozenset(
    {
        "DELIVERED",
        "UNDELIVERED",
        "UNDELIVERABLE",
        "EXPIRED",
        "REJECTED",
        "FAILED",
        "CANCELLED",
        "DELETED",
        "UNKNOWN",
    }
)


def _masked(number: str | None) -> str:
    return "None" if number is None else phone.mask(number)


def _sender(sender: str | None) -> str:
    # The sender of an incoming message is a phone number.
    return phone.mask(sender) if sender and sender.lstrip("+").isdigit() else repr(sender)


def _upper(status: str) -> str:
    """Return a status in upper case without blanks, as the API writes it."""
    return status.strip().upper()


def _status() -> Any:
    return attrs.field(default="", converter=_upper, metadata=wire(read=readers.status))


def extra_fields(
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Any:
    """Return the field `extra`, which keeps unknown fields; every response model has it.

    Args:
        prepare: a function that changes a document before it is read, or None.
    """
    metadata = wire(read=readers.json_object, prepare=prepare)
    return attrs.field(factory=dict, repr=False, hash=False, kw_only=True, metadata=metadata)


def _replayed() -> Any:
    return attrs.field(default=False, kw_only=True, metadata=wire(read=_never, name="<replayed>"))


def _never(_: object) -> bool:
    return False  # set only when a journal replays a response


def _flatten(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Move the fields of a scheduled entry's message to the level of its id and status."""
    message = entry.get("message")
    flat = {**entry, **message} if isinstance(message, Mapping) else dict(entry)
    flat.pop("message", None)
    if "destination" in flat:
        flat.setdefault("destinations", flat.pop("destination"))
    return flat


@attrs.frozen
class SentMessage:
    """The API's response to an accepted message.

    Attributes:
        message_id: the message's id.
        status: usually ``"SENT"``; delivery comes later.
        balance: the account's remaining credits; negative if overdrawn. None if the response is
            replayed.
        credits_used: the cost of the message.
        parts: the number of parts that it was sent in, or None if the API does not tell.
        replayed: whether this is the response to an earlier call with the same idempotency key;
            this call sent nothing.
        extra: unknown fields of the response.
    """

    message_id: str = attrs.field(metadata=wire("messageid", read=readers.identifier))
    status: str = _status()
    balance: float | None = attrs.field(default=None, metadata=wire("credits"))
    credits_used: float | None = attrs.field(default=None, metadata=wire("creditsUsed"))
    parts: int | None = attrs.field(default=None, metadata=wire("messageparts"))
    replayed: bool = _replayed()
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class Acknowledgement:
    """The API's response when one message was scheduled, cancelled or deleted.

    Attributes:
        message_id: the message's id.
        status: ``"SCHEDULED"``, ``"CANCELLED"`` or ``"DELETED"``.
        replayed: whether this is the response to an earlier call with the same idempotency key;
            this call sent nothing.
        extra: unknown fields of the response.
    """

    message_id: str = attrs.field(metadata=wire("messageid"))
    status: str = _status()
    replayed: bool = _replayed()
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class Batch:
    """The API's response when a batch was accepted, scheduled or cancelled.

    An accepted batch may contain rejected recipients; use `batches.get` for their status.

    Attributes:
        batch_id: the batch's id.
        status: ``"SCHEDULED"`` even for a batch that is sent at once.
        replayed: whether this is the response to an earlier call with the same idempotency key;
            this call sent nothing.
        extra: unknown fields of the response.
    """

    batch_id: str = attrs.field(
        metadata=wire("batchid", also=("messageid",), read=readers.identifier)
    )
    status: str = _status()
    replayed: bool = _replayed()
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class MessageRecord:
    """The record of one message, from a search, a batch or a delivery report.

    Attributes:
        message_id: the message's id.
        status: in upper case; see `FINAL_STATUSES`. The API may add new ones.
        credits: its cost.
        batch_id: the id of its batch, or None.
        sender: the sender ID; of an incoming message, the sender's number.
        destination: the recipient's number, such as ``"447700900123"``.
        content: the text.
        tag: its tag.
        keyword: an incoming message's keyword.
        created: when it was created, UTC.
        modified: when it last changed, UTC.
        schedule: the time for which it was scheduled, UTC.
        failure_reason: why it was not delivered, or None.
        customer_id: the customer id of the account.
        international: whether it was sent outside the UK.
        metadata: usually empty: the API is not documented, nor known, to return the metadata of a
            message. To identify a message later, store the ``message_id`` that the send returned.
        extra: unknown fields of the response.
    """

    message_id: str = attrs.field(metadata=wire("messageid", also=("id",)))
    status: str = _status()
    credits: float | None = None
    batch_id: str | None = attrs.field(default=None, metadata=wire("batchid"))
    sender: str | None = attrs.field(default=None, repr=_sender)
    destination: str | None = attrs.field(default=None, repr=_masked)
    content: str | None = attrs.field(default=None, repr=False)
    tag: str | None = None
    keyword: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    schedule: datetime | None = None
    failure_reason: FailureReason | None = attrs.field(
        default=None, metadata=wire("failurereason", read=readers.lenient(read_failure_reason))
    )
    customer_id: str | None = attrs.field(default=None, repr=False, metadata=wire("customerid"))
    international: bool | None = None
    metadata: Mapping[str, str] = attrs.field(
        factory=dict, repr=False, hash=False, metadata=wire(read=readers.metadata)
    )
    extra: Mapping[str, Any] = extra_fields()

    @property
    def is_final(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in FINAL_STATUSES


@attrs.frozen
class ScheduledMessage:
    """A message or batch scheduled for the future, or within the last three months.

    Attributes:
        message_id: the message's id, or the batch's where `batch` is True.
        status: ``"SCHEDULED"``, ``"PROCESSED"`` or ``"CANCELLED"``.
        batch: whether it is a batch.
        sender: the sender ID.
        destinations: the recipients' numbers.
        content: the text.
        schedule: when it is due, UTC.
        extra: unknown fields of the response.
    """

    message_id: str = attrs.field(metadata=wire("id"))
    status: str = attrs.field(converter=_upper)
    batch: bool = False
    sender: str | None = None
    destinations: tuple[str, ...] = attrs.field(
        default=(),
        repr=lambda numbers: f"<{len(numbers)} destinations>",
        metadata=wire(read=readers.numbers),
    )
    content: str | None = attrs.field(default=None, repr=False)
    schedule: datetime | None = None
    extra: Mapping[str, Any] = extra_fields(prepare=_flatten)


@attrs.frozen
class SentOTP(SentMessage):
    """The API's response to a one-time password: a `SentMessage` with an expiry time.

    Pass its ``message_id`` to `otp.get` to read the passcode's state.

    Attributes:
        expires: when the passcode expires, UTC, or None if the API does not tell.
    """

    expires: datetime | None = None


@attrs.frozen
class OTPRecord:
    """The state of a one-time password.

    Attributes:
        status: ``"VERIFIED"`` if it was used in time, ``"EXPIRED"`` if not.
        destination: the number that it was sent to.
        passcode: the passcode. The API returns it as a number, which loses leading zeros.
        validity: **seconds** for which it could be verified.
        metadata: the metadata sent with it.
        created: when it was created, UTC.
        expires: when it expires, UTC.
        modified: when it last changed, UTC.
        extra: unknown fields of the response.
    """

    status: str = attrs.field(converter=_upper)
    destination: str | None = attrs.field(default=None, repr=_masked)
    passcode: str | None = attrs.field(default=None, repr=False)
    validity: float | None = None
    metadata: Mapping[str, Any] = attrs.field(
        factory=dict, repr=False, hash=False, metadata=wire(read=readers.json_object)
    )
    created: datetime | None = None
    expires: datetime | None = None
    modified: datetime | None = None
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class CountryCost:
    """The cost of a text to a country.

    Attributes:
        code: the country's two letters in ISO 3166, such as ``"FR"``.
        country: the country's name, as the API writes it.
        credits: the cost of one text there, in credits.
        extra: unknown fields of the response.
    """

    code: str = attrs.field(kw_only=True, default="")
    country: str = attrs.field(kw_only=True, default="")
    credits: float = attrs.field(kw_only=True)
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class ErrorSample:
    """A sample of one of the API's errors, from `utils.error`.

    Attributes:
        message: the error message.
        code: its ``errorCode``, or None.
        status: its ``status``, as the API writes it.
        permanent: whether the same request would fail again, or None if the API does not tell.
        extra: unknown fields of the response.
    """

    message: str
    code: int | None = attrs.field(
        default=None, metadata=wire("errorCode", read=readers.integer_or_none)
    )
    status: str | None = None
    permanent: bool | None = attrs.field(default=None, metadata=wire(read=readers.boolean_or_none))
    extra: Mapping[str, Any] = extra_fields()
