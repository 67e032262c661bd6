"""The methods of `AsyncBulk` that erase personal data of campaigns."""

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
        """Erase the numbers and texts of a campaign from its journal permanently.

        The message, the recipients, the excluded recipients, the messages of errors, and the reason
        of a pause or a cancellation are erased. The name, counts, states, times and batch ids
        remain, for `status`, `campaigns` and `follow`; other calls raise `ValidationError`.
        Opt-outs remain, too. A journal file is rewritten, which temporarily needs the same space
        again. Copies and backups of the file are not changed.

        Calling it again sweeps the file again, and otherwise does nothing.

        Args:
            campaign: the campaign's name.
            journal: its journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: the campaign does not exist, or is not finished: recipients are
                pending, in flight, unknown, or scheduled. Nothing was erased.
            JournalError: the journal cannot be read or written. With "not erased yet", another
                process holds the file, which may still contain erased data; call it again.
        """
        from smsworks_async.bulk.campaign.stored import open_journal

        name = check_campaign(campaign)
        async with open_journal(self._journal_of(journal), must_exist=True) as opened:
            await opened.forget(name)

    async def prune(
        self, *, before: datetime | timedelta, journal: JournalOrPath | None = None
    ) -> list[str]:
        """Forget all campaigns that ended before a given time; return their names.

        These are finished campaigns whose last event is older; see `forget`. Campaigns that were
        already forgotten are not included.

        Idempotency keys of calls that ended before that time, and over 30 days ago, are removed;
        unknown ones are kept. A removed key counts as new.

        Args:
            before: an aware datetime, or an age, such as ``timedelta(days=90)``.
            journal: their journal: a path, a PostgreSQL URL, or a journal; default: the client's.

        Raises:
            ValidationError: `before` is invalid.
            JournalError: the journal cannot be read or written. With "not erased yet", another
                process holds the file, which may still contain erased data; call it again.
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
        raise ValidationError("before must be an age of at least 0", field="before")
    return timedelta(seconds=seconds)
