"""A client's validated settings: base URL, time-outs, retries, limits."""

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
#: The default time-out of a whole call in seconds, retries included.
TIMEOUT: Final = 30.0
#: The default limit of open connections of a client.
MAX_CONNECTIONS: Final = 100
#: The most messages in a batch according to the provider's guide.
BATCH_SIZE: Final = 500

#: The most messages in a batch according to the provider's OpenAPI document.
MAX_BATCH_SIZE: Final = 5000


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback one."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult | None:
    """Return the parts of a URL, or None if it is invalid; the error could quote a password."""
    from yarl import URL  # imported together with the HTTP client

    with suppress(ValueError):
        parts = urlsplit(address)
        _ = parts.port, URL(address)  # both validate
        return parts
    return None


def resolve_base_url(
    base_url: object, *, insecure: bool, environ: Mapping[str, str] = os.environ
) -> str:
    """Return the API's address (the argument, the environment's, or the provider's), validated.

    Raises:
        ConfigurationError: it is not an http or https URL, contains a password or a query, or is
            plain http to another machine without `insecure`.
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
        raise ConfigurationError("base_url must not contain a user, a query or a fragment")
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        raise ConfigurationError(
            "base_url is plain http to another machine, so others on the network can read the "
            "token; use https, or pass insecure=True"
        )
    return base_url.rstrip("/")


def _configured(check: Callable[[Any], T]) -> Callable[[Any], T]:
    """Turn the validator of a field into one of a setting, which raises `ConfigurationError`."""

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
    with suppress(ValueError):  # its message may contain the proxy's password
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
    """Validate `insecure`: only booleans, since a string such as "no" would be true."""
    return values.boolean(value, "insecure")


def _allows_international(value: object) -> bool:
    allowed = values.boolean(value, "international")
    if allowed:
        from smsworks_async import _international

        _international.require()
    return allowed


def _is_pin(value: object) -> bool:
    from aiohttp import Fingerprint  # imported together with the HTTP client

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
    """The number of attempts of a call and the waits between them.

    Which calls may be repeated is not a setting.

    Waits grow exponentially with full jitter: before attempt n + 1, between 0 and
    ``min(cap, base * 2 ** (n - 1))`` seconds. A ``Retry-After`` header takes precedence.

    Attributes:
        attempts: the total number of attempts, at least 1; 1 disables retries.
        base: the longest first wait, 0 to 1e7 seconds.
        cap: the longest wait, 0 to 1e7 seconds.

    Raises:
        ConfigurationError: a value is out of range.
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
    """A client's validated settings.

    Attributes:
        base_url: the API's address, without a trailing slash.
        token: a token, or an async function that fetches one, or None.
        credentials: what to log in with, or None.
        timeout: the limit of a whole call in seconds, retries included; None for no limit.
        retry: the number of attempts and the waits between them.
        max_connections: the most connections that the client opens.
        max_rate: requests a second, or an object with `acquire`, or None.
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
    #: Validates and normalises every destination.
    destination: Callable[[Any], str] = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(_rule, takes_self=True),
    )
