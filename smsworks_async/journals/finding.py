"""The rules of a request in doubt whose batch or message was found: whose it may be.

Chunks and idempotency keys are in one database, and one message is never taken for two requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from smsworks_async.journals import transitions
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.keys import write_key
from smsworks_async.journals.records import ChunkRecord, State
from smsworks_async.journals.scheduled import was_cancelled
from smsworks_async.journals.store import RequestStore


_IN_DOUBT: Final = frozenset({State.SENDING, State.UNKNOWN})


async def has_batch(store: RequestStore, _key: int, batch_id: str) -> bool:
    """Return whether a chunk of any campaign, or a key, has this batch or message."""
    return await is_held(store, batch_id)


async def is_held(store: RequestStore, message_id: str) -> bool:
    """Return whether a chunk of any campaign, or a key, has this batch or message."""
    return bool(await store.chunks_with_batch(message_id) or await store.keys_with(message_id))


async def confirm_found(
    store: RequestStore, key: int, number: int, attempt: int, batch_id: str, *, others: int = 0
) -> bool:
    """Accept an unknown chunk whose batch was found; return whether it was accepted."""
    record = await store.chunk(key, number)
    change = transitions.confirm_found(record, attempt, batch_id)
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
    """Return how many other chunks the batch of this one may be of."""
    items, _ = (await store.recipients(key, record.number, record.number))[record.number]
    message = (await store.campaign(key)).message
    return sum(
        (other.key, other.record.number) != (key, record.number)
        and transitions.is_twin(record, other.record)
        and transitions.is_alike(
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
    """Accept a key in doubt whose message or batch was found; return whether it was accepted."""
    kept = await store.key_record(key_hash)
    if kept is None:
        return False
    change = transitions.confirm_found(kept.request, attempt, message_id)
    if change is None or await is_held(store, message_id):
        return False
    if not is_marked and await _may_be_anothers(store, kept, size):
        return False
    await write_key(store, kept, change, answer)
    return True


async def _may_be_anothers(store: RequestStore, kept: KeyRecord, size: int) -> bool:
    """Return whether what looks like a key's batch may be that of a request on its way.

    Only requests that may still be answered count, its own among them. Of two that never are,
    either may have it: they asked for the same, and the other one stays in doubt.
    """
    others = [
        other.request
        for other in await store.keys_in_doubt()
        if other.operation == kept.operation and other.key_hash != kept.key_hash
    ]
    others += [other.record for other in await store.doubtful(size)]
    return _is_too_early(kept.request, others, await store.now())


def _is_too_early(record: ChunkRecord, others: Sequence[ChunkRecord], now: float) -> bool:
    """Return whether what was found for a request may be the answer that another waits for.

    Nor may its own be on its way: the other one, which is then missing its batch and is sent again,
    would make a third one of two.
    """
    alike = [o for o in others if o.state in _IN_DOUBT and transitions.is_twin(record, o)]
    if any(other.lease is None or _may_be_answered(other, now) for other in alike):
        return True
    return bool(alike) and _may_be_answered(record, now)


def _may_be_answered(request: ChunkRecord, now: float) -> bool:
    """Return whether a request may still be accepted.

    That is within its time after the lease's end, which is shorter than a lease.
    """
    return request.lease is not None and now < request.lease + request.lease_seconds
