"""Find the recipients that a campaign shares with other campaigns of its journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.bulk.campaign.export import rows_of
from smsworks_async.bulk.campaign.stored import StoredCampaign, status_of
from smsworks_async.journals.records import State


if TYPE_CHECKING:
    from smsworks_async.journals import Journal
    from smsworks_async.journals.records import ChunkRecord
    from smsworks_async.models.report import BulkStatus, RecipientOutcome


#: The outcomes of recipients who were texted, may have been texted, or will be.
_TEXTED: Final = frozenset({"accepted", "unknown", "not sent"})
#: The outcomes of recipients who were not texted.
_OPEN: Final = frozenset({"not sent", "rejected"})


@attrs.frozen
class Overlap:
    """Another campaign, recent or unfinished, that shares recipients with the one to be sent.

    Attributes:
        name: the name of the other campaign.
        count: the number of recipients that are in both.
        age: the time since it was created, or since its last request began, if that is shorter.
        is_later: whether it was created after the campaign to be sent.
        has_begun: whether one of its requests was sent.
        is_recent: whether it is recent. If not, it is unfinished, and the recipients are those that
            it will still text.
    """

    name: str
    count: int
    age: timedelta
    is_later: bool
    has_begun: bool
    is_recent: bool = True


def _has_begun(status: BulkStatus) -> bool:
    return bool(status.accepted or status.unknown or status.rejected or status.in_flight)


async def remaining(journal: Journal, name: str) -> set[str]:
    """Return the recipients that another run of a campaign will text."""

    def is_due(chunk: ChunkRecord) -> bool:
        tried_again = chunk.state is State.REJECTED and chunk.reopenable
        return not chunk.round and (chunk.state is State.PENDING or tried_again)

    return {row.destination async for row in _rows(journal, name, is_due) if row.outcome in _OPEN}


async def accepted(journal: Journal, name: str) -> set[str]:
    """Return the recipients whose text was accepted, in any round of a campaign."""
    return {r.destination async for r in _rows(journal, name, _is_whole) if r.outcome == "accepted"}


async def _rows(
    journal: Journal, name: str, is_wanted: Callable[[ChunkRecord], bool]
) -> AsyncGenerator[RecipientOutcome]:
    """Yield the recipients of those chunks of a campaign, of any round, that are wanted."""
    campaign = (await journal.summary(name)).campaign
    if campaign.is_forgotten:
        return
    payload, after = StoredCampaign(journal, campaign).payload, -1
    while page := await journal.chunks(name, after):
        for chunk in filter(is_wanted, page):
            for row in await rows_of(journal, name, payload, chunk):
                yield row
        after = page[-1].number


def _is_whole(chunk: ChunkRecord) -> bool:
    return chunk.state is not State.SPLIT


async def _last_request(journal: Journal, name: str) -> float:
    """Return when a campaign's last request began, by the journal's clock; 0 if there is none.

    All chunks are read, because any of them may have been sent again after the last one.
    """
    latest, after = 0.0, -1
    while page := await journal.chunks(name, after):
        latest = max(latest, *map(_last_attempt, page))
        after = page[-1].number
    return latest


def _last_attempt(chunk: ChunkRecord) -> float:
    began = chunk.began or 0.0  # the first attempt
    return began if chunk.lease is None else max(began, chunk.lease - chunk.lease_seconds)


async def find_overlaps(
    journal: Journal,
    names: list[str],
    wanted: str,
    numbers: Callable[[], Awaitable[set[str]]],
    since: float,
    *,
    since_then: bool = False,
) -> tuple[tuple[Overlap, ...], int]:
    """Return the campaigns that share recipients, and the number of these recipients.

    Of a campaign that was neither created nor sent after `since`, only the recipients that it will
    still text are counted; with `since_then`, none.
    """
    now = await journal.now()
    ours: set[str] | None = None
    found: set[str] = set()
    overlaps: list[Overlap] = []
    is_later = wanted in names
    for name in reversed(names):
        if name == wanted:
            is_later = False
            continue
        campaign = (await journal.summary(name)).campaign
        if campaign.is_forgotten:
            continue
        latest = max(campaign.created or 0, await _last_request(journal, name))
        status = await status_of(journal, name)
        counted = set(_TEXTED)
        is_unfinished = status.not_sent or status.in_flight or status.open_again
        if campaign.control.value == "cancelled" or not is_unfinished:
            counted.discard("not sent")
        if latest < since:
            counted &= set() if since_then else {"not sent"}
        if not counted:
            continue
        ours = await numbers() if ours is None else ours
        of_this = {
            row.destination
            async for row in _rows(journal, name, _is_whole)
            if row.outcome in counted and row.destination in ours
        }
        if of_this:
            overlaps.append(
                Overlap(
                    name,
                    len(of_this),
                    age=timedelta(seconds=max(0.0, now - latest)),
                    is_later=is_later,
                    has_begun=_has_begun(status),
                    is_recent=latest >= since,
                )
            )
            found |= of_this
    return tuple(overlaps), len(found)
