"""How long a lease lasts, and when a chunk whose outcome is unknown may be sent again.

Two clocks are asked everywhere, and whichever is slower to allow
something decides: the monotonic one stands still while some machines sleep, and the journal's,
which other processes go by, can be set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smsworks_async.bulk.timer import request_time


if TYPE_CHECKING:
    from smsworks_async.journals.records import ChunkRecord


#: The longest that other processes, or a lease, are waited for, in seconds: their clocks may have
#: been ahead by any time.
LONGEST_WAIT: Final = 900.0
#: A lease lasts this much longer than the longest call, repetitions included.
_FACTOR, _MORE = 1.25, 1.0


def lease_for(timeout: float | None) -> float:
    """Return the seconds of a lease, which outlasts the longest call."""
    return request_time(timeout) * _FACTOR + _MORE


def longest_request(entry: ChunkRecord, own: float) -> float:
    """Return the longest that a request of a chunk may have taken, in seconds.

    Args:
        entry: the chunk; whoever claimed it may have had another `timeout` than this process.
        own: the request time of this process.
    """
    return max(own, (entry.lease_seconds - _MORE) / _FACTOR)


def lease_is_over(lease: float, *, since_claim: float, now: float, lease_end: float) -> bool:
    """Return whether a claimed request may not be written any more.

    Args:
        lease: the lease's length in seconds.
        since_claim: seconds since before the claim, by this process's monotonic clock.
        now: by the journal's clock.
        lease_end: the lease's end by the journal's clock, or earlier.
    """
    return since_claim >= lease or now >= lease_end


def until_resend(entry: ChunkRecord, *, watched: float, now: float, own: float) -> float:
    """Return the seconds until a chunk in doubt may be looked for a last time and sent again.

    Whoever claimed it may still write until its lease is over, and what was written may be
    accepted for one request's time more.

    Args:
        entry: the chunk.
        watched: seconds for which this process has seen it in doubt, by its monotonic clock.
        now: by the journal's clock.
        own: the request time of this process.
    """
    wait = longest_request(entry, own)
    lease = entry.lease_seconds or lease_for(own)  # an older version did not keep it
    return max(0.0, lease + wait - watched, (entry.lease or 0.0) + wait - now)
