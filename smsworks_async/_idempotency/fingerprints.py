"""The stored hashes of a keyed call: of its key and of each of its fields.

The hash of a field is keyed with the idempotency key itself, which is not stored. Without the key
it cannot be used to test whether a number or a text was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.models import values
from smsworks_async.models.convert import format_date
from smsworks_async.models.fields import wire_of


#: The longest key, in characters.
MAX_KEY: Final = 100

# Increase it when the hashed data or the method changes; keys of earlier versions then count as
# new.
_VERSION: Final = "smsworks-async 1"
#: Fields whose order does not matter, since the batch has the same recipients.
_UNORDERED: Final = frozenset({"destinations", "response_email"})


def check_key(value: object) -> str:
    """Validate an idempotency key: 1 to 100 printable characters.

    Raises:
        ValidationError: it is invalid; the error does not quote it.
    """
    key = values.as_text(value)
    if key is None or not 1 <= len(key) <= MAX_KEY or not key.isprintable() or key.isspace():
        raise ValidationError(
            f"idempotency_key must be 1 to {MAX_KEY} printable characters, such as 'order-1234'",
            field="idempotency_key",
        )
    return key


def hash_key(key: str, base_url: str) -> str:
    """Return the hash under which a journal stores a key, and with which messages are marked."""
    return hashlib.sha256(f"{_VERSION}\0{base_url}\0{key}".encode()).hexdigest()[:40]


def hash_fields(key: str, messages: Sequence[Any]) -> Mapping[str, str]:
    """Return a hash of each set field of a call, by field name.

    Args:
        key: the idempotency key.
        messages: the messages, all of one model; the values of a field of several messages are
            hashed together.
    """
    hashes = {}
    for field in attrs.fields(type(messages[0])):
        given = [getattr(message, field.name) for message in messages]
        if wire_of(field).omit or given == [field.default] * len(given):
            continue
        canonical = json.dumps(
            [_canonical(field.name, value) for value in given],
            sort_keys=True,
            separators=(",", ":"),
            default=_plain,
        )
        words = f"{_VERSION}\0{field.name}\0{canonical}".encode()
        hashes[field.name] = hmac.new(key.encode(), words, "sha256").hexdigest()[:32]
    return hashes


def _canonical(name: str, value: Any) -> Any:
    return sorted(value) if name in _UNORDERED and value is not None else value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return format_date(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"no field of a message is a {type(value).__name__}")
