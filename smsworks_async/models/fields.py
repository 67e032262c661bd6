"""What a field of a model declares about the wire: its name there, how it is read and written.

It also declares whether it is secret. A field that declares nothing has the same name on the wire,
is read and written by its type, and is secret.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from smsworks_async.models import values


Reader = Callable[..., Any]
#: Yields the strings in a field's value on the wire that no error may repeat.
SecretsOf = Callable[[Any], Iterator[str]]

_KEY: Final = "smsworks"


@attrs.frozen(eq=False)
class Wire:
    """What a field says of the wire; see `wire`."""

    name: str | None
    also: tuple[str, ...]
    read: Reader | None
    write: Callable[[Any], Any] | None
    omit: bool
    secrets: SecretsOf | None
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


def strings(value: object) -> Iterator[str]:
    """Yield the strings in a JSON value, however deep; of an object, its values'."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def wire(
    name: str | None = None,
    *,
    also: tuple[str, ...] = (),
    read: Reader | None = None,
    write: Callable[[Any], Any] | None = None,
    omit: bool = False,
    secret: bool | SecretsOf = True,
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Mapping[str, Wire]:
    """Return the ``metadata=`` of an `attrs.field`.

    Args:
        name: the field's name on the wire; None for the same name.
        also: other names under which some operations send it, tried in this order.
        read: reads its JSON value, or raises `TypeError` or `ValueError`; None to go by its type.
        write: returns its JSON value; None to go by its type.
        omit: whether it is not sent.
        secret: whether an error must not repeat the strings in it; or what yields those of them.
        prepare: of the field ``extra`` alone: changes a whole document before it is read.
    """
    secrets = secret if callable(secret) else strings if secret else None
    return {_KEY: Wire(name, also, read, write, omit, secrets, prepare)}


_PLAIN: Final = Wire(None, (), None, None, omit=False, secrets=strings)


def wire_of(field: attrs.Attribute[Any]) -> Wire:
    """Return what a field says of the wire."""
    wire: Wire = field.metadata.get(_KEY, _PLAIN)
    return wire


def optional(
    check: Callable[[Any], Any],
    name: str | None = None,
    *,
    secret: bool = False,
    hashed: bool = True,
    shown: bool | None = None,
    **options: Any,
) -> Any:
    """Return a field that may be missing.

    Args:
        check: returns a value as it is sent, or raises `ValidationError`.
        name: the field's name on the wire, where it differs.
        secret: whether neither a repr nor an error may show it.
        hashed: whether it counts in the model's hash.
        shown: whether a repr shows it, where that differs.
        options: see `wire`.
    """
    return attrs.field(
        default=None,
        converter=attrs.converters.optional(values.optional(check)),
        repr=not secret if shown is None else shown,
        hash=None if hashed else False,
        metadata=wire(name, **{"secret": secret, **options}),
    )


def hidden(check: Callable[[Any], Any], name: str | None = None, **options: Any) -> Any:
    """Return a field that may be missing, and that neither a repr nor an error may show."""
    return optional(check, name, secret=True, **options)


def model_of(document: object) -> type[Any] | None:
    """Return the model that a document is of; None where it is JSON."""
    return type(document) if attrs.has(type(document)) else None


@functools.cache
def _secrets_by_name(model: type[Any]) -> Mapping[str, SecretsOf | None]:
    return {
        wire_of(field).name or field.name: wire_of(field).secrets for field in attrs.fields(model)
    }


def secret_strings(document: object, model: type[Any] | None) -> Iterator[str]:
    """Yield the strings in a request that no error may repeat.

    Args:
        document: the request's JSON: an object, or a list of objects.
        model: the model whose fields say what is secret; None where everything is.
    """
    if model is None:
        yield from strings(document)
    elif isinstance(document, list):
        for one in document:
            yield from secret_strings(one, model)
    elif isinstance(document, dict):
        key: Any = model
        by_name = _secrets_by_name(key)
        for name, value in document.items():
            secrets = by_name.get(name, strings)
            if secrets is not None:
                yield from secrets(value)
