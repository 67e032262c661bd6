"""Schemas of request bodies.

A body is checked in two steps. `Schema.check_types` checks names and types; the API has no error
codes for these, so an error is a bare message. `Schema.check_values` checks values for which the
API has codes. A single message must pass both; in a batch of unique messages, a failure of the
second step affects only one recipient.

Fields that the API does not have are ignored, as by the API; `Schema.unknown` returns their names
for the log of requests. The sandbox's own endpoints refuse such fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import attrs

from . import dates
from .codes import complaint, refusal
from .destinations import normalise
from .fields import (
    BOOLEAN,
    BYTES,
    DATE,
    DESTINATION,
    DESTINATIONS,
    EMAILS,
    NOT_EMPTY,
    NUMBER,
    OTP_METADATA,
    PAIRS,
    TEXT,
    URL,
    Field,
    integer,
)
from .segments import utf16_units


MAX_CONTENT = 1280  # UTF-16 units
MAX_TAG = 280  # characters
MAX_VALIDITY = 2880  # minutes
MAX_PAST = 60.0  # seconds by which a schedule may be in the past
MAX_ANSWER = 1000  # records
PASSCODE = "{{passcode}}"

_LONGEST_SENDER = 15
_SENDER = re.compile(r"[0-9]{3,15}|[A-Za-z0-9]{3,11}")

_COMMON = {
    "sender": TEXT,
    "content": TEXT,
    "tag": TEXT,
    "deliveryreporturl": URL,
    "schedule": TEXT,
    "ttl": integer(1, 10**9, "a whole number of minutes, from 1"),
    "validity": integer(1, MAX_VALIDITY, f"a whole number of minutes, 1-{MAX_VALIDITY}"),
    "ai": BOOLEAN,
}


# An application has few senders.
@lru_cache(maxsize=64)
def _is_sender(value: str) -> bool:
    return _SENDER.fullmatch(value) is not None


def _check_sender(value: str) -> None:
    if len(value) > _LONGEST_SENDER or not _is_sender(value):
        raise refusal(4003)


def _check_content(value: str) -> None:
    if value == "":
        raise refusal(4001)
    if utf16_units(value) > MAX_CONTENT:
        raise refusal(4002)


def _check_tag(value: str) -> None:
    if len(value) > MAX_TAG:
        raise refusal(4005)


def _check_destination(value: str) -> None:
    if normalise(value) is None:
        raise refusal(4004)


_CHECKS: dict[str, Callable[[Any], None]] = {
    "sender": _check_sender,
    "destination": _check_destination,
    "content": _check_content,
    "tag": _check_tag,
}


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


@attrs.frozen
class Schema:
    """The fields of a kind of body.

    Attributes:
        fields: the types of the fields, by name.
        required: the names of the required fields.
        blanks: whether a blank field is treated as missing (default False).
        strict: whether unknown fields are refused (default False: they are ignored).
    """

    fields: dict[str, Field]
    required: frozenset[str]
    blanks: bool = False
    strict: bool = False

    def unknown(self, body: Any) -> list[str]:
        """Return the names of unknown fields in a body, or in an array of bodies."""
        known = self.fields.keys()
        if isinstance(body, dict) and body.keys() <= known:
            return []
        strange: set[str] = set()
        for item in body if isinstance(body, list) else [body]:
            if isinstance(item, dict) and not item.keys() <= known:
                strange |= item.keys() - known
        return sorted(strange)

    def check_types(self, body: Any) -> dict[str, Any]:
        """Check the types of a body's fields, and return the known fields.

        Raises:
            Refusal: without a code; the message has the field's name.
        """
        if not isinstance(body, dict):
            raise complaint("The body must be an object")
        if not self.required <= body.keys():
            raise complaint(f"{min(self.required - body.keys())} is missing")
        for name in self.unknown(body) if self.strict else ():
            raise complaint(f"{name} is not a field of this request")
        known = {}
        for name, value in body.items():
            field = self.fields.get(name)
            if field is None or (self.blanks and _is_blank(value)):
                continue
            if not field.fits(value):
                raise complaint(f"{name} must be {field.expected}")
            known[name] = value if field.parse is None else field.parse(value)
        return known

    def check_values(self, fields: dict[str, Any]) -> None:
        """Check the values for which the API has codes: sender, destination, content, tag.

        Raises:
            Refusal: a value is invalid; with its code.
        """
        for name, check in _CHECKS.items():
            if name in fields:
                check(fields[name])

    def parse(self, body: Any) -> dict[str, Any]:
        """Check the types and values of a body's fields, and return the known fields.

        Raises:
            Refusal: a field is missing or invalid.
        """
        fields = self.check_types(body)
        self.check_values(fields)
        return fields


def _schema(
    fields: dict[str, Field], *required: str, blanks: bool = False, strict: bool = False
) -> Schema:
    return Schema(fields, frozenset(required), blanks, strict)


MESSAGE = _schema(
    {
        **_COMMON,
        "destination": DESTINATION,
        "metadata": PAIRS,
        "responseemail": EMAILS,
    },
    "sender",
    "destination",
    "content",
)
# Whether the content is empty or too long is checked with the other values that have codes.
BINARY = attrs.evolve(
    MESSAGE,
    fields=MESSAGE.fields | {"content": BYTES},
)
BATCH = _schema(
    {**_COMMON, "destinations": DESTINATIONS},
    "sender",
    "destinations",
    "content",
)
OTP = _schema(
    {
        "sender": TEXT,
        "destination": DESTINATION,
        "length": integer(1, 32, "a whole number of digits, 1-32"),
        "template": Field(
            lambda value: isinstance(value, str) and PASSCODE in value,
            f"a string with {PASSCODE} in it",
        ),
        "validity": integer(1, 10**9, "a whole number of seconds, from 1"),
        "passcode": NOT_EMPTY,
        "metadata": OTP_METADATA,
    },
    "sender",
    "destination",
)
VERIFY = _schema({"passcode": NOT_EMPTY}, "passcode")
QUERY = _schema(
    {
        "status": TEXT,
        "credits": NUMBER,
        "destination": DESTINATION,
        "sender": TEXT,
        "keyword": TEXT,
        "tag": TEXT,
        "from": DATE,
        "to": DATE,
        "limit": integer(1, MAX_ANSWER, f"a whole number, 1-{MAX_ANSWER}"),
        "skip": integer(0, 10**12, "a whole number, from 0"),
        "unread": BOOLEAN,
        "metadata": PAIRS,
    },
    blanks=True,
)
# Public programs log in without their customer id.
LOGIN = _schema({"customerid": TEXT, "key": TEXT, "secret": TEXT}, "key", "secret", blanks=True)

# The sandbox's own endpoints.
ADVANCE = _schema({"seconds": NUMBER}, "seconds", strict=True)
INCOMING_SMS = _schema(
    {"sender": TEXT, "to": TEXT, "content": TEXT, "keyword": TEXT},
    "sender",
    "to",
    "content",
    strict=True,
)
DELIVER = _schema(
    {"status": TEXT, "code": integer(1, 9999, "a code"), "wait": BOOLEAN}, strict=True
)
REPORT = _schema(
    {
        "times": integer(1, 100, "a whole number, 1-100"),
        "delay": NUMBER,
        "wait": BOOLEAN,
    },
    strict=True,
)
REPLY = _schema({"content": TEXT, "to": TEXT, "wait": BOOLEAN}, "content", strict=True)
WAIT = _schema({"wait": BOOLEAN}, strict=True)
CREDITS = _schema({"credits": NUMBER}, "credits", strict=True)


def read_schedule(fields: dict[str, Any], now: float) -> float:
    """Return the time at which a message is to be sent, in POSIX seconds.

    Raises:
        Refusal: 4009 if the date is invalid, or more than 60 s in the past.
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
    """Parse a body.

    Raises:
        Refusal: without a code, if the body is not JSON in UTF-8, or is nested too deeply.
    """
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise complaint("The body is not JSON") from None


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# A shared decoder, because `json.loads` with an option makes a new one in each call.
_DECODER = json.JSONDecoder(parse_constant=_reject_constant)
