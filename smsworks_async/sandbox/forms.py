"""What a request's body may hold: one table of fields, and one form for each kind of request.

A body is read in two steps. `Form.shape` looks at names and types, for which the API has no codes,
so that a mistake is answered with a bare message. `Form.refuse` looks at values that do have codes.
A single message needs both; in a batch of unique messages the second falls on one recipient alone.

Fields that the API does not have are ignored, as it ignores them, and `Form.unknown` names them for
the request's log. The sandbox's own endpoints refuse them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs

from . import dates
from .codes import complaint, refusal
from .destinations import normalise
from .segments import utf16_units


MAX_CONTENT = 1280  # UTF-16 units
MAX_TAG = 280  # characters
MAX_VALIDITY = 2880  # minutes
MAX_PAST = 60.0  # seconds that a schedule may lie in the past
MAX_OTP_METADATA = 1024  # bytes of JSON
MAX_ANSWER = 1000  # records
PASSCODE = "{{passcode}}"

_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})*|")
_SENDER = re.compile(r"[0-9]{3,15}|[A-Za-z0-9]{3,11}")

Kind = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(lowest: int, highest: int) -> Kind:
    def kind(value: Any) -> bool:
        return type(value) is int and lowest <= value <= highest

    return kind


def _is_url(value: Any) -> bool:
    if not _is_text(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return value == "" or (parts.scheme in {"http", "https"} and bool(parts.hostname))


def _is_date(value: Any) -> bool:
    if not _is_text(value):
        return False
    try:
        return value == "" or bool(dates.parse(value))
    except ValueError:
        return False


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, dict)
        and pair.keys() == {"key", "value"}
        and all(isinstance(part, str) for part in pair.values())
        for pair in value
    )


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_bytes(value: Any) -> bool:
    return _is_text(value) and bool(_HEX_PAIRS.fullmatch(value))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_emails(value: Any) -> bool:
    return _is_texts(value) and all("@" in item for item in value)


def _is_otp_metadata(value: Any) -> bool:
    try:
        return isinstance(value, dict) and len(json.dumps(value)) <= MAX_OTP_METADATA
    except RecursionError:
        return False


@attrs.frozen
class Field:
    """A field of a body: whether a value has its shape, and what that shape is."""

    fits: Kind
    shape: str


_TEXT = Field(_is_text, "a string")
_DATE = Field(_is_date, "a date, such as 2031-11-26T18:21:05Z")
_PAIRS = Field(_is_pairs, "an array of objects with a key and a value, both strings")
_PASSCODE = Field(lambda value: _is_text(value) and value != "", "a string that is not empty")

_COMMON = {
    "sender": _TEXT,
    "content": _TEXT,
    "tag": _TEXT,
    "deliveryreporturl": Field(_is_url, "an http or https URL"),
    "schedule": _TEXT,
    "ttl": Field(_whole(1, 10**9), "a whole number of minutes, from 1"),
    "validity": Field(_whole(1, MAX_VALIDITY), f"a whole number of minutes, 1-{MAX_VALIDITY}"),
    "ai": Field(lambda value: isinstance(value, bool), "true or false"),
}


def _refuse_sender(value: str) -> None:
    if not _SENDER.fullmatch(value):
        raise refusal(4003)


def _refuse_content(value: str) -> None:
    if value == "":
        raise refusal(4001)
    if utf16_units(value) > MAX_CONTENT:
        raise refusal(4002)


def _refuse_tag(value: str) -> None:
    if len(value) > MAX_TAG:
        raise refusal(4005)


def _refuse_destination(value: str) -> None:
    if normalise(value) is None:
        raise refusal(4004)


_REFUSALS: dict[str, Callable[[Any], None]] = {
    "sender": _refuse_sender,
    "destination": _refuse_destination,
    "content": _refuse_content,
    "tag": _refuse_tag,
}


@attrs.frozen
class Form:
    """The fields that one kind of body has.

    Attributes:
        fields: by name.
        required: those that must be there.
        blanks: whether a blank field counts as one that is not there.
        strict: whether unknown fields are refused; otherwise they are ignored.
    """

    fields: dict[str, Field]
    required: frozenset[str]
    blanks: bool = False
    strict: bool = False

    def unknown(self, body: Any) -> list[str]:
        """Return the names of the fields in a body, or in an array of bodies, that are not ours."""
        bodies = body if isinstance(body, list) else [body]
        names = {name for item in bodies if isinstance(item, dict) for name in item}
        return sorted(names - self.fields.keys())

    def shape(self, body: Any) -> dict[str, Any]:
        """Return a body's known fields when it is an object, and each has its shape.

        Raises:
            Refusal: without a code, naming the field.
        """
        if not isinstance(body, dict):
            raise complaint("The body is not an object")
        for name in sorted(self.required - body.keys()):
            raise complaint(f"{name} is missing")
        for name in self.unknown(body) if self.strict else ():
            raise complaint(f"{name} is not a field of this request")
        known = {
            name: value
            for name, value in body.items()
            if name in self.fields and not (self.blanks and _is_blank(value))
        }
        for name, value in known.items():
            field = self.fields[name]
            if not field.fits(value):
                raise complaint(f"{name} must be {field.shape}")
        return known

    def refuse(self, fields: dict[str, Any]) -> None:
        """Refuse values that the API has codes for: sender, destination, content, tag."""
        for name, check in _REFUSALS.items():
            if name in fields:
                check(fields[name])

    def read(self, body: Any) -> dict[str, Any]:
        """Return the body when it is right in shape and in value."""
        fields = self.shape(body)
        self.refuse(fields)
        return fields


def _form(
    fields: dict[str, Field], *required: str, blanks: bool = False, strict: bool = False
) -> Form:
    return Form(fields, frozenset(required), blanks, strict)


MESSAGE = _form(
    {
        **_COMMON,
        "destination": _TEXT,
        "metadata": _PAIRS,
        "responseemail": Field(_is_emails, "an array of e-mail addresses"),
    },
    "sender",
    "destination",
    "content",
)
# Whether it is empty or too long has a code, and is looked at with the others.
BINARY = attrs.evolve(
    MESSAGE,
    fields=MESSAGE.fields
    | {"content": Field(_is_bytes, "bytes: pairs of hexadecimal digits, set apart by blanks")},
)
BATCH = _form(
    {**_COMMON, "destinations": Field(_is_texts, "an array of strings")},
    "sender",
    "destinations",
    "content",
)
OTP = _form(
    {
        "sender": _TEXT,
        "destination": _TEXT,
        "length": Field(_whole(1, 32), "a whole number of digits, 1-32"),
        "template": Field(
            lambda value: _is_text(value) and PASSCODE in value, f"a string with {PASSCODE} in it"
        ),
        "validity": Field(_whole(1, 10**9), "a whole number of seconds, from 1"),
        "passcode": _PASSCODE,
        "metadata": Field(_is_otp_metadata, f"an object of at most {MAX_OTP_METADATA} bytes"),
    },
    "sender",
    "destination",
)
VERIFY = _form({"passcode": _PASSCODE}, "passcode")
QUERY = _form(
    {
        "status": _TEXT,
        "credits": Field(_is_number, "a number"),
        "destination": _TEXT,
        "sender": _TEXT,
        "keyword": _TEXT,
        "tag": _TEXT,
        "from": _DATE,
        "to": _DATE,
        "limit": Field(_whole(1, MAX_ANSWER), f"a whole number, 1-{MAX_ANSWER}"),
        "skip": Field(_whole(0, 10**12), "a whole number, from 0"),
        "unread": Field(lambda value: isinstance(value, bool), "true or false"),
        "metadata": _PAIRS,
    },
    blanks=True,
)
# Public programs log in without their customer id.
LOGIN = _form({"customerid": _TEXT, "key": _TEXT, "secret": _TEXT}, "key", "secret", blanks=True)

# The sandbox's own endpoints.
ADVANCE = _form({"seconds": Field(_is_number, "a number")}, "seconds", strict=True)
INCOMING_SMS = _form(
    {"sender": _TEXT, "to": _TEXT, "content": _TEXT, "keyword": _TEXT},
    "sender",
    "to",
    "content",
    strict=True,
)


def read_schedule(fields: dict[str, Any], now: float) -> float:
    """Return when a message is to go, in POSIX seconds.

    Raises:
        Refusal: 4009, when the date is none, or lies more than 60 s in the past.
    """
    text = fields.get("schedule", "")
    try:
        moment = dates.parse(text)
    except ValueError:
        raise refusal(4009, text[:80]) from None
    if moment < now - MAX_PAST:
        raise refusal(4009, text[:80])
    return moment


def read_json(data: bytes) -> Any:
    """Return what a body holds.

    Raises:
        Refusal: without a code, when the body is not JSON in UTF-8, or nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise complaint("The body is not JSON") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
