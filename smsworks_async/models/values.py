"""The one door for what a caller passes: each function returns a plain value, or raises.

What arrives need not be of the exact type that goes on the wire: an enum member that is a string,
Django's ``SafeString``, ``numpy.str_``, a lazy translation, an integer that pandas made a float of.
Here each of them becomes the plain string or number that it stands for, before anything is
measured, compared, stored or sent. What has no such reading is refused, and never quoted.

Nothing here imports numpy or pandas: their scalars are recognised by the names of their types. No
object of an unknown type is tested for truth, for length or for equality with another.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from inspect import getattr_static
from types import FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, Final, TypeVar
from uuid import UUID

from smsworks_async.errors import ValidationError


T = TypeVar("T")

#: The longest time in seconds that a setting may have: about four months.
LONGEST: Final = 1e7
#: The bound of whole numbers in JSON, as JavaScript reads it.
MAX_INTEGER: Final = 2**53 - 1
# From here on no decimal of the usual precision has all its digits, and no float.
_COARSE: Final = 10**28
# What a text can hold and nobody sees, beside blanks: joiners, marks of direction, soft hyphens.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), "")

#: Types whose values are plain as they are.
PLAIN: Final[set[type]] = {
    *(str, int, float, bool, type(None), bytes),
    *(datetime, date, time, UUID),
}
# What stands for "no value", by the package that it comes from.
_NOTHING: Final = frozenset(
    {("pandas", "NAType"), ("pandas", "NaTType"), ("numpy", "MaskedConstant")}
)
_METHODS: Final = (FunctionType, WrapperDescriptorType, MethodDescriptorType)


def plain(kind: type[T]) -> type[T]:
    """Count a class of ours among the plain types: its instances hold plain values alone."""
    PLAIN.add(kind)
    return kind


def _origin(value: object) -> tuple[str, str]:
    """Return the top-level package and the name of a value's type."""
    kind = type(value)
    return str(kind.__module__).partition(".")[0], kind.__name__


def is_a(value: object, kinds: Any) -> bool:
    """Return whether a value is of a type. Mocks and proxies only say that they are."""
    return issubclass(type(value), kinds)


def _is_decimal(value: object) -> bool:
    from decimal import Decimal  # when there is an odd value, and not before

    return is_a(value, Decimal)


def _is_real(value: object) -> bool:
    """Return whether a value is a number other than an integer, which has an ``__index__``."""
    from numbers import Integral, Real

    # NumPy's lengths of time say that they are integers, and are none.
    return (is_a(value, Real) and not is_a(value, Integral)) or _is_decimal(value)


def _is_numpy_real(value: object) -> bool:
    return _origin(value)[0] == "numpy" and _is_real(value)


def has_method(value: object, name: str) -> bool:
    """Return whether a value's class defines a method; a mock's, which has any, does not."""
    return isinstance(getattr_static(type(value), name, None), _METHODS)


def as_text(value: Any) -> str | None:  # noqa: PLR0911 - a line for each kind of value
    """Return the plain string that a value stands for; None where it stands for none.

    A lazy translation is no `str`. It is recognised by its ``encode``, which returns the bytes of
    the string that it turns into; so bytes, secrets, mocks and other objects are not taken for
    text, although each of them has a `str`.
    """
    if type(value) is str:
        return value
    if is_a(value, str):
        return str.__str__(value)  # the characters, whatever a subclass shows in their place
    if is_a(value, type):
        return None
    try:
        encode = getattr(value, "encode", None)
        if not callable(encode):
            return None
        written, encoded = str(value), encode()
    except Exception:  # its own code, which may raise anything: then it has no reading
        return None
    if type(encoded) is not bytes or encoded != written.encode("utf-8", "replace"):
        return None
    return str.__str__(written)


def is_missing(value: Any) -> bool:  # noqa: PLR0911 - a line for each kind of value
    """Return whether a value stands for none: None, a blank string, NaN, NaT or ``pandas.NA``."""
    kind = type(value)
    if value is None:
        return True
    if kind is str:
        return not value or value.isspace() or (not value.isascii() and _is_blank(value))
    if kind is int or kind is bool:
        return False
    if is_a(value, float):
        return math.isnan(value)
    if _is_decimal(value):
        return bool(value.is_nan())
    plain = as_text(value)
    if plain is not None:
        return _is_blank(plain)
    package, name = origin = _origin(value)
    scalar = package == "numpy" and name != "ndarray"
    return origin in _NOTHING or (scalar and str(value) in {"nan", "NaT"})


def _is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen: blanks, joiners and marks alone."""
    return not text.translate(_INVISIBLE).strip()


def text(value: object, field: str) -> str:
    """Return a plain string that can be encoded.

    Raises:
        ValidationError: the value is no text, or holds half of a surrogate pair.
    """
    plain = value if type(value) is str else as_text(value)
    if plain is None:
        if is_missing(value):
            raise ValidationError(f"{field} is missing", field=field)
        raise ValidationError(f"{field} must be a string, not {type(value).__name__}", field=field)
    if not plain.isascii() and (half := _half_a_pair(plain)) is not None:
        raise ValidationError(
            f"{field} holds half of a surrogate pair at position {half}; "
            "decode it again from its source, or remove that character",
            field=field,
        )
    return plain


def _half_a_pair(text: str) -> int | None:
    """Return where a text cannot be encoded; None where it can."""
    try:
        text.encode()
    except UnicodeEncodeError as error:  # it carries the text with it, and so ends here
        return error.start
    return None


def as_integer(value: Any) -> int | None:  # noqa: PLR0911 - a line for each kind of value
    """Return the plain integer that a value stands for; None where it stands for none.

    An integral float is one, since pandas makes floats of a column of integers that has blanks.
    """
    if type(value) is int:
        return value
    if is_a(value, bool):
        return None
    if has_method(value, "__index__"):
        try:
            return int(value.__index__())
        except TypeError:
            return None  # an array, say
    if is_a(value, float) or _is_decimal(value) or _is_numpy_real(value):
        # Neither may a decimal have more digits than it keeps, nor as many as fill the memory.
        if not _is_finite(value) or not -_COARSE < value < _COARSE or value != int(value):
            return None
        # A float that is too coarse to tell a number from the next has lost some of its digits.
        if value + 1 == value:
            return None
        return int(value)
    return None


def _is_finite(value: Any) -> bool:
    return value.is_finite() if _is_decimal(value) else math.isfinite(value)


def integer(value: object, field: str, *, at_least: int, at_most: int = MAX_INTEGER) -> int:
    """Return a plain integer within its bounds; by default those of a JavaScript number.

    Raises:
        ValidationError: the value is no whole number, or out of bounds.
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


