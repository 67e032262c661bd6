"""The sandbox's address in URLs and error messages."""

from __future__ import annotations

import errno


def joined(host: str, port: int) -> str:
    """Return a host and a port in the form of a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(error: OSError, address: str) -> OSError:
    """Return an error of the same kind with the address and advice in its message."""
    if error.errno == errno.EADDRINUSE:
        problem = (
            f"{address} is in use, perhaps by another sandbox: stop that, or choose another port "
            "(port 0 for any free one)"
        )
    else:
        problem = f"cannot listen on {address}: {error.strerror or error}"
    return OSError(error.errno, problem)
