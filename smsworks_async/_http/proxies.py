"""The proxy for a URL, from the environment.

aiohttp's own `trust_env` is not used, since it also reads passwords from a ``.netrc`` file, which
would replace or accompany the token.
"""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from smsworks_async.errors import ConfigurationError


def proxy_for(address: str) -> str | None:
    """Return the proxy for an address, from ``http_proxy``, ``https_proxy`` and ``no_proxy``.

    On Windows and macOS the system's settings are used if those are not set. A proxy without a
    scheme is an ``http`` one.

    Raises:
        ConfigurationError: it is not the address of an http or https proxy.
    """
    url = URL(address)
    proxy = getproxies().get(url.scheme)
    if not proxy or (url.host and proxy_bypass(url.host)):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        read = URL(proxy)
        usable = read.scheme in {"http", "https"} and bool(read.host)
    except ValueError:  # not chained: its message may contain the proxy's password
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{url.scheme}_proxy in the environment is not the address of an http or https proxy, "
            "such as http://proxy.example:3128"
        )
    return proxy
