"""Where the sandbox listens, in words."""

from __future__ import annotations

import errno


def joined(host: str, port: int) -> str:
    """Return a host and a port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(error: OSError, address: str) -> OSError:
    """Return an error of the same kind that names the address and says what to do."""
    if error.errno == errno.EADDRINUSE:
        problem = (
            f"{address} is in use, perhaps by another sandbox: end that, or take another port "
            "(port 0 is any free one)"
        )
    else:
        problem = f"cannot listen on {address}: {error.strerror or error}"
    return OSError(error.errno, problem)
