"""``smsworks listen``."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "listen",
    examples="""
smsworks listen --forward-to http://127.0.0.1:5000/sms
smsworks listen --forward-to http://127.0.0.1:5000/sms --since 1h
""",
)
@click.option(
    "--forward-to",
    required=True,
    metavar="URL",
    help="The URL to post to; SMSWORKS_WEBHOOK_SECRET is appended to its path.",
)
@click.option(
    "--since",
    type=Moment(ago=True),
    metavar="TIME",
    help="On the first run, also post messages since this ISO 8601 time or age, such as 2h.",
)
@click.option(
    "--every",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="The time between two searches.",
)
@click.option("--forget", is_flag=True, help="Delete the record of earlier runs first.")
def command(
    app: App, *, forward_to: str, since: datetime | None, every: float, forget: bool
) -> None:
    """Post new replies and final statuses to a local URL, as the provider would.

    It is for developers without a public address: the account is searched for new messages until
    Ctrl-C, with a line of output for each post and its response. A record of what was posted is
    kept in the platform's state folder, so that the next run continues where this one ended. A post
    is repeated if it gets no response or a status of 500 or above.
    """
    import asyncio

    from smsworks_async.cli._ledger import Ledger
    from smsworks_async.cli._listening import Forwarder, check_target

    app.out.end_when_closed()
    secret = (os.environ.get("SMSWORKS_WEBHOOK_SECRET") or "").partition(",")[0].strip()
    target = check_target(forward_to, secret)
    if not secret:
        app.out.notice("SMSWORKS_WEBHOOK_SECRET is not set, so nothing is appended to the URL")
    account = app.account()
    with Ledger.of(account.base_url, forward_to) as ledger:
        if forget:
            ledger.clear()
        asyncio.run(Forwarder(app, ledger, target, every).run(since))
