"""Rates of the caller's own: objects that let each request leave. Imported when one is given."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Final, Protocol

from smsworks_async._settings import FASTEST, SLOWEST
from smsworks_async.errors import ConfigurationError


class Rate(Protocol):
    """What a client's `max_rate` may be instead of a number.

    One rate may serve any number of clients, such as all that share an account. `acquire` is called
    once for each request, logins and repetitions included, on the client's event loop.
    """

    def acquire(self) -> Awaitable[object]:
        """Wait until another request may leave; an ``async def`` in a class of your own.

        What it returns is ignored. What it raises ends the call, as it is: the request that it was
        asked for is not made.
        """
        ...


_WANTED: Final = (
    f"max_rate must be requests a second ({SLOWEST:g} to {FASTEST:g}), or an object with an async "
    "method acquire(), or None"
)


def check_rate_object(value: object) -> Rate:
    """Return an object that can be a client's rate.

    Raises:
        ConfigurationError: it has no such method, or one that cannot serve.
    """
    if isinstance(value, type):
        raise ConfigurationError(f"{_WANTED}; this is a class: pass an object of it")
    if inspect.getattr_static(value, "acquire", None) is None:  # a mock has any, if it is asked
        raise ConfigurationError(f"{_WANTED}, not {type(value).__name__}")
    if inspect.getattr_static(value, "release", None) is not None:
        raise ConfigurationError(
            "max_rate has a method release(), which a client does not call: a lock or a semaphore "
            "would let nothing leave any more; to limit the requests that are in flight, use "
            "max_connections"
        )
    try:
        acquire = getattr(value, "acquire")  # noqa: B009 - any object's
        # A function that is not async may return something to await: the first call shows.
        generates = inspect.isgeneratorfunction(acquire) or inspect.isasyncgenfunction(acquire)
        parameters = inspect.signature(acquire)
    except (ValueError, TypeError) as error:  # no function, or one written in C
        if callable(getattr(value, "acquire", None)):
            return value  # type: ignore[return-value]
        raise ConfigurationError(f"{_WANTED}; its acquire cannot be called") from error
    except Exception as error:
        raise ConfigurationError(
            f"{_WANTED}; reading its acquire raised {type(error).__name__}"
        ) from error
    if generates:
        raise ConfigurationError(
            "max_rate.acquire() has a yield in it, so that awaiting it is impossible; use return"
        )
    try:
        parameters.bind()
    except TypeError as error:
        raise ConfigurationError("max_rate.acquire() must do without arguments") from error
    return value  # type: ignore[return-value]
