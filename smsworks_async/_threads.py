"""Real threads, locks and queues, also where gevent or eventlet has replaced the standard ones.

In a patched process `threading.Thread` starts a greenlet. An event loop that runs in a greenlet runs
on its caller's thread: whatever asks whether a loop is running finds one, and a second loop cannot
start. So the background loop and the journal get threads of the operating system and locks between
those, and a caller waits in a way that lets the other greenlets go on.

What is patched is asked when a client or a journal is first used, not when this is imported: a
server may import the application first. Neither library is imported here.
"""

from __future__ import annotations

import asyncio
import builtins
import functools
import importlib
import importlib.util
import os
import queue
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from smsworks_async.errors import ConfigurationError


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

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
        default: what is returned where this system has no such attribute.
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
    """Return a lock between real threads. Nothing that may switch greenlets goes on under it."""
    lock: threading.Lock = original("_thread", "allocate_lock")()
    return lock


def new_rlock() -> threading.RLock:
    """Return a reentrant lock between real threads; see `new_lock`."""
    if patched_by() is None:
        return threading.RLock()
    lock: threading.RLock = original("_thread", "RLock")()
    return lock


def new_queue() -> queue.SimpleQueue[Any]:
    """Return a queue between real threads, for readers that may block their thread."""
    made: queue.SimpleQueue[Any] = original("queue", "SimpleQueue")()
    return made


def start_thread(main: Callable[[], None], name: str) -> None:
    """Start a real thread, which does not hold up the interpreter's exit.

    Raises:
        RuntimeError: there cannot be more threads.
    """
    if patched_by() is None:
        threading.Thread(target=main, name=name, daemon=True).start()
    else:
        original("_thread", "start_new_thread")(main, ())


class Inbox(Protocol[T]):
    """What a caller's thread or greenlet waits at for items from the loop's thread."""

    def put(self, item: T, /) -> None:
        """Add an item, from any thread."""
        ...

    def get(self, *, timeout: float) -> T:
        """Wait for an item, so many seconds at most; raises `queue.Empty` after those."""
        ...


class LoopThread(Protocol):
    """The thread that runs a loop."""

    def start(self) -> None:
        """Start it; raises RuntimeError where there cannot be more threads."""
        ...

    def is_alive(self) -> bool:
        """Whether it has been started and has not ended."""
        ...

    def join(self, timeout: float) -> None:
        """Wait until it has ended, so many seconds at most."""
        ...


class Threads(Protocol):
    """How this process starts a loop's thread, and waits for it."""

    def new_inbox(self) -> Inbox[Any]:
        """Return an inbox for the thread, or the greenlet, that calls this.

        Raises:
            ConfigurationError: the caller may not wait.
        """
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop that can run in a real thread."""
        ...

    def new_thread(self, main: Callable[[], None], name: str) -> LoopThread:
        """Return a real thread, which is yet to be started."""
        ...

    def is_current(self, thread: Any) -> bool:
        """Whether a thread of `new_thread` calls this."""
        ...


class _Standard:
    """An unpatched process."""

    def __init__(self) -> None:
        self.new_inbox = queue.SimpleQueue[Any]

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def new_thread(self, main: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=main, name=name, daemon=True)

    def is_current(self, thread: Any) -> bool:
        return thread is threading.current_thread()


class _Patched:
    """A process in which threads are greenlets."""

    def __init__(self, wait_readable: Callable[[int, float], None]) -> None:
        self._wait_readable = wait_readable
        self._get_ident: Callable[[], int] = original("_thread", "get_ident")

    def new_inbox(self) -> _GreenInbox[Any]:
        if _in_hub():
            raise ConfigurationError(
                "a blocking call in a callback of the gevent or eventlet hub would stop all "
                "greenlets; make it in a greenlet: spawn one there"
            )
        return _GreenInbox(self._wait_readable)

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return RealLoop()

    def new_thread(self, main: Callable[[], None], name: str) -> _RealThread:
        return _RealThread(main, self._wait_readable, self._get_ident)

    def is_current(self, thread: Any) -> bool:
        return bool(thread.ident == self._get_ident())


def threads() -> Threads:
    """Return how this process, as it is patched now, starts a loop's thread and waits for it."""
    match patched_by():
        case "gevent":
            return _Patched(_wait_readable_gevent)
        case "eventlet":
            return _Patched(_wait_readable_eventlet)
        case None:
            return _Standard()


class _Elapsed(Exception):  # noqa: N818 - it is no error
    """The time in which a descriptor should have become readable is over."""


def _wait_readable_gevent(descriptor: int, seconds: float) -> None:
    wait_read = importlib.import_module("gevent.socket").wait_read
    try:
        wait_read(descriptor, timeout=seconds, timeout_exc=_Elapsed())
    except _Elapsed:
        pass  # the caller looks at the time


def _wait_readable_eventlet(descriptor: int, seconds: float) -> None:
    hubs = importlib.import_module("eventlet.hubs")
    try:
        hubs.trampoline(descriptor, read=True, timeout=seconds, timeout_exc=_Elapsed)
    except _Elapsed:
        pass  # the caller looks at the time


def _in_hub() -> bool:
    """Whether this is the greenlet that switches between all others, which may not wait."""
    current = sys.modules["greenlet"].getcurrent()
    if patched_by() == "gevent":
        return current is sys.modules["gevent"].get_hub()
    return current is importlib.import_module("eventlet.hubs").get_hub().greenlet


