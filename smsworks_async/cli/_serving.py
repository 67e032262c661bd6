"""The implementation of ``smsworks sandbox``."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from smsworks_async.sandbox import RunningClock, Sandbox
from smsworks_async.sandbox.access import Access, host_names


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


def serve(app: App, options: dict[str, Any]) -> None:
    """Run a sandbox until Ctrl-C or SIGTERM.

    Args:
        app: the run of the command.
        options: the values of the command's options.

    Raises:
        click.ClickException: an option, the address or a file cannot be used.
    """
    try:
        _check_hosts(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(app, options))
    except (OSError, ValueError, sqlite3.Error) as error:
        raise click.ClickException(_words(error)) from None


def _words(error: Exception) -> str:
    """Return an error's message, without the number in the `str` of an OSError."""
    if not isinstance(error, OSError) or not error.strerror:
        return f"the sandbox cannot use its files: {error}"
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _check_hosts(options: dict[str, Any]) -> None:
    """Raise ValueError for an invalid host name, or a URL whose host is not allowed."""
    host_names(options["allow_host"], "--allow-host")
    access = Access(
        everywhere=False, callback_hosts=host_names(options["callback_host"], "--callback-host")
    )
    for url in (options["delivery_report_url"], options["incoming_url"]):
        if url and not access.may_post_to(url):
            raise ValueError(f"to post to {url}, allow its host with --callback-host")


async def _serve(app: App, options: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    async with Sandbox(
        host=options["host"],
        port=options["port"],
        clock=RunningClock(),
        credits=options["credits"],
        flooding=not options["no_flooding"],
        international=options["international"],
        delivery_delay=options["delivery_delay"],
        faults=options["faults"] or (),
        database=options["database"],
        delivery_report_url=options["delivery_report_url"],
        incoming_url=options["incoming_url"],
        seed=options["seed"],
        allow_hosts=options["allow_host"],
        callback_hosts=options["callback_host"],
    ) as box:
        app.out.record({"base_url": box.base_url, "token": box.token, "page": f"{box.root_url}/"})
        app.out.line(
            "The sandbox is running. It sends nothing to phones. Press Ctrl-C to stop it.\n"
        )
        app.out.line(f"  export SMSWORKS_BASE_URL={box.base_url}")
        app.out.line(f"  export SMSWORKS_TOKEN='{box.token}'\n")
        app.out.line(f"Its web page with all messages: {box.root_url}/")
        over = asyncio.Event()
        # A shell script may have started it with SIGINT ignored, and supervisors send SIGTERM.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(over.set))
        with _log(app, box, quiet=options["quiet"]):
            await over.wait()


def _log(app: App, box: Sandbox, *, quiet: bool) -> AbstractContextManager[object]:
    if quiet:
        return nullcontext()
    # With --json, the lines of the log are JSON already.
    return box.write_log(app.out.raw if app.out.json else app.out.line, as_json=app.out.json)
