"""The blocking client: the same core, names and arguments, for callers without an event loop.

Every blocking method is one line that names its async twin; neither logic nor docstring is written
twice, and `help`, type checkers and editors show the twin's own parameters.
"""

from __future__ import annotations

import functools
import inspect
import ssl as _ssl
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import suppress
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    Self,
    TypeAlias,
    TypeVar,
)

import aiohttp
import attrs

from smsworks_async._http.retry import RetryPolicy
from smsworks_async._settings import BATCH_SIZE, TIMEOUT, TokenFunction
from smsworks_async.blocking.portal import Conversation, Portal, calling_back, drawing
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ConfigurationError
from smsworks_async.models.iterables import (
    check_unfinished,
    copied,
    is_container,
    settled,
)
from smsworks_async.models.values import PLAIN, as_text
from smsworks_async.resources._base import declare
from smsworks_async.resources.auth import AsyncAuth
from smsworks_async.resources.batches import AsyncBatches
from smsworks_async.resources.credits import AsyncCredits
from smsworks_async.resources.messages import AsyncMessages
from smsworks_async.resources.otp import AsyncOTP
from smsworks_async.resources.utils import AsyncUtils


if TYPE_CHECKING:
    from smsworks_async.blocking.bulk import Bulk
    from smsworks_async.rates import Rate


A = TypeVar("A")
P = ParamSpec("P")
T = TypeVar("T")

# jedi, which many editors ask, cannot read `Concatenate`. It skips aliases that are strings, and
# shows the parameters that it finds where the twin is called, if ``*args`` has no type there.
_AsyncMethod: TypeAlias = "Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]"
_AsyncIterator: TypeAlias = "Callable[Concatenate[Any, P], AsyncGenerator[T]]"
_Method: TypeAlias = "Callable[Concatenate[Any, P], T]"

#: Arguments that are objects of the caller's own, whatever else those can do.
_OBJECTS: Final = frozenset({"bookmark", "journal", "progress"})
_END: Final = object()


class Twin(Generic[A]):
    """A family of operations, blocking."""

    def __init__(self, portal: Portal, twin: A) -> None:
        self._portal = portal
        self._twin = twin


@attrs.frozen
class _Stream:
    """An iterable that is read while the call runs, on the caller's thread."""

    values: Iterable[Any]


def _ready(value: Any, field: str, stream: tuple[str, ...]) -> Any:
    """Read an argument before the call leaves the caller's thread, or keep it there as a stream.

    Plain containers may be read on any thread. Whatever else can be iterated is the caller's code,
    as is a lazy translation, which is evaluated here, in the language of this thread.
    """
    if type(value) in PLAIN:
        return value
    letters = isinstance(value, bytearray | memoryview) or as_text(value) is not None
    if letters or is_container(value) or not isinstance(value, Iterable):
        return settled(value)
    check_unfinished(value, field)
    if field in stream:
        return _Stream(value)
    return copied(value) if isinstance(value, Mapping) else list(map(copied, value))


def _read(given: dict[str, Any], stream: tuple[str, ...] = ()) -> None:
    """Read a call's arguments, in place, before it leaves the caller's thread: see `_ready`."""
    for name, value in given.items():
        if name not in _OBJECTS:
            given[name] = _ready(value, name, stream)


def _lend(given: dict[str, Any], conversation: Conversation[Any]) -> None:
    """Tie streams and functions among a call's arguments, in place, to the caller's thread."""
    for name, value in given.items():
        if isinstance(value, _Stream):
            given[name] = drawing(conversation, value.values)
    if callable(progress := given.get("progress")):
        given["progress"] = calling_back(conversation, progress)


def blocking(function: _AsyncMethod[P, T], *, stream: tuple[str, ...] = ()) -> _Method[P, T]:
    """Make the blocking twin of a coroutine function, with its signature and its docstring.

    Args:
        function: the coroutine function, a method of an async family.
        stream: the keyword arguments that are read while the call runs.
    """

    @functools.wraps(function)
    def call(self: Twin[Any], /, *args, **kwargs: Any) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN002 - for jedi
        _read(kwargs, stream)  # what is positional is an identifier

        def work(conversation: Conversation[T]) -> Coroutine[Any, Any, T]:
            _lend(kwargs, conversation)
            return function(self._twin, *args, **kwargs)

        return self._portal.run(work)

    return call


def iterating(function: _AsyncIterator[P, T]) -> _Method[P, Generator[T]]:
    """Make the blocking twin of an async generator function: it returns a generator."""

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
        # A client that was closed meanwhile has ended the source with its loop.
        with suppress(ConfigurationError):
            portal.run(lambda _: _end(source))


