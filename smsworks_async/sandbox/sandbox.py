"""`Sandbox`: what a test starts, looks at and controls."""

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
SECRET = "sandbox-secret"  # noqa: S105 - it opens nothing but a sandbox


class Sandbox(SandboxView):
    """A local server that behaves as the provider's API does. Nothing in it ever reaches a phone.

    It listens from `async with` or `with` on, and no longer.

    With `async with` it runs on the event loop that enters it, and the methods that wait are
    awaited. With `with` it runs on a thread of its own, and `with` returns a `BlockingSandbox` with
    the same methods, of which those that wait block. Meanwhile those of the `Sandbox` itself may
    still be awaited, on any event loop: async code that calls blocking code needs both.

    Args:
        host: where it listens. Beyond loopback, the control endpoints and the page ask for the
            token, or for the key and the secret as user and password.
        port: 0 takes a free one.
        credits: the balance at the start.
        international: whether the account may send outside the UK; otherwise 4034.
        customer_id, key, secret: what `/auth/token` asks for.
        token: the token in force at the start; made from the three above unless given.
        delivery_report_url: where reports go for messages that name no URL of their own.
        incoming_url: where incoming messages go; they are in the inbox anyway.
        faults: scripted failures: faults, objects of their JSON form, or the path of a JSON file
            with a list of those.
        clock: a `ManualClock`, which only `advance` turns, or a `RunningClock`, which it turns
            forward; the machine's own when None.
        delivery_delay: seconds from SENT to the final status.
        search_lag: seconds before a message shows up in searches; short for that of `storage`.
        storage: how texts are kept, and what records show of them, and when; see `Storage`.
        max_batch: the most messages in a batch.
        flooding: whether the flooding filter counts.
        profanity: words for which a text is refused with 4006, and the batch that it is in.
        reporting: how posts are made: doubled, late, out of order, slowly, not at all.
        database: the path of an SQLite file in which the account outlives the sandbox; its credits
            and its token are then those of the file.
        seed: of all that is drawn: ids, tokens, passcodes, the disorder of reports. Without one
            they are new in each sandbox, and all but the token after each `reset`.
        allow_hosts: host names that it answers to besides loopback's own, such as the name of its
            container, without ports. Beyond loopback it answers to any, unless some are named.
        callback_hosts: host names that reports and incoming texts may be posted to besides
            loopback's own.
        keep_messages: how many messages are kept; those that are still to be sent are kept in any
            case, and counts go on counting all. It is also how many posts may wait for a URL that
            does not answer, and a tenth of those that may wait for one that does; more are given
            up. None = no limit, as for the next two.
        keep_requests: how many of the latest requests are kept.
        keep_posts: how many of the latest posts are kept.

    Seconds are those of the sandbox's clock.

    Raises:
        RuntimeError: from `async with` and `with`: it was entered before.
        ValueError: a fault that is none, a lag below 0, a host name that is none, a limit that is
            no whole number from 1; from `async
            with` and `with`, a database of another version.
        OSError: from both: the address is taken, the file cannot be used, or another
            sandbox uses it.
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

    # What a test does, and waits for

    async def advance(self, seconds: float) -> None:
        """Turn the clock, and wait until all that falls due on the way was done and posted.

        Raises:
            RuntimeError: the clock is neither a `ManualClock` nor a `RunningClock`.
            ValueError: that is backwards, or beyond the calendar.
        """
        job = self._server.scheduler.advance(seconds)
        await self._hand_over.wait_async(self._host, job)

    async def deliver(self) -> None:
        """Wait until all that is due was posted; time does not pass."""
        await self._hand_over.wait_async(self._host, self._server.scheduler.deliver())

    async def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, and return its message id.

        It is in the inbox when this returns, and has been posted once where there is a URL.
        """
        job = self._server.scheduler.receive(sender=sender, to=to, content=content, keyword=keyword)
        return await self._hand_over.wait_async(self._host, job)

    async def reply(self, number: str, text: str, *, to: str | None = None) -> str:
        """Reply as a phone does, to the sender of the latest text to it; return the message id.

        Args:
            number: of the phone, in any usual spelling.
            text: what it sends.
            to: where it sends it; the sender of the latest text when None.

        Raises:
            ValueError: the phone was sent no text, or the sender is a name, to which no phone can
                reply.
        """
        to = to or replies_to(self._simulator, number)
        return await self.receive(sender=read_destination(number), to=to, content=text)


def _limit(given: int | None, name: str) -> int | None:
    if given is not None and (type(given) is not int or given < 1):
        raise ValueError(f"{name} must be a whole number from 1, or None, not {given!r}")
    return given
