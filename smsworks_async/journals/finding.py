"""The rules that assign a found batch or message to an unknown request.

Chunks and idempotency keys are in one database, and a message is never assigned to two requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from smsworks_async.journals import reconciliation
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.keys import write_key
from smsworks_async.journals.records import ChunkRecord, State
from smsworks_async.journals.scheduled import was_cancelled
from smsworks_async.journals.store import RequestStore


_IN_DOUBT: Final = frozenset({State.SENDING, State.UNKNOWN})


async def has_batch(store: RequestStore, _key: int, batch_id: str) -> bool:
    """Return whether this batch or message belongs to a chunk of any campaign or to a key."""
    return await is_held(store, batch_id)


async def is_held(store: RequestStore, message_id: str) -> bool:
    """Return whether this batch or message belongs to a chunk of any campaign or to a key."""
    return bool(await store.chunks_with_batch(message_id) or await store.keys_with(message_id))


async def confirm_found(
    store: RequestStore, key: int, number: int, attempt: int, batch_id: str, *, others: int = 0
) -> bool:
    """Accept an unknown chunk whose batch was found; return whether it was accepted."""
    record = await store.chunk(key, number)
    change = reconciliation.confirm_found(record, attempt, batch_id)
    if change is None or await is_held(store, batch_id):
        return False
    if await was_cancelled(store, key, number, batch_id):
        return False
    if await _count_twins(store, key, record) > others:
        return False
    keys = [k.request for k in await store.keys_in_doubt() if k.found_by == "recipients"]
    if _is_too_early(record, keys, await store.now()):
        return False
    await store.write(key, change, batch_id)
    return True


async def _count_twins(store: RequestStore, key: int, record: ChunkRecord) -> int:
    """Return the number of other chunks to which the batch of this one may belong."""
    items, _ = (await store.recipients(key, record.number, record.number))[record.number]
    message = (await store.campaign(key)).message
    return sum(
        (other.key, other.record.number) != (key, record.number)
        and reconciliation.is_twin(record, other.record)
        and reconciliation.is_alike(
            None if record.excluded else items,
            message,
            None if other.record.excluded else other.items,
            other.message,
        )
        for other in await store.doubtful(record.requested)
    )


async def confirm_key(
    store: RequestStore,
    key_hash: str,
    attempt: int,
    message_id: str,
    answer: Mapping[str, Any],
    *,
    size: int,
    is_marked: bool,
) -> bool:
    """Accept an unknown key whose message or batch was found; return whether it was accepted."""
    kept = await store.key_record(key_hash)
    if kept is None:
        return False
    change = reconciliation.confirm_found(kept.request, attempt, message_id)
    if change is None or await is_held(store, message_id):
        return False
    if not is_marked and await _may_be_anothers(store, kept, size):
        return False
    await write_key(store, kept, change, answer)
    return True


async def _may_be_anothers(store: RequestStore, kept: KeyRecord, size: int) -> bool:
    """Return whether a batch that looks like a key's may belong to a request in flight.

    Only requests that may still get a response count, including the key's own. If neither of two
    requests can, either may have the batch: they asked for the same, and the other stays unknown.
    """
    others = [
        other.request
        for other in await store.keys_in_doubt()
        if other.operation == kept.operation and other.key_hash != kept.key_hash
    ]
    others += [other.record for other in await store.doubtful(size)]
    return _is_too_early(kept.request, others, await store.now())


def _is_too_early(record: ChunkRecord, others: Sequence[ChunkRecord], now: float) -> bool:
    """Return whether a batch found for a request may be the response that another waits for.

    It also returns True while the request itself may get a response: otherwise the other request
    could lose its batch and be sent again, which would make three batches of two.
    """
    alike = [o for o in others if o.state in _IN_DOUBT and reconciliation.is_twin(record, o)]
    if any(other.lease is None or _may_be_answered(other, now) for other in alike):
        return True
    return bool(alike) and _may_be_answered(record, now)


def _may_be_answered(request: ChunkRecord, now: float) -> bool:
    """Return whether a request may still be accepted.

    That is possible for its time-out after the lease expired, which is shorter than a lease.
    """
    return request.lease is not None and now < request.lease + request.lease_seconds
