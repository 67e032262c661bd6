"""What many tests need: a sandbox on a real socket, clients for it, and a thread that hosts one."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self, TypeVar

import pytest
from aiohttp import web
from hypothesis import settings

from smsworks_async import AsyncSMSWorks, RetryPolicy, SMSWorks
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Sandbox


T = TypeVar("T")

# No test depends on how fast the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

#: Seconds after which something has failed that would otherwise hang: on the slowest machine it has
#: come to pass by then.
PATIENCE = 600.0
#: What most tests send.
TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
NUMBER = "447700900123"
#: What bulk sends.
TEXT_TO_MANY = {"sender": "AcmeCorp", "content": "Hello"}
#: Retries without waits: what is tested is whether, not when.
AT_ONCE = RetryPolicy(base=0)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "CUSTOMER_ID", "KEY", "SECRET", "BASE_URL", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"SMSWORKS_{name}", raising=False)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What servers of this process read: the path of each request, and the JSON in its body."""
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


async def until(condition: Callable[[], object], *processes: asyncio.subprocess.Process) -> None:
    """Run the loop until a condition holds; fail rather than hang.

    Args:
        condition: whether it has.
        processes: what brings it about: when one of them ends before, it fails at once.
    """
    turns = 0
    async with asyncio.timeout(PATIENCE):
        while not condition():
            ended = [process.returncode for process in processes if process.returncode is not None]
            assert not ended, f"a process ended with {ended[0]} before it came to that"
            turns += 1
            # What takes longer than that is up to others, who need the processor too.
            await asyncio.sleep(0 if turns < 1000 else 0.005)


def when_held(box: Sandbox, function: Callable[[], object]) -> None:
    """Call a function, on the sandbox's loop, whenever a fault begins to hold a request."""
    gate = box._server.gate
    wait = gate.wait

    async def told(seconds: float | None) -> None:
        asyncio.get_running_loop().call_soon(function)
        await wait(seconds)

    gate.wait = told  # type: ignore[method-assign]


def end_calls(sms: AsyncSMSWorks) -> None:
    """End the time of all calls that a client has under way, however long its time-out is."""
    sessions = sms._sessions
    now = asyncio.get_running_loop().time()
    for deadlines in (sessions._deadlines, *sessions._limited.values()):
        for scope in list(deadlines._running):
            deadlines.end(scope)
            scope.reschedule(now)


def give_up_when_held(box: Sandbox, sms: AsyncSMSWorks) -> None:
    """Time a client's calls out as soon as the sandbox holds a request, and not before.

    A short time-out in its place would be over, on a slow machine, before the request is there.
    """
    when_held(box, lambda: end_calls(sms))


def drama(count: int, start: int = 0) -> list[str]:
    """Numbers of Ofcom's range for drama, which is a thousand."""
    return [f"07700 900{n:03d}" for n in range(start, start + count)]


class Turned:
    """The time, which whoever sleeps turns on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        await asyncio.sleep(0)


class HostedSandbox:
    """A sandbox on a loop of its own thread, for tests that block."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._host()))

    async def _host(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        async with Sandbox(**self._settings) as self.box:
            self._ready.set()
            await self._over.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def do(self, function: Callable[[Sandbox], T]) -> T:
        """Run something on the sandbox's own thread."""

        async def run() -> T:
            result: Any = function(self.box)
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def client(self, **settings: Any) -> SMSWorks:
        return SMSWorks(
            self.box.token, base_url=self.box.base_url, **{"retry": AT_ONCE, **settings}
        )


@pytest.fixture
def hosted() -> Iterator[HostedSandbox]:
    with HostedSandbox() as host:
        yield host


@pytest.fixture
def clock(sms):
    turned = Turned()
    sms.bulk._sleep = turned.sleep
    sms.bulk._clock = sms.bulk._monotonic = turned
    return turned


@pytest.fixture
def journal(clock):
    return MemoryJournal(clock=clock)


@pytest.fixture
def kept(journal):
    return {**TEXT_TO_MANY, "journal": journal, "campaign": "x", "chunk_size": 10, "concurrency": 2}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless ``SMSWORKS_TEST_SLOW=1``."""
    if os.environ.get("SMSWORKS_TEST_SLOW") == "1":
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have counted: the histories of the state machines, for one."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name in ("histories", "figures"):
                terminalreporter.write_line(f"{report.nodeid}: {value}")
