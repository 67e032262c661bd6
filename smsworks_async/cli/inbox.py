"""``smsworks inbox``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import warn_of_password
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async import AsyncSMSWorks
    from smsworks_async.cli._app import App
    from smsworks_async.models.posted import IncomingMessage


@_command(
    "inbox",
    examples="""
smsworks inbox
smsworks inbox --unread --mark-read
smsworks inbox --follow
""",
)
@click.option("--unread", is_flag=True, help="List only replies that are not marked as read.")
@click.option(
    "--mark-read", is_flag=True, help="Mark the listed replies as read; implies --unread."
)
@click.option("--follow", is_flag=True, help="Show new replies as they arrive, until Ctrl-C.")
@click.option(
    "--since",
    type=Moment(ago=True),
    metavar="TIME",
    help="List replies since this ISO 8601 time or age, such as 2h or 7d. With --follow: the time "
    "to begin at; by default now.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="The most replies to list.",
)
@click.option(
    "--every",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="With --follow: the time between two searches.",
)
@click.option(
    "--journal",
    metavar="PATH_OR_URL",
    callback=warn_of_password,
    help="With --follow: the journal in which replies such as STOP are recorded.",
)
def command(
    app: App,
    *,
    unread: bool,
    mark_read: bool,
    follow: bool,
    since: datetime | None,
    limit: int,
    every: float,
    journal: str | None,
) -> None:
    """List the replies that were received.

    Nothing is marked as read unless --mark-read is given. With --follow, replies such as STOP are
    recorded in the journal's opt-out list before they are shown; otherwise run `smsworks optouts
    fetch` to record them.
    """
    if follow:
        if unread or mark_read:
            raise click.UsageError("--follow cannot be used with --unread or --mark-read")
        import asyncio

        app.out.end_when_closed()
        asyncio.run(_follow(app, since, every, app.journal(journal)))
        return
    from smsworks_async.models.posted import IncomingMessage

    with app.client() as sms:
        if mark_read:
            found = sms.messages.inbox(from_=since, limit=limit)
        else:
            found = sms.messages.search(
                status="INCOMING", from_=since, limit=limit, unread=True if unread else None
            )
    from smsworks_async.optouts import classify

    for record in found:
        _show(app, IncomingMessage.of(record))
    if not found:
        app.out.line("There are no unread replies." if unread else "There are no replies.")
    if any(classify(record.content or "") == "out" for record in found):
        app.out.notice(
            "some ask to opt out; `smsworks optouts fetch` adds them to the list, unless they are "
            "on it already"
        )


def _show(app: App, message: IncomingMessage) -> None:
    from smsworks_async.cli._records import local, reply_record

    app.out.record(reply_record(message))
    content = message.content.replace("\n", "\n    ")
    app.out.line(
        f"{local(message.created)}  {message.sender} to {message.destination}\n    {content}"
    )


async def _follow(app: App, since: datetime | None, every: float, journal: str) -> None:
    async with app.async_client(journal=journal) as sms:
        start = since or await _provider_time(sms)
        app.out.notice("waiting for replies; press Ctrl-C to stop")
        async for message in sms.messages.incoming(since=start, pause=every):
            _show(app, message)


async def _provider_time(sms: AsyncSMSWorks) -> datetime:
    """Return the time by the provider's clock, to which replies are compared, or by this one's."""
    from smsworks_async._failures import worth_repeating
    from smsworks_async.bulk.gateway import BulkGateway
    from smsworks_async.cli._records import now
    from smsworks_async.errors import SMSWorksError

    try:
        seconds = await BulkGateway(sms._requester).now()  # noqa: SLF001 - of this package
    except SMSWorksError as error:
        if not worth_repeating(error):
            raise
        seconds = None
    # Dates of replies may be in whole seconds.
    return now() if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
