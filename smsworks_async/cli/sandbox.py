"""``smsworks sandbox``: a server that behaves as the provider's does, until it is ended."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
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
    default=8025,
    show_default=True,
    help="0 for any free one.",
)
@click.option("--credits", type=float, default=10_000.0, show_default=True)
@click.option(
    "--no-flooding",
    is_flag=True,
    help="Take any number of messages to one number; otherwise 6 alike, and 20 in all, an hour.",
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
def command(app: App, **options: Any) -> None:
    """Run a local server that behaves as the API does, until Ctrl-C.

    Nothing in it reaches a phone.
    """
    try:
        _check_hosts(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(app, options))
    except (OSError, ValueError, sqlite3.Error) as error:
        raise click.ClickException(_words(error)) from None
    app.out.line("The sandbox has ended.")


def _words(error: Exception) -> str:
    """Return an error's words, without the number that `str` puts before an OSError's."""
    if not isinstance(error, OSError) or not error.strerror:
        return f"the sandbox cannot use its files: {error}"
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _check_hosts(options: dict[str, Any]) -> None:
    """Raise ValueError for a name that is none, or a URL that nothing would be posted to."""
    from smsworks_async.sandbox.access import Access, host_names

    host_names(options["allow_host"], "--allow-host")
    access = Access(
        everywhere=False, callback_hosts=host_names(options["callback_host"], "--callback-host")
    )
    for url in (options["delivery_report_url"], options["incoming_url"]):
        if url and not access.may_post_to(url):
            raise ValueError(f"to post to {url}, name its host with --callback-host")


async def _serve(app: App, options: dict[str, Any]) -> None:
    from smsworks_async.sandbox import Sandbox

    loop = asyncio.get_running_loop()
    async with Sandbox(
        host=options["host"],
        port=options["port"],
        credits=options["credits"],
        flooding=not options["no_flooding"],
        faults=options["faults"] or (),
        database=options["database"],
        delivery_report_url=options["delivery_report_url"],
        incoming_url=options["incoming_url"],
        seed=options["seed"],
        allow_hosts=options["allow_host"],
        callback_hosts=options["callback_host"],
    ) as box:
        app.out.record({"base_url": box.base_url, "token": box.token, "page": f"{box.root_url}/"})
        app.out.line("The sandbox is running; nothing in it reaches a phone. Ctrl-C ends it.\n")
        app.out.line(f"  export SMSWORKS_BASE_URL={box.base_url}")
        app.out.line(f"  export SMSWORKS_TOKEN='{box.token}'\n")
        app.out.line(f"What it was sent, in a browser: {box.root_url}/")
        over = asyncio.Event()
        # Also where a script has it ignore Ctrl-C, and when a supervisor ends it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(over.set))
        await over.wait()
