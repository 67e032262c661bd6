"""What comes back: answers, records and one-time passwords.

All of them are frozen, slotted and picklable, and keep fields that we do not know in `extra`.
Texts, passcodes and whole phone numbers stay out of their reprs.
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


#: The statuses after which a message does not change any more.
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
    # An incoming message's sender is somebody's number.
    return phone.mask(sender) if sender and sender.lstrip("+").isdigit() else repr(sender)


def _upper(status: str) -> str:
    """Return a status in upper case without blanks, as the API writes them, whoever wrote it."""
    return status.strip().upper()


def _status() -> Any:
    return attrs.field(default="", converter=_upper, metadata=wire(read=readers.status))


def extra_fields(
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Any:
    """Return the field that keeps what a model does not know; every model that is read has it.

    Args:
        prepare: changes a document before it is read, or None.
    """
    metadata = wire(read=readers.json_object, prepare=prepare)
    return attrs.field(factory=dict, repr=False, hash=False, kw_only=True, metadata=metadata)


def _replayed() -> Any:
    return attrs.field(default=False, kw_only=True, metadata=wire(read=_never, name="<replayed>"))


def _never(_: object) -> bool:
    return False  # only a journal tells


def _flatten(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lift a scheduled entry's message up beside its id and status."""
    message = entry.get("message")
    flat = {**entry, **message} if isinstance(message, Mapping) else dict(entry)
    flat.pop("message", None)
    if "destination" in flat:
        flat.setdefault("destinations", flat.pop("destination"))
    return flat


@attrs.frozen
class SentMessage:
    """What the API says of a message that it accepted.

    Attributes:
        message_id: the message's id.
        status: ``"SENT"`` as a rule; the delivery comes later.
        balance: credits left on the account; negative where there is an overdraft. None where the
            answer is replayed.
        credits_used: what the message cost.
        parts: how many parts it was sent in, or None where the API does not say.
        replayed: whether this is the answer to an earlier call with the same idempotency key, and
            nothing was sent now.
        extra: fields that we do not know.
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
    """What the API says of one message that it scheduled, cancelled or deleted.

    Attributes:
        message_id: the message's id.
        status: ``"SCHEDULED"``, ``"CANCELLED"`` or ``"DELETED"``.
        replayed: whether this is the answer to an earlier call with the same idempotency key, and
            nothing was sent now.
        extra: fields that we do not know.
    """

    message_id: str = attrs.field(metadata=wire("messageid"))
    status: str = _status()
    replayed: bool = _replayed()
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class Batch:
    """What the API says of a batch that it accepted, scheduled or cancelled.

    That a batch was accepted does not say that each recipient was: `batches.get` tells.

    Attributes:
        batch_id: the batch's id.
        status: ``"SCHEDULED"`` even for a batch that is sent at once.
        replayed: whether this is the answer to an earlier call with the same idempotency key, and
            nothing was sent now.
        extra: fields that we do not know.
    """

    batch_id: str = attrs.field(
        metadata=wire("batchid", also=("messageid",), read=readers.identifier)
    )
    status: str = _status()
    replayed: bool = _replayed()
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class MessageRecord:
    """One message, as searches, batches and delivery reports tell it.

    Attributes:
        message_id: the message's id.
        status: in upper case; see `FINAL_STATUSES`. New ones may come.
        credits: what it cost.
        batch_id: the batch it went in, or None.
        sender: the sender ID; of an incoming message, the sender's number.
        destination: the recipient's number, such as ``"447700900123"``.
        content: the text.
        tag: its label.
        keyword: an incoming message's keyword.
        created: when it was made, UTC.
        modified: when it last changed, UTC.
        schedule: when it was to be sent, UTC.
        failure_reason: why it was not delivered, or None.
        customer_id: the account.
        international: whether it went outside the UK.
        metadata: empty, unless the API shows what was sent with the message, which it does not
            document and has not been seen to do. To know a message again, store the
            ``message_id`` that the send returned.
        extra: fields that we do not know.
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
    """A message or a batch that waits to be sent, or was in the last three months.

    Attributes:
        message_id: the message's id, or the batch's where `batch` is True.
        status: ``"SCHEDULED"``, ``"PROCESSED"`` or ``"CANCELLED"``.
        batch: whether it is a batch.
        sender: the sender ID.
        destinations: the recipients' numbers.
        content: the text.
        schedule: when it is sent, UTC.
        extra: fields that we do not know.
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
    """What the API says of a one-time password that it sent: all that a `SentMessage` tells.

    Its ``message_id`` is what to ask for the passcode's state with.

    Attributes:
        expires: until when the passcode can be verified, UTC, or None where the API does not say.
    """

    expires: datetime | None = None


@attrs.frozen
class OTPRecord:
    """A one-time password's state.

    Attributes:
        status: ``"VERIFIED"`` when it was used in time, ``"EXPIRED"`` when it was not.
        destination: the number that it was sent to.
        passcode: the passcode. The API gives it as a number, which loses leading zeros.
        validity: **seconds** for which it could be verified.
        metadata: what was sent with it.
        created: when it was made, UTC.
        expires: until when it can be verified, UTC.
        modified: when it last changed, UTC.
        extra: fields that we do not know.
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
    """What a text to a country costs.

    Attributes:
        code: the country's two letters in ISO 3166, such as ``"FR"``.
        country: the country, in the API's words.
        credits: the cost of one text there, in credits.
        extra: fields that we do not know.
    """

    code: str = attrs.field(kw_only=True, default="")
    country: str = attrs.field(kw_only=True, default="")
    credits: float = attrs.field(kw_only=True)
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen
class ErrorSample:
    """What an error of the API's looks like, as `utils.error` answers it.

    Attributes:
        message: what the API says.
        code: its ``errorCode``, or None.
        status: its ``status``, in the API's words.
        permanent: whether the same request would fail again, or None where the API does not say.
        extra: fields that we do not know.
    """

    message: str
    code: int | None = attrs.field(
        default=None, metadata=wire("errorCode", read=readers.integer_or_none)
    )
    status: str | None = None
    permanent: bool | None = attrs.field(default=None, metadata=wire(read=readers.boolean_or_none))
    extra: Mapping[str, Any] = extra_fields()
