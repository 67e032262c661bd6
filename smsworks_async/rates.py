"""Request rates: a number of requests a second, or a caller's object that is awaited."""

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

#: The limits of `max_rate`, in requests a second; a value outside them is an error.
SLOWEST, FASTEST = 1e-4, 1e6


class Rate(Protocol):
    """The protocol of objects that can be a client's `max_rate`.

    Several clients can share one, for example all clients of an account. `acquire` is called once
    for each request, logins and retries included, on the client's event loop.
    """

    def acquire(self) -> Awaitable[object]:
        """Wait until another request may be made. Implement it with ``async def``.

        The return value is ignored. An exception ends the call and reaches the caller unchanged;
        the request is not made.
        """
        ...


_WANTED: Final = (
    f"max_rate must be requests a second ({SLOWEST:g} to {FASTEST:g}), or an object with an async "
    "method acquire(), or None"
)


def check_rate(value: object) -> float | None:
    """Check a `max_rate`: requests a second, or None.

    Raises:
        ValidationError: it is out of range.
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
        ValidationError: it is a number out of range.
        ConfigurationError: it is an object without a usable `acquire`.
    """
    if value is None or values.as_number(value) is not None:
        return check_rate(value)
    return check_rate_object(value)


def check_rate_object(value: object) -> Rate:
    """Validate an object as a client's rate, and return it.

    Raises:
        ConfigurationError: it has no method `acquire`, or one that cannot be called and awaited.
    """
    if isinstance(value, type):
        raise ConfigurationError(f"{_WANTED}; this is a class: pass an instance")
    # A mock creates any attribute on access.
    if inspect.getattr_static(value, "acquire", None) is None:
        raise ConfigurationError(f"{_WANTED}, not {type(value).__name__}")
    if inspect.getattr_static(value, "release", None) is not None:
        raise ConfigurationError(
            "max_rate has a method release(), which a client does not call, so a lock or a "
            "semaphore would block all requests; to limit concurrent requests, use max_connections"
        )
    try:
        acquire = getattr(value, "acquire")  # noqa: B009 - any object's
        # A plain function may return an awaitable; that is checked at the first call.
        generates = inspect.isgeneratorfunction(acquire) or inspect.isasyncgenfunction(acquire)
        parameters = inspect.signature(acquire)
    except (ValueError, TypeError) as error:  # not a function, or one written in C
        if callable(getattr(value, "acquire", None)):
            return value  # type: ignore[return-value]
        raise ConfigurationError(f"{_WANTED}; its acquire cannot be called") from error
    except Exception as error:
        raise ConfigurationError(
            f"{_WANTED}; reading its acquire raised {type(error).__name__}"
        ) from error
    if generates:
        raise ConfigurationError(
            "max_rate.acquire() contains a yield, so it cannot be awaited; use return"
        )
    try:
        parameters.bind()
    except TypeError as error:
        raise ConfigurationError("max_rate.acquire() must be callable without arguments") from error
    return value  # type: ignore[return-value]


def limiter(max_rate: float | None, *, burst: bool = True) -> AsyncLimiter | None:
    """Return a limiter for a number of requests a second, or None for no limit.

    Args:
        max_rate: requests a second, or None.
        burst: whether the requests of one second may be made at once.
    """
    if max_rate is None:
        return None
    from aiolimiter import AsyncLimiter  # its import takes as long as half of this package

    return AsyncLimiter(max_rate, 1) if burst and max_rate >= 1 else AsyncLimiter(1, 1 / max_rate)


class RateRaised(Exception):
    """The caller's rate raised an exception, as distinct from an error of the API.

    Attributes:
        error: the exception.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _below(error: BaseException) -> TracebackType | None:
    frames = error.__traceback__
    return None if frames is None else frames.tb_next


async def acquire(rate: Rate) -> None:
    """Wait until a rate allows another request.

    Raises:
        ConfigurationError: its `acquire` did not return an awaitable.
        RateRaised: its `acquire` raised.
    """
    try:
        waiting: object = rate.acquire()
        is_async = inspect.isawaitable(waiting)
        if is_async:
            await waiting  # type: ignore[misc]
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:
        # Drop this frame, so that the traceback begins in the caller's code.
        raise RateRaised(error.with_traceback(_below(error))) from None
    except BaseException as error:
        # SystemExit and KeyboardInterrupt would stop the loop, and with it all calls.
        stopped = NotSent(
            f"the request was not sent: max_rate.acquire() raised {type(error).__name__}"
        )
        stopped.__cause__ = error
        raise RateRaised(stopped) from None
    if not is_async:
        raise ConfigurationError("max_rate.acquire() must be an async method; nothing was sent")


def __getattr__(name: str) -> Any:
    # Imported on first use: most programs send without PostgreSQL.
    if name == "PostgresRate":
        from smsworks_async._postgres_rate import PostgresRate

        return PostgresRate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
