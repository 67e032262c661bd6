"""The rules of erasing campaigns: numbers, texts and quotations go, counts and batch ids stay.

Erasing takes three steps, so that it can be finished later where a step fails. `erase` removes what
the store's tables hold. The journal then sweeps its files, which may hold older versions of that.
`confirm` records that this is done; until then `Campaign.forgotten` is `NOT_SWEPT`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.journals import transitions
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


#: The events whose detail is a batch id; the detail of any other may quote a number or a text.
_WITH_BATCH: Final = (
    "accepted",
    "accepted, late",
    "accepted a second time",
    "accepted, as was known",
    "found",
    "to be scheduled again",
    "accepted, and cancelled since",
    transitions.BATCH_CANCELLED,
)


async def erase(store: ErasureStore, key: int) -> None:
    """Erase the numbers and texts of a campaign from the tables, unless that is done.

    Raises:
        ValidationError: something in it is open.
    """
    # What is erased in a file that no other process reads would stay in the one that they do.
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
    """Erase what the error of a chunk says, and close the chunk; None if nothing changes."""
    if record.error is None and not record.reopenable:
        return None
    error = None if record.error is None else without_words(record.error)
    return transitions.change(record, "forgotten", error=error, reopenable=False)


async def confirm(store: ErasureStore, key: int) -> None:
    """Record that the journal's files hold nothing any more of what was erased."""
    campaign = await store.campaign(key)
    if campaign.forgotten == NOT_SWEPT:
        await store.update_campaign(key, attrs.evolve(campaign, forgotten=await store.now()))


async def prunable(store: ErasureStore, before: float) -> Sequence[str]:
    """Return the campaigns whose last event is before a moment, and that may be forgotten.

    Those that are forgotten are left out, unless the journal's files are still to be swept.
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
    """Return what is open in a campaign, and what to do, in words; an empty string for nothing."""
    in_doubt = _recipients(tallies, State.UNKNOWN)
    if in_doubt:
        return f"the outcome of {in_doubt} recipients is unknown; call bulk.reconcile first"
    if _recipients(tallies, State.SENDING):
        return "requests are on their way, or were when their process ended; call bulk.reconcile"
    at, scheduled = campaign.at, _of(tallies.first, State.ACCEPTED)
    if at is not None and scheduled and not transitions.is_past(at, now):
        return f"{scheduled} recipients are scheduled for {as_date(at)}; call bulk.cancel first"
    if campaign.control is Control.CANCELLED:
        return ""
    if campaign.totals is None:
        return "it is not planned whole; call bulk.cancel first"
    pending = _recipients(tallies, State.PENDING)
    return f"{pending} recipients are still to be sent to; call bulk.cancel first" * bool(pending)


def _recipients(tallies: Tallies, state: State) -> int:
    return sum(_of(sums, state) for sums in (tallies.first, tallies.later))


def _of(sums: Mapping[State, Sums], state: State) -> int:
    return sums[state].recipients if state in sums else 0
