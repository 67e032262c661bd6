"""The gate at which a fault holds requests."""

from __future__ import annotations

import asyncio


class Gate:
    """Holds requests until they are released."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.closed = False

    def release(self) -> None:
        """Release the requests that wait now."""
        self._opened.set()
        self._opened = asyncio.Event()

    def close(self) -> None:
        """Release the requests that wait now, and hold none from now on."""
        self.closed = True
        self.release()

    async def wait(self, seconds: float | None) -> None:
        """Wait to be released, for at most so many real seconds (None = without a limit)."""
        if self.closed:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._opened.wait()
        except TimeoutError:
            pass
