"""What a request's body may hold: one table of fields, and one form for each kind of request.

A body is read in two steps. `Form.shape` looks at names and types, for which the API has no codes,
so that a mistake is answered with a bare message. `Form.refuse` looks at values that do have codes.
A single message needs both; in a batch of unique messages the second falls on one recipient alone.

Fields and forms that the API does not have are refused rather than passed over: the sandbox is
there to notice them.
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
_DATE = Field(_is_date, "a date: ISO 8601 or JavaScript's Date.toString()")
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
    """The fields that one kind of body has."""

    fields: dict[str, Field]
    required: frozenset[str]

    def shape(self, body: Any) -> dict[str, Any]:
        """Return the body when it is an object with these fields, each of its shape.

        Raises:
            Refusal: without a code, naming the field.
        """
        if not isinstance(body, dict):
            raise complaint("The body is not an object")
        for name in sorted(self.required - body.keys()):
            raise complaint(f"{name} is missing")
        for name, value in body.items():
            field = self.fields.get(name)
            if field is None:
                raise complaint(f"{name} is not a field of this request")
            if not field.fits(value):
                raise complaint(f"{name} must be {field.shape}")
        return body

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


def _form(fields: dict[str, Field], *required: str) -> Form:
    return Form(fields, frozenset(required))


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
)
LOGIN = _form({"customerid": _TEXT, "key": _TEXT, "secret": _TEXT}, "customerid", "key", "secret")

# The sandbox's own endpoints.
ADVANCE = _form({"seconds": Field(_is_number, "a number")}, "seconds")
INCOMING_SMS = _form(
    {"sender": _TEXT, "to": _TEXT, "content": _TEXT, "keyword": _TEXT}, "sender", "to", "content"
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
