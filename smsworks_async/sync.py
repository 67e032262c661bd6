"""The blocking client: the same core, names and arguments, for callers without an event loop.

Every blocking method is one line that names its async twin; neither logic nor docstring is written
twice, and type checkers see the twin's own arguments.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import suppress
from types import MethodType, TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar

import attrs

from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ConfigurationError
from smsworks_async.models.iterables import (
    check_unfinished,
    copied,
    is_container,
    settled,
)
from smsworks_async.models.values import PLAIN, as_text
from smsworks_async.portal import Conversation, Portal, calling_back, drawing
from smsworks_async.resources.auth import AsyncAuth
from smsworks_async.resources.batches import AsyncBatches
from smsworks_async.resources.credits import AsyncCredits
from smsworks_async.resources.messages import AsyncMessages
from smsworks_async.resources.otp import AsyncOTP
from smsworks_async.resources.utils import AsyncUtils


if TYPE_CHECKING:
    from smsworks_async.bulk.blocking import Bulk


A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

_END: Final = object()


class Twin(Generic[A]):
    """A family of operations, blocking."""

    def __init__(self, portal: Portal, twin: A) -> None:
        self._portal = portal
        self._twin = twin


class _Method(Generic[P, T]):
    """A method that does what its async twin does, and looks like it."""

    def __init__(self, call: Callable[..., T], twin: Callable[..., Any]) -> None:
        self._call = functools.update_wrapper(call, twin)
        self.__doc__ = twin.__doc__
        self.__wrapped__ = twin

    def __get__(self, instance: object, owner: type) -> Callable[P, T]:
        return self._call if instance is None else MethodType(self._call, instance)


@attrs.frozen
class _Stream:
    """An iterable that is read while the call runs, on the caller's thread."""

    values: Iterable[Any]


def _ready(value: Any, field: str, *, stream: bool) -> Any:
    """Read an argument before the call leaves the caller's thread, or keep it there as a stream.

    Plain containers may be read on any thread. Whatever else can be iterated is the caller's code,
    as is a lazy translation, which is evaluated here, in the language of this thread.
    """
    if is_container(value) or not isinstance(value, Iterable) or as_text(value) is not None:
        return settled(value)
    check_unfinished(value, field)
    if stream:
        return _Stream(value)
    return copied(value) if isinstance(value, Mapping) else list(map(copied, value))


def _drawing(value: Any, conversation: Conversation[Any]) -> Any:
    return drawing(conversation, value.values) if isinstance(value, _Stream) else value


def _positional(function: Callable[..., Any]) -> list[str]:
    """Return the names of what may be given by position, without `self`."""
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind in kinds][1:]


class _Arguments:
    """Arguments of a blocking call, read on the caller's thread."""

    def __init__(self, function: Callable[..., Any], stream: tuple[str, ...] = ()) -> None:
        self._names = _positional(function)
        self._stream = stream

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Any]:
        """Return them as they may leave that thread."""
        names = [*self._names, *[""] * len(args)]  # too many are the function's own error
        return (
            [self._ready(name, value) for name, value in zip(names, args, strict=False)],
            {name: self._ready(name, value) for name, value in kwargs.items()},
        )

    def _ready(self, name: str, value: Any) -> Any:
        if type(value) in PLAIN:
            return value
        return _ready(value, name, stream=name in self._stream)


def blocking(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], *, stream: tuple[str, ...] = ()
) -> _Method[P, T]:
    """Make the blocking twin of a coroutine function.

    Args:
        function: the coroutine function, a method of an async family.
        stream: the arguments that are read while the call runs.
    """
    twin: Callable[..., Coroutine[Any, Any, T]] = function
    arguments = _Arguments(function, stream)

    def call(self: Twin[Any], /, *args: Any, **kwargs: Any) -> T:
        positional, given = arguments.read(args, kwargs)

        def work(conversation: Conversation[T]) -> Coroutine[Any, Any, T]:
            if callable(progress := given.get("progress")):
                given["progress"] = calling_back(conversation, progress)
            return twin(
                self._twin,
                *[_drawing(value, conversation) for value in positional],
                **{name: _drawing(value, conversation) for name, value in given.items()},
            )

        return self._portal.run(work)

    return _Method(call, function)


