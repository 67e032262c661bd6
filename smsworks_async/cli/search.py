"""``smsworks search``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._times import Moment


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "search",
    examples="""
smsworks search --to "07700 900123"
smsworks search --failed --since 7d
smsworks search --status DELIVERED --since 2031-04-01 --all --json
""",
)
@click.option("--to", metavar="NUMBER", help="The recipient.")
@click.option("--sender", metavar="ID", help="The sender ID, or the number a reply is from.")
@click.option(
    "--status", metavar="STATUS", help="The status, such as DELIVERED, or INCOMING for replies."
)
@click.option("--tag", metavar="LABEL")
@click.option("--keyword", metavar="WORD", help="The keyword of a reply.")
@click.option(
    "--since",
    type=Moment(ago=True),
    metavar="TIME",
    help="An ISO 8601 time, or an age such as 2h or 7d.",
)
@click.option("--until", type=Moment(ago=True), metavar="TIME")
@click.option("--failed", is_flag=True, help="List only messages that failed; at most 1000.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="The most messages to list.",
)
@click.option("--all", "everything", is_flag=True, help="List all matching messages.")
def command(app: App, *, failed: bool, limit: int, everything: bool, **options: Any) -> None:
    """List messages, in the API's order."""
    from smsworks_async.cli._records import message_record
    from smsworks_async.cli._show import show_messages

    if failed and everything:
        raise click.UsageError("--failed and --all exclude each other; use --limit, up to 1000")
    query = {
        "destination": options["to"],
        "sender": options["sender"],
        "status": options["status"] and options["status"].upper(),
        "tag": options["tag"],
        "keyword": options["keyword"],
        "from_": options["since"],
        "to": options["until"],
    }
    with app.client() as sms:
        if failed:
            found = sms.messages.failed(**query, limit=limit)
        elif not everything:
            found = sms.messages.search(**query, limit=limit)
        elif app.json:
            app.out.end_when_closed()
            for message in sms.messages.iterate(**query):  # one at a time, since there may be many
                app.out.record(message_record(message))
            return
        else:
            found = list(sms.messages.iterate(**query))
    for message in found:
        app.out.record(message_record(message))
    if found:
        show_messages(app.out, found)
    else:
        app.out.line("No message matches.")
    if not everything and len(found) == limit and not app.json:
        app.out.notice(f"{limit} messages are listed; there may be more (--limit, --all)")
