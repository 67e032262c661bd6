"""Authentication of requests by a secret in the URL and by their source network.

The provider does not sign its posts, so only a secret in the URL distinguishes them from forged
ones: ``https://example.org/sms/<secret>``, or ``https://any:<secret>@example.org/``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from smsworks_async.errors import ConfigurationError
from smsworks_async.webhooks.log_redaction import keep_out_of_logs
from smsworks_async.webhooks.request import RequestHead


#: The environment variable for secrets, separated by commas.
VARIABLE: Final = "SMSWORKS_WEBHOOK_SECRET"
#: The length of the shortest accepted secret, in bytes.
SHORTEST: Final = 32
#: The trusted proxy that stands for UNIX sockets.
UNIX: Final = "unix"

_log: Final = logging.getLogger("smsworks_async.webhooks")

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Guard:
    """Decides which requests are admitted.

    Args:
        secrets: one secret or several, each of at least 32 bytes of printable ASCII without spaces,
            %, ? and #; None reads them from ``SMSWORKS_WEBHOOK_SECRET``, an empty list means none.
        networks: the source networks to accept, such as ``"192.0.2.0/24"``; empty for any.
        trusted_proxies: the networks of your own proxies, whose ``X-Forwarded-For`` is trusted;
            ``"unix"`` stands for connections through a UNIX socket.
        insecure: allow a guard without secrets and networks.

    Raises:
        ConfigurationError: there are neither secrets nor networks, a secret is too short, or a
            network is invalid.
    """

    def __init__(
        self,
        secrets: str | Iterable[str] | None,
        networks: Iterable[str],
        trusted_proxies: Iterable[str],
        *,
        insecure: bool,
    ) -> None:
        self._secrets = _read_secrets(secrets, os.environ)
        self._networks = _read_networks(networks, "networks")
        self._proxies, self._unix = _read_proxies(trusted_proxies)
        self._warned = False
        if (self._proxies or self._unix) and not self._networks:
            raise ConfigurationError(
                "trusted_proxies only tells which X-Forwarded-For headers to trust; pass networks, "
                "too, with the networks that may post"
            )
        if not (self._secrets or self._networks or insecure):
            raise ConfigurationError(
                "anybody who knows this URL could post to it: pass secrets (for example from "
                f"secrets.token_urlsafe(32)), set {VARIABLE}, pass the networks that may post, "
                "or pass insecure=True"
            )
        keep_out_of_logs(secret.decode() for secret in self._secrets)

    def admits(self, head: RequestHead) -> bool:
        """Return whether a request has a secret and comes from an expected network."""
        knows = not self._secrets or self._knows_a_secret(head)
        if self._networks and not self._from_networks(head):
            if knows and self._secrets:
                self._warn()
            return False
        return knows

    def _warn(self) -> None:
        """Log the first request with a secret from another network: a setting may be wrong."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "a post with a valid secret was rejected because of its source address; if it "
                "came through your own proxy, add that to trusted_proxies (a UNIX socket "
                'is "unix"); this is logged once'
            )

    def _knows_a_secret(self, head: RequestHead) -> bool:
        path = head.path.encode("utf-8", "surrogateescape")
        password = _password(head.authorization)
        found = False
        for secret in self._secrets:
            # Compare all secrets in all places, so that the time reveals nothing.
            in_path = hmac.compare_digest(path[-len(secret) - 1 :], b"/" + secret)
            # Litestar's mounts end every path with a slash.
            closed = hmac.compare_digest(path[-len(secret) - 2 :], b"/" + secret + b"/")
            found |= in_path | closed | hmac.compare_digest(password, secret)
        return found

    def _from_networks(self, head: RequestHead) -> bool:
        client = _client(head, self._proxies, unix=self._unix)
        return client is not None and _within(client, self._networks)

    def __repr__(self) -> str:
        return f"<{len(self._secrets)} secrets, {len(self._networks)} networks>"


def _read_secrets(
    given: str | Iterable[str] | None, environ: Mapping[str, str]
) -> tuple[bytes, ...]:
    if given is None:
        given = [part.strip() for part in environ.get(VARIABLE, "").split(",") if part.strip()]
    listed = [given] if isinstance(given, str) else list(given)
    for secret in listed:
        # None of these errors shows the secret.
        if not isinstance(secret, str):
            raise ConfigurationError(f"a secret must be a string, not {type(secret).__name__}")
        if not (secret.isascii() and secret.isprintable()) or set(secret) & set(" %?#"):
            raise ConfigurationError(
                "a secret is part of a URL: use printable ASCII without spaces, %, ? and #, "
                "for example from secrets.token_urlsafe(32)"
            )
        if len(secret) < SHORTEST:
            raise ConfigurationError(
                f"a secret of {len(secret)} bytes can be guessed; use at least {SHORTEST}, for "
                "example from secrets.token_urlsafe(32)"
            )
    return tuple(secret.encode() for secret in listed)


def _read_networks(given: Iterable[str], field: str) -> tuple[Network, ...]:
    if isinstance(given, str):
        raise ConfigurationError(f"{field} must be a list, such as ['192.0.2.0/24']")
    try:
        return tuple(ipaddress.ip_network(network) for network in given)
    except ValueError as error:
        raise ConfigurationError(f"{field} contains an invalid network: {error}") from None


def _read_proxies(given: Iterable[str]) -> tuple[tuple[Network, ...], bool]:
    """Return the networks of proxies, and whether UNIX sockets are included."""
    listed = given if isinstance(given, str) else list(given)
    if isinstance(listed, str):
        return _read_networks(listed, "trusted_proxies"), False  # raises an error
    addresses = [proxy for proxy in listed if proxy != UNIX]
    return _read_networks(addresses, "trusted_proxies"), len(addresses) < len(listed)


def _password(authorization: str | None) -> bytes:
    kind, _, encoded = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _client(head: RequestHead, proxies: Sequence[Network], *, unix: bool = False) -> Address | None:
    """Return the address of the client, the last one that is not a trusted proxy.

    The entries to the left of it were written by that client and cannot be trusted.
    """
    client = _address(head.peer or "")
    hops = ",".join(head.forwarded_for).split(",") if head.forwarded_for else []
    if unix and not head.peer and hops:  # a UNIX socket has no address
        client = _address(hops.pop())
    while client is not None and hops and _within(client, proxies):
        client = _address(hops.pop())
    return client


def _address(written: str) -> Address | None:
    """Return an address, written with or without a port; None if it is not one."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows IPv4 addresses as ::ffff:192.0.2.1.
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