def as_number(value: Any) -> float | None:
    """Return the plain finite number that a value stands for; None where it stands for none."""
    if type(value) is float and math.isfinite(value):
        return value
    if is_a(value, bool):
        return None
    try:
        if has_method(value, "__index__"):
            number: float | None = as_integer(value)
        else:
            number = float(value) if is_a(value, float) or _is_real(value) else None
        return number if number is None or math.isfinite(number) else None
    except (OverflowError, ValueError):
        return None  # beyond floats, or a signalling NaN


def number(value: object, field: str) -> float:
    """Return a plain finite number.

    Raises:
        ValidationError: the value is no number, not finite, or too large for a float.
    """
    plain = as_number(value)
    if plain is None:
        _refuse_missing(value, field)
        raise ValidationError(f"{field} must be a finite number", field=field)
    return plain


def path(value: Any, field: str) -> str:
    """Return the path of a file as a plain string.

    Raises:
        ValidationError: the value is neither text nor an `os.PathLike` of text, or it is blank.
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
    """Return a length of time: finite seconds, at most 1e7.

    Arguments:
        value: the seconds.
        field: the argument's name.
        at_least: the least that they may be.
        above: whether they must be more than that.

    Raises:
        ValidationError: the value is none.
    """
    plain = as_number(value)
    fits = plain is not None and (plain > at_least if above else plain >= at_least)
    if plain is None or not fits or plain > LONGEST:
        bound = "more than" if above else "at least"
        raise ValidationError(
            f"{field} must be seconds, {bound} {at_least:g} and at most {LONGEST:g}", field=field
        )
    return float(plain)


def as_boolean(value: object) -> bool | None:
    """Return the plain truth value that a value is; None where it is none."""
    if value is True or value is False:
        return value
    if _origin(value) in {("numpy", "bool"), ("numpy", "bool_")}:
        return bool(value)
    return None


def boolean(value: object, field: str) -> bool:
    """Return a plain truth value.

    Raises:
        ValidationError: the value is none.
    """
    plain = as_boolean(value)
    if plain is None:
        _refuse_missing(value, field)
        raise ValidationError(f"{field} must be True or False", field=field)
    return plain


def aware_datetime(value: Any, field: str, code: int | None = None) -> datetime:
    """Return a plain datetime in UTC, of any datetime that has a time zone.

    Raises:
        ValidationError: the value is no datetime, has no time zone, or lies beyond the calendar.
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
    except Exception as error:  # a time zone's own code
        failed = type(error).__name__
    if failed:
        raise ValidationError(
            f"{field} has a time zone that fails ({failed})", field=field, code=code
        )
    if offset is None:
        raise ValidationError(
            f"{field} does not say its time zone; give an aware datetime, "
            "such as datetime(2030, 1, 31, 9, 0, tzinfo=ZoneInfo('Europe/London'))",
            field=field,
            code=code,
        )
    day, clock = (value.year, value.month, value.day), (value.hour, value.minute, value.second)
    try:
        moment: datetime = datetime(*day, *clock, value.microsecond, tzinfo=UTC) - offset
    except OverflowError as exc:
        raise ValidationError(f"{field} lies beyond the calendar", field=field, code=code) from exc
    return moment


def for_a_text(value: Any) -> str | None:  # noqa: PLR0911 - a line for each kind of value
    """Return how a value stands in a text; None where no text should show it.

    Text, numbers that are finite, dates, times and UUIDs may stand in a text. A whole float stands
    there without its ``.0``, since pandas makes floats of a column of integers that has blanks. A
    truth value, bytes, an enum member that is no text, a function, a list or any other object may
    not: a recipient would read how Python writes it.
    """
    plain = as_text(value)
    if plain is not None:
        return plain
    kind = type(value)
    if kind in {date, datetime, time, UUID}:
        return str(value)
    if is_a(value, bool):
        return None
    if _is_decimal(value):
        return str(value) if value.is_finite() else None
    if has_method(value, "__index__"):
        whole = as_integer(value)
        return None if whole is None else _digits(whole)
    if is_a(value, float) or _is_numpy_real(value):
        plain_number = as_number(value)
        return None if plain_number is None else str(plain_number).removesuffix(".0")
    return str(value) if is_a(value, date | time | UUID) else None


def _digits(whole: int) -> str | None:
    try:
        return str(whole)
    except ValueError:  # more digits than Python writes
        return None


def _refuse_missing(value: object, field: str) -> None:
    if is_missing(value):
        raise ValidationError(f"{field} is missing", field=field)


def optional(check: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Make a check of an optional field: a missing value is no field."""

    def converted(value: Any) -> T | None:
        return None if is_missing(value) else check(value)

    return converted
