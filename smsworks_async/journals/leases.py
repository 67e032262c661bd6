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


def acquire(held: Lease | None, owner: str, now: float, seconds: float) -> Lease:
    """Return the lease to store: the owner's, new or renewed, or another's that has not ended.

    One that ends later than a new one would was made before the clock was set back. It is cut
    short, so that nobody waits until the clock has caught up.
    """
    if held is not None and held.owner != owner and now < held.until:
        return Lease(held.owner, min(held.until, now + seconds))
    return Lease(owner, now + seconds)


def release(held: Lease | None, owner: str) -> Lease | None:
    """Return the lease that is left when an owner lets go: none, or another owner's."""
    return None if held is None or held.owner == owner else held
