"""The length of leases, and when an unknown chunk may be sent again.

Both clocks must agree everywhere: the monotonic clock stops while some machines sleep, and the
journal's clock, which is shared with other processes, can be set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smsworks_async.bulk.timer import request_time


if TYPE_CHECKING:
    from smsworks_async.journals.records import ChunkRecord


#: The longest wait for other processes or a lease in seconds, since a clock may have been far
#: ahead.
LONGEST_WAIT: Final = 900.0
#: The seconds by which a lease is longer than the longest call, retries included.
_FACTOR, _MORE = 1.25, 1.0


def lease_for(timeout: float | None) -> float:
    """Return the length of a lease in seconds, which is longer than the longest call."""
    return request_time(timeout) * _FACTOR + _MORE


def longest_request(entry: ChunkRecord, own: float) -> float:
    """Return the longest possible duration of a chunk's request in seconds.

    Args:
        entry: the chunk. The process that claimed it may have had a different `timeout`.
        own: the request time of this process.
    """
    return max(own, (entry.lease_seconds - _MORE) / _FACTOR)


def lease_is_over(lease: float, *, since_claim: float, now: float, lease_end: float) -> bool:
    """Return whether a claimed request must not be written any more.

    Args:
        lease: the length of the lease in seconds.
        since_claim: the seconds since just before the claim, by the monotonic clock.
        now: the time by the journal's clock.
        lease_end: the end of the lease by the journal's clock, or earlier.
    """
    return since_claim >= lease or now >= lease_end


def until_resend(entry: ChunkRecord, *, watched: float, now: float, own: float) -> float:
    """Return the seconds until an unknown chunk may be searched for a last time and resent.

    The process that claimed it may still write until its lease has expired, and the request may be
    accepted until its time-out after that.

    Args:
        entry: the chunk.
        watched: the seconds for which this process has seen it unknown, by the monotonic clock.
        now: the time by the journal's clock.
        own: the request time of this process.
    """
    wait = longest_request(entry, own)
    lease = entry.lease_seconds or lease_for(own)  # older versions did not store it
    return max(0.0, lease + wait - watched, (entry.lease or 0.0) + wait - now)
