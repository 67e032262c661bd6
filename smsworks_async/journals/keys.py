"""The rules of idempotency keys: what each transition reads, decides and writes, in every store.

A key is a chunk of one request, so `transitions` decides about it as about every chunk. `finding`
has the rule for an unknown request whose message or batch was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from smsworks_async.errors import JournalError
from smsworks_async.journals import reconciliation, transitions
from smsworks_async.journals.key_records import KEPT_FOR, FoundBy, KeyRecord
from smsworks_async.journals.records import ChunkRecord, State, without_words
from smsworks_async.journals.store import KeyStore, RequestStore
from smsworks_async.journals.transitions import Change
from smsworks_async.models.report import BatchOutcome


#: Replaces the message of an error, which may quote a number or a text.
_WORDS: Final = "a call with this idempotency key was not accepted"


async def key(store: KeyStore, key_hash: str) -> KeyRecord | None:
    """Return a key after checking its lease; None if it is new."""
    await store.check_in_place()
    kept = await store.key_record(key_hash)
    return None if kept is None else await _expire(store, kept)


async def _expire(store: KeyStore, kept: KeyRecord) -> KeyRecord:
    change = transitions.expire(kept.request, await store.now())
    return kept if change is None else await write_key(store, kept, change)


async def write_key(
    store: KeyStore, kept: KeyRecord, change: Change, answer: Mapping[str, Any] | None = None
) -> KeyRecord:
    """Write a change of a key's request; return the updated key."""
    changed = attrs.evolve(
        kept,
        request=change.record,
        answer=kept.answer if answer is None else answer,
        changed=await store.now(),
    )
    await store.write_key(changed)
    return changed


async def claim_key(
    store: KeyStore,
    key_hash: str,
    *,
    operation: str,
    fields: Mapping[str, str],
    found_by: FoundBy,
    owner: str,
    lease: float,
    server_time: float | None = None,
) -> KeyRecord:
    """Claim a key's request for one owner, if a call may make one; return the key."""
    # Other processes would not see the claim if the file was replaced.
    await store.check_in_place()
    kept = await store.key_record(key_hash)
    if kept is None:
        kept = KeyRecord(key_hash=key_hash, operation=operation, fields=fields, found_by=found_by)
    elif kept.difference(operation, fields) is not None:
        return kept
    if not kept.is_free:
        return await _expire(store, kept)
    now = await store.now()
    return await write_key(
        store, kept, transitions.claim(kept.request, owner, now, lease, server_time)
    )


async def resend_key(
    store: KeyStore,
    key_hash: str,
    attempt: int,
    wait: float,
    *,
    owner: str,
    lease: float,
    server_time: float | None = None,
) -> KeyRecord | None:
    """Claim an unknown key for a further request, some time after its lease; None if not."""
    await store.check_in_place()
    kept = await store.key_record(key_hash)
    now = await store.now()
    change = None if kept is None else reconciliation.resend(kept.request, attempt, now, wait)
    if kept is None or change is None:
        return None
    # In one transaction, so that no other process sees the key as pending.
    claimed = transitions.claim(change.record, owner, now, lease, server_time)
    return await write_key(store, kept, claimed)


async def finish_key(
    store: RequestStore,
    key_hash: str,
    claimed: ChunkRecord,
    outcome: BatchOutcome,
    answer: Mapping[str, Any],
) -> KeyRecord:
    """Record the outcome of a key's request; return the updated key."""
    kept = await _of(store, key_hash)
    if outcome.error is not None:
        outcome = attrs.evolve(outcome, error=without_words(outcome.error, _WORDS))
    if outcome.batch_id is not None:
        await revoke_keys(store, outcome.batch_id, but=key_hash)
        await _revoke_chunks(store, outcome.batch_id)
    change = transitions.finish(kept.request, claimed.attempt, outcome)
    is_accepted = change.record.state is State.ACCEPTED
    is_first = is_accepted and change.record.batch_id == outcome.batch_id
    return await write_key(store, kept, change, answer if is_first else None)


async def revoke_keys(store: KeyStore, message_id: str, *, but: str | None = None) -> None:
    """Mark keys unknown again that were found with a message of another request.

    Args:
        store: the store of the keys.
        message_id: the id of the message or the batch.
        but: the hash of the key to which it belongs; None if it belongs to a chunk.
    """
    for kept in await store.keys_with(message_id, found=True):
        if kept.key_hash != but:
            change = reconciliation.revoke_found(kept.request)
            await write_key(store, kept, change, _answer_after(kept, change.record))


def _answer_after(kept: KeyRecord, revoked: ChunkRecord) -> Mapping[str, Any]:
    """Return the known response fields of a revoked key, which may have a double."""
    if revoked.batch_id is None:
        return {}
    found = kept.request.batch_id
    return {
        name: revoked.batch_id if value == found else value for name, value in kept.answer.items()
    }


async def _revoke_chunks(store: RequestStore, message_id: str) -> None:
    """Mark chunks unknown again that were found with a message of a key."""
    for chunk in await store.chunks_with_batch(message_id):
        if chunk.record.found and chunk.record.batch_id == message_id:
            await store.write(chunk.key, reconciliation.revoke_found(chunk.record))


async def _of(store: KeyStore, key_hash: str) -> KeyRecord:
    kept = await store.key_record(key_hash)
    if kept is None:
        raise JournalError("the journal no longer has this key: it is a different file, or a copy")
    return kept


async def prune_keys(store: KeyStore, before: float) -> int:
    """Remove keys settled before a time and over 30 days ago; return their number."""
    before = min(before, await store.now() - KEPT_FOR)
    return await store.delete_keys(before)
