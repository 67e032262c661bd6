"""A client's settings, checked once: the API's address, time-outs, retries, limits."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl as _ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

import attrs

from smsworks_async import phone
from smsworks_async._credentials import Credentials, TokenFunction, string_setting
from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.models import values
from smsworks_async.rates import Rate, check_client_rate


T = TypeVar("T")

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


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult | None:
    """Return an address's parts; None where it is none. What says so may quote a password."""
    from yarl import URL  # with the HTTP client, and not before

    with suppress(ValueError):
        parts = urlsplit(address)
        _ = parts.port, URL(address)  # which also know what they may be
        return parts
    return None


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
    base_url = string_setting(base_url, "base_url")
    parts = _split(base_url)
    if parts is None:
        raise ConfigurationError("base_url is not a web address")
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", base_url):
        raise ConfigurationError(
            f"base_url must start with https:// and name a host, such as {BASE_URL}"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("base_url must hold no user, query or fragment")
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        raise ConfigurationError(
            "base_url is plain http to another machine, and anybody in between can read the token; "
            "use https, or say insecure=True"
        )
    return base_url.rstrip("/")


def _configured(check: Callable[[Any], T]) -> Callable[[Any], T]:
    """Make a setting's check of a field's: what it refuses is a `ConfigurationError`."""

    def converted(value: Any) -> T:
        try:
            return check(value)
        except ValidationError as error:
            raise ConfigurationError(str(error)) from error

    return converted


def _setting(default: object, check: Callable[[Any], Any], *, shown: bool = True) -> Any:
    return attrs.field(default=default, converter=_configured(check), repr=shown)


def _timeout(value: object) -> float | None:
    return None if value is None else values.seconds(value, "timeout", above=True)


def _proxy(value: object) -> str | None:
    if value is None:
        return None
    address = string_setting(value, "proxy")
    from yarl import URL

    usable = False
    with suppress(ValueError):  # whose words may hold the proxy's password
        usable = URL(address).scheme in {"http", "https"} and bool(URL(address).host)
    if not usable:
        raise ConfigurationError("proxy must be a web address, such as http://proxy.example:3128")
    return address


def _max_connections(value: object) -> int:
    return values.integer(value, "max_connections", at_least=1)


def _batch_size(value: object) -> int:
    return values.integer(value, "batch_size", at_least=1, at_most=MAX_BATCH_SIZE)


def _trust_env(value: object) -> bool:
    return values.boolean(value, "trust_env")


@_configured
def insecure_flag(value: object) -> bool:
    """Check the setting `insecure`: words such as "no" would count as true."""
    return values.boolean(value, "insecure")


def _allows_international(value: object) -> bool:
    allowed = values.boolean(value, "international")
    if allowed:
        from smsworks_async import _international

        _international.require()
    return allowed


def _is_pin(value: object) -> bool:
    from aiohttp import Fingerprint  # with the HTTP client, and not before

    return isinstance(value, Fingerprint)


def _ssl_context(value: object) -> Any:
    plain = values.as_boolean(value)
    if plain is None and not isinstance(value, _ssl.SSLContext | None) and not _is_pin(value):
        raise ConfigurationError("ssl must be an ssl.SSLContext, or False for no checks, or None")
    return value if plain is None else plain


def _attempts(value: object) -> int:
    return values.integer(value, "RetryPolicy: attempts", at_least=1)


def _wait(value: object) -> float:
    return values.seconds(value, "RetryPolicy: base and cap")


@attrs.frozen
class RetryPolicy:
    """How often, and after which waits, a call is attempted. What may be repeated is not a setting.

    Waits grow exponentially with full jitter: before attempt n + 1, between 0 and
    ``min(cap, base * 2 ** (n - 1))`` seconds. A ``Retry-After`` is obeyed instead.

    Attributes:
        attempts: attempts in all, at least 1; 1 never repeats anything.
        base: seconds, 0 to 1e7; the longest first wait.
        cap: seconds, 0 to 1e7; the longest wait.

    Raises:
        ConfigurationError: a value is out of bounds.
    """

    attempts: int = _setting(4, _attempts)
    base: float = _setting(0.5, _wait)
    cap: float = _setting(20.0, _wait)


def _retry(_: object, __: object, value: object) -> None:
    if not isinstance(value, RetryPolicy):
        raise ConfigurationError("retry must be a RetryPolicy, such as RetryPolicy(attempts=1)")


def _rule(settings: Settings) -> Callable[[Any], str]:
    return phone.destination_rule(international=settings.international)


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
        max_rate: requests a second, or an object that lets each leave, or None.
        batch_size: recipients that one batch may hold, 1 to 5000.
        international: whether numbers outside the UK may be texted.
        proxy: a proxy's address, or None.
        ssl: a context of your own, or False for no checks; None for the usual ones.
        trust_env: whether proxies are taken from the environment.
    """

    base_url: str
    token: str | TokenFunction | None = attrs.field(default=None, repr=False)
    credentials: Credentials | None = None
    timeout: float | None = _setting(TIMEOUT, _timeout)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy, validator=_retry)
    max_connections: int = _setting(MAX_CONNECTIONS, _max_connections)
    max_rate: float | Rate | None = _setting(None, check_client_rate, shown=False)
    batch_size: int = _setting(BATCH_SIZE, _batch_size)
    international: bool = _setting(False, _allows_international)
    proxy: str | None = _setting(None, _proxy, shown=False)
    ssl: _ssl.SSLContext | bool | None = _setting(None, _ssl_context)
    trust_env: bool = _setting(False, _trust_env)
    #: Returns a destination as the API takes it, or raises; every one goes through it.
    destination: Callable[[Any], str] = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(_rule, takes_self=True),
    )
