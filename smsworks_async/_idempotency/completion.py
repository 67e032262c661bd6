"""Work that a cancelled call still has to complete."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar


T = TypeVar("T")

#: The loop itself keeps no references to tasks.
_running: Final[set[asyncio.Task[Any]]] = set()


async def completed(work: Coroutine[Any, Any, T]) -> T:
    """Await work in a task that continues if this call is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_end)
    return await asyncio.shield(task)


def _end(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # if nothing awaits the task any more, it is not logged
