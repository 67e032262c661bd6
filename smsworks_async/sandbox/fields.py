"""The types of fields in request bodies: the JSON values that each accepts, and their parsing.

The API has no error codes for values of the wrong type; schemas refuse those with a bare message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs

from . import dates


MAX_OTP_METADATA = 1024  # bytes of JSON

_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})*|")

Predicate = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    # The provider uses JavaScript, where 10.0 equals 10, and its C# SDK writes integers as 10.0.
    return type(value) is int or (type(value) is float and value.is_integer())


def _in_range(lowest: int, highest: int) -> Predicate:
    return lambda value: _is_integer(value) and lowest <= value <= highest


def _is_destination(value: Any) -> bool:
    # The guide's Node.js samples send a number.
    return _is_text(value) or _is_integer(value)


def _parse_destination(value: Any) -> str:
    return value if isinstance(value, str) else str(int(value))


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
    """A type of field.

    Attributes:
        fits: a function that returns whether a JSON value has the field's type and range.
        expected: the type and range in words, used after "must be".
        parse: a function that converts a valid value into the stored one; None (the default) if it
            is stored unchanged.
    """

    fits: Predicate
    expected: str
    parse: Callable[[Any], Any] | None = None


def integer(lowest: int, highest: int, expected: str) -> Field:
    """Return a type of integers from `lowest` to `highest`."""
    return Field(_in_range(lowest, highest), expected, int)


TEXT = Field(_is_text, "a string")
DESTINATION = Field(_is_destination, 'a string, such as "447700900123"', _parse_destination)
DESTINATIONS = Field(
    lambda value: isinstance(value, list) and all(map(_is_destination, value)),
    'an array of strings, such as ["447700900123"]',
    lambda value: [_parse_destination(item) for item in value],
)
DATE = Field(_is_date, "a date, such as 2031-11-26T18:21:05Z")
PAIRS = Field(_is_pairs, "an array of objects with a key and a value, both strings")
NOT_EMPTY = Field(lambda value: _is_text(value) and value != "", "a string that is not empty")
BOOLEAN = Field(lambda value: isinstance(value, bool), "true or false")
NUMBER = Field(_is_number, "a number")
URL = Field(_is_url, "an http or https URL")
EMAILS = Field(_is_emails, "an array of e-mail addresses")
BYTES = Field(_is_bytes, "bytes: pairs of hexadecimal digits, separated by spaces")
OTP_METADATA = Field(_is_otp_metadata, f"an object of at most {MAX_OTP_METADATA} bytes")
