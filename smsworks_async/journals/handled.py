"""The rules of handled reports: each report of a message is handled once, in sequence.

A report is claimed with a lease before its handler runs; see `leases`.
"""

from __future__ import annotations

import enum
from collections.abc import Collection

from smsworks_async.journals import leases
from smsworks_async.journals.records import storable
from smsworks_async.journals.store import ReportClaim, ReportStore


class Claimed(enum.IntEnum):
    """The result of a claim; it is truthy if the report was claimed."""

    NO = 0
    YES = 1
    #: Claimed in place of another owner's claim, which expired without a result.
    FROM_ANOTHER = 2


async def seen(store: ReportStore, message_id: str) -> Collection[str]:
    """Return the handled statuses of a message."""
    return await store.statuses(message_id)


async def claim_seen(
    store: ReportStore, message_id: str, status: str, owner: str, seconds: float
) -> Claimed:
    """Claim a report, or renew the claim."""
    # Other processes would not see the claim if the file was replaced.
    await store.check_in_place()
    status = storable(status)
    if status in await store.statuses(message_id):
        return Claimed.NO
    claim = await store.report_claim(message_id)
    held = None if claim is None else claim.lease
    lease = leases.acquire(held, owner, await store.now(), seconds)
    if lease.owner == owner:
        await store.write_report_claim(message_id, ReportClaim(status, lease))
        return Claimed.YES if held is None or held.owner == owner else Claimed.FROM_ANOTHER
    if claim is not None and lease != held:
        await store.write_report_claim(message_id, claim._replace(lease=lease))
    return Claimed.NO


async def release_seen(store: ReportStore, message_id: str, owner: str) -> None:
    """Release an owner's claim on a message's report, if there is one."""
    await store.delete_report_claim(message_id, owner)


async def add_seen(store: ReportStore, message_id: str, status: str, owner: str = "") -> None:
    """Record that a report was handled, and release the owner's claim on it."""
    await store.delete_report_claim(message_id, owner)
    await store.insert_status(message_id, storable(status))
