"""Declarations of model fields: name on the wire, reader, writer and secrecy.

A field without a declaration has the same name on the wire, is read and written by its type, and is
secret.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from smsworks_async.models import values


Reader = Callable[..., Any]
#: Yields the strings in a field's wire value that errors must not contain.
SecretsOf = Callable[[Any], Iterator[str]]

_KEY: Final = "smsworks"


@attrs.frozen(eq=False)
class Wire:
    """The declaration of a field; see `wire`."""

    name: str | None
    also: tuple[str, ...]
    read: Reader | None
    write: Callable[[Any], Any] | None
    omit: bool
    secrets: SecretsOf | None
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


def strings(value: object) -> Iterator[str]:
    """Yield all strings in a JSON value, recursively, except the keys of objects."""
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
        also: other names that some operations use, in order of preference.
        read: reads its JSON value, or raises `TypeError` or `ValueError`; None to read by its type.
        write: returns its JSON value; None to write by its type.
        omit: whether it is left out of requests.
        secret: whether errors must not contain its strings; or a function that yields the secret
            ones.
        prepare: for the field ``extra`` only: changes a whole document before it is read.
    """
    secrets = secret if callable(secret) else strings if secret else None
    return {_KEY: Wire(name, also, read, write, omit, secrets, prepare)}


_PLAIN: Final = Wire(None, (), None, None, omit=False, secrets=strings)


def wire_of(field: attrs.Attribute[Any]) -> Wire:
    """Return the declaration of a field."""
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
    """Return an optional field.

    Args:
        check: returns the value to send, or raises `ValidationError`.
        name: the field's name on the wire, if it differs.
        secret: whether reprs and errors must not show it.
        hashed: whether it is part of the model's hash.
        shown: whether a repr shows it, if that differs from `secret`.
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
    """Return an optional field that reprs and errors must not show."""
    return optional(check, name, secret=True, **options)


def model_of(document: object) -> type[Any] | None:
    """Return the model class of a document; None for plain JSON."""
    return type(document) if attrs.has(type(document)) else None


@functools.cache
def _secrets_by_name(model: type[Any]) -> Mapping[str, SecretsOf | None]:
    return {
        wire_of(field).name or field.name: wire_of(field).secrets for field in attrs.fields(model)
    }


def secret_strings(document: object, model: type[Any] | None) -> Iterator[str]:
    """Yield the strings in a request that errors must not contain.

    Args:
        document: the request's JSON: an object, or a list of objects.
        model: the model whose fields declare secrets; None if everything is secret.
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
