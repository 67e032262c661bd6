"""The gate at which a fault holds requests."""

from __future__ import annotations

import asyncio


class Gate:
    """Hold requests until they are released."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.closed = False

    def release(self) -> None:
        """Release the waiting requests."""
        self._opened.set()
        self._opened = asyncio.Event()

    def close(self) -> None:
        """Release the waiting requests, and hold no further ones."""
        self.closed = True
        self.release()

    async def wait(self, seconds: float | None) -> None:
        """Wait until released, for at most ``seconds`` of real time; None for no limit."""
        if self.closed:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._opened.wait()
        except TimeoutError:
            pass
