"""``smsworks sandbox``: run a local server that behaves like the provider's."""

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
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8026,  # 8025 is Mailpit's, which may run beside it
    show_default=True,
    help="The port to listen on; 0 for any free port.",
)
@click.option(
    "--credits", type=float, default=10_000.0, show_default=True, help="The credits of its account."
)
@click.option(
    "--no-flooding",
    is_flag=True,
    help="Accept any number of messages to one number, instead of 6 equal ones and 20 in total per "
    "hour.",
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
    help="The time from sending a message to its final status.",
)
@click.option("--faults", metavar="FILE", help="A file with a fault script in JSON.")
@click.option("--database", metavar="FILE", help="Keep the state in this SQLite file.")
@click.option("--delivery-report-url", metavar="URL", help="The URL to post delivery reports to.")
@click.option("--incoming-url", metavar="URL", help="The URL to post incoming texts to.")
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="A host name to accept requests for, besides localhost; may be repeated.",
)
@click.option(
    "--callback-host",
    metavar="NAME",
    multiple=True,
    help="A host to which reports and incoming texts may be posted, besides localhost; may be "
    "repeated.",
)
@click.option(
    "--seed", type=int, help="Use the same ids and the same token in each run with this number."
)
@click.option("--quiet", is_flag=True, help="Write no lines for requests and webhooks.")
def command(app: App, **options: Any) -> None:
    """Run a local server that behaves like the API, until Ctrl-C.

    It sends nothing to phones. It writes a line for each request and each webhook; with --json, a
    line of JSON.
    """
    from smsworks_async.cli._serving import serve

    serve(app, options)
    app.out.line("The sandbox has stopped.")
