"""Event loops and waiting in a process that gevent or eventlet has patched.

`_threads` imports this module in such processes only.
"""

from __future__ import annotations

import asyncio
import builtins
import functools
import importlib.util
import os
import queue
import socket
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from smsworks_async._log_relay import handle_records, relay
from smsworks_async._patching import original, patched_by, start_thread, without_signals
from smsworks_async.errors import ConfigurationError


T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Greenlets:
    """A process in which threads are greenlets."""

    def __init__(self) -> None:
        self._wait_readable = (
            _wait_readable_gevent if patched_by() == "gevent" else _wait_readable_eventlet
        )
        self._get_ident: Callable[[], int] = original("_thread", "get_ident")

    def new_inbox(self) -> _GreenInbox[Any]:
        if _in_hub():
            raise ConfigurationError(
                "a blocking call in a callback of the gevent or eventlet hub would stop all "
                "greenlets; spawn a greenlet for it"
            )
        return _GreenInbox(self._wait_readable)

    def new_loop(self) -> asyncio.AbstractEventLoop:
        relay(RealLoop)
        return RealLoop()

    def new_thread(self, main: Callable[[], None], _name: str) -> _RealThread:
        return _RealThread(main, self._wait_readable, self._get_ident)

    def is_current(self, thread: Any) -> bool:
        return bool(thread.ident == self._get_ident())


class _Elapsed(Exception):
    """Raised when a descriptor did not become readable in time."""


def _wait_readable_gevent(descriptor: int, seconds: float) -> None:
    wait_read = importlib.import_module("gevent.socket").wait_read
    try:
        wait_read(descriptor, timeout=seconds, timeout_exc=_Elapsed())
    except _Elapsed:
        pass  # the caller checks the time


def _wait_readable_eventlet(descriptor: int, seconds: float) -> None:
    hubs = importlib.import_module("eventlet.hubs")
    try:
        hubs.trampoline(descriptor, read=True, timeout=seconds, timeout_exc=_Elapsed)
    except _Elapsed:
        pass  # the caller checks the time


def _in_hub() -> bool:
    """Return whether this is the hub greenlet, which must not block."""
    current = sys.modules["greenlet"].getcurrent()
    if patched_by() == "gevent":
        return current is sys.modules["gevent"].get_hub()
    return current is importlib.import_module("eventlet.hubs").get_hub().greenlet


class _Signal:
    """A pair of real sockets: writing a byte wakes a greenlet from another thread.

    Attributes:
        process: the id of the process that made it.
    """

    def __init__(self) -> None:
        made: type[socket.socket] = original("socket", "socket")
        # Windows has only the patched `socketpair`, since `_socket` has none there.
        self._receiving, self._sending = (
            made(fileno=half.detach()) for half in socket.socketpair()
        )
        self._receiving.setblocking(False)
        self._sending.setblocking(False)
        self.process = os.getpid()

    def set(self) -> None:
        try:
            self._sending.send(b"\0")
        except BlockingIOError:
            pass  # the buffer is full, so the greenlet wakes anyway

    def wait(self, wait_readable: Callable[[int, float], None], seconds: float) -> None:
        wait_readable(self._receiving.fileno(), seconds)
        try:
            self._receiving.recv(4096)
        except BlockingIOError:
            pass  # timed out

    def __del__(self) -> None:
        if hasattr(self, "_sending"):
            self._receiving.close()
            self._sending.close()


#: Unused signals of this process; those inherited from a parent process are not read.
_signals: Final[deque[_Signal]] = deque()


def _release(signal: _Signal) -> None:
    """Keep the signal of an inbox that nothing refers to any more: it will not be set again."""
    if signal.process == os.getpid():
        _signals.append(signal)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_signals.clear)


class _GreenInbox(Generic[T]):
    """An inbox for a greenlet: while it waits, other greenlets of its thread continue to run."""

    def __init__(self, wait_readable: Callable[[int, float], None]) -> None:
        self._wait_readable = wait_readable
        self._items: deque[T] = deque()
        try:
            self._signal = _signals.pop()
        except IndexError:
            self._signal = _Signal()
        # Not in `__del__`: of a cycle, the garbage collector finalizes everything, and the sockets
        # would be closed. A finalizer keeps the signal out of the garbage.
        weakref.finalize(self, _release, self._signal).atexit = False

    def put(self, item: T) -> None:
        self._items.append(item)
        self._signal.set()

    def get(self, *, timeout: float) -> T:
        until = time.monotonic() + timeout
        while True:
            if self._items:
                handle_records()  # logged before the item was put
                try:
                    return self._items.popleft()
                except IndexError:
                    continue  # another greenlet took the item
            left = until - time.monotonic()
            if left <= 0:
                handle_records()
                raise queue.Empty
            self._signal.wait(self._wait_readable, left)


class _RealThread:
    """An operating system thread that greenlets can wait for."""

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
            original("_thread", "start_new_thread")(without_signals(self._run), ())
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
            return  # for example when the garbage collector closes a client; the thread still ends
        try:
            self._ended.get(timeout=timeout)
        except queue.Empty:
            return
        self._ended.put(None)  # for other waiters


def _real_selector() -> Any:
    """Return the best selector of this system, built on unpatched functions."""
    if patched_by() == "gevent":
        return original("selectors", "DefaultSelector")()
    # eventlet removes classes from `selectors`, so the module is executed again with the real
    # `select`.
    real_select = sys.modules["eventlet.patcher"].original("select")

    def import_(name: str, *args: Any, **kwargs: Any) -> Any:
        return real_select if name == "select" else builtins.__import__(name, *args, **kwargs)

    spec: Any = importlib.util.find_spec("selectors")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(spec.loader.get_code("selectors"), vars(module))  # noqa: S102 - the standard library's code
    return module.DefaultSelector()


class RealLoop(asyncio.SelectorEventLoop):
    """An event loop for a real thread of a patched process; it uses only unpatched functions."""

    def __init__(self) -> None:
        super().__init__(_real_selector())
        #: Makes a poll object; None if the system has none.
        self.new_poll: Callable[[], Any] | None = original("select", "poll")

    @staticmethod
    def socket_factory(info: Any) -> socket.socket:
        """Return a real socket for an address (the `socket_factory` of aiohttp's connector)."""
        made: socket.socket = original("socket", "socket")(info[0], info[1], info[2])
        return made

    def _make_self_pipe(self: Any) -> None:  # overrides asyncio's
        super()._make_self_pipe()  # type: ignore[misc]
        # Patched sockets belong to the hub of the thread that creates them.
        self._remove_reader(self._ssock.fileno())
        made = original("socket", "socket")
        self._ssock, self._csock = (
            made(fileno=half.detach()) for half in (self._ssock, self._csock)
        )
        self._ssock.setblocking(False)
        self._csock.setblocking(False)
        self._add_reader(self._ssock.fileno(), self._read_from_self)

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function in the given executor, or else in a real thread."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        future: asyncio.Future[T] = self.create_future()

        def run() -> None:
            try:
                deliver = functools.partial(_set_result, future, func(*args))
            except BaseException as error:  # raised again when the future is awaited
                deliver = functools.partial(_set_exception, future, error)
            try:
                self.call_soon_threadsafe(deliver)
            except RuntimeError:
                pass  # the loop is closed, so nothing waits for the result

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
