"""Checks that the functions given to `Webhooks` run, so that none loses reports unseen."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Final

from smsworks_async.errors import ConfigurationError


#: What somebody else would have to run. Other iterators are not among them: a cursor of sqlite3,
#: say, is one, and what it stands for was executed.
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
    """Refuse a function that cannot handle anything when it is called with one argument.

    Args:
        function: what was given; None is nothing to check.
        name: the name of the argument.

    Raises:
        ConfigurationError: it is not callable, has ``yield`` in it, or takes other arguments.
    """
    if function is None:
        return
    if not callable(function):
        raise ConfigurationError(f"{name} must be a function, not {type(function).__name__}")
    for inner in _layers(function):
        if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
            raise ConfigurationError(
                f"{name} has a yield in it, so that calling it would run nothing of it; use return"
            )
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return  # written in C, for one: only the call itself shows
    try:
        signature.bind(None)
    except TypeError as error:
        raise ConfigurationError(
            f"{name} must take one argument, the report or the message"
        ) from error


def _layers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return a callable, and the functions that calling it leads to."""
    found: list[Callable[..., Any]] = [function]
    while len(found) < 32:  # some objects, mocks among them, always have one more
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
    """Refuse a result that shows that the work of a function was not run.

    Raises:
        ConfigurationError: it is a generator, a function, a coroutine that was not awaited, or
            the like.
    """
    if result is None or not isinstance(result, _NOT_RUN):
        return
    if isinstance(result, types.CoroutineType):
        result.close()  # which otherwise warns that it was never awaited
    raise ConfigurationError(
        f"the function returned a {type(result).__name__}, which nothing runs, so that nothing was "
        "handled: call it, iterate over it or await it in the function itself"
    )
