"""Clocks that tests advance, and the functions that install them in a client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path


class FakeClock:
    """A clock that advances only when a test advances it or the code under test sleeps.

    It is callable, for parameters that take a function without arguments, and then returns `time`.

    Args:
        start: POSIX seconds at the beginning; the machine's time by default, so that it agrees
            with a sandbox that runs on the machine's clock.

    Attributes:
        slept: the seconds of each sleep, in order.
    """

    def __init__(self, start: float | None = None) -> None:
        self._time = time.time() if start is None else start
        self._monotonic = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time()

    def time(self) -> float:
        return self._time

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._time += seconds
        self._monotonic += seconds

    def set_ahead(self, seconds: float) -> None:
        """Set the wall clock, as NTP does, without time passing."""
        self._time += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


class SteppedClock(FakeClock):
    """A clock whose sleepers wait until a test advances it with `turn`."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        awake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.monotonic() + seconds, awake))
        await awake

    async def turn(self, seconds: float) -> None:
        """Let time pass, and wake sleepers as they become due."""
        target = self.monotonic() + seconds
        await settle()
        while due := [at for at, one in self._sleepers if at <= target and not one.done()]:
            self.advance(max(0.0, min(due) - self.monotonic()))
            self._wake()
            await settle()
        self.advance(target - self.monotonic())
        self._sleepers = [(at, one) for at, one in self._sleepers if not one.done()]

    @property
    def has_sleepers(self) -> bool:
        return not all(sleeper.done() for _, sleeper in self._sleepers)

    def _wake(self) -> None:
        for at, sleeper in self._sleepers:
            if at <= self.monotonic() and not sleeper.done():
                sleeper.set_result(None)


class SandboxClock:
    """The manual clock of a sandbox, which sleeping advances, so that deliveries happen.

    Attributes:
        ahead: seconds by which the wall clock is ahead of the sandbox's.
    """

    def __init__(self, box, *, ahead: float = 0.0) -> None:
        self._box = box
        self.ahead = ahead

    def __call__(self) -> float:
        return self.time()

    def time(self) -> float:
        return self._box.now + self.ahead

    def monotonic(self) -> float:
        return self._box.now

    async def sleep(self, seconds: float) -> None:
        await self._box.advance(seconds)


class SharedClock:
    """The machine's clock plus the seconds in a file that processes share."""

    sleep = staticmethod(asyncio.sleep)

    def __init__(self, path) -> None:
        self._path = Path(path)

    def __call__(self) -> float:
        return self.time()

    def time(self) -> float:
        return time.time() + float(self._path.read_text())

    monotonic = time


class HastyClock:
    """The machine's clocks plus the seconds in a file; sleeping only advances them.

    Processes share the file; `set_both_clocks` writes it.

    Args:
        path: the file.
        sets: whether time passes for all processes when one sleeps; otherwise for this one alone,
            by its monotonic clock.
    """

    def __init__(self, path, *, sets: bool = False) -> None:
        self._path = Path(path)
        self._sets = sets
        self._slept = 0.0

    def __call__(self) -> float:
        return self.time()

    def time(self) -> float:
        return time.time() + self._read()[0]

    def monotonic(self) -> float:
        return time.monotonic() + self._read()[1] + self._slept

    async def sleep(self, seconds: float) -> None:
        if self._sets:
            ahead, passed = self._read()
            set_both_clocks(self._path, ahead + seconds, passed + seconds)
        else:
            self._slept += seconds
        await asyncio.sleep(0)

    def _read(self) -> tuple[float, float]:
        ahead, passed = self._path.read_text().split()
        return float(ahead), float(passed)


def set_both_clocks(path: Path, ahead: float, passed: float) -> None:
    """Set the seconds by which the clocks of a `HastyClock` are ahead of the machine's."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(f"{ahead} {passed}")
    new.replace(path)


async def settle() -> None:
    """Let every task of the loop run until it waits for time to pass."""
    for _ in range(50):
        await asyncio.sleep(0)


def use_clock_to_wait(sms, clock, *, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Make `messages.wait` use a clock, as `use_clock` does for everything else."""
    sms.clock.replace(monotonic=clock.monotonic, sleep=sleep)


def use_clock(sms, clock, *, sleep: Callable[[float], Awaitable[None]] | None = None) -> None:
    """Make a client's campaigns and incoming messages use a clock.

    Args:
        sms: an awaited client.
        clock: has `time`, `monotonic` and `sleep`.
        sleep: in place of the clock's own.
    """
    sms.clock.replace(time=clock.time, monotonic=clock.monotonic, sleep=sleep or clock.sleep)
