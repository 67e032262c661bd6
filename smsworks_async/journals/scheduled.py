"""The rules of cancelling scheduled batches; see `rules`."""

from __future__ import annotations

from smsworks_async.journals import recalls
from smsworks_async.journals.records import ChunkRecord, Control
from smsworks_async.journals.store import CampaignStore


async def begin_recall(store: CampaignStore, key: int, number: int, batch_id: str) -> bool:
    """Record that a batch will be cancelled, and its chunk scheduled again."""
    change = recalls.begin_recall(await store.chunk(key, number), batch_id)
    if change is None or (await store.controls(key)).control is Control.CANCELLED:
        return False
    await store.write(key, change, batch_id)
    return True


async def confirm_cancelled(
    store: CampaignStore, key: int, number: int, batch_id: str
) -> ChunkRecord | None:
    """Record that a batch was cancelled in time; return the updated chunk."""
    record = await store.chunk(key, number)
    campaign = await store.campaign(key)
    change = recalls.confirm_cancelled(
        record,
        batch_id,
        final=campaign.control is Control.CANCELLED,
        restored=campaign.restored,
    )
    if change is None:
        return None
    await store.write(key, change, batch_id)
    return change.record


async def end_recall(store: CampaignStore, key: int, number: int) -> bool:
    """Record that a batch was sent before it was cancelled; return whether it had a recall."""
    change = recalls.end_recall(await store.chunk(key, number))
    if change is None:
        return False
    await store.write(key, change)
    return True


async def was_cancelled(store: CampaignStore, key: int, number: int, batch_id: str) -> bool:
    """Return whether a chunk had a batch that was later cancelled."""
    return any(
        event.what == recalls.BATCH_CANCELLED and event.detail == batch_id
        for event in await store.events(key, number)
    )
