"""Which plain value an object stands for, if any: nothing here raises, and nothing is quoted.

What arrives need not be of the exact type that goes on the wire: an enum member that is a string,
Django's ``SafeString``, ``numpy.str_``, a lazy translation, an integer that pandas made a float of.

Nothing here imports numpy or pandas: their scalars are recognised by the names of their types. No
object of an unknown type is tested for truth, for length or for equality with another.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time
from inspect import getattr_static
from types import FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, Final, TypeVar
from uuid import UUID


T = TypeVar("T")

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


def as_boolean(value: object) -> bool | None:
    """Return the plain truth value that a value is; None where it is none."""
    if value is True or value is False:
        return value
    if _origin(value) in {("numpy", "bool"), ("numpy", "bool_")}:
        return bool(value)
    return None


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
