"""The rules of campaigns: what each transition reads, locks, decides and writes, in every store.

Each rule is one transaction over a `store.CampaignStore`. It takes the arguments of the method of
the same name in `protocol.CampaignJournal`, with the campaign's key instead of its id.
`transitions` makes the decisions about single chunks; decisions about several chunks are made here.

A rule that reads other chunks reads its own first, so that a store with row locks locks them in
this order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from smsworks_async.journals import keys, reconciliation, steering, transitions
from smsworks_async.journals.checks import (
    check_campaign,
    check_chunk,
    check_not_forgotten,
    check_totals,
)
from smsworks_async.journals.records import (
    NO_LIMIT,
    Campaign,
    ChunkRecord,
    Command,
    Control,
    Event,
    PlannedChunk,
    Refused,
    State,
    StoredChunk,
    Summary,
    Totals,
)
from smsworks_async.journals.scheduled import was_cancelled
from smsworks_async.journals.store import CampaignStore, ClaimStore, LeaveOut, RequestStore
from smsworks_async.journals.transitions import Change
from smsworks_async.models.report import BatchOutcome, Problem
from smsworks_async.models.window import SendWindow


# Planning


async def begin(store: CampaignStore, campaign: Campaign) -> Campaign:
    """Create a campaign unless it exists; return the stored campaign."""
    await store.insert_campaign(campaign)
    kept = await store.campaign(await store.key_of(campaign.id))
    check_campaign(kept, campaign)
    return kept


async def plan(
    store: CampaignStore, key: int, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
) -> None:
    """Store chunks and problems, which may already exist."""
    campaign = await store.campaign(key)
    check_not_forgotten(campaign)
    after_last = await store.next_number(key)
    there = [chunk.number for chunk in chunks if chunk.number < after_last]
    kept = await store.recipients(key, min(there), max(there)) if there else {}
    for chunk in chunks:
        check_chunk(chunk, kept.get(chunk.number), campaign.totals)
    new = [chunk for chunk in chunks if chunk.number not in kept]
    await store.insert_chunks(key, new, 0)
    await store.insert_problems(key, problems)


async def finish_planning(store: CampaignStore, key: int, totals: Totals) -> None:
    """Record that the plan of a campaign is complete."""
    campaign = await store.campaign(key)
    check_not_forgotten(campaign)
    chunks, set_aside = await store.count(key)
    check_totals(campaign.totals, totals, chunks=chunks, set_aside=set_aside)
    await store.update_campaign(key, attrs.evolve(campaign, totals=totals))


async def plan_round(
    store: CampaignStore, key: int, round: int, chunks: Sequence[PlannedChunk]
) -> bool:
    """Store a round of chunks to send again; return whether it was stored."""
    campaign = await store.campaign(key)
    check_not_forgotten(campaign)
    if campaign.round != round - 1:
        return False
    if round > 1 and any(
        record.is_open
        for record in await store.chunks(key, after=-1, limit=NO_LIMIT, round=round - 1)
    ):
        return False
    await store.update_campaign(key, attrs.evolve(campaign, round=round))
    await _append(store, key, chunks, round)
    return True


async def _append(
    store: CampaignStore, key: int, chunks: Sequence[PlannedChunk], round: int
) -> Sequence[int]:
    """Insert chunks after the last one; return their numbers."""
    first = await store.next_number(key)
    numbered = [attrs.evolve(chunk, number=n) for n, chunk in enumerate(chunks, first)]
    await store.insert_chunks(key, numbered, round)
    return [chunk.number for chunk in numbered]


# Sending


async def claim_next(
    store: ClaimStore,
    key: int,
    *,
    owner: str,
    lease: float,
    round: int,
    after: int,
    international: bool,
    server_time: float | None = None,
    leave_out: LeaveOut | None = None,
) -> StoredChunk | Refused | None:
    """Claim the next pending chunk for one owner."""
    # Other processes would not see the claim if the file was replaced.
    await store.check_in_place()
    now = await store.now()
    refused = steering.refuse(await store.controls(key), now, round)
    if refused is not None:
        return refused
    if leave_out is not None and leave_out.after is not None:
        leave_out.learn(await store.opt_out_changes(leave_out.after))
    while True:
        pending = await store.next_pending(
            key, round=round, after=after, international=international
        )
        if pending is None:
            return None
        left_out = "" if leave_out is None else leave_out.positions(pending)
        if left_out != pending.positions:
            break
        await store.write(key, transitions.skip(pending.record, left_out))
    change = transitions.claim(pending.record, owner, now, lease, server_time, left_out=left_out)
    await store.write(key, change)
    return StoredChunk(change.record, pending.items, pending.positions)


async def finish(
    store: RequestStore, key: int, claimed: ChunkRecord, outcome: BatchOutcome
) -> ChunkRecord:
    """Record the outcome of a request; return the updated chunk."""
    answered = await finish_claimed(store, key, claimed, outcome)
    if answered is not None:
        return await _unless_cancelled(store, key, answered)
    detail = _detail(outcome)
    if outcome.batch_id is None and (await store.campaign(key)).is_forgotten:
        detail = ""  # it may quote a number
    record = await store.chunk(key, claimed.number)
    if outcome.batch_id is not None:
        if await was_cancelled(store, key, record.number, outcome.batch_id):
            await store.write(key, Change(record, "accepted, and cancelled since", {}), detail)
            return record
        for other in await store.chunks_with_batch(outcome.batch_id):
            is_itself = (other.key, other.record.number) == (key, record.number)
            was_found = other.record.found and other.record.batch_id == outcome.batch_id
            if was_found and not is_itself:
                await store.write(other.key, reconciliation.revoke_found(other.record))
        await keys.revoke_keys(store, outcome.batch_id)
    change = transitions.finish(record, claimed.attempt, outcome, left_out=claimed.left_out)
    await store.write(key, change, detail)
    return await _unless_cancelled(store, key, change.record)


async def finish_claimed(
    store: CampaignStore, key: int, claimed: ChunkRecord, outcome: BatchOutcome
) -> ChunkRecord | None:
    """Record the outcome of a request in one statement, if its chunk is still claimed.

    Return the updated chunk, or None if the chunk has changed, or if its batch was found for
    another chunk or a key.
    """
    if claimed.state is not State.SENDING:
        return None
    change = transitions.finish(claimed, claimed.attempt, outcome)
    batch_id, detail = outcome.batch_id, _detail(outcome)
    is_written = await store.replace_claimed(key, claimed, change, batch_id, detail)
    return change.record if is_written else None


def _detail(outcome: BatchOutcome) -> str:
    return outcome.batch_id or str(outcome.error or "")


async def _unless_cancelled(store: CampaignStore, key: int, record: ChunkRecord) -> ChunkRecord:
    """Cancel a chunk that became pending in a cancelled campaign; return the updated chunk."""
    if record.state is not State.PENDING:
        return record
    if (await store.controls(key)).control is not Control.CANCELLED:
        return record
    change = transitions.cancel(record)
    if change is None:
        return record
    await store.write(key, change)
    return change.record


async def split(
    store: CampaignStore, key: int, number: int, attempt: int, halves: Sequence[PlannedChunk]
) -> Sequence[int]:
    """Replace a rejected chunk by pending halves; return their numbers."""
    change = transitions.split(await store.chunk(key, number), attempt)
    if change is None:
        return ()
    await store.write(key, change)
    numbers = await _append(store, key, halves, change.record.round)
    for half in numbers:
        await _unless_cancelled(store, key, await store.chunk(key, half))
    return numbers


# Control


async def steer(
    store: CampaignStore,
    key: int,
    command: Command,
    why: str = "",
    *,
    window: SendWindow | None = None,
) -> Campaign:
    """Pause, resume, halt or cancel a campaign; return the updated campaign."""
    before = await store.campaign(key)
    after = steering.steer(before, command, why)
    if window is not None and after.control is not Control.CANCELLED:
        after = attrs.evolve(after, window=window)
    if after != before or after.control is not before.control or after.window != before.window:
        await store.update_campaign(key, after)
    if after.control is Control.CANCELLED:
        pending = await store.chunks(key, after=-1, limit=NO_LIMIT, state=State.PENDING)
        await _write_all(store, key, transitions.cancel, pending)
    return after


async def respect(store: CampaignStore, key: int, opt_outs: str) -> Campaign:
    """Record which opt-out list a campaign respects, unless one is; return the campaign."""
    campaign = await store.campaign(key)
    if campaign.opt_outs is None:
        campaign = attrs.evolve(campaign, opt_outs=opt_outs)
        await store.update_campaign(key, campaign)
    return campaign


async def controls(store: CampaignStore, key: int, round: int = 0) -> Refused | None:
    """Return why no chunk of a round may be claimed now; None if one may."""
    return steering.refuse(await store.controls(key), await store.now(), round)


# Between runs


async def reopen(store: CampaignStore, key: int, round: int) -> int:
    """Prepare a round for another run; return the number of changed chunks."""
    if (await store.controls(key)).control is Control.CANCELLED:
        return 0
    marked = await store.chunks(key, after=-1, limit=NO_LIMIT, round=round, marked=True)
    return await _write_all(store, key, transitions.reopen, marked)


async def suspect(store: CampaignStore, key: int) -> int:
    """Mark chunks unknown that may have been sent after a copy was made; return their number."""
    campaign = await store.campaign(key)
    await store.update_campaign(key, attrs.evolve(campaign, restored=True))
    records = await store.chunks(key, after=-1, limit=NO_LIMIT)
    return await _write_all(store, key, reconciliation.suspect, records)


async def expire_leases(store: CampaignStore, key: int) -> int:
    """Mark chunks with an expired lease unknown; return their number."""
    now = await store.now()
    sending = await store.chunks(key, after=-1, limit=NO_LIMIT, state=State.SENDING)
    return await _write_all(store, key, lambda r: transitions.expire(r, now), sending)


async def _write_all(
    store: CampaignStore,
    key: int,
    decide: Callable[[ChunkRecord], Change | None],
    records: Sequence[ChunkRecord],
) -> int:
    changes = [change for change in map(decide, records) if change is not None]
    for change in changes:
        await store.write(key, change)
    return len(changes)


async def _write_if(store: CampaignStore, key: int, change: Change | None) -> bool:
    if change is None:
        return False
    await store.write(key, change)
    return True


async def clear_doubt(store: CampaignStore, key: int, number: int, attempt: int) -> bool:
    """Make a chunk pending if it was unknown only because of `suspect`; return whether it was."""
    record = await store.chunk(key, number)
    change = reconciliation.clear_doubt(record, attempt)
    if not await _write_if(store, key, change):
        return False
    await _unless_cancelled(store, key, await store.chunk(key, number))
    return True


async def resend(store: CampaignStore, key: int, number: int, attempt: int, wait: float) -> bool:
    """Make an unknown chunk pending if its lease expired long enough ago; return whether it did."""
    record = await store.chunk(key, number)
    if (await store.controls(key)).control is Control.CANCELLED:
        return False
    now = await store.now()
    return await _write_if(store, key, reconciliation.resend(record, attempt, now, wait))


# Reading


async def campaign_ids(store: CampaignStore) -> Sequence[str]:
    """Return the ids of all campaigns, in order of creation."""
    return await store.campaign_ids()


async def unknown_chunks(store: CampaignStore, key: int) -> Sequence[ChunkRecord]:
    """Return the chunks whose outcome is unknown."""
    return await store.chunks(key, after=-1, limit=NO_LIMIT, state=State.UNKNOWN)


async def summary(store: CampaignStore, key: int) -> Summary:
    """Return the progress of a campaign."""
    tallies = await store.tally(key)
    now = await store.now()
    return Summary(
        campaign=await store.campaign(key),
        states=tallies.first,
        later_rounds=tallies.later,
        lease=None if tallies.lease is None else max(0.0, tallies.lease - now),
    )


async def chunks(
    store: CampaignStore,
    key: int,
    after: int = -1,
    limit: int = 500,
    state: State | None = None,
) -> Sequence[ChunkRecord]:
    """Return chunks after a number, ordered by number."""
    return await store.chunks(key, after=after, limit=limit, state=state)


async def read_chunk(store: CampaignStore, key: int, number: int) -> StoredChunk:
    """Return a chunk with its recipients, without claiming it."""
    check_not_forgotten(await store.campaign(key))
    record = await store.chunk(key, number)
    items, positions = (await store.recipients(key, number, number))[number]
    return StoredChunk(record, items, positions)


async def read_chunks(
    store: CampaignStore, key: int, first: int, last: int
) -> Sequence[StoredChunk]:
    """Return chunks with their recipients, by their numbers, both ends included."""
    check_not_forgotten(await store.campaign(key))
    records = await store.chunks(key, after=first - 1, limit=last - first + 1)
    kept = await store.recipients(key, first, last)
    return [StoredChunk(one, *kept[one.number]) for one in records if one.number <= last]


async def problems(
    store: CampaignStore, key: int, after: int = -1, limit: int = 5000
) -> Sequence[Problem]:
    """Return problems after a position, ordered by position."""
    check_not_forgotten(await store.campaign(key))
    return await store.problems(key, after=after, limit=limit)


async def events(store: CampaignStore, key: int, number: int | None = None) -> Sequence[Event]:
    """Return the events of one chunk, or of all chunks, in order."""
    return await store.events(key, number)
