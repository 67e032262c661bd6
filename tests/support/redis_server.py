"""A Redis server for one test on a free loopback port, or the one in ``SMSWORKS_TEST_REDIS``.

The latter is the URL of a database that tests may empty.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import PATIENCE


GIVEN = os.environ.get("SMSWORKS_TEST_REDIS")
PROGRAM = shutil.which("redis-server")
IS_THERE = bool(GIVEN or PROGRAM)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a server, or empty the existing one; yield its URL."""
    if GIVEN:
        from redis import Redis

        with Redis.from_url(GIVEN) as database:
            database.flushdb()
        yield GIVEN
        return
    if PROGRAM is None:
        raise RuntimeError("there is no redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    process = subprocess.Popen(
        [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, "the server has ended"
                assert time.monotonic() < until
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
