"""Erasing campaigns: the methods of `AsyncBulk` that forget what a journal has of people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from smsworks_async.bulk.campaigns import Campaigns, JournalOrPath
from smsworks_async.bulk.options import check_campaign
from smsworks_async.errors import ValidationError
from smsworks_async.models import values


class Erasure(Campaigns):
    """The part of `AsyncBulk` that erases campaigns."""

    async def forget(self, campaign: str, *, journal: JournalOrPath | None = None) -> None:
        """Erase the numbers and texts of a campaign from its journal, for good.

        What goes is the message, the recipients, those set aside, the words of errors, and the
        reason of a pause or a cancellation. What stays is the name, counts, states, times and batch
        ids, for `status`, `campaigns` and `follow`; other calls raise `ValidationError`. Opt-outs
        stay, too. A journal file is written anew, which takes as much room again while it lasts.
        Copies and backups of the file are not reached.

        Forgetting it a second time sweeps the file again, and otherwise does nothing.

        Args:
            campaign: the campaign's name.
            journal: where it is kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: the journal has no such campaign, or something in it is open: somebody
                is still to be sent to, on the way, in doubt, or scheduled. Nothing was erased.
            JournalError: the journal cannot be read or written. With "not erased yet", another
                process holds the file, which may still hold what was erased; call it again.
        """
        from smsworks_async.bulk.campaign.stored import open_journal

        name = check_campaign(campaign)
        async with open_journal(self._journal_of(journal), must_exist=True) as opened:
            await opened.forget(name)

    async def prune(
        self, *, before: datetime | timedelta, journal: JournalOrPath | None = None
    ) -> list[str]:
        """Forget all campaigns that ended before a moment; return their names.

        Those are campaigns that are done or were cancelled, in which nothing is open, and whose
        last event is older: see `forget`. Campaigns that were forgotten before are left out.

        Idempotency keys of calls that ended before that moment, and over 30 days ago, are removed;
        those whose outcome is unknown stay. A key that was removed is new.

        Args:
            before: an aware datetime, or an age, such as ``timedelta(days=90)``.
            journal: where they are kept: a path, a PostgreSQL URL, or a journal; the client's by
                default.

        Raises:
            ValidationError: `before` is neither.
            JournalError: the journal cannot be read or written. With "not erased yet", another
                process holds the file, which may still hold what was erased; call it again.
        """
        from smsworks_async.bulk.campaign.stored import open_journal

        moment = _check_before(before)
        async with open_journal(self._journal_of(journal), must_exist=True) as opened:
            if isinstance(moment, timedelta):
                seconds = await opened.now() - moment.total_seconds()
            else:
                seconds = moment.timestamp()
            await opened.prune_keys(seconds)
            return list(await opened.prune(seconds))


def _check_before(before: Any) -> datetime | timedelta:
    if not values.is_a(before, timedelta):
        return values.aware_datetime(before, "before")
    seconds: float = before.total_seconds()
    if seconds < 0:
        raise ValidationError("before must be an age of 0 or more", field="before")
    return timedelta(seconds=seconds)
