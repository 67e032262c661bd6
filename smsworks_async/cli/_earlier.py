"""Read from the journal the state of a campaign to be sent, and of recent campaigns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.bulk.campaign.export import recipients
from smsworks_async.bulk.campaign.stored import StoredCampaign, open_journal, status_of
from smsworks_async.cli._records import amount


if TYPE_CHECKING:
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkStatus


#: How long a campaign counts as recent, in seconds: less than a day, so that daily ones may repeat.
RECENT: Final = 20 * 3600.0
#: The outcomes of recipients who were texted, may have been texted, or will be.
_TEXTED: Final = frozenset({"accepted", "unknown", "not sent"})


@attrs.frozen
class Earlier:
    """The journal's record of a campaign and of recent other campaigns.

    Attributes:
        name: the campaign's name.
        status: its status; None if it is new.
        begun: when it was created; None if it is new.
        shared: the number of recipients shared with each recent other campaign, by its name.
        count: the number of distinct recipients that are shared.
    """

    name: str
    status: BulkStatus | None = None
    begun: datetime | None = None
    shared: dict[str, int] = attrs.field(factory=dict)
    count: int = 0

    @property
    def is_untouched(self) -> bool:
        """Whether no request of the campaign has been sent, so that no recipient has its text."""
        status = self.status
        return status is None or not (status.accepted or status.unknown or status.rejected)


def shared_message(earlier: Earlier) -> str:
    """Return a clause with the number of recipients shared with recent campaigns, and names."""
    names = ", ".join(list(earlier.shared)[:3])
    were = "recipient was" if earlier.count == 1 else "recipients were"
    hours = round(RECENT / 3600)
    return f"{amount(earlier.count)} {were} in a campaign of the last {hours} hours ({names})"


def exists(journal: str) -> bool:
    """Return whether a journal may have campaigns: its file exists, or it is on a server."""
    return "://" in journal or Path(journal).exists()


async def find_earlier(
    journal: str, name: str, numbers: Callable[[], set[str]], *, again: bool
) -> Earlier:
    """Read a campaign's state and the recipients it shares with recent campaigns.

    Args:
        journal: a path or a URL.
        name: the campaign's name.
        numbers: a function that returns the recipients' numbers; called if there are recent
            campaigns.
        again: use the first of ``NAME``, ``NAME-2`` and so on whose campaign is not finished.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not exists(journal):
        return Earlier(name)
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
            if not again or not is_over(status):
                break
            wanted = f"{name}-{number}"
        shared, texted = await _shared(opened, [one for one in names if one != wanted], numbers)
        return Earlier(wanted, status, begun, shared, texted)


def is_over(status: BulkStatus) -> bool:
    """Return whether a campaign is finished: cancelled, forgotten, or done without rejections.

    One with rejections can be continued, because the reason may be temporary, such as a wrong
    token.
    """
    if status.forgotten is not None:
        return True
    return status.state == "cancelled" or (status.state == "done" and not status.rejected)


async def _shared(
    journal: Journal, names: list[str], numbers: Callable[[], set[str]]
) -> tuple[dict[str, int], int]:
    """Return the numbers of recipients shared with recent campaigns: with each, and in total."""
    since = await journal.now() - RECENT
    ours: set[str] | None = None
    found: set[str] = set()
    shared: dict[str, int] = {}
    for name in reversed(names):
        campaign = (await journal.summary(name)).campaign
        if (campaign.created or 0) < since:
            break  # names are in order of creation
        if campaign.is_forgotten:
            continue
        ours = numbers() if ours is None else ours
        is_cancelled = campaign.control.value == "cancelled"
        of_this: set[str] = set()
        payload = StoredCampaign(journal, campaign).payload
        async for one in recipients(journal, name, payload):
            waits = one.outcome == "not sent"
            if one.outcome in _TEXTED and not (waits and is_cancelled) and one.destination in ours:
                of_this.add(one.destination)
        if of_this:
            shared[name] = len(of_this)
            found |= of_this
    return shared, len(found)
