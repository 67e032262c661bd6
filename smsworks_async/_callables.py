"""Call functions of the application on an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from typing import Any


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether calling this returns an awaitable: a function, a method, or a callable."""
    call = getattr(function, "__call__", None)  # noqa: B004 - its code is wanted, not whether
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call an async function here, and a plain one in a thread, so that it cannot block the loop.

    A thread cannot be stopped: after a cancellation it runs until the function returns.
    """
    if is_async(function):
        return await function(*args)
    context = contextvars.copy_context()

    def run() -> Any:
        try:
            return context.run(function, *args)
        except StopIteration as error:  # a future cannot hold it
            raise RuntimeError("a function raised StopIteration") from error

    future = asyncio.get_running_loop().run_in_executor(None, run)
    try:
        result = await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
    return await settled(result)


async def settled(value: object) -> Any:
    """Return a value; await it first if it is awaitable."""
    return await value if inspect.isawaitable(value) else value
