"""Which reports were handled, and which of them are just being handled: the table `seen`.

A row without an owner is a report that was handled; one with an owner is a claim. A message has one
claim at most, so that its reports are handled one at a time. `leases` has the rules.
"""

from __future__ import annotations

import enum
import sqlite3

from smsworks_async.bulk.journals import leases, rows
from smsworks_async.bulk.journals.leases import Lease


class Claimed(enum.IntEnum):
    """Whether a report was claimed; what is true in a condition is a claim."""

    NO = 0
    YES = 1
    #: In the place of another owner's claim, which had ended without a result.
    FROM_ANOTHER = 2


def statuses(db: sqlite3.Connection, message_id: str) -> tuple[str, ...]:
    """Return the statuses of a message that were handled."""
    found = db.execute(
        "SELECT status FROM seen WHERE message_id = ? AND owner IS NULL", (message_id,)
    )
    return tuple(status for (status,) in found)


def claim(
    db: sqlite3.Connection, message_id: str, status: str, owner: str, *, now: float, seconds: float
) -> Claimed:
    """Claim a report, or renew the claim, and return whether that was possible."""
    status = rows.clean(status)
    if status in statuses(db, message_id):
        return Claimed.NO
    row = db.execute(
        "SELECT owner, lease FROM seen WHERE message_id = ? AND owner IS NOT NULL", (message_id,)
    ).fetchone()
    held = None if row is None else Lease(*row)
    lease = leases.acquire(held, owner, now, seconds)
    if lease.owner != owner:
        if lease != held:
            db.execute(
                "UPDATE seen SET lease = ? WHERE message_id = ? AND owner = ?",
                (lease.until, message_id, lease.owner),
            )
        return Claimed.NO
    db.execute("DELETE FROM seen WHERE message_id = ? AND owner IS NOT NULL", (message_id,))
    db.execute(
        "INSERT INTO seen VALUES (?, ?, ?, ?, ?)",
        (message_id, status, now, lease.owner, lease.until),
    )
    return Claimed.YES if held is None or held.owner == owner else Claimed.FROM_ANOTHER


def release(db: sqlite3.Connection, message_id: str, owner: str) -> None:
    """Release a claim, unless it is another owner's by now."""
    db.execute("DELETE FROM seen WHERE message_id = ? AND owner = ?", (message_id, owner))


def add(db: sqlite3.Connection, message_id: str, status: str, owner: str, now: float) -> None:
    """Record that a report was handled, and release the owner's claim."""
    release(db, message_id, owner)
    # In the place of another owner's claim on the same status, too: there is nothing left to do.
    db.execute(
        "INSERT INTO seen VALUES (?, ?, ?, NULL, NULL) ON CONFLICT (message_id, status) "
        "DO UPDATE SET at = excluded.at, owner = NULL, lease = NULL WHERE owner IS NOT NULL",
        (message_id, rows.clean(status), now),
    )
