"""The rules of erasing campaigns: numbers and texts are removed, counts and batch ids stay.

Erasing has three steps, so that it can be completed later if a step fails. `erase` removes the data
from the store's tables. The journal then sweeps its files, which may contain older versions of the
rows. `confirm` records completion; until then `Campaign.forgotten` is `NOT_SWEPT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.journals import recalls, steering, transitions
from smsworks_async.journals.records import (
    NO_LIMIT,
    NOT_SWEPT,
    Campaign,
    ChunkRecord,
    Control,
    State,
    Sums,
    without_words,
)
from smsworks_async.journals.store import ErasureStore, Tallies
from smsworks_async.journals.transitions import Change
from smsworks_async.models.window import as_date


#: The events whose detail is a batch id. Other details may quote a number or a text.
_WITH_BATCH: Final = (
    "accepted",
    "accepted, late",
    "accepted a second time",
    "accepted, as was known",
    "found",
    "to be scheduled again",
    "accepted, and cancelled since",
    recalls.BATCH_CANCELLED,
)


async def erase(store: ErasureStore, key: int) -> None:
    """Erase the numbers and texts of a campaign from the tables, if that was not done.

    Raises:
        ValidationError: the campaign is not finished.
    """
    # If the file was replaced, the data would be erased here but not in the file others use.
    await store.check_in_place()
    campaign = await store.campaign(key)
    if campaign.forgotten is not None:
        return
    is_open = what_is_open(campaign, await store.tally(key), await store.now())
    if is_open:
        raise ValidationError(
            f"campaign {campaign.id!r} cannot be forgotten: {is_open}", field="campaign"
        )
    await store.update_campaign(key, attrs.evolve(campaign, why="", forgotten=NOT_SWEPT))
    records = await store.chunks(key, after=-1, limit=NO_LIMIT)
    for change in filter(None, map(_without_words, records)):
        await store.write(key, change)
    await store.erase_texts(key)
    await store.erase_details(key, but_of=_WITH_BATCH)


def _without_words(record: ChunkRecord) -> Change | None:
    """Erase the error message of a chunk, and close the chunk; None if nothing changes."""
    if record.error is None and not record.reopenable:
        return None
    error = None if record.error is None else without_words(record.error)
    return transitions.change(record, "forgotten", error=error, reopenable=False)


async def confirm(store: ErasureStore, key: int) -> None:
    """Record that the journal's files no longer contain the erased data."""
    campaign = await store.campaign(key)
    if campaign.forgotten == NOT_SWEPT:
        await store.update_campaign(key, attrs.evolve(campaign, forgotten=await store.now()))


async def prunable(store: ErasureStore, before: float) -> Sequence[str]:
    """Return the campaigns that may be forgotten and whose last event was before a given time.

    Forgotten campaigns are omitted, unless the journal's files have not been swept.
    """
    found = []
    for name, last in (await store.last_events()).items():
        if last < before and await _may_be_pruned(store, await store.key_of(name)):
            found.append(name)
    return found


async def _may_be_pruned(store: ErasureStore, key: int) -> bool:
    campaign = await store.campaign(key)
    if campaign.forgotten is not None:
        return campaign.forgotten == NOT_SWEPT
    return not what_is_open(campaign, await store.tally(key), await store.now())


def what_is_open(campaign: Campaign, tallies: Tallies, now: float) -> str:
    """Return what is unfinished in a campaign and what to do, or an empty string."""
    in_doubt = _recipients(tallies, State.UNKNOWN)
    if in_doubt:
        return f"the outcome of {in_doubt} recipients is unknown; call bulk.reconcile first"
    if _recipients(tallies, State.SENDING):
        return "requests are in flight, or were when their process ended; call bulk.reconcile"
    at, scheduled = campaign.at, _of(tallies.first, State.ACCEPTED)
    if at is not None and scheduled and not steering.is_past(at, now):
        return f"{scheduled} recipients are scheduled for {as_date(at)}; call bulk.cancel first"
    if campaign.control is Control.CANCELLED:
        return ""
    if campaign.totals is None:
        return "planning is not complete; call bulk.cancel first"
    pending = _recipients(tallies, State.PENDING)
    return f"{pending} recipients are still pending; call bulk.cancel first" * bool(pending)


def _recipients(tallies: Tallies, state: State) -> int:
    return sum(_of(sums, state) for sums in (tallies.first, tallies.later))


def _of(sums: Mapping[State, Sums], state: State) -> int:
    return sums[state].recipients if state in sums else 0
