"""Fixtures and hooks; modules that tests import are in `support`."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import settings

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Sandbox
from support import postgres
from support.clock import FakeClock, use_clock
from support.command_line import CommandLine
from support.keyed_calls import TwoCallers
from support.messages import TEXT_TO_MANY
from support.sandboxes import AT_ONCE, HostedSandbox


# Tests must not depend on the speed of the machine.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# If this process ignores Ctrl-C, as in the background of some shells, so do the programs that tests
# stop by Ctrl-C: ignored signals are inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("TOKEN", "CUSTOMER_ID", "KEY", "SECRET", "BASE_URL", "WEBHOOK_SECRET", "OFFLINE"),
        *("TOKEN_FILE", "PROFILE", "JOURNAL", "HOME"),
    ):
        monkeypatch.delenv(f"SMSWORKS_{name}", raising=False)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The requests read by servers of this process: each path, and the JSON of its body."""
    received: list[tuple[str, Any]] = []
    read = web.Request.read

    async def reading(request: web.Request) -> bytes:
        data = await read(request)
        received.append((request.path.removeprefix("/v1"), json.loads(data) if data else None))
        return data

    monkeypatch.setattr(web.Request, "read", reading)
    return received


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def sms(box: Sandbox) -> AsyncIterator[AsyncSMSWorks]:
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        yield client


@pytest.fixture
def hosted() -> Iterator[HostedSandbox]:
    with HostedSandbox() as host:
        yield host


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The `smsworks` command without an account, with separate folders."""
    return CommandLine(tmp_path / "home", monkeypatch)


@pytest.fixture
def smsworks(hosted: HostedSandbox, command_line: CommandLine) -> CommandLine:
    """The `smsworks` command with the token of the sandbox `hosted`."""
    command_line.use(hosted.box)
    return command_line


@pytest.fixture
def clock(sms: AsyncSMSWorks) -> FakeClock:
    fake = FakeClock()
    use_clock(sms, fake)
    return fake


@pytest.fixture
def journal(clock: FakeClock) -> MemoryJournal:
    return MemoryJournal(clock=clock)


@pytest.fixture
def kept(journal: MemoryJournal) -> dict[str, Any]:
    return {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 2}


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[postgres.Databases]:
    if postgres.GIVEN is None and postgres.binaries() is None:
        pytest.skip("there is no PostgreSQL for this platform; see SMSWORKS_TEST_POSTGRES")
    yield from postgres.serving_databases()


@pytest.fixture
async def postgres_url(postgres_databases: postgres.Databases) -> AsyncIterator[str]:
    """The URL of a new database with the tables of a journal."""
    url = await postgres_databases.create()
    yield url
    await postgres_databases.drop(url)


@pytest.fixture(scope="module")
def callers() -> Iterator[TwoCallers]:
    with TwoCallers() as two:
        yield two


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that take minutes, unless ``SMSWORKS_TEST_SLOW=1``."""
    if os.environ.get("SMSWORKS_TEST_SLOW") == "1":
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the counters of tests, such as the histories of the state machines."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name in ("histories", "figures"):
                terminalreporter.write_line(f"{report.nodeid}: {value}")
