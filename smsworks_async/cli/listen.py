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
    help="Where to post; SMSWORKS_WEBHOOK_SECRET is put at the end of its path.",
)
@click.option(
    "--since",
    type=Moment(ago=True),
    metavar="TIME",
    help="With the first run: post what is newer than this too; ISO 8601, or such as 2h ago.",
)
@click.option(
    "--every",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two searches.",
)
@click.option("--forget", is_flag=True, help="Begin anew, as if it had never run.")
def command(
    app: App, *, forward_to: str, since: datetime | None, every: float, forget: bool
) -> None:
    """Post new replies and final statuses to a URL of this machine, as the provider would.

    For developers without a public address: the account is searched for what is new. It goes on
    until Ctrl-C, with a line for each post and its answer. What was posted is kept in the
    platform's state folder, so that the next run repeats nothing, and goes on where this one ended.
    A post that gets no answer, or a 5xx, is repeated; any other answer ends it.
    """
    import asyncio

    from smsworks_async.cli._ledger import Ledger
    from smsworks_async.cli._listening import Forwarder, check_target

    app.out.end_when_closed()
    secret = (os.environ.get("SMSWORKS_WEBHOOK_SECRET") or "").partition(",")[0].strip()
    target = check_target(forward_to, secret)
    account = app.account()
    with Ledger.of(account.base_url, forward_to) as ledger:
        if forget:
            ledger.clear()
        asyncio.run(Forwarder(app, ledger, target, every).run(since))
