"""Validation of fields against the API's limits before a request is sent.

Each check takes one value and returns the value to send, or raises `ValidationError` with the field
and the API's error code, if there is one. The limits are from the provider's guide (*Parameter
Definitions*) and its OpenAPI document, version 1.9.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.models import iterables, values
from smsworks_async.models.values import boolean, integer, text
from smsworks_async.text import utf16_units


__all__ = ["boolean", "integer", "text"]


T = TypeVar("T")

#: The longest text, in UTF-16 units.
MAX_CONTENT: Final = 1280
#: The longest binary message, in bytes: a third of the longest content, since a byte takes three
#: characters.
MAX_BINARY: Final = (MAX_CONTENT + 1) // 3
#: The longest tag, in characters.
MAX_TAG: Final = 280
#: The longest time for which delivery is attempted, in minutes.
MAX_VALIDITY: Final = 2880
#: The largest `metadata` of a one-time password, in bytes of JSON.
MAX_OTP_METADATA: Final = 1024
#: The longest reference of a message, in characters: a limit of this package.
MAX_REFERENCE: Final = 200
#: The longest field name that an error quotes, in characters.
LONGEST_NAME: Final = 40
#: The most digits in such a name: with more it may be a phone number or a passcode.
MOST_DIGITS: Final = 3
#: How far in the past a schedule may be: clocks differ, and callers schedule for "now".
SCHEDULE_GRACE: Final = timedelta(seconds=60)

_SENDER = re.compile(r"[0-9]{3,15}|[A-Za-z0-9]{3,11}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,127}")


def build_model(model: type[T], given: Mapping[str, Any]) -> T:
    """Create a model from named fields.

    Raises:
        ValidationError: a field is unknown, missing or invalid.
    """
    try:
        return model(**given)
    except TypeError:
        problem = _misnamed(attrs.fields_dict(model), given)  # type: ignore[arg-type] # it is one
        if problem is None:
            raise
    # Not chained: the TypeError quotes the name, which could be anything, such as a phone number.
    raise problem


def _misnamed(
    fields: Mapping[str, attrs.Attribute[Any]], given: Mapping[str, Any]
) -> ValidationError | None:
    strange = given.keys() - fields.keys()
    missing = [
        name
        for name, field in fields.items()
        if field.default is attrs.NOTHING and name not in given
    ]
    if strange:
        from difflib import get_close_matches  # imported only for a misspelt name

        # Quote only plausible field names: others could be anything, such as a phone number.
        names = sorted(
            name for name in map(str, strange) if name.isidentifier() and may_be_named(name)
        )
        alike = [match for name in names for match in get_close_matches(name, fields, n=1)]
        hint = f"; did you mean {' and '.join(alike)}?" if alike else ""
        return ValidationError(
            f"there is no field {', '.join(names) or 'with this name'}{hint}",
            field=names[0] if names else "message",
        )
    if missing:
        return ValidationError(f"{' and '.join(missing)} must be given", field=missing[0])
    return None


def may_be_named(name: str) -> bool:
    """Return whether an error may quote a field name: it is short and contains no number."""
    return len(name) <= LONGEST_NAME and sum(map(str.isdigit, name)) <= MOST_DIGITS


def sender(value: object) -> str:
    """Validate a sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits."""
    sender_id = text(value, "sender")
    if _SENDER.fullmatch(sender_id) is None:
        raise ValidationError(
            "sender must be 3 to 11 ASCII letters and digits, or 3 to 15 digits, without spaces, "
            f"signs or a leading +; this one {_sender_problem(sender_id)}",
            field="sender",
            code=4003,
        )
    return sender_id


def _sender_problem(sender_id: str) -> str:
    for character in sender_id:
        if not (character.isascii() and character.isalnum()):
            return "contains a space" if character.isspace() else f"contains {character!r}"
    count = len(sender_id)
    return f"has {count} character{'' if count == 1 else 's'}"


def content(value: object, field: str = "content") -> str:
    """Validate a text: 1 to 1280 UTF-16 units, and not blank."""
    message = text(value, field)
    if values.is_missing(message):
        raise ValidationError(f"{field} is empty", field=field, code=4001)
    units = utf16_units(message)
    if units > MAX_CONTENT:
        raise ValidationError(
            f"{field} is {units} UTF-16 units long; the longest text is {MAX_CONTENT}",
            field=field,
            code=4002,
        )
    return message


def binary(value: object) -> bytes:
    """Validate a binary message's data: 1 to 427 bytes."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ValidationError(f"data must be bytes, not {type(value).__name__}", field="data")
    data = bytes(value)
    if not data:
        raise ValidationError("data is empty", field="data", code=4001)
    if len(data) > MAX_BINARY:
        raise ValidationError(
            f"data is {len(data)} bytes long; the longest is {MAX_BINARY}", field="data", code=4002
        )
    return data


def country(value: object) -> str:
    """Validate a country: two letters of ISO 3166 in any case; return capitals."""
    code = values.as_text(value)
    if code is None or _COUNTRY.fullmatch(code.strip()) is None:
        raise ValidationError(
            "country must be the two letters of ISO 3166, such as 'FR'", field="country"
        )
    return code.strip().upper()


