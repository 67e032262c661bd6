"""Re-reading of opt-outs that a journal restored from a copy lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.journals import Journal
from smsworks_async.models.posted import IncomingMessage
from smsworks_async.optouts import OptOuts


#: How far before the copy's last event to read: messages can appear late, and clocks differ.
_MARGIN: Final = timedelta(hours=1)


async def read_opt_outs_again(
    journal: Journal, campaign: str, gateway: BulkGateway, opt_outs: OptOuts | None
) -> None:
    """Record the opt-outs and opt-ins since a copy was made: since a campaign's last event.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        gateway: the API.
        opt_outs: the list to record them in; None for the journal's own.

    Raises:
        SMSWorksError: the incoming messages could not be read or recorded; events recorded before
            that are kept, and nothing is recorded twice.
    """
    events = await journal.events(campaign)
    if not events:
        return
    since = datetime.fromtimestamp(max(event.at for event in events), UTC) - _MARGIN
    into = opt_outs or OptOuts(journal)
    # The order of arrival determines the result.
    found = [record async for record in gateway.iterate(status="INCOMING", from_=since)]
    for record in sorted(found, key=lambda one: one.created or since):
        await into.record(IncomingMessage.of(record))
