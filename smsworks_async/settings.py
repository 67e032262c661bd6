"""What a client is told once: where the API is, how to be let in, how long and how often to try."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl as _ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from yarl import URL

from smsworks_async.errors import ConfigurationError
from smsworks_async.retry import RetryPolicy


#: The provider's own address, version 1 of its API.
BASE_URL: Final = "https://api.thesmsworks.co.uk/v1"
#: Seconds for one call in all, retries included.
TIMEOUT: Final = 30.0
#: Connections that one client opens at most.
MAX_CONNECTIONS: Final = 100
#: The most messages that one batch holds, by the provider's guide.
BATCH_SIZE: Final = 500

#: The most that it holds by the provider's OpenAPI document.
MAX_BATCH_SIZE: Final = 5000

#: The bounds of `max_rate`, in requests a second: beyond them it is a mistake.
SLOWEST, FASTEST = 1e-4, 1e6

#: A function that fetches a token, from a secret store for example.
TokenFunction = Callable[[], Awaitable[str]]


def parse_token(token: object) -> str:
    """Bring a token to the form that the API wants: ``JWT eyJ...``.

    Raises:
        ConfigurationError: it is empty, or holds white space or anything else that no token has.
    """
    if not isinstance(token, str):
        raise ConfigurationError(f"token must be a string, not {type(token).__name__}")
    bare = token.removeprefix("JWT ")
    if not bare:
        raise ConfigurationError("token is empty")
    if bare.lower().startswith("bearer "):
        raise ConfigurationError("token starts with 'Bearer', which this API does not use")
    if re.search(r"\s", bare):
        raise ConfigurationError(
            "token holds white space or a newline; strip it, and check that it is one token"
        )
    if not (bare.isascii() and bare.isprintable()):
        raise ConfigurationError("token holds characters that no token has; copy it again")
    return f"JWT {bare}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve_base_url(
    base_url: object, *, insecure: bool, environ: Mapping[str, str] = os.environ
) -> str:
    """Choose the API's address (given, the environment's, or the provider's), and check it.

    Raises:
        ConfigurationError: it is no http or https address, holds a password or a query, or is plain
            http beyond this machine without `insecure`.
    """
    if base_url is None:
        base_url = environ.get("SMSWORKS_BASE_URL") or BASE_URL
    if not isinstance(base_url, str):
        raise ConfigurationError(f"base_url must be a string, not {type(base_url).__name__}")
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
        URL(base_url)  # which also knows what a host may be called
    except ValueError as exc:
        raise ConfigurationError("base_url is not a web address") from exc
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", base_url):
        raise ConfigurationError(
            f"base_url must start with https:// and name a host, such as {BASE_URL}"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("base_url must hold no user, query or fragment")
    if parts.scheme == "http" and not insecure and not _is_loopback(host):
        raise ConfigurationError(
            "base_url is plain http to another machine, and anybody in between can read the token; "
            "use https, or say insecure=True"
        )
    return base_url.rstrip("/")


@attrs.frozen
class Credentials:
    """Customer id, key and secret, which a token can be had for.

    Attributes:
        customer_id: the account's customer id.
        key: the API key.
        secret: the API secret.
    """

    customer_id: str = attrs.field(repr=False)
    key: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        for name in ("customer_id", "key", "secret"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ConfigurationError(f"{name} must be a string that is not empty")


def _seconds(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"{attribute.name} must be a number above 0, or None")


def rate_problem(value: object) -> str | None:
    """Say what is wrong with a `max_rate`; None if nothing is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or (number and SLOWEST <= value <= FASTEST):  # type: ignore[operator]
        return None
    return f"max_rate must be requests a second, {SLOWEST:g} to {FASTEST:g}, or None"


def _rate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if problem := rate_problem(value):
        raise ConfigurationError(problem)


def _proxy(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    try:
        usable = isinstance(value, str) and URL(value).scheme in {"http", "https"}
        usable = usable and bool(URL(str(value)).host)
    except ValueError:  # whose words may hold the proxy's password
        raise ConfigurationError("proxy is not a web address") from None
    if not usable:
        raise ConfigurationError("proxy must be a web address, such as http://proxy.example:3128")


def _whole(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number of at least 1")


def _batch_size(_: object, __: object, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_BATCH_SIZE:
        raise ConfigurationError(f"batch_size must be 1 to {MAX_BATCH_SIZE}")


def _retry(_: object, __: object, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise ConfigurationError("retry must be a RetryPolicy, such as RetryPolicy(attempts=1)")


@attrs.frozen(kw_only=True)
class Settings:
    """A client's settings, checked.

    Attributes:
        base_url: the API's address, without a trailing slash.
        token: a token, or an async function that fetches one, or None.
        credentials: what to log in with, or None.
        timeout: seconds for one call in all, retries included; None waits for ever.
        retry: how often, and after which waits, a call is attempted.
        max_connections: connections that the client opens at most.
        max_rate: requests a second, or None.
        batch_size: recipients that one batch may hold, 1 to 5000.
        proxy: a proxy's address, or None.
        ssl: a context of your own, or False for no checks; None for the usual ones.
        trust_env: whether proxies are taken from the environment.
    """

    base_url: str
    token: str | TokenFunction | None = attrs.field(default=None, repr=False)
    credentials: Credentials | None = None
    timeout: float | None = attrs.field(default=TIMEOUT, validator=_seconds)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy, validator=_retry)
    max_connections: int = attrs.field(default=MAX_CONNECTIONS, validator=_whole)
    max_rate: float | None = attrs.field(default=None, validator=_rate)
    batch_size: int = attrs.field(default=BATCH_SIZE, validator=_batch_size)
    proxy: str | None = attrs.field(default=None, validator=_proxy, repr=False)
    ssl: _ssl.SSLContext | bool | None = None
    trust_env: bool = False


def resolve_credentials(
    token: str | TokenFunction | None,
    customer_id: str | None,
    key: str | None,
    secret: str | None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[str | TokenFunction | None, Credentials | None]:
    """Choose how to be let in: what was given, else what the environment holds.

    Raises:
        ConfigurationError: there is nothing to be let in with, or only a part of it.
    """
    parts = {"customer_id": customer_id, "key": key, "secret": secret}
    if token is None and not any(parts.values()):
        token = environ.get("SMSWORKS_TOKEN") or None
    if not callable(token) and token is not None:
        token = parse_token(token)
    if token is None:
        parts = {
            name: value or environ.get(f"SMSWORKS_{name.upper()}") for name, value in parts.items()
        }
    missing = [name for name, value in parts.items() if not value]
    if not missing:
        return token, Credentials(**{name: str(value) for name, value in parts.items()})
    if len(missing) < len(parts):
        raise ConfigurationError(f"to log in, {' and '.join(missing)} must be given too")
    if token is None:
        raise ConfigurationError(
            "no token: give token=, or customer_id=, key= and secret=, "
            "or set SMSWORKS_TOKEN, or SMSWORKS_CUSTOMER_ID, SMSWORKS_KEY and SMSWORKS_SECRET"
        )
    return token, None
