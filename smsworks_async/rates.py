"""How many requests may leave a second: a number, or an object of the caller's that is awaited."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, Protocol

from smsworks_async.errors import ConfigurationError, NotSent, ValidationError
from smsworks_async.models import values


if TYPE_CHECKING:
    from types import TracebackType

    from aiolimiter import AsyncLimiter

    from smsworks_async._postgres_rate import PostgresRate


__all__ = ["PostgresRate", "Rate"]

#: The bounds of `max_rate`, in requests a second: beyond them it is a mistake.
SLOWEST, FASTEST = 1e-4, 1e6


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


def check_rate(value: object) -> float | None:
    """Check a `max_rate`: requests a second, or None.

    Raises:
        ValidationError: it is out of bounds.
    """
    rate = None if value is None else values.as_number(value)
    if value is not None and (rate is None or not SLOWEST <= rate <= FASTEST):
        raise ValidationError(
            f"max_rate must be requests a second, {SLOWEST:g} to {FASTEST:g}, or None",
            field="max_rate",
        )
    return rate


def check_client_rate(value: object) -> float | Rate | None:
    """Check a client's `max_rate`: requests a second, a `Rate`, or None.

    Raises:
        ValidationError: it is a number that is out of bounds.
        ConfigurationError: it is an object that cannot be a rate.
    """
    if value is None or values.as_number(value) is not None:
        return check_rate(value)
    return check_rate_object(value)


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


def limiter(max_rate: float | None, *, burst: bool = True) -> AsyncLimiter | None:
    """Return a limiter for a number of requests a second; None where there is no limit.

    Args:
        max_rate: requests a second, or None.
        burst: whether those of one second may leave at once.
    """
    if max_rate is None:
        return None
    from aiolimiter import AsyncLimiter  # which takes as long to import as half of this package

    return AsyncLimiter(max_rate, 1) if burst and max_rate >= 1 else AsyncLimiter(1, 1 / max_rate)


class RateRaised(Exception):
    """A rate of the caller's raised. It tells that apart from what the API answers.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _below(error: BaseException) -> TracebackType | None:
    frames = error.__traceback__
    return None if frames is None else frames.tb_next


async def acquire(rate: Rate) -> None:
    """Wait until a rate lets another request leave.

    Raises:
        ConfigurationError: its `acquire` returned nothing to await.
        RateRaised: it raised.
    """
    try:
        waiting: object = rate.acquire()
        is_async = inspect.isawaitable(waiting)
        if is_async:
            await waiting  # type: ignore[misc]
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:
        # Without this frame, so that its traceback begins where the caller's code does.
        raise RateRaised(error.with_traceback(_below(error))) from None
    except BaseException as error:
        # SystemExit and KeyboardInterrupt would end the loop, and everybody's calls.
        stopped = NotSent(
            f"the request was not sent, since max_rate.acquire() raised {type(error).__name__}"
        )
        stopped.__cause__ = error
        raise RateRaised(stopped) from None
    if not is_async:
        raise ConfigurationError("max_rate.acquire() must be an async method; nothing was sent")


def __getattr__(name: str) -> Any:
    # Imported when used: PostgreSQL is not needed to send.
    if name == "PostgresRate":
        from smsworks_async._postgres_rate import PostgresRate

        return PostgresRate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
