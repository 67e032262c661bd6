"""Operating system locks, queues and threads, even if gevent or eventlet has patched them.

In a patched process `threading.Thread` starts a greenlet, and locks and queues work between
greenlets only. Patching is checked on each use, not on import, since a server may patch after it
imports the application. Neither library is imported here.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal


if TYPE_CHECKING:
    import queue


_PATCHED_MODULES: Final = ("threading", "select", "socket")


def patched_by() -> Literal["gevent", "eventlet"] | None:
    """Return which library has patched this process's threads, selectors or sockets, if any."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None and any(map(monkey.is_module_patched, _PATCHED_MODULES)):
        return "gevent"
    patcher: Any = sys.modules.get("eventlet.patcher")
    if patcher is not None and any(
        map(patcher.is_monkey_patched, ("thread", *_PATCHED_MODULES[1:]))
    ):
        return "eventlet"
    return None


def original(module: str, name: str, default: Any = None) -> Any:
    """Return an attribute of a standard module as it was before any patching.

    Args:
        module: the module's name.
        name: the attribute's name.
        default: the value to return if the system has no such attribute.
    """
    match patched_by():
        case "gevent":
            try:
                return sys.modules["gevent.monkey"].get_original(module, name)
            except AttributeError:
                return default
        case "eventlet":
            return getattr(sys.modules["eventlet.patcher"].original(module), name, default)
        case None:
            return getattr(importlib.import_module(module), name, default)


def new_lock() -> threading.Lock:
    """Return a lock between real threads. Code that holds it must not switch greenlets."""
    lock: threading.Lock = original("_thread", "allocate_lock")()
    return lock


def new_rlock() -> threading.RLock:
    """Return a reentrant lock between real threads; see `new_lock`."""
    if patched_by() is None:
        return threading.RLock()
    lock: threading.RLock = original("_thread", "RLock")()
    return lock


def new_queue() -> queue.SimpleQueue[Any]:
    """Return a queue between real threads, for readers that can block their thread."""
    made: queue.SimpleQueue[Any] = original("queue", "SimpleQueue")()
    return made


def start_thread(main: Callable[[], None], name: str) -> None:
    """Start a real thread that does not delay the interpreter's exit.

    Raises:
        RuntimeError: the system cannot start another thread.
    """
    if patched_by() is None:
        threading.Thread(target=without_signals(main), name=name, daemon=True).start()
    else:
        original("_thread", "start_new_thread")(without_signals(main), ())


def without_signals(main: Callable[[], None]) -> Callable[[], None]:
    """Wrap a thread's function so that the thread blocks the signals of uWSGI's workers.

    uWSGI's handlers are C functions. They run on whichever thread receives the signal, finalise the
    interpreter there, and then deadlock waiting for that same thread.
    """
    if "uwsgi" not in sys.modules:
        return main

    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        main()

    return run