def iterating(
    function: Callable[Concatenate[Any, P], AsyncGenerator[T]],
) -> _Method[P, Generator[T]]:
    """Make the blocking twin of an async generator function: an iterator."""
    arguments = _Arguments(function)

    def call(self: Twin[Any], /, *args: Any, **kwargs: Any) -> Generator[T]:
        positional, given = arguments.read(args, kwargs)
        source: Any = function(self._twin, *positional, **given)
        try:
            while True:
                item = self._portal.run(lambda _: _next(source))
                if item is _END:
                    return
                yield item
        finally:
            # A client that was closed meanwhile has ended the source with its loop.
            with suppress(ConfigurationError):
                self._portal.run(lambda _: _end(source))

    return _Method(call, function)


async def _next(source: Any) -> Any:
    return await anext(source, _END)


async def _end(source: Any) -> None:
    if not source.ag_running:  # or else an interruption has cancelled it, and it ends by itself
        await source.aclose()


class Messages(Twin[AsyncMessages]):
    """Single messages."""

    send = blocking(AsyncMessages.send)
    flash = blocking(AsyncMessages.flash)
    schedule = blocking(AsyncMessages.schedule)
    scheduled = blocking(AsyncMessages.scheduled)
    cancel = blocking(AsyncMessages.cancel)
    get = blocking(AsyncMessages.get)
    delete = blocking(AsyncMessages.delete)
    search = blocking(AsyncMessages.search)
    failed = blocking(AsyncMessages.failed)
    find = blocking(AsyncMessages.find)
    inbox = blocking(AsyncMessages.inbox)
    iterate = iterating(AsyncMessages.iterate)
    wait = blocking(AsyncMessages.wait)
    incoming = iterating(AsyncMessages.incoming)


class Batches(Twin[AsyncBatches]):
    """Batches of at most 500 recipients."""

    send = blocking(AsyncBatches.send)
    send_each = blocking(AsyncBatches.send_each)
    schedule = blocking(AsyncBatches.schedule)
    get = blocking(AsyncBatches.get)
    cancel = blocking(AsyncBatches.cancel)


class OTP(Twin[AsyncOTP]):
    """One-time passwords."""

    send = blocking(AsyncOTP.send)
    verify = blocking(AsyncOTP.verify)
    get = blocking(AsyncOTP.get)


class Credits(Twin[AsyncCredits]):
    """The account's credits."""

    balance = blocking(AsyncCredits.balance)


class Utils(Twin[AsyncUtils]):
    """The API's own aids."""

    test = blocking(AsyncUtils.test)
    error = blocking(AsyncUtils.error)


class Auth(Twin[AsyncAuth]):
    """Tokens."""

    token = blocking(AsyncAuth.token)


def _as_for(
    make: Callable[P, AsyncSMSWorks],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, P], None]]:
    """Give a constructor another's arguments, for type checkers and for `help`."""

    def wrap(init: Callable[..., None]) -> Callable[Concatenate[Any, P], None]:
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        parameters = [own, *inspect.signature(make).parameters.values()]
        init.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return init

    return wrap


class SMSWorks:
    """The SMS Works, blocking: for Django, Flask, cron and notebooks.

    It takes the arguments of `AsyncSMSWorks`, but for `session`, and has the same methods. Use it
    as a context manager, or call `close`. The first call starts one background thread with one
    event loop, which all threads share; a forked child makes a client of its own.

    Raises:
        ConfigurationError: something of this cannot work.
    """

    @_as_for(AsyncSMSWorks)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("session") is not None:
            raise ConfigurationError(
                "a session belongs to the event loop that made it, and the blocking client has a "
                "loop of its own; leave session out, or use AsyncSMSWorks"
            )
        client = AsyncSMSWorks(*args, **kwargs)
        self._client = client
        self._portal = Portal(client.close)
        self.messages = Messages(self._portal, client.messages)
        self.batches = Batches(self._portal, client.batches)
        self.otp = OTP(self._portal, client.otp)
        self.credits = Credits(self._portal, client.credits)
        self.utils = Utils(self._portal, client.utils)
        self.auth = Auth(self._portal, client.auth)

    @functools.cached_property
    def bulk(self) -> Bulk:
        """Any number of recipients; imported when it is used."""
        from smsworks_async.bulk.blocking import Bulk

        return Bulk(self._portal, self._client.bulk)

    def close(self) -> None:
        """End the background thread and its connections; a second time does nothing.

        Calls that are under way in other threads end with `OutcomeUnknown`.
        """
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SMSWorks {self._client._calls.settings.base_url}>"
