"""Authentication of a client: a token, or a customer id, key and secret."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from smsworks_async.errors import ConfigurationError
from smsworks_async.models import values


#: A function that fetches a token, from a secret store for example.
TokenFunction = Callable[[], Awaitable[str]]


def string_setting(value: object, name: str) -> str:
    """Return a setting as a plain string.

    Raises:
        ConfigurationError: it is not a string.
    """
    plain = values.as_text(value)
    if plain is None:
        # The str() of a secret wrapper is asterisks, which would be sent as the token.
        wraps = values.has_method(value, "get_secret_value") or values.is_a(value, bytes)
        raise ConfigurationError(
            f"{name} must be a string, not {type(value).__name__}"
            f"{'; pass the plain value in it' if wraps else ''}"
        )
    return plain


def parse_token(token: object) -> str:
    """Return a token in the form that the API takes: ``JWT eyJ...``.

    Raises:
        ConfigurationError: it is empty, or contains white space or another character that tokens
            never have.
    """
    bare = string_setting(token, "token").removeprefix("JWT ")
    if not bare:
        raise ConfigurationError("token is empty")
    if bare.lower().startswith("bearer "):
        raise ConfigurationError("token starts with 'Bearer', which this API does not use")
    if re.search(r"\s", bare):
        raise ConfigurationError(
            "token contains white space or a newline; strip it, and check that it is a single token"
        )
    if not (bare.isascii() and bare.isprintable()):
        raise ConfigurationError("token contains characters that tokens never have; copy it again")
    return f"JWT {bare}"


def _secret(name: str) -> Any:
    def check(value: object) -> str:
        plain = string_setting(value, name)
        if not plain.strip():
            raise ConfigurationError(f"{name} must be a non-empty string")
        return plain

    return attrs.field(converter=check, repr=False)


@attrs.frozen
class Credentials:
    """A customer id, key and secret, with which the client logs in for a token.

    Attributes:
        customer_id: the account's customer id.
        key: the API key.
        secret: the API secret.
    """

    customer_id: str = _secret("customer_id")
    key: str = _secret("key")
    secret: str = _secret("secret")


def resolve_credentials(
    token: str | TokenFunction | None,
    customer_id: str | None,
    key: str | None,
    secret: str | None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[str | TokenFunction | None, Credentials | None]:
    """Return the token, or the key and secret, from the arguments or else the environment.

    Raises:
        ConfigurationError: there is neither a token nor a key and secret, or one of the latter is
            missing.
    """
    parts = {
        name: None if value is None else string_setting(value, name)
        for name, value in {"customer_id": customer_id, "key": key, "secret": secret}.items()
    }
    if token is None and not any(parts.values()):
        token = environ.get("SMSWORKS_TOKEN") or None
    if not callable(token) and token is not None:
        token = parse_token(token)
    if token is None:
        parts = {
            name: value or environ.get(f"SMSWORKS_{name.upper()}") for name, value in parts.items()
        }
    given = {name: value for name, value in parts.items() if value}
    missing = [name for name in parts if name not in given]
    if not missing:
        return token, Credentials(**given)
    if len(missing) < len(parts):
        raise ConfigurationError(f"logging in also needs {' and '.join(missing)}")
    if token is None:
        unread = "; SMSWORKS_TOKEN_FILE is read by the smsworks command only"
        raise ConfigurationError(
            "no token: pass token=, or customer_id=, key= and secret=, "
            "or set SMSWORKS_TOKEN, or SMSWORKS_CUSTOMER_ID, SMSWORKS_KEY and SMSWORKS_SECRET"
            f"{unread if environ.get('SMSWORKS_TOKEN_FILE') else ''}"
        )
    return token, None
