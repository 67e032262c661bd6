"""What a caller passes that is iterated, or that holds other values: copied, and told apart.

A generator may fill and yield the same mapping again and again, so that what is read ahead of it is
copied whole before the next item is asked for. What runs no code of the caller's when it is read is
plain; everything else is read on the caller's thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Iterable, Mapping
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final

from smsworks_async.errors import ValidationError
from smsworks_async.models.values import PLAIN, as_text, has_method, is_a


#: Containers whose elements all exist, and which run no code of the caller's when they are read.
CONTAINERS: Final = frozenset(
    {list, tuple, set, frozenset, deque, dict, range, type({}.keys()), type({}.values())}
)
_VIEWS: Final = frozenset({type({}.keys()), type({}.values())})
_STRINGS: Final = frozenset({str})


def as_mapping(value: Any) -> dict[Any, Any] | None:
    """Return a copy of a mapping, or of a row that has ``keys()``; None where a value is neither.

    Keys that are text become plain strings. The values stay as they are.
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
    """Copy a value, with all plain containers in it, so that nobody can change it meanwhile.

    Mappings and rows become dicts, and text becomes plain strings: a lazy translation is evaluated
    here, in the language of whoever passes it. A value that cannot be read stays as it is.
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
    except Exception:  # the caller's own code, or endless nesting: the checks say what is wrong
        return value
    return value if plain is None else plain


def is_plain(value: Any) -> bool:
    """Return whether a value is plain: reading it, whole, runs no code of the caller's."""
    kind = type(value)
    if kind in PLAIN or kind is range:
        return True
    if kind is dict:
        return _are_plain(value) and _are_plain(value.values())
    return kind in CONTAINERS and _are_plain(value)


def _are_plain(values: Iterable[Any]) -> bool:
    return PLAIN.issuperset(map(type, values)) or all(map(is_plain, values))


def settled(value: Any) -> Any:
    """Return a value that is plain as it is, and a copy of any other: see `copied`."""
    try:
        return value if is_plain(value) else copied(value)
    except RecursionError:  # it contains itself, and the checks say what is wrong
        return value


def is_container(value: object) -> bool:
    """Return whether a value is a plain container, whose elements can be counted and read twice."""
    return type(value) in CONTAINERS


def check_unfinished(values: object, field: str) -> None:
    """Refuse a generator that has nothing left to yield.

    Raises:
        ValidationError: the generator has run to its end, or was closed.
    """
    finished = (isinstance(values, GeneratorType) and values.gi_frame is None) or (
        isinstance(values, AsyncGeneratorType) and values.ag_frame is None
    )
    if finished:
        raise ValidationError(
            f"{field} is a generator that was used up before; make a new one", field=field
        )


def check_iterable(values: object, field: str, *, awaitable: bool = True) -> None:
    """Refuse what would be read letter by letter, or not at all.

    Arguments:
        values: what is to be iterated.
        field: the argument's name.
        awaitable: whether an async iterable is one, too.

    Raises:
        ValidationError: it is a string, no iterable, or a generator that was used up.
    """
    if type(values).__name__ == "DataFrame":  # which iterates over the names of its columns
        raise ValidationError(
            f"{field} is a DataFrame; give one of its columns, or its rows: "
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
