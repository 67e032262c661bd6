"""Conversion of values to plain strings and numbers. Nothing here raises or quotes a value.

Callers pass values that are not of the exact wire type: string enum members, Django's
``SafeString``, ``numpy.str_``, lazy translations, integers that pandas turned into floats.

Nothing here imports numpy or pandas: their scalars are recognised by the names of their types.
Objects of unknown types are never tested for truth, length or equality.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time
from inspect import getattr_static
from types import FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, Final, TypeVar
from uuid import UUID


T = TypeVar("T")

# From here on neither floats nor decimals of the default precision have all digits.
_COARSE: Final = 10**28
# Invisible characters besides blanks: joiners, marks of direction, soft hyphens.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), "")

#: Types whose values are plain.
PLAIN: Final[set[type]] = {
    *(str, int, float, bool, type(None), bytes),
    *(datetime, date, time, UUID),
}
# The names of "no value" objects, by package.
_NOTHING: Final = frozenset(
    {("pandas", "NAType"), ("pandas", "NaTType"), ("numpy", "MaskedConstant")}
)
_METHODS: Final = (FunctionType, WrapperDescriptorType, MethodDescriptorType)


def plain(kind: type[T]) -> type[T]:
    """Register a class as plain: its instances contain only plain values."""
    PLAIN.add(kind)
    return kind


def _origin(value: object) -> tuple[str, str]:
    """Return the top-level package and the name of a value's type."""
    kind = type(value)
    return str(kind.__module__).partition(".")[0], kind.__name__


def is_a(value: object, kinds: Any) -> bool:
    """Return whether a value really is of a type; mocks and proxies only claim to be."""
    return issubclass(type(value), kinds)


def _is_decimal(value: object) -> bool:
    from decimal import Decimal  # imported only for unusual values

    return is_a(value, Decimal)


def _is_real(value: object) -> bool:
    """Return whether a value is a number without ``__index__``."""
    from numbers import Integral, Real

    # NumPy's timedeltas claim to be integers.
    return (is_a(value, Real) and not is_a(value, Integral)) or _is_decimal(value)


def _is_numpy_real(value: object) -> bool:
    return _origin(value)[0] == "numpy" and _is_real(value)


def has_method(value: object, name: str) -> bool:
    """Return whether a value's class defines a method, which is False for mocks."""
    return isinstance(getattr_static(type(value), name, None), _METHODS)


def as_text(value: Any) -> str | None:  # noqa: PLR0911 - a line for each kind of value
    """Return the plain string of a value, or None.

    A lazy translation is not a `str`. It is recognised by its ``encode``, which returns the bytes
    of the translated string. So bytes, secret wrappers, mocks and other objects are not treated as
    text, although each can be converted with `str`.
    """
    if type(value) is str:
        return value
    if is_a(value, str):
        return str.__str__(value)  # the characters, even if a subclass overrides __str__
    if is_a(value, type):
        return None
    try:
        encode = getattr(value, "encode", None)
        if not callable(encode):
            return None
        written, encoded = str(value), encode()
    except Exception:  # the object's code may raise anything: then there is no plain value
        return None
    if type(encoded) is not bytes or encoded != written.encode("utf-8", "replace"):
        return None
    return str.__str__(written)


def is_missing(value: Any) -> bool:  # noqa: PLR0911 - a line for each kind of value
    """Return whether a value means "no value": None, a blank string, NaN, NaT or ``pandas.NA``."""
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
    """Return whether a text is invisible: only blanks, joiners and marks."""
    return not text.translate(_INVISIBLE).strip()


def as_integer(value: Any) -> int | None:  # noqa: PLR0911 - a line for each kind of value
    """Return the plain integer of a value, or None.

    Integral floats are accepted, since pandas turns a column of integers with blanks into floats.
    """
    if type(value) is int:
        return value
    if is_a(value, bool):
        return None
    if has_method(value, "__index__"):
        try:
            return int(value.__index__())
        except TypeError:
            return None  # an array, for example
    if is_a(value, float) or _is_decimal(value) or _is_numpy_real(value):
        # A decimal must not have more digits than it stores, nor enough to fill the memory.
        if not _is_finite(value) or not -_COARSE < value < _COARSE or value != int(value):
            return None
        # A float too large to represent every integer has lost digits.
        if value + 1 == value:
            return None
        return int(value)
    return None


def _is_finite(value: Any) -> bool:
    return value.is_finite() if _is_decimal(value) else math.isfinite(value)


def as_number(value: Any) -> float | None:
    """Return the plain finite number of a value, or None."""
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
        return None  # too large for a float, or a signalling NaN


def as_boolean(value: object) -> bool | None:
    """Return the plain bool of a value, or None."""
    if value is True or value is False:
        return value
    if _origin(value) in {("numpy", "bool"), ("numpy", "bool_")}:
        return bool(value)
    return None


def for_a_text(value: Any) -> str | None:  # noqa: PLR0911 - a line for each kind of value
    """Format a value for use in a message text; None if it should not appear in one.

    Strings, finite numbers, dates, times and UUIDs are accepted. An integral float is written
    without its ``.0``, since pandas turns a column of integers with blanks into floats. Bools,
    bytes, non-string enum members, functions, lists and other objects are not: the recipient would
    see their Python representation.
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
    except ValueError:  # more digits than Python converts
        return None
