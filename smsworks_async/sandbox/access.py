"""Checks of host names and of cross-site requests, and of the hosts that may be posted to.

Any web page in a browser on this machine can post to loopback, and with a host name that resolves
to loopback (DNS rebinding) it can also read the responses. Neither must be able to forge incoming
texts or reset a running test.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import attrs
from aiohttp import hdrs, web

from .codes import Refusal, complaint


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "same-site", "none"})
_NOT_IN_NAMES = frozenset("/@?#*, \t\r\n")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether a host name or address is loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_names(names: Iterable[str], field: str) -> frozenset[str]:
    """Return host names in normal form: in lower case, without brackets.

    Args:
        names: the host names; a string is one name.
        field: the argument's name, for the error message.

    Raises:
        ValueError: one is not a host name, or has a port.
    """
    given = [names] if isinstance(names, str) else names
    return frozenset(_host_name(name, field) for name in given)


def _host_name(name: object, field: str) -> str:
    bare = _plain(name) if isinstance(name, str) else ""
    if not bare or _NOT_IN_NAMES & set(bare) or (":" in bare and not _is_address(bare)):
        raise ValueError(f"{field} must hold host names such as 'sandbox.test', without a port")
    return bare


def _plain(host: str) -> str:
    return host.strip().removeprefix("[").removesuffix("]").rstrip(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def _host_of(address: str) -> str:
    """Return the host of a URL, or of `//` and a `Host` header; an empty string if it has none."""
    try:
        parts = urlsplit(address)
        behind = parts.netloc.rpartition("]")[2]
        # Older Pythons ignore characters between an address in brackets and the port.
        if "]" in parts.netloc and behind and not behind.startswith(":"):
            return ""
        return _plain(parts.hostname or "")
    except ValueError:
        return ""


@attrs.frozen
class Access:
    """The hosts that a sandbox accepts requests for, and those that it posts to.

    Attributes:
        everywhere: whether it listens beyond loopback; then any host name is accepted if ``hosts``
            is empty.
        hosts: the host names that are accepted besides those of loopback.
        callback_hosts: the host names that it may post to besides those of loopback.
    """

    everywhere: bool
    hosts: frozenset[str] = frozenset()
    callback_hosts: frozenset[str] = frozenset()

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Check a request's host name and origin.

        Raises:
            Refusal: with 421 for a host name that is not accepted, or with 403 for a cross-site
                request that may change state.
        """
        host = _host_of(f"//{headers.get(hdrs.HOST, '')}")
        if not self._answers_to(host):
            raise complaint(
                "This sandbox does not accept requests for that host name; add the name to "
                "allow_hosts= (--allow-host).",
                421,
            )
        if method in _SAFE_METHODS:
            return
        origin = headers.get(hdrs.ORIGIN)
        same = origin is None or self._is_own(_host_of(origin), host)
        if not same or headers.get("Sec-Fetch-Site", "none").lower() not in _OWN_SITE:
            raise complaint("A web page of another site may not change the sandbox's state.", 403)

    def _answers_to(self, host: str) -> bool:
        if self.everywhere and not self.hosts:
            return True
        return is_loopback(host) or host in self.hosts

    def _is_own(self, origin: str, host: str) -> bool:
        return bool(origin) and (is_loopback(origin) or origin == host or origin in self.hosts)

    def may_post_to(self, url: str) -> bool:
        """Return whether reports and incoming texts may be posted to a URL."""
        host = _host_of(url)
        return is_loopback(host) or host in self.callback_hosts


def checked(access: Access, handler: Handler) -> Handler:
    """Return a handler of requests that refuses those that `Access.check` refuses."""

    async def check(request: web.BaseRequest) -> web.StreamResponse:
        try:
            access.check(request.method, request.headers)
        except Refusal as refused:
            return web.json_response(refused.answer.payload, status=refused.answer.status)
        return await handler(request)

    return check
