"""The converter between JSON and the models.

The API sends ids and numbers as JSON numbers or strings, dates in two formats, one-item lists as
the bare item, and unknown fields. The converter handles all of this, based on the declarations
(`fields.wire`) and types of the models' fields.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from smsworks_async.models import readers
from smsworks_async.models.fields import wire_of


T = TypeVar("T")

# A key that cannot occur in the API's JSON; it holds the unknown fields.
_EXTRA: Final = "<extra>"
#: The field for unknown fields; models that have it are read by the hooks below.
_EXTRA_FIELD: Final = "extra"

#: The default readers of fields, by type. An unreadable optional field is treated as missing, since
#: optional fields are informational; a string must be valid.
_READERS: Final[Mapping[Any, Callable[..., Any]]] = {
    # Bypass cattrs' union handling, which is most of the cost of reading a record.
    str | None: readers.string_or_none,
    float | None: readers.lenient(readers.number),
    int | None: readers.lenient(readers.integer),
    bool | None: readers.lenient(readers.boolean),
    datetime | None: readers.lenient(readers.date),
}


def format_date(moment: datetime) -> str:
    """Return an aware datetime as ISO 8601 with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _renaming(
    others: Mapping[str, tuple[str, ...]],
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return a function that renames fields from the alternative names of some operations."""

    def rename(document: Mapping[str, Any]) -> Mapping[str, Any]:
        for wanted, names in others.items():
            for name in names:
                if document.get(wanted) is None and name in document:
                    renamed = dict(document)
                    renamed[wanted] = renamed.pop(name)
                    document = renamed
        return document

    return rename


def _preparing(cls: type[Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]] | None:
    """Return the function that changes a document before it is read, or None."""
    fields = attrs.fields_dict(cls)
    prepare = wire_of(fields[_EXTRA_FIELD]).prepare
    if prepare is not None:
        return prepare
    others = {
        wire_of(field).name or name: wire_of(field).also
        for name, field in fields.items()
        if wire_of(field).also
    }
    return _renaming(others) if others else None


def _keeping_unknown_fields(
    structure: Callable[[Mapping[str, Any], Any], T], known: frozenset[str], cls: type[T]
) -> Callable[[object, object], T]:
    prepare = _preparing(cls)

    def hook(value: object, _: object) -> T:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is not dict and not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {type(value).__name__}")
        if prepare is not None:
            value = prepare(value)
        if not value.keys() <= known:
            unknown = {key: item for key, item in value.items() if key not in known}
            value = {**value, _EXTRA: unknown}
        return structure(value, cls)

    return hook


def _reading(cls: type[Any], converter: cattrs.Converter) -> Callable[[object, object], Any]:
    hooks: dict[str, Any] = {}
    known: set[str] = set()
    for field in attrs.fields(attrs.resolve_types(cls)):
        wire = wire_of(field)
        name = _EXTRA if field.name == _EXTRA_FIELD else wire.name or field.name
        known.add(name)
        hooks[field.name] = override(rename=name, struct_hook=wire.read or _READERS.get(field.type))
    structure: Callable[[Mapping[str, Any], Any], Any] = make_dict_structure_fn(
        cls, converter, **hooks
    )
    return _keeping_unknown_fields(structure, frozenset(known - {_EXTRA}), cls)


def _writing(cls: type[Any], converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    hooks: dict[str, Any] = {}
    for field in attrs.fields(cls):
        wire = wire_of(field)
        hooks[field.name] = override(
            rename=wire.name, omit=wire.omit or None, unstruct_hook=wire.write
        )
    write: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
        cls, converter, _cattrs_omit_if_default=True, **hooks
    )
    return write


def _keeps_unknown_fields(cls: Any) -> bool:
    return isinstance(cls, type) and attrs.has(cls) and _EXTRA_FIELD in attrs.fields_dict(cls)


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and attrs.has(cls)


def make_converter(*, explaining: bool = False) -> cattrs.Converter:
    """Return a converter with every hook that the wire needs.

    Args:
        explaining: whether errors contain the location, which doubles the cost.
    """
    converter = cattrs.Converter(detailed_validation=explaining)
    scalars: Mapping[type, Callable[[object, object], Any]] = {
        str: readers.string,
        float: readers.number,
        int: readers.integer,
        bool: readers.boolean,
        datetime: readers.date,
    }
    for scalar, hook in scalars.items():
        converter.register_structure_hook(scalar, hook)
    converter.register_unstructure_hook(datetime, format_date)
    # The hooks of a model are created on its first use, not on import.
    converter.register_structure_hook_factory(
        _keeps_unknown_fields, lambda cls: _reading(cls, converter)
    )
    converter.register_unstructure_hook_factory(_is_model, lambda cls: _writing(cls, converter))
    return converter


_converter = make_converter()


def to_wire(message: object) -> Any:
    """Return the JSON value of an outgoing model, or of a list of them.

    Unset fields are omitted. Plain JSON is returned unchanged.
    """
    if message is None or isinstance(message, dict):
        return message
    if isinstance(message, list):
        return [to_wire(one) for one in message]
    return _converter.unstructure(message)


def from_wire(document: object, shape: type[T]) -> T:
    """Return the model of a response's JSON.

    Raises:
        Misshapen: the JSON does not match the model.
    """
    document = _as_listed(document, shape)
    try:
        return _converter.structure(document, shape)
    except Exception as error:
        raise Misshapen(_explain(document, shape)) from error


def _as_listed(document: object, shape: Any) -> object:
    if _is_list(shape) and isinstance(document, Mapping):
        return [document]
    return document


@functools.cache
def _is_list(shape: Hashable) -> bool:
    return get_origin(shape) is list


class Misshapen(ValueError):
    """A response does not match its model; the message says where, without quoting values."""


@functools.cache
def _explaining_converter() -> cattrs.Converter:
    return make_converter(explaining=True)


def _explain(document: object, shape: type[T]) -> str:
    try:
        _explaining_converter().structure(document, shape)
    except Exception as error:
        return "; ".join(cattrs.transform_error(error, path="$", format_exception=_complaint))
    return "unreadable"


def _complaint(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "a required field is missing"
    return str(error)
