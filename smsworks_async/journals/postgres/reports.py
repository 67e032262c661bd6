"""The statements of handled reports in PostgreSQL.

A row without an owner is a handled report; other rows are claims. Operations on one message are
serialised.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from smsworks_async.journals.leases import Lease
from smsworks_async.journals.postgres.statements import NOW, Statements
from smsworks_async.journals.store import ReportClaim


# Only a function call is formatted into the statements below; values are always bound.
# ruff: noqa: S608

_INSERT_CLAIM: Final = (
    "INSERT INTO smsworks.seen (message_id, status, at, owner, lease) "
    f"VALUES ($1, $2, coalesce($3::float8, {NOW}), $4, $5)"
)
_INSERT_STATUS: Final = (
    "INSERT INTO smsworks.seen AS s (message_id, status, at) "
    f"VALUES ($1, $2, coalesce($3::float8, {NOW})) ON CONFLICT (message_id, status) DO UPDATE "
    "SET at = excluded.at, owner = NULL, lease = NULL WHERE s.owner IS NOT NULL"
)


class PostgresReports(Statements):
    """A `ReportStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()

    async def statuses(self, message_id: str) -> Collection[str]:
        await self._lock("message", message_id)
        found = await self._rows(
            "SELECT status FROM smsworks.seen WHERE message_id = $1 AND owner IS NULL", message_id
        )
        return tuple(row[0] for row in found)

    async def report_claim(self, message_id: str) -> ReportClaim | None:
        await self._lock("message", message_id)
        row = await self._row(
            "SELECT status, owner, lease FROM smsworks.seen "
            "WHERE message_id = $1 AND owner IS NOT NULL",
            message_id,
        )
        return None if row is None else ReportClaim(row[0], Lease(row[1], row[2]))

    async def write_report_claim(self, message_id: str, claim: ReportClaim) -> None:
        self._write(
            "DELETE FROM smsworks.seen WHERE message_id = $1 AND owner IS NOT NULL", message_id
        )
        lease = claim.lease
        values = (message_id, claim.status, self._given_now, lease.owner, lease.until)
        self._write(_INSERT_CLAIM, *values)

    async def delete_report_claim(self, message_id: str, owner: str) -> None:
        await self._lock("message", message_id)
        self._write(
            "DELETE FROM smsworks.seen WHERE message_id = $1 AND owner = $2", message_id, owner
        )

    async def insert_status(self, message_id: str, status: str) -> None:
        await self._lock("message", message_id)
        self._write(_INSERT_STATUS, message_id, status, self._given_now)