class _Signal:
    """A pair of real sockets: a byte in it wakes a greenlet from another thread."""

    def __init__(self) -> None:
        made: type[socket.socket] = original("socket", "socket")
        # On Windows there are pairs of sockets alone, which the patched function makes.
        self._receiving, self._sending = (
            made(fileno=half.detach()) for half in socket.socketpair()
        )
        self._receiving.setblocking(False)
        self._sending.setblocking(False)

    def set(self) -> None:
        try:
            self._sending.send(b"\0")
        except BlockingIOError:
            pass  # so full that it wakes anyway

    def wait(self, wait_readable: Callable[[int, float], None], seconds: float) -> None:
        wait_readable(self._receiving.fileno(), seconds)
        try:
            self._receiving.recv(4096)
        except BlockingIOError:
            pass  # the time is over

    def close(self) -> None:
        self._receiving.close()
        self._sending.close()


#: Signals that are not in use. Of another process's, nothing is read here.
_signals: Final[deque[_Signal]] = deque()


def _close_signals() -> None:
    while _signals:
        _signals.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_signals)


class _GreenInbox(Generic[T]):
    """An inbox of a greenlet. While it waits, the other greenlets of its thread go on."""

    def __init__(self, wait_readable: Callable[[int, float], None]) -> None:
        self._wait_readable = wait_readable
        self._items: deque[T] = deque()
        try:
            self._signal = _signals.pop()
        except IndexError:
            self._signal = _Signal()

    def put(self, item: T) -> None:
        self._items.append(item)
        self._signal.set()

    def get(self, *, timeout: float) -> T:
        until = time.monotonic() + timeout
        while True:
            try:
                return self._items.popleft()
            except IndexError:
                left = until - time.monotonic()
            if left <= 0:
                raise queue.Empty
            self._signal.wait(self._wait_readable, left)

    def __del__(self) -> None:
        # Nobody has this inbox any more, so that nobody sets the signal for it.
        if hasattr(self, "_signal"):
            _signals.append(self._signal)


class _RealThread:
    """A thread of the operating system, for which greenlets can wait."""

    def __init__(
        self,
        main: Callable[[], None],
        wait_readable: Callable[[int, float], None],
        get_ident: Callable[[], int],
    ) -> None:
        self._main = main
        self._get_ident = get_ident
        self._ended: _GreenInbox[None] = _GreenInbox(wait_readable)
        self._alive = False
        self.ident: int | None = None

    def start(self) -> None:
        self._alive = True
        try:
            original("_thread", "start_new_thread")(self._run, ())
        except BaseException:
            self._alive = False
            raise

    def _run(self) -> None:
        self.ident = self._get_ident()
        try:
            self._main()
        finally:
            self._alive = False
            self._ended.put(None)

    def is_alive(self) -> bool:
        return self._alive

    def join(self, timeout: float) -> None:
        if _in_hub():
            return  # as where the garbage collector closes a client there; the thread ends anyway
        try:
            self._ended.get(timeout=timeout)
        except queue.Empty:
            return
        self._ended.put(None)  # for others that wait


def _real_selector() -> Any:
    """Return the best selector of this system, over its real functions."""
    if patched_by() == "gevent":
        return original("selectors", "DefaultSelector")()
    # What eventlet takes out of `selectors` cannot be had back: the module is run once more, with
    # the real `select`.
    real_select = sys.modules["eventlet.patcher"].original("select")

    def import_(name: str, *args: Any, **kwargs: Any) -> Any:
        return real_select if name == "select" else builtins.__import__(name, *args, **kwargs)

    spec: Any = importlib.util.find_spec("selectors")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(spec.loader.get_code("selectors"), vars(module))  # noqa: S102 - the standard library's code
    return module.DefaultSelector()


class RealLoop(asyncio.SelectorEventLoop):
    """An event loop for a real thread of a patched process: it uses nothing that is patched."""

    def __init__(self) -> None:
        super().__init__(_real_selector())

    def _make_self_pipe(self) -> None:
        super()._make_self_pipe()  # type: ignore[misc] # patched sockets belong to the caller's hub
        self._remove_reader(self._ssock.fileno())
        made = original("socket", "socket")
        self._ssock, self._csock = (
            made(fileno=half.detach()) for half in (self._ssock, self._csock)
        )
        self._ssock.setblocking(False)
        self._csock.setblocking(False)
        self._add_reader(self._ssock.fileno(), self._read_from_self)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> Any:
        """Run a function in a thread: a real one, unless there is an executor."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        future: asyncio.Future[T] = self.create_future()

        def run() -> None:
            try:
                deliver = functools.partial(_set_result, future, func(*args))
            except BaseException as error:  # raised again where it is awaited
                deliver = functools.partial(_set_exception, future, error)
            try:
                self.call_soon_threadsafe(deliver)
            except RuntimeError:
                pass  # the loop has closed, and nobody waits any more

        start_thread(run, "smsworks")
        return future

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        """Resolve a name in a real thread."""
        resolve = functools.partial(original("socket", "getaddrinfo"), host, port, **hints)
        return await self.run_in_executor(None, resolve)


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def socket_factory() -> Callable[[Any], socket.socket] | None:
    """Return what makes the sockets of the running loop, where the standard way would not do."""
    if not isinstance(asyncio.get_running_loop(), RealLoop):
        return None
    made: type[socket.socket] = original("socket", "socket")
    return lambda info: made(family=info[0], type=info[1], proto=info[2])
