"""Calls of a journal's idempotency-key methods, with default arguments."""

from __future__ import annotations

from typing import Any

from smsworks_async import BatchOutcome, InvalidMessage, NotSent, Outcome, OutcomeUnknown
from smsworks_async.journals.key_records import FoundBy, KeyRecord


LEASE = 10.0
FIELDS = {"destination": "d1", "content": "c1"}

LOST = BatchOutcome(
    0, Outcome.UNKNOWN, 1, error=OutcomeUnknown("the answer of 447700900001", operation="x")
)
REFUSED = BatchOutcome(
    0, Outcome.REJECTED, 1, error=InvalidMessage("no 447700900001", status=400, code=4002)
)
NOT_SENT = BatchOutcome(0, Outcome.NOT_SENT, 1, error=NotSent("no connection"))


def accepted(message_id: str) -> BatchOutcome:
    """Return the outcome of a call that was accepted."""
    return BatchOutcome(0, Outcome.ACCEPTED, 1, message_id)


def answer(message_id: str, status: str = "SCHEDULED") -> dict[str, Any]:
    """Return the stored fields of a response."""
    return {"batch_id": message_id, "status": status}


async def claim_key(
    journal: Any, key: str = "k", *, found_by: FoundBy = "recipients", **more: Any
) -> KeyRecord:
    """Claim a key."""
    claim = {"operation": "batches.send", "fields": FIELDS, "owner": f"of {key}", "lease": LEASE}
    kept: KeyRecord = await journal.claim_key(key, found_by=found_by, **{**claim, **more})
    return kept


async def resend_key(journal: Any, key: str, attempt: int, wait: float = 5.0) -> KeyRecord | None:
    """Claim an unknown key."""
    kept: KeyRecord | None = await journal.resend_key(
        key, attempt, wait, owner=f"of {key} again", lease=LEASE
    )
    return kept


async def finish_key(journal: Any, claimed: KeyRecord, outcome: BatchOutcome) -> KeyRecord:
    """Record the outcome of a claim."""
    message_id = outcome.batch_id
    kept: KeyRecord = await journal.finish_key(
        claimed.key_hash,
        claimed.request,
        outcome,
        {} if message_id is None else answer(message_id, "ANSWERED"),
    )
    return kept


async def confirm_key(
    journal: Any,
    key: str,
    attempt: int,
    message_id: str,
    *,
    size: int = 2,
    is_marked: bool = False,
) -> bool:
    """Accept an unknown key with a found message."""
    found: bool = await journal.confirm_key(
        key, attempt, message_id, answer(message_id), size=size, is_marked=is_marked
    )
    return found


async def doubt_key(journal: Any, key: str = "k", **more: Any) -> KeyRecord:
    """Claim a key, and lose the response."""
    claimed = await claim_key(journal, key, **more)
    await finish_key(journal, claimed, LOST)
    return claimed
