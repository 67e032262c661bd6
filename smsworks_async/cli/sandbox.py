"""``smsworks sandbox``: a server that behaves as the provider's does, until it is ended."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import sys
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sandbox",
        help="run a local server that behaves as the API does",
        description="Runs a local server that behaves as the API does. Nothing in it reaches a "
        "phone. Ctrl-C ends it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument("--port", type=_port, default=8025, help="0 for any free one (%(default)s)")
    parser.add_argument("--credits", type=float, default=10_000.0, help="(%(default)s)")
    parser.add_argument(
        "--no-flooding",
        action="store_true",
        help="take any number of messages to one number; otherwise 6 alike, and 20 in all, an hour",
    )
    parser.add_argument("--faults", metavar="FILE", help="a fault script, JSON")
    parser.add_argument("--database", metavar="FILE", help="keep the state in this SQLite file")
    parser.add_argument("--delivery-report-url", metavar="URL", help="where reports are posted")
    parser.add_argument("--incoming-url", metavar="URL", help="where incoming texts are posted")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a host name to answer to besides localhost; may be repeated",
    )
    parser.add_argument(
        "--callback-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a host that reports and incoming texts may be posted to besides localhost; may be "
        "repeated",
    )
    parser.add_argument(
        "--seed", type=int, help="the same ids and the same token in each run with this number"
    )
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or until it is terminated."""
    try:
        _check_hosts(options)
    except ValueError as error:
        print(f"smsworks: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(options))
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"smsworks: {_words(error)}", file=sys.stderr)
        return 1
    print("The sandbox has ended.")
    return 0


def _words(error: Exception) -> str:
    """Return an error's words, without the number that `str` puts before an OSError's."""
    if not isinstance(error, OSError) or not error.strerror:
        return f"the sandbox cannot use its files: {error}"
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _check_hosts(options: argparse.Namespace) -> None:
    """Raise ValueError for a name that is none, or a URL that nothing would be posted to."""
    from smsworks_async.sandbox.access import Access, host_names

    host_names(options.allow_host, "--allow-host")
    access = Access(
        everywhere=False, callback_hosts=host_names(options.callback_host, "--callback-host")
    )
    for url in (options.delivery_report_url, options.incoming_url):
        if url and not access.may_post_to(url):
            raise ValueError(f"to post to {url}, name its host with --callback-host")


async def _serve(options: argparse.Namespace) -> None:
    from smsworks_async.sandbox import Sandbox

    loop = asyncio.get_running_loop()
    async with Sandbox(
        host=options.host,
        port=options.port,
        credits=options.credits,
        flooding=not options.no_flooding,
        faults=options.faults or (),
        database=options.database,
        delivery_report_url=options.delivery_report_url,
        incoming_url=options.incoming_url,
        seed=options.seed,
        allow_hosts=options.allow_host,
        callback_hosts=options.callback_host,
    ) as box:
        print("The sandbox is running; nothing in it reaches a phone. Ctrl-C ends it.\n")
        print(f"  export SMSWORKS_BASE_URL={box.base_url}")
        print(f"  export SMSWORKS_TOKEN='{box.token}'\n")
        print(f"What it was sent, in a browser: {box.root_url}/", flush=True)
        over = asyncio.Event()
        # Also where a script has it ignore Ctrl-C, and when a supervisor ends it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(over.set))
        await over.wait()
