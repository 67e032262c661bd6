"""Checks of the functions passed to `Webhooks`, so that no report is lost silently."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Final

from smsworks_async.errors import ConfigurationError


#: Results that still need to be run. Other iterators are not included: a sqlite3 cursor, for
#: example, is the result of a statement that was executed.
_NOT_RUN: Final = (
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
    types.FunctionType,
    types.MethodType,
    functools.partial,
    map,
    filter,
    contextlib._GeneratorContextManager,  # noqa: SLF001 - these have no public name
    contextlib._AsyncGeneratorContextManager,  # noqa: SLF001
)


def check_callback(function: object, name: str) -> None:
    """Raise an error for a function that cannot work when called with one argument.

    Args:
        function: the function, or None.
        name: the name of the argument.

    Raises:
        ConfigurationError: it is not callable, contains ``yield``, or takes other arguments.
    """
    if function is None:
        return
    if not callable(function):
        raise ConfigurationError(f"{name} must be a function, not {type(function).__name__}")
    for inner in _layers(function):
        if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
            raise ConfigurationError(
                f"{name} contains a yield, so calling it would not run it; use return"
            )
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return  # for example a C function, which can only be checked by calling it
    try:
        signature.bind(None)
    except TypeError as error:
        raise ConfigurationError(
            f"{name} must take one argument, the report or the message"
        ) from error


def _layers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return a callable and the functions that it wraps or calls."""
    found: list[Callable[..., Any]] = [function]
    while len(found) < 32:  # some objects, such as mocks, always have one more
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif isinstance(function, types.FunctionType | types.BuiltinFunctionType | type):
            break
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004 - its code is wanted
            if not isinstance(call, types.FunctionType):
                break
            function = call
        found.append(function)
    return found


def check_result(result: object) -> None:
    """Raise an error for a result that shows that a function did not do its work.

    Raises:
        ConfigurationError: it is a generator, a function, an unawaited coroutine, or similar.
    """
    if result is None or not isinstance(result, _NOT_RUN):
        return
    if isinstance(result, types.CoroutineType):
        result.close()  # prevents the warning that it was never awaited
    raise ConfigurationError(
        f"the function returned a {type(result).__name__}, which is never run, so nothing was "
        "handled: call it, iterate over it or await it in the function itself"
    )
