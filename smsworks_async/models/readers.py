"""Readers for single JSON values of the API, and the variations that they accept.

The API sends ids and numbers as JSON numbers or strings, and dates in two formats. Each reader
takes a JSON value and returns a Python value, or raises `TypeError` or `ValueError`. The errors do
not quote the value, which may be a text or a phone number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar


T = TypeVar("T")

# The format of JavaScript's Date.toString(). The weekday is ignored, since some samples have a
# wrong one.
_JAVASCRIPT_DATE: Final = re.compile(
    r"[A-Za-z]{3},? (?P<month>[A-Za-z]{3}) (?P<day>[0-9]{1,2}) (?P<year>[0-9]{4}) "
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}) "
    r"(?:GMT|UTC)(?P<offset>[+-][0-9]{4})?(?: \([^)]*\))?"
)
# A table, since strptime depends on the locale.
_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


def string(value: object, _: object = None) -> str:
    """Read a string, or an integer as a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise TypeError(f"expected a string, not {type(value).__name__}")


def string_or_none(value: object, _: object = None) -> str | None:
    """Read an optional string, as `string` does."""
    return value if value is None or isinstance(value, str) else string(value)


def string_or_empty(value: object, _: object = None) -> str:
    """Read a string, as `string` does; a missing one becomes an empty string."""
    return "" if value is None else string(value)


def status(value: object, _: object = None) -> str:
    """Read an informational status; anything but a string becomes an empty string."""
    return _lenient_string(value) or ""


def identifier(value: object, _: object = None) -> str:
    """Read an id. Only an id proves that a request was accepted."""
    read = string(value)
    if not read.strip():
        raise ValueError("expected an id, not a blank string")
    return read


def number(value: object, _: object = None) -> float:
    """Read a finite number, or a string that contains one."""
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            read = float(value)
        except OverflowError:
            raise ValueError("expected a finite number") from None
    elif isinstance(value, str):
        try:
            read = float(value)
        except ValueError:
            # The exception would quote the value.
            raise ValueError("expected a number, not other text") from None
    else:
        raise TypeError(f"expected a number, not {type(value).__name__}")
    if not math.isfinite(read):
        raise ValueError("expected a finite number")
    return read


def integer(value: object, _: object = None) -> int:
    """Read an integer, or a string that contains one."""
    read = number(value)
    if not read.is_integer():
        raise ValueError("expected a whole number")
    return int(read)


def integer_or_none(value: object, _: object = None) -> int | None:
    """Read an optional integer, as `integer` does."""
    return None if value is None else integer(value)


def boolean(value: object, _: object = None) -> bool:
    """Read a bool, or the string ``true`` or ``false``."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise TypeError(f"expected true or false, not {type(value).__name__}")


def boolean_or_none(value: object, _: object = None) -> bool | None:
    """Read an optional bool, as `boolean` does."""
    return None if value is None else boolean(value)


def date(value: object, _: object = None) -> datetime:
    """Parse either of the wire's date formats to an aware datetime, UTC.

    Raises:
        ValueError: it is in neither format.
        TypeError: it is not a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected a date, not {type(value).__name__}")
    match = None if value[:1].isdigit() else _JAVASCRIPT_DATE.fullmatch(value)
    if match is not None and match["month"] in _MONTHS:
        month = _MONTHS.index(match["month"]) + 1
        date = f"{match['year']}-{month:02}-{int(match['day']):02}"
        value = f"{date}T{match['time']}{match['offset'] or '+0000'}"
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:  # the usual case
            return moment
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected a date in ISO 8601 or in JavaScript's format") from None


def pairs(value: object, _: object = None) -> dict[str, str]:
    """Read metadata: a list of keys and values, or an object."""
    if value in (None, ""):
        return {}
    if isinstance(value, Mapping):
        return {str(key): string(item) for key, item in value.items()}
    if not isinstance(value, list):
        raise TypeError(f"expected a list of keys and values, not {type(value).__name__}")
    return {
        string(pair["key"]): string(pair.get("value", ""))
        for pair in value
        if isinstance(pair, Mapping) and "key" in pair
    }


def metadata(value: object, _: object = None) -> dict[str, str]:
    """Read metadata as `pairs` does; anything unreadable becomes an empty dict."""
    return _lenient_pairs(value) or {}


def json_object(value: object, _: object = None) -> dict[str, Any]:
    """Read an object; a missing one becomes an empty dict."""
    if isinstance(value, Mapping):
        return dict(value)
    if value in (None, ""):
        return {}
    raise TypeError(f"expected an object, not {type(value).__name__}")


def numbers(value: object, _: object = None) -> tuple[str, ...]:
    """Read the phone number of one recipient, or a list of them."""
    return tuple(map(string, value)) if isinstance(value, list) else (string(value),)


def lenient(hook: Callable[[object], T]) -> Callable[..., T | None]:
    """Wrap a reader of an informational field: an unreadable value becomes None."""

    def read(value: object, _: object = None) -> T | None:
        try:
            return None if value is None else hook(value)
        except (TypeError, ValueError):
            return None

    return read


_lenient_string: Final = lenient(string)
_lenient_pairs: Final = lenient(pairs)
