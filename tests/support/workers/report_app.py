"""Webhooks that record each run of their function, served by a separate process.

The environment has the folder of the records (`REPORTS_FOLDER`), and the seconds that a copy waits
(`REPORTS_MAX_WAIT`). The size of the file `ahead` is the number of seconds by which the store's
clock was set forward. The function waits while there is a file `pause <id>`, and raises the
exception named in `raise <id>`, once.
"""

from __future__ import annotations

import builtins
import os
import socket
import sys
import time
from pathlib import Path

from aiohttp import web

from smsworks_async.journals import SQLiteJournal
from smsworks_async.webhooks import Webhooks, claim, deduplication


SECRET = "the-webhook-secret-of-these-tests-AAAA"
FOLDER = Path(os.environ["REPORTS_FOLDER"])
deduplication.MAX_WAIT = float(os.environ.get("REPORTS_MAX_WAIT", deduplication.MAX_WAIT))
claim.LEASE = float(os.environ.get("REPORTS_LEASE", claim.LEASE))

# Each write is one line, even if other processes write, and is kept if the process is killed.
_file = os.open(FOLDER / "handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def clock():
    return time.time() + (FOLDER / "ahead").stat().st_size


def record(report):
    os.write(_file, f"{report.message_id} {os.getpgrp()}\n".encode())
    pause, error = (FOLDER / f"{what} {report.message_id}" for what in ("pause", "raise"))
    while pause.exists():
        time.sleep(0.01)
    if error.exists():
        name = error.read_text()
        error.unlink()
        raise getattr(builtins, name)


async def record_on_loop(report):
    record(report)


journal = SQLiteJournal(FOLDER / "seen.db", clock=clock)
asgi = Webhooks(on_report=record_on_loop, secrets=SECRET, seen=journal).asgi()
wsgi = Webhooks(on_report=record, secrets=SECRET, seen=journal).wsgi()


if __name__ == "__main__":
    app = web.Application()
    app.add_routes(Webhooks(on_report=record_on_loop, secrets=SECRET, seen=journal).routes("/sms"))
    web.run_app(app, sock=socket.socket(fileno=int(sys.argv[1])), access_log=None, print=None)
