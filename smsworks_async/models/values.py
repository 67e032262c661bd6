"""Validation of the caller's values: each function returns a plain value, or raises.

Each value is converted to a plain string or number (see `plain_values`) before it is measured,
compared, stored or sent. Values that cannot be converted are refused. Errors never quote a value.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from smsworks_async.errors import ValidationError
from smsworks_async.models.plain_values import (
    PLAIN,
    as_boolean,
    as_integer,
    as_number,
    as_text,
    for_a_text,
    has_method,
    is_a,
    is_missing,
    plain,
)


__all__ = [
    "LONGEST",
    "MAX_INTEGER",
    "PLAIN",
    "as_boolean",
    "as_integer",
    "as_number",
    "as_text",
    "aware_datetime",
    "boolean",
    "for_a_text",
    "has_method",
    "integer",
    "is_a",
    "is_missing",
    "number",
    "optional",
    "path",
    "plain",
    "seconds",
    "text",
]

T = TypeVar("T")

#: The longest time in seconds of any setting: about four months.
LONGEST: Final = 1e7
#: The largest integer that JavaScript reads from JSON without loss.
MAX_INTEGER: Final = 2**53 - 1


def text(value: object, field: str) -> str:
    """Return a plain string that can be encoded.

    Raises:
        ValidationError: the value is not a string, or contains half of a surrogate pair.
    """
    plain = value if type(value) is str else as_text(value)
    if plain is None:
        if is_missing(value):
            raise ValidationError(f"{field} is missing", field=field)
        raise ValidationError(f"{field} must be a string, not {type(value).__name__}", field=field)
    if not plain.isascii() and (half := _half_a_pair(plain)) is not None:
        raise ValidationError(
            f"{field} contains half of a surrogate pair at position {half}; "
            "decode it again from its source, or remove that character",
            field=field,
        )
    return plain


def _half_a_pair(text: str) -> int | None:
    """Return the position at which a text cannot be encoded; None if it can be."""
    try:
        text.encode()
    except UnicodeEncodeError as error:  # it holds the text, so it is not passed on
        return error.start
    return None


def integer(value: object, field: str, *, at_least: int, at_most: int = MAX_INTEGER) -> int:
    """Return a plain integer within a range, by default up to `MAX_INTEGER`.

    Raises:
        ValidationError: the value is not an integer, or is out of range.
    """
    number = as_integer(value)
    if number is None:
        _refuse_missing(value, field)
        raise ValidationError(
            f"{field} must be a whole number, not {type(value).__name__}", field=field
        )
    if not at_least <= number <= at_most:
        raise ValidationError(f"{field} must be {at_least} to {at_most}", field=field)
    return number


def number(value: object, field: str) -> float:
    """Return a plain finite number.

    Raises:
        ValidationError: the value is not a number, is not finite, or is too large for a float.
    """
    plain = as_number(value)
    if plain is None:
        _refuse_missing(value, field)
        raise ValidationError(f"{field} must be a finite number", field=field)
    return plain


def path(value: Any, field: str) -> str:
    """Return the path of a file as a plain string.

    Raises:
        ValidationError: the value is neither a string nor an `os.PathLike` of one, or it is blank.
    """
    plain = as_text(value)
    if plain is None and has_method(value, "__fspath__"):
        plain = as_text(value.__fspath__())
    try:
        fits = plain is not None and plain.strip() and b"\0" not in os.fsencode(plain)
    except UnicodeEncodeError:
        fits = False
    if plain is None or not fits:
        raise ValidationError(f"{field} must be the path of a file", field=field)
    return plain


def seconds(value: object, field: str, *, at_least: float = 0.0, above: bool = False) -> float:
    """Return a duration: finite seconds, at most 1e7.

    Arguments:
        value: the seconds.
        field: the argument's name.
        at_least: the minimum.
        above: whether they must be greater than the minimum.

    Raises:
        ValidationError: the value is not such a duration.
    """
    plain = as_number(value)
    fits = plain is not None and (plain > at_least if above else plain >= at_least)
    if plain is None or not fits or plain > LONGEST:
        bound = "more than" if above else "at least"
        raise ValidationError(
            f"{field} must be seconds, {bound} {at_least:g} and at most {LONGEST:g}", field=field
        )
    return float(plain)


def boolean(value: object, field: str) -> bool:
    """Return a plain bool.

    Raises:
        ValidationError: the value is not a bool.
    """
    plain = as_boolean(value)
    if plain is None:
        _refuse_missing(value, field)
        raise ValidationError(f"{field} must be True or False", field=field)
    return plain


def aware_datetime(value: Any, field: str, code: int | None = None) -> datetime:
    """Convert a datetime with a time zone to a plain datetime in UTC.

    Raises:
        ValidationError: the value is not a datetime, has no time zone, or is beyond the calendar.
    """
    if is_missing(value):
        raise ValidationError(f"{field} is missing", field=field, code=code)
    if not is_a(value, datetime):
        raise ValidationError(
            f"{field} must be a datetime, not {type(value).__name__}", field=field, code=code
        )
    failed, offset = "", None
    try:
        offset = None if value.tzinfo is None else value.utcoffset()
    except Exception as error:  # raised by the time zone's code
        failed = type(error).__name__
    if failed:
        raise ValidationError(
            f"{field} has a time zone that fails ({failed})", field=field, code=code
        )
    if offset is None:
        raise ValidationError(
            f"{field} has no time zone; pass an aware datetime, "
            "such as datetime(2030, 1, 31, 9, 0, tzinfo=ZoneInfo('Europe/London'))",
            field=field,
            code=code,
        )
    day, clock = (value.year, value.month, value.day), (value.hour, value.minute, value.second)
    try:
        moment: datetime = datetime(*day, *clock, value.microsecond, tzinfo=UTC) - offset
    except OverflowError as exc:
        raise ValidationError(f"{field} is beyond the calendar", field=field, code=code) from exc
    return moment


def _refuse_missing(value: object, field: str) -> None:
    if is_missing(value):
        raise ValidationError(f"{field} is missing", field=field)


def optional(check: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Return a check for an optional field, which turns a missing value into None."""

    def converted(value: Any) -> T | None:
        return None if is_missing(value) else check(value)

    return converted
