"""Checking and copying of iterables and containers that the caller passes.

A generator may yield the same mapping repeatedly with new contents, so items are deep-copied before
the next one is requested. A value is *plain* if reading it runs no code of the caller; all other
values are read on the caller's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Iterable, Mapping
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final

from smsworks_async.errors import ValidationError
from smsworks_async.models.values import PLAIN, as_text, has_method, is_a


#: Containers that are not lazy, and that run no code of the caller when they are read.
CONTAINERS: Final = frozenset(
    {list, tuple, set, frozenset, deque, dict, range, type({}.keys()), type({}.values())}
)
_VIEWS: Final = frozenset({type({}.keys()), type({}.values())})
_STRINGS: Final = frozenset({str})


def as_mapping(value: Any) -> dict[Any, Any] | None:
    """Return a copy of a mapping, or of a row that has ``keys()``; None if a value is neither.

    String keys become plain strings. Values are not changed.
    """
    if type(value) is dict:
        return value.copy() if _STRINGS.issuperset(map(type, value)) else _with_plain_keys(value)
    if is_a(value, Mapping) or (has_method(value, "keys") and has_method(value, "__getitem__")):
        return _with_plain_keys({key: value[key] for key in value.keys()})  # noqa: SIM118 - a row iterates over its values
    return None


def _with_plain_keys(value: dict[Any, Any]) -> dict[Any, Any]:
    plain = {}
    for key, item in value.items():
        name = as_text(key)
        plain[key if name is None else name] = item
    return plain


def copied(value: Any) -> Any:
    """Deep-copy a value and its plain containers, so that later changes have no effect.

    Mappings and rows become dicts, and text becomes plain strings: a lazy translation is evaluated
    here, in the caller's current language. A value that cannot be read is returned unchanged.
    """
    kind = type(value)
    if kind in PLAIN or kind is range:
        return value
    try:
        if kind in CONTAINERS and kind is not dict:
            make: Any = list if kind in _VIEWS else kind
            return make(map(copied, value))
        row = as_mapping(value)
        if row is not None:
            for key, item in row.items():
                if type(item) not in PLAIN:
                    row[key] = copied(item)
            return row
        plain = as_text(value)
    except Exception:  # the caller's code, or endless nesting: validation reports it later
        return value
    return value if plain is None else plain


def is_plain(value: Any) -> bool:
    """Return whether reading all of a value runs no code of the caller."""
    kind = type(value)
    if kind in PLAIN or kind is range:
        return True
    if kind is dict:
        return _are_plain(value) and _are_plain(value.values())
    return kind in CONTAINERS and _are_plain(value)


def _are_plain(values: Iterable[Any]) -> bool:
    return PLAIN.issuperset(map(type, values)) or all(map(is_plain, values))


def settled(value: Any) -> Any:
    """Return a plain value unchanged, and a copy of any other (see `copied`)."""
    try:
        return value if is_plain(value) else copied(value)
    except RecursionError:  # it contains itself: validation reports it later
        return value


def is_container(value: object) -> bool:
    """Return whether a value is a plain container, whose elements can be counted and read twice."""
    return type(value) in CONTAINERS


def check_unfinished(values: object, field: str) -> None:
    """Raise an error for an exhausted generator.

    Raises:
        ValidationError: the generator is exhausted or closed.
    """
    finished = (isinstance(values, GeneratorType) and values.gi_frame is None) or (
        isinstance(values, AsyncGeneratorType) and values.ag_frame is None
    )
    if finished:
        raise ValidationError(f"{field} is an exhausted generator; create a new one", field=field)


def check_iterable(values: object, field: str, *, awaitable: bool = True) -> None:
    """Raise an error for strings, which would be read by letter, and for non-iterables.

    Arguments:
        values: the value to iterate.
        field: the argument's name.
        awaitable: whether an async iterable is accepted.

    Raises:
        ValidationError: it is a string, not iterable, or an exhausted generator.
    """
    if type(values).__name__ == "DataFrame":  # iterating it yields the names of its columns
        raise ValidationError(
            f"{field} is a DataFrame; pass one of its columns, or its rows: "
            'frame.to_dict("records") of pandas, frame.to_dicts() of Polars',
            field=field,
        )
    letters = is_a(values, bytes | bytearray | memoryview) or as_text(values) is not None
    fits = isinstance(values, Iterable) or (awaitable and isinstance(values, AsyncIterable))
    if letters or not fits:
        wanted = "an iterable or an async iterable" if awaitable else "an iterable"
        raise ValidationError(
            f"{field} must be {wanted}, such as a list, not {type(values).__name__}", field=field
        )
    check_unfinished(values, field)
