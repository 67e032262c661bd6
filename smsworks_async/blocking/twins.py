"""Generation of blocking methods from async ones, with their signatures and docstrings.

Every blocking method is one line that names its async twin. Logic and docstrings are not repeated,
and `help`, type checkers and editors show the twin's parameters.
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
from contextlib import nullcontext, suppress
from typing import (
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    TypeAlias,
    TypeVar,
)

import attrs

from smsworks_async._stops import stopping_on_sigterm
from smsworks_async.blocking.portal import BlockingCall, Portal, call_in_caller, iterate_in_caller
from smsworks_async.errors import ConfigurationError
from smsworks_async.models.iterables import (
    check_unfinished,
    copied,
    is_container,
    settled,
)
from smsworks_async.models.values import PLAIN, as_text


A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

# jedi, which many editors use, does not support `Concatenate`. It ignores aliases that are strings,
# and shows the parameters of the call of the twin, if ``*args`` has no type there.
_AsyncMethod: TypeAlias = "Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]"
_AsyncIterator: TypeAlias = "Callable[Concatenate[Any, P], AsyncGenerator[T]]"
_Method: TypeAlias = "Callable[Concatenate[Any, P], T]"

#: Arguments that are passed as they are, even if they are iterable or callable.
_OBJECTS: Final = frozenset({"bookmark", "journal", "progress"})
_END: Final = object()


class Twin(Generic[A]):
    """A blocking resource."""

    def __init__(self, portal: Portal, twin: A) -> None:
        self._portal = portal
        self._twin = twin


@attrs.frozen
class _Stream:
    """An iterable that is read on the caller's thread during the call."""

    values: Iterable[Any]


def _ready(value: Any, field: str, stream: tuple[str, ...]) -> Any:
    """Read an argument on the caller's thread, or wrap it as a stream to be read there.

    Plain containers can be read on any thread. Other iterables run the caller's code, as do lazy
    translations, which are evaluated here, in this thread's language.
    """
    letters = isinstance(value, bytearray | memoryview) or as_text(value) is not None
    if letters or is_container(value) or not isinstance(value, Iterable):
        return settled(value)
    check_unfinished(value, field)
    if field in stream:
        return _Stream(value)
    return copied(value) if isinstance(value, Mapping) else list(map(copied, value))


def _read(given: dict[str, Any], stream: tuple[str, ...] = ()) -> None:
    """Read a call's arguments in place, on the caller's thread; see `_ready`."""
    for name, value in given.items():
        if type(value) not in PLAIN and name not in _OBJECTS:
            given[name] = _ready(value, name, stream)


def _lend(given: dict[str, Any], blocking_call: BlockingCall[Any]) -> None:
    """Wrap streams and functions among a call's arguments in place, to run on its thread."""
    for name, value in given.items():
        if isinstance(value, _Stream):
            given[name] = iterate_in_caller(blocking_call, value.values)
    if callable(progress := given.get("progress")):
        given["progress"] = call_in_caller(blocking_call, progress)


def blocking(
    function: _AsyncMethod[P, T], *, stream: tuple[str, ...] = (), stoppable: bool = False
) -> _Method[P, T]:
    """Return the blocking twin of a coroutine function, with its signature and docstring.

    Args:
        function: the coroutine function, a method of an async resource.
        stream: the keyword arguments that are read during the call.
        stoppable: whether SIGTERM requests the call to stop.
    """

    @functools.wraps(function)
    def call(self: Twin[Any], /, *args, **kwargs: Any) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN002 - for jedi
        _read(kwargs, stream)  # positional arguments are identifiers

        def work(blocking_call: BlockingCall[T]) -> Coroutine[Any, Any, T]:
            _lend(kwargs, blocking_call)
            return function(self._twin, *args, **kwargs)

        # Signal handlers can be set only on the caller's thread.
        with stopping_on_sigterm() if stoppable else nullcontext():
            return self._portal.run(work)

    return call


def iterating(function: _AsyncIterator[P, T]) -> _Method[P, Generator[T]]:
    """Return the blocking twin of an async generator function, which returns a generator."""

    @functools.wraps(function)
    def call(self: Twin[Any], /, *args, **kwargs: Any) -> Generator[T]:  # type: ignore[no-untyped-def] # noqa: ANN002 - for jedi
        _read(kwargs)
        return _iterate(self._portal, function(self._twin, *args, **kwargs))

    signature = inspect.signature(function)
    answer = str(signature.return_annotation).replace("AsyncGenerator", "Generator")
    call.__signature__ = signature.replace(return_annotation=answer)  # type: ignore[attr-defined]
    return call


def _iterate(portal: Portal, source: AsyncGenerator[T]) -> Generator[T]:
    try:
        while True:
            item = portal.run(lambda _: _next(source))
            if item is _END:
                return
            yield item
    finally:
        # If the client was closed meanwhile, the source ended with its loop.
        with suppress(ConfigurationError):
            portal.run(lambda _: _end(source))


async def _next(source: Any) -> Any:
    return await anext(source, _END)


async def _end(source: Any) -> None:
    if not source.ag_running:  # otherwise an interruption has cancelled it
        await source.aclose()
