"""The statements of handled reports in an SQLite file.

A row without an owner is a handled report; other rows are claims.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from smsworks_async.journals.leases import Lease
from smsworks_async.journals.store import ReportClaim


class SQLiteReports:
    """A `ReportStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()
    _db: sqlite3.Connection
    _now: float

    async def statuses(self, message_id: str) -> Collection[str]:
        found = self._db.execute(
            "SELECT status FROM seen WHERE message_id = ? AND owner IS NULL", (message_id,)
        )
        return tuple(status for (status,) in found)

    async def report_claim(self, message_id: str) -> ReportClaim | None:
        row = self._db.execute(
            "SELECT status, owner, lease FROM seen WHERE message_id = ? AND owner IS NOT NULL",
            (message_id,),
        ).fetchone()
        return None if row is None else ReportClaim(row[0], Lease(row[1], row[2]))

    async def write_report_claim(self, message_id: str, claim: ReportClaim) -> None:
        self._db.execute(
            "DELETE FROM seen WHERE message_id = ? AND owner IS NOT NULL", (message_id,)
        )
        self._db.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?)",
            (message_id, claim.status, self._now, claim.lease.owner, claim.lease.until),
        )

    async def delete_report_claim(self, message_id: str, owner: str) -> None:
        self._db.execute("DELETE FROM seen WHERE message_id = ? AND owner = ?", (message_id, owner))

    async def insert_status(self, message_id: str, status: str) -> None:
        self._db.execute(
            "INSERT INTO seen VALUES (?, ?, ?, NULL, NULL) ON CONFLICT (message_id, status) "
            "DO UPDATE SET at = excluded.at, owner = NULL, lease = NULL WHERE owner IS NOT NULL",
            (message_id, status, self._now),
        )
