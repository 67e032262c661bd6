"""`Sandbox`: a simulator and its server, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .access import Access, host_names, is_loopback
from .assertions import replies_to
from .blocking import BlockingSandbox
from .credentials import Credentials, make_token
from .faults import Fault, read_faults
from .hand_over import HandOver
from .hosting import LoopHost, ThreadHost
from .server import Server
from .settings import Reporting, Settings
from .simulator import Simulator, new_seed, read_destination
from .storage import Storage, change
from .view import SandboxView


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from types import TracebackType

    from .clock import Clock


CUSTOMER_ID = "5a4db0c5-0000-4000-8000-000000000000"
KEY = "sandbox-key"
SECRET = "sandbox-secret"  # noqa: S105 - only valid for a sandbox


class Sandbox(SandboxView):
    """A local server that behaves like the provider's API. It never sends anything to phones.

    It listens while it is entered by `async with` or `with`, and can be entered once.

    With `async with`, it runs on the current event loop, and methods that wait are coroutines. With
    `with`, it runs on a separate thread, and `with` returns a `BlockingSandbox`, where the same
    methods block. The methods of the `Sandbox` itself can then still be awaited on any event loop,
    for async code that calls blocking code.

    Args:
        host: the address to listen on (default 127.0.0.1). If it is not loopback, the control
            endpoints and the page require the token, or the key and the secret as user and
            password.
        port: the port to listen on; 0 (the default) for any free port.
        credits: the initial balance (default 10,000).
        international: accept numbers outside the UK (default True); otherwise they are refused with
            4034.
        customer_id, key, secret: the credentials for `/auth/token`.
        token: the initial token; by default made from the credentials.
        delivery_report_url: the URL for reports of messages without a URL of their own.
        incoming_url: the URL for incoming messages, which are always in the inbox as well.
        faults: scripted failures: faults, their JSON forms, or the path of a JSON file with a list
            of such forms.
        clock: a `ManualClock`, which only `advance` moves; a `RunningClock`, which `advance` can
            move forward; or None (the default) for the machine's clock.
        delivery_delay: the time from SENT to the final status, in seconds (default 1).
        search_lag: the delay until searches return a message, in seconds; overrides that of
            `storage`.
        storage: how texts are stored, and what records show and when; see `Storage`.
        max_batch: the most messages in a batch (default 500).
        flooding: apply the flooding filter (default True).
        profanity: words for which a text, or a batch with it, is refused with 4006.
        reporting: how posts are made: their copies, delays, order, speed and repeats; see
            `Reporting`.
        database: the path of an SQLite file in which the account is stored. If it exists, the
            credits and the token are read from it.
        seed: the seed of ids, tokens, passcodes and the order of reports. Without one they differ
            in each sandbox and, except for the token, after each `reset`.
        allow_hosts: host names that requests may use besides those of loopback, such as the name of
            a container, without ports. If `host` is not loopback and this is empty, any name is
            accepted.
        callback_hosts: host names that reports and incoming messages may be posted to besides those
            of loopback.
        keep_messages: the number of messages to keep (default 50,000); scheduled messages are
            always kept, and counts include dropped ones. It is also the number of posts that may
            be queued for a URL that does not respond; ten times as many may be queued for one that
            does. Posts beyond that are dropped. None for no limit, as for the next two.
        keep_requests: the number of requests to keep (default 10,000).
        keep_posts: the number of posts to keep (default 10,000).

    Times in seconds are measured by the sandbox's clock.

    Raises:
        ValueError: a fault, a lag, a host name or a limit is invalid; or, from `async with` and
            `with`, the database is of another version.
        RuntimeError: from `async with` and `with`: the sandbox was entered before.
        OSError: from `async with` and `with`: the address is in use, or the database cannot be
            used or is used by another sandbox.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credits: float = 10_000.0,
        international: bool = True,
        customer_id: str = CUSTOMER_ID,
        key: str = KEY,
        secret: str = SECRET,
        token: str | None = None,
        delivery_report_url: str | None = None,
        incoming_url: str | None = None,
        faults: Iterable[Fault | Mapping[str, Any]] | str | PathLike[str] = (),
        clock: Clock | None = None,
        delivery_delay: float = 1.0,
        search_lag: float | None = None,
        storage: Storage | None = None,
        max_batch: int = 500,
        flooding: bool = True,
        profanity: Iterable[str] = (),
        reporting: Reporting | None = None,
        database: str | PathLike[str] | None = None,
        seed: int | None = None,
        allow_hosts: Iterable[str] = (),
        callback_hosts: Iterable[str] = (),
        keep_messages: int | None = 50_000,
        keep_requests: int | None = 10_000,
        keep_posts: int | None = 10_000,
    ) -> None:
        storage = storage or Storage()
        if search_lag is not None:
            storage = change(storage, {"search_lag": search_lag})
        settings = Settings(
            customer_id=customer_id,
            credits=credits,
            international=international,
            delivery_report_url=delivery_report_url or "",
            incoming_url=incoming_url or "",
            delivery_delay=delivery_delay,
            storage=storage,
            max_batch=max_batch,
            flooding=flooding,
            profanity=tuple(profanity),
            reporting=reporting or Reporting(),
            seed=new_seed() if seed is None else str(seed),
            keep_messages=_limit(keep_messages, "keep_messages"),
            keep_requests=_limit(keep_requests, "keep_requests"),
            keep_posts=_limit(keep_posts, "keep_posts"),
        )
        access = Access(
            everywhere=not is_loopback(host),
            hosts=host_names(allow_hosts, "allow_hosts"),
            callback_hosts=host_names(callback_hosts, "callback_hosts"),
        )
        salt = settings.seed
        token = token or make_token(customer_id, key, secret, f"{salt}-0")
        credentials = Credentials(customer_id, key, secret, token, salt)
        self._simulator = Simulator(settings, credentials, clock, keep_seed=seed is not None)
        for fault in read_faults(faults):
            self._simulator.add_fault(fault)
        self.host = host
        self._hand_over = HandOver()
        self._thread: ThreadHost | None = None
        self._server = Server(
            self._simulator,
            host=host,
            port=port,
            access=access,
            reporting=settings.reporting,
            database=database,
        )

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop()

    def __enter__(self) -> BlockingSandbox:
        thread = ThreadHost(self._server.start, self._server.stop)
        thread.start()
        self._host = self._thread = thread
        return BlockingSandbox(self._server, self._simulator, self._hand_over, thread)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.stop()
            self._host, self._thread = LoopHost(), None

    # Methods that wait

    async def advance(self, seconds: float) -> None:
        """Advance the clock, and wait until all events due by then have happened and been posted.

        Args:
            seconds: by how much, 0 or more.

        Raises:
            RuntimeError: the clock is neither a `ManualClock` nor a `RunningClock`.
            ValueError: ``seconds`` is negative, or leads beyond the year 9999.
        """
        job = self._server.scheduler.advance(seconds)
        await self._hand_over.wait_async(self._host, job)

    async def deliver(self) -> None:
        """Wait until all due reports and messages have been posted, without advancing the clock."""
        await self._hand_over.wait_async(self._host, self._server.scheduler.deliver())

    async def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, and return its message id.

        When this returns, the message is in the inbox, and has been posted once if there is a URL.

        Args:
            sender: the phone's number.
            to: the number that the SMS is sent to.
            content: the text.
            keyword: the keyword of the message; empty by default.
        """
        job = self._server.scheduler.receive(sender=sender, to=to, content=content, keyword=keyword)
        return await self._hand_over.wait_async(self._host, job)

    async def reply(self, number: str, text: str, *, to: str | None = None) -> str:
        """Receive a reply from a phone to the latest text sent to it, and return the message id.

        Args:
            number: the phone's number, in any usual spelling.
            text: the text of the reply.
            to: the number to reply to; by default the sender of the latest text.

        Raises:
            ValueError: no text was sent to the phone, or the sender is a name, which cannot be
                replied to.
        """
        to = to or replies_to(self._simulator, number)
        return await self.receive(sender=read_destination(number), to=to, content=text)


def _limit(given: int | None, name: str) -> int | None:
    if given is not None and (type(given) is not int or given < 1):
        raise ValueError(f"{name} must be an integer of at least 1, or None, not {given!r}")
    return given
