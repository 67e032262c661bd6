"""Who may work on one thing at a time: pure functions, which every store goes by.

A lease is acquired before the work begins, renewed while it lasts, and released if it fails. That
of a process that was killed ends by itself.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Lease:
    """The right of one owner to work on something.

    Attributes:
        owner: unique to the piece of work that holds it.
        until: when it ends, by the clock of whoever stores it.
    """

    owner: str
    until: float


def acquire(held: Lease | None, owner: str, now: float, seconds: float) -> Lease | None:
    """Return the lease of an owner, new or renewed; None while another owner's has not ended."""
    if held is not None and held.owner != owner and now < held.until:
        return None
    return Lease(owner, now + seconds)


def release(held: Lease | None, owner: str) -> Lease | None:
    """Return the lease that is left when an owner lets go: none, or another owner's."""
    return None if held is None or held.owner == owner else held
