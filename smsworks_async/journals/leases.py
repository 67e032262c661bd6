"""Leases, which give one owner at a time the right to do some work: pure functions.

A lease is acquired before the work begins, renewed during it, and released if it fails. The lease
of a killed process expires.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Lease:
    """The right of one owner to work on something.

    Attributes:
        owner: unique to the piece of work that holds it.
        until: when it expires, by the store's clock.
    """

    owner: str
    until: float


def acquire(held: Lease | None, owner: str, now: float, seconds: float) -> Lease:
    """Return the lease to store: the owner's, new or renewed, or another's that is valid.

    A lease that expires later than a new one would was made before the clock was set back. It is
    shortened, so that no owner waits until the clock has caught up.
    """
    if held is not None and held.owner != owner and now < held.until:
        return Lease(held.owner, min(held.until, now + seconds))
    return Lease(owner, now + seconds)


def release(held: Lease | None, owner: str) -> Lease | None:
    """Return the lease that remains after an owner's release: None, or another owner's."""
    return None if held is None or held.owner == owner else held
