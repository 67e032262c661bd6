"""``smsworks optouts fetch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from smsworks_async.cli._campaigns import run_coroutine
from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import list_option
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from datetime import datetime

    from smsworks_async.cli._app import App


class _Fetched(NamedTuple):
    """The number of messages, and of the numbers that they added to the list and took off it."""

    read: int
    opted_out: int
    opted_in: int


@_command(
    "fetch",
    examples="""
smsworks optouts fetch
smsworks optouts fetch --since 7d
""",
)
@click.option(
    "--since",
    type=Moment(ago=True),
    metavar="TIME",
    help="Read the replies since this ISO 8601 time or age, such as 2h or 7d. By default all that "
    "the provider still has: those of about three months.",
)
@list_option
def command(app: App, *, since: datetime | None, journal: str | None) -> None:
    """Read the account's replies, and record those such as STOP in the opt-out list.

    Run it before a campaign, unless `smsworks inbox --follow` or a webhook records replies as they
    arrive. Running it again changes nothing, and nothing is marked as read.
    """
    from smsworks_async.cli._records import plural

    found = run_coroutine(_fetch(app, app.journal(journal), since))
    app.out.result(
        found._asdict(),
        f"{plural(found.read, 'message')} read; newly opted out: {found.opted_out}, opted in "
        f"again: {found.opted_in}",
    )


async def _fetch(app: App, journal: str, since: datetime | None) -> _Fetched:
    from smsworks_async.optouts import OptOuts

    async with OptOuts(journal) as listed:
        before = {event.number async for event in listed.iterate()}
        read = 0
        async with app.async_client(opt_outs=listed) as sms:
            async for _ in sms.messages.incoming(since=since, follow=False):
                read += 1
        after = {event.number async for event in listed.iterate()}
    return _Fetched(read, len(after - before), len(before - after))
