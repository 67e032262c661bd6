"""``smsworks sandbox``: a server that behaves as the provider's does, until it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "sandbox",
    account=False,
    examples="""
smsworks sandbox
smsworks sandbox --port 0 --credits 50
smsworks sandbox --incoming-url http://127.0.0.1:8000/replies
""",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8026,  # Mailpit, which is used beside it, listens on 8025
    show_default=True,
    help="0 for any free one.",
)
@click.option("--credits", type=float, default=10_000.0, show_default=True)
@click.option(
    "--no-flooding",
    is_flag=True,
    help="Take any number of messages to one number; otherwise 6 alike, and 20 in all, an hour.",
)
@click.option(
    "--international/--no-international",
    default=True,
    show_default=True,
    help="Whether the account may send outside the UK.",
)
@click.option(
    "--delivery-delay",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="From a message's sending to its final status.",
)
@click.option("--faults", metavar="FILE", help="A fault script, JSON.")
@click.option("--database", metavar="FILE", help="Keep the state in this SQLite file.")
@click.option("--delivery-report-url", metavar="URL", help="Where reports are posted.")
@click.option("--incoming-url", metavar="URL", help="Where incoming texts are posted.")
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="A host name to answer to besides localhost; may be repeated.",
)
@click.option(
    "--callback-host",
    metavar="NAME",
    multiple=True,
    help="A host that reports and incoming texts may be posted to besides localhost; may be "
    "repeated.",
)
@click.option(
    "--seed", type=int, help="The same ids and the same token in each run with this number."
)
@click.option("--quiet", is_flag=True, help="Write no line for each request and each webhook.")
def command(app: App, **options: Any) -> None:
    """Run a local server that behaves as the API does, until Ctrl-C.

    Nothing in it reaches a phone. It writes a line for each request and each webhook; with --json,
    a line of JSON.
    """
    from smsworks_async.cli._serving import serve

    serve(app, options)
    app.out.line("The sandbox has ended.")