def tag(value: object) -> str:
    """Validate a tag: at most 280 characters."""
    label = text(value, "tag")
    if len(label) > MAX_TAG:
        raise ValidationError(
            f"tag is {len(label)} characters long; the longest is {MAX_TAG}", field="tag", code=4005
        )
    return label


def validity(value: object) -> int:
    """Validate the time for which delivery is attempted: 1 to 2880 minutes."""
    return integer(value, "validity", at_least=1, at_most=MAX_VALIDITY)


def ttl(value: object) -> int:
    """Validate the time for which a delivery report is kept: at least 1 minute."""
    return integer(value, "ttl", at_least=1)


def aware_datetime(value: object, field: str) -> datetime:
    """Validate a time: a datetime with a time zone."""
    return values.aware_datetime(value, field, 4009)


def schedule(value: object, now: datetime | None = None) -> datetime:
    """Validate a scheduled time: aware, and at most 60 seconds in the past."""
    at = aware_datetime(value, "at")
    if at < (now or datetime.now(UTC)) - SCHEDULE_GRACE:
        raise ValidationError(
            "at is in the past; schedule for a time in the future", field="at", code=4009
        )
    return at


def url(value: object, field: str) -> str:
    """Validate a URL: absolute, http or https."""
    address = text(value, field)
    try:
        parts = urlsplit(address)
        whole = parts.scheme in {"http", "https"} and parts.hostname
    except ValueError:  # it could quote the URL, which may contain a secret
        whole = None
    if not whole or re.search(r"\s", address):
        raise ValidationError(
            f"{field} must be a complete URL, such as https://example.org/reports", field=field
        )
    return address


def delivery_report_url(value: object) -> str:
    """Validate the URL for delivery reports."""
    return url(value, "delivery_report_url")


def metadata(value: object) -> dict[str, str]:
    """Validate a message's metadata: strings by string keys."""
    given = iterables.as_mapping(value)
    if given is None:
        raise ValidationError("metadata must be a mapping of strings", field="metadata")
    return {text(key, "metadata"): text(item, "metadata") for key, item in given.items()}


def reference(value: object) -> str:
    """Validate a reference: 1 to 200 printable characters."""
    name = text(value, "reference")
    if not name.strip() or len(name) > MAX_REFERENCE or not name.isprintable():
        raise ValidationError(
            f"reference must be 1 to {MAX_REFERENCE} printable characters, such as 'order-1234'",
            field="reference",
        )
    return name


def otp_metadata(value: object) -> dict[str, Any]:
    """Validate a one-time password's metadata: a JSON object of at most 1024 bytes."""
    given = iterables.as_mapping(value)
    if given is None:
        raise ValidationError("metadata must be a mapping", field="metadata")
    plain: dict[str, Any] | None = None
    size: int | None = None
    with suppress(TypeError, ValueError, RecursionError):  # their messages could quote a value
        plain = _json(given)
        size = len(json.dumps(plain, allow_nan=False, separators=(",", ":")))
    if plain is None or size is None:
        raise ValidationError("metadata cannot be written as JSON", field="metadata")
    if size > MAX_OTP_METADATA:
        raise ValidationError(
            f"metadata is {size} bytes of JSON; the largest is {MAX_OTP_METADATA}", field="metadata"
        )
    return plain


def _json(value: Any) -> Any:
    """Return a JSON value built from plain values, or raise `TypeError`."""
    if value is None or type(value) in {str, int, bool}:
        return value
    for read in (values.as_text, values.as_boolean, values.as_number):
        if (plain := read(value)) is not None:
            return plain
    if (given := iterables.as_mapping(value)) is not None:
        return {text(key, "metadata"): _json(item) for key, item in given.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    raise TypeError(type(value).__name__)


def strings(value: Any, field: str) -> tuple[str, ...]:
    """Validate a list of strings; a single string is not one."""
    iterables.check_iterable(value, field, awaitable=False)
    return tuple([text(item, field) for item in value])


def response_email(value: object) -> tuple[str, ...]:
    """Validate the e-mail addresses for replies."""
    addresses = strings(value, "response_email")
    for address in addresses:
        if "@" not in address[1:-1] or re.search(r"\s", address):
            raise ValidationError(
                "response_email contains an invalid e-mail address",
                field="response_email",
            )
    return addresses


def identifier(value: object, field: str) -> str:
    """Validate a message or batch id: letters, digits and dashes, at most 128 characters."""
    whole = values.as_integer(value)
    given = values.as_text(value) if whole is None else str(whole) if 0 <= whole < 10**40 else None
    if given is None or _IDENTIFIER.fullmatch(given) is None:
        raise ValidationError(
            f"{field} must be an id from the API, such as '128032521395903584'",
            field=field,
            code=4008,
        )
    return given


def batch_size(items: Sequence[object], field: str, at_most: int) -> None:
    """Validate the number of recipients in one request."""
    if not 1 <= len(items) <= at_most:
        raise ValidationError(
            f"a batch holds 1 to {at_most} recipients, not {len(items)}; "
            "bulk.send takes any number, and splits them into batches",
            field=field,
        )
