"""A sandbox in its own thread, and clients that retry without waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from smsworks_async import AsyncSMSWorks, RetryPolicy, SMSWorks
from smsworks_async.sandbox import Sandbox


T = TypeVar("T")

#: Retries without waits: most tests are about whether a call is repeated, not when.
AT_ONCE = RetryPolicy(base=0)
#: An untrusted certificate with its key.
UNTRUSTED = Path(__file__).with_name("untrusted.pem")


def client(box: Sandbox, **settings: Any) -> AsyncSMSWorks:
    return AsyncSMSWorks(box.token, base_url=box.base_url, **{"retry": AT_ONCE, **settings})


class HostedSandbox:
    """A sandbox on a loop in its own thread, for blocking tests."""

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
        """Run a function of the sandbox on the sandbox's own thread."""

        async def run() -> T:
            result: Any = function(self.box)
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def client(self, **settings: Any) -> SMSWorks:
        return SMSWorks(
            self.box.token, base_url=self.box.base_url, **{"retry": AT_ONCE, **settings}
        )
