"""What goes out: messages, batches, one-time passwords and searches, checked as they are made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Required, TypedDict

import attrs

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks, values
from smsworks_async.models.fields import wire
from smsworks_async.models.iterables import check_iterable


#: The metadata that a message's reference is kept in.
REFERENCE: Final = "reference"


def _optional(
    check: Callable[[Any], Any],
    name: str | None = None,
    *,
    secret: bool = False,
    hashed: bool = True,
    shown: bool | None = None,
    **options: Any,
) -> Any:
    """Return a field that may be missing.

    Args:
        check: returns a value as it is sent, or raises `ValidationError`.
        name: the field's name on the wire, where it differs.
        secret: whether neither a repr nor an error may show it.
        hashed: whether it counts in the model's hash.
        shown: whether a repr shows it, where that differs.
        options: see `wire`.
    """
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(values.optional(check)),
        repr=not secret if shown is None else shown,
        hash=None if hashed else False,
        metadata=wire(name, **{"secret": secret, **options}),
    )


def _hidden(check: Callable[[Any], Any], name: str | None = None, **options: Any) -> Any:
    return _optional(check, name, secret=True, **options)


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
    return checks.schedule(value)


def _ai(value: object) -> bool:
    return checks.boolean(value, "ai")


def _destinations(numbers: Iterable[Any]) -> tuple[str, ...]:
    check_iterable(numbers, "destinations", awaitable=False)
    return tuple(map(phone.canonical, numbers))


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
    tag: str | None = _optional(checks.tag)
    delivery_report_url: str | None = _hidden(checks.delivery_report_url, "deliveryreporturl")
    ttl: int | None = _optional(checks.ttl)
    validity: int | None = _optional(checks.validity)
    ai: bool | None = _optional(_ai)


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
    reference: str | None = _hidden(checks.reference, omit=True)  # it is in the metadata
    response_email: Iterable[str] | None = _hidden(checks.response_email, "responseemail")

    def __attrs_post_init__(self) -> None:
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
    tag: str | None = _optional(checks.tag)
    delivery_report_url: str | None = _hidden(checks.delivery_report_url, "deliveryreporturl")
    ttl: int | None = _optional(checks.ttl)
    validity: int | None = _optional(checks.validity)
    metadata: Mapping[str, str] | None = _metadata()
    reference: str | None = _hidden(checks.reference, omit=True)  # it is in the metadata
    response_email: Iterable[str] | None = _hidden(checks.response_email, "responseemail")

    def __attrs_post_init__(self) -> None:
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
    """A `Message` to be sent at its time."""

    at: datetime = attrs.field(converter=_schedule, metadata=wire("schedule", secret=False))


@attrs.frozen(kw_only=True)
class ScheduledBatch(BatchMessage):
    """A `BatchMessage` to be sent at its time."""

    at: datetime = attrs.field(converter=_schedule, metadata=wire("schedule", secret=False))


def _template(value: str) -> str:
    template = checks.content(value, "template")
    if "{{passcode}}" not in template:
        raise ValidationError(
            "template must say {{passcode}} where the passcode goes", field="template"
        )
    return template


def _passcode(value: object) -> str:
    passcode = checks.text(value, "passcode")
    if not passcode.strip():
        raise ValidationError("passcode is empty", field="passcode")
    return passcode


_DASH_OR_BLANK: Final = re.compile(r"[\s\u2010-\u2015\u2212\ufe63\uff0d-]+")


def typed_passcodes(value: object) -> tuple[str, ...]:
    """Return what a typed passcode may stand for, the likeliest first.

    Outer blanks and invisible characters are no part of it, and digits are those of any script.
    Digits that are set apart by blanks or dashes, ``"012 345"``, are one passcode of digits, as the
    API generates them; but the caller may have sent one of his own with a dash in it.

    Raises:
        ValidationError: it is no text, or blank.
    """
    typed = unicodedata.normalize("NFKC", _passcode(value))
    typed = "".join(one for one in typed if unicodedata.category(one) != "Cf").strip()
    typed = "".join(str(int(one)) if one.isdecimal() else one for one in typed)
    if not typed:
        raise ValidationError("passcode is empty", field="passcode")
    together = _DASH_OR_BLANK.sub("", typed)
    read = (together, typed) if together.isdecimal() else (typed,)
    return tuple(dict.fromkeys((*read, _passcode(value).strip())))


def _own_passcode(value: Any) -> str | None:
    blank = values.as_text(value) is not None
    return None if values.is_missing(value) and not blank else _passcode(value)


def _otp_length(value: object) -> int:
    return checks.integer(value, "length", at_least=1)


def _otp_validity(value: object) -> int:
    return checks.integer(value, "validity", at_least=1)


@attrs.frozen(kw_only=True)
class OTPRequest:
    """A one-time password to send; see `AsyncOTP.send` for its fields."""

    sender: str = attrs.field(converter=checks.sender, metadata=wire(secret=False))
    destination: str = attrs.field(converter=phone.canonical, repr=phone.mask)
    length: int | None = _optional(_otp_length)
    template: str | None = _hidden(_template)
    validity: int | None = _optional(_otp_validity)
    # A blank passcode is refused, not left out: another one would be sent in its place.
    passcode: str | None = attrs.field(default=None, converter=_own_passcode, repr=False)
    metadata: Mapping[str, Any] | None = _hidden(checks.otp_metadata, hashed=False)


@attrs.frozen(kw_only=True)
class PasscodeToVerify:
    """The passcode that somebody typed; see `typed_passcodes`."""

    passcode: str = attrs.field(converter=_passcode, repr=False)


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

    status: str | None = _optional(_string("status"))
    destination: str | None = _hidden(phone.digits_of)
    sender: str | None = _optional(_string("sender"), shown=False)
    keyword: str | None = _hidden(_string("keyword"))
    tag: str | None = _optional(checks.tag)
    credits: float | None = attrs.field(default=None, converter=attrs.converters.optional(_credits))
    from_: datetime | None = _optional(_moment("from_"), "from")
    to: datetime | None = _optional(_moment("to"))
    metadata: Mapping[str, str] | None = _metadata()
    unread: bool | None = _optional(_unread)
    limit: int | None = _optional(_search_limit)
    skip: int | None = _optional(_skip)