async def _next(source: Any) -> Any:
    return await anext(source, _END)


async def _end(source: Any) -> None:
    if not source.ag_running:  # or else an interruption has cancelled it, and it ends by itself
        await source.aclose()


class Messages(Twin[AsyncMessages]):
    """Single messages."""

    send = blocking(AsyncMessages.send)
    send_binary = blocking(AsyncMessages.send_binary)
    flash = blocking(AsyncMessages.flash)
    schedule = blocking(AsyncMessages.schedule)
    scheduled = blocking(AsyncMessages.scheduled)
    cancel = blocking(AsyncMessages.cancel)
    get = blocking(AsyncMessages.get)
    delete = blocking(AsyncMessages.delete)
    search = blocking(AsyncMessages.search)
    volume = blocking(AsyncMessages.volume)
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
    cost = blocking(AsyncCredits.cost)


class Utils(Twin[AsyncUtils]):
    """The API's own aids."""

    test = blocking(AsyncUtils.test)
    error = blocking(AsyncUtils.error)


class Auth(Twin[AsyncAuth]):
    """Tokens."""

    token = blocking(AsyncAuth.token)


class SMSWorks:
    """The SMS Works, blocking: for Django, Flask, cron and notebooks.

    It has the methods of `AsyncSMSWorks`, with the same arguments. Use it as a context manager, or
    call `close`. The first call starts one background thread with one event loop, which all threads
    share; a forked child makes a client of its own.

    Args:
        token: ``"JWT eyJ..."`` or the bare ``"eyJ..."``, or an async function that fetches one.
            Without it, and without a key, ``SMSWORKS_TOKEN`` is taken from the environment.
        customer_id: the account's customer id, to log in with, together with `key` and `secret`,
            when a token is first needed and again after a refusal; or ``SMSWORKS_CUSTOMER_ID``.
        key: the API key; or ``SMSWORKS_KEY``.
        secret: the API secret; or ``SMSWORKS_SECRET``.
        base_url: the API's address, or ``SMSWORKS_BASE_URL``; the provider's own by default.
        timeout: seconds for one call in all, retries included, above 0; 30 by default. None waits
            for ever.
        retry: how often, and after which waits, a call is attempted; `RetryPolicy` has the
            defaults.
        max_connections: connections open at a time, 1 or more; 100 by default.
        trace_configs: aiohttp's, such as those of OpenTelemetry's instrumentation.
        proxy: a proxy's address, http or https.
        ssl: a context of your own, or False for no checks.
        trust_env: take proxies from the environment (default False).
        max_rate: requests a second; or a rate of your own, an object with ``async def acquire()``,
            which is awaited before each request, on the background loop (see
            `smsworks_async.rates.Rate`). No limit by default.
        batch_size: recipients that one batch may hold: 500 by default, which is the provider's
            documented limit, and at most 5000.
        international: accept numbers outside the UK (default False): the account must be enabled
            for them, they typically cost double, and the extra ``international`` must be installed.
        insecure: allow plain http beyond this machine (default False).

    Raises:
        ConfigurationError: an argument is missing, or cannot work.
    """

    def __init__(
        self,
        token: str | TokenFunction | None = None,
        *,
        customer_id: str | None = None,
        key: str | None = None,
        secret: str | None = None,
        base_url: str | None = None,
        timeout: float | None = TIMEOUT,
        retry: RetryPolicy | None = None,
        max_connections: int | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        proxy: str | None = None,
        ssl: _ssl.SSLContext | bool | None = None,
        trust_env: bool = False,
        max_rate: float | Rate | None = None,
        batch_size: int = BATCH_SIZE,
        international: bool = False,
        insecure: bool = False,
    ) -> None:
        client = AsyncSMSWorks(
            token,
            customer_id=customer_id,
            key=key,
            secret=secret,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            max_connections=max_connections,
            trace_configs=trace_configs,
            proxy=proxy,
            ssl=ssl,
            trust_env=trust_env,
            max_rate=max_rate,
            batch_size=batch_size,
            international=international,
            insecure=insecure,
        )
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
        from smsworks_async.blocking.bulk import Bulk

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


def _bulk() -> type[Bulk]:
    from smsworks_async.blocking.bulk import Bulk

    return Bulk


declare(
    SMSWorks,
    messages=Messages,
    batches=Batches,
    otp=OTP,
    credits=Credits,
    utils=Utils,
    auth=Auth,
    bulk=_bulk,
)
