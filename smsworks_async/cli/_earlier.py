"""Read from the journal the state of a campaign to be sent, and of recent campaigns."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.bulk.campaign.stored import open_journal, status_of
from smsworks_async.cli._overlaps import find_overlaps, remaining
from smsworks_async.cli._records import amount
from smsworks_async.cli._times import ago, span


if TYPE_CHECKING:
    from smsworks_async.cli._overlaps import Overlap
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkStatus


#: How long a campaign counts as recent by default: longer than any weekend, after which a list may
#: be sent again by mistake, and shorter than a week, so that a weekly campaign is not refused.
RECENT: Final = timedelta(days=6)
#: The reason with which `campaign send` cancels a campaign that it has planned and not sent.
GAVE_WAY: Final = "another campaign to some of its recipients was begun at the same time"


@attrs.frozen
class Earlier:
    """The journal's record of a campaign, and of other campaigns, recent or unfinished.

    Attributes:
        name: the campaign's name.
        status: its status; None if it is new.
        begun: when it was created; None if it is new.
        overlaps: the other campaigns that share recipients with it, the latest first.
        count: the number of distinct recipients that are shared.
        recent: how long a campaign counts as recent.
        since: a campaign is recent if it was created or last sent after this time, in seconds of
            the journal's clock.
    """

    name: str
    status: BulkStatus | None = None
    begun: datetime | None = None
    overlaps: tuple[Overlap, ...] = ()
    count: int = 0
    recent: timedelta = RECENT
    since: float | None = None

    @property
    def shared(self) -> dict[str, int]:
        """The number of recipients shared with each other campaign, by its name."""
        return {one.name: one.count for one in self.overlaps}

    @property
    def is_untouched(self) -> bool:
        """Whether no recipient of the campaign has, or may have, its text."""
        return self.status is None or not _may_have_texts(self.status)

    def new_overlaps(self, before: Earlier) -> list[Overlap]:
        """Return the campaigns that share more recipients than in an earlier record."""
        # `count` may be equal in both: a recipient of one recent campaign may be in another now.
        known = before.shared
        return [one for one in self.overlaps if one.count > known.get(one.name, 0)]


def shared_message(earlier: Earlier) -> str:
    """Return a clause with the number of shared recipients, and the other campaigns and ages."""
    names = ", ".join(f"{one.name}, {ago(one.age)}" for one in earlier.overlaps[:3])
    noun, were, are = (
        ("recipient", "was", "is") if earlier.count == 1 else ("recipients", "were", "are")
    )
    where = []
    if any(one.is_recent for one in earlier.overlaps):
        where.append(f"{were} in a campaign of the last {span(earlier.recent)}")
    if not all(one.is_recent for one in earlier.overlaps):
        where.append(f"{are} still to be texted by an older one")
    return f"{amount(earlier.count)} {noun} {' or '.join(where)} ({names})"


def exists(journal: str) -> bool:
    """Return whether a journal may have campaigns: its file exists, or it is on a server."""
    return "://" in journal or Path(journal).exists()


async def find_earlier(
    journal: str,
    name: str,
    numbers: Callable[[], set[str]],
    *,
    again: bool,
    recent: timedelta = RECENT,
    before: Earlier | None = None,
) -> Earlier:
    """Read a campaign's state and the recipients it shares with recent campaigns.

    If some of its recipients have been texted, only those that it has still to text are compared,
    and only with campaigns that were created or sent after it.

    Args:
        journal: a path or a URL.
        name: the campaign's name.
        numbers: a function that returns the recipients' numbers; called if there are recent
            campaigns.
        again: use the first of ``NAME``, ``NAME-2`` and so on whose campaign is not finished.
            Otherwise, too, those are left out that gave way to another one before they were sent.
        recent: how long a campaign counts as recent (default 6 days).
        before: the result of the first call. A campaign that was recent then, or was created
            since, still counts as recent, however long planning takes.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not exists(journal):
        return Earlier(name, since=time.time() - recent.total_seconds())
    async with open_journal(journal) as opened:
        names = list(await opened.campaign_ids())
        known = set(names)
        wanted, status, begun = name, None, None
        for number in count(2):
            if wanted not in known:
                status = begun = None
                break
            status = await status_of(opened, wanted)
            created = (await opened.summary(wanted)).campaign.created
            begun = None if created is None else datetime.fromtimestamp(created, UTC)
            if not _gave_way(status) and not (again and await _has_ended(opened, status)):
                break
            wanted = f"{name}-{number}"
        since = None if before is None else before.since
        if since is None:
            since = await opened.now() - recent.total_seconds()
        found = Earlier(wanted, status, begun, recent=recent, since=since)
        if status is not None and not found.is_untouched:
            later = await find_later(opened, wanted, partial(remaining, opened, wanted), since)
            overlaps, texted = later.overlaps, later.count
        else:

            async def ours() -> set[str]:
                return numbers()

            overlaps, texted = await find_overlaps(opened, names, wanted, ours, since)
        return attrs.evolve(found, overlaps=overlaps, count=texted)


async def find_later(
    journal: Journal,
    name: str,
    numbers: Callable[[], Awaitable[set[str]]],
    since: float | None = None,
) -> Earlier:
    """Read the recipients that a campaign shares with campaigns created or sent after it.

    Args:
        journal: the open journal.
        name: the campaign's name.
        numbers: a function that returns the recipients to compare; called if there are such
            campaigns.
        since: leave out campaigns that were neither created nor sent after this time, in seconds
            of the journal's clock; default 6 days ago.

    Raises:
        ValidationError: the campaign does not exist.
        JournalError: the journal cannot be read.
    """
    created = (await journal.summary(name)).campaign.created
    begun = None if created is None else datetime.fromtimestamp(created, UTC)
    if since is None:
        since = await journal.now() - RECENT.total_seconds()
    names = list(await journal.campaign_ids())
    overlaps, texted = await find_overlaps(
        journal, names, name, numbers, max(since, created or 0.0), since_then=True
    )
    status = await status_of(journal, name)
    return Earlier(name, status, begun, overlaps, texted, since=since)


def is_over(status: BulkStatus) -> bool:
    """Return whether a campaign is finished: cancelled, forgotten, or done without rejections.

    One with rejections can be continued, because the reason may be temporary, such as a wrong
    token.
    """
    if status.forgotten is not None:
        return True
    return status.state == "cancelled" or (status.state == "done" and not status.rejected)


def _gave_way(status: BulkStatus) -> bool:
    """Return whether a campaign was cancelled by `campaign send`, because of another one."""
    is_cancelled = status.state == "cancelled" and status.why == GAVE_WAY
    return is_cancelled and not _may_have_texts(status)


def _may_have_texts(status: BulkStatus) -> bool:
    return bool(status.accepted or status.unknown or status.in_flight)


async def _has_ended(journal: Journal, status: BulkStatus) -> bool:
    """Return whether a campaign is over, or has only rejections that are not tried again."""
    return is_over(status) or (
        status.state == "done" and not await remaining(journal, status.campaign)
    )
