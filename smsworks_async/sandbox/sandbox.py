"""`Sandbox`: what a test starts, looks at and controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .access import Access, host_names, is_loopback
from .credentials import Credentials, make_token
from .faults import Fault, read_faults
from .server import Server
from .settings import Reporting, Settings
from .simulator import Simulator, new_seed
from .storage import Storage, change


if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from types import TracebackType

    from .clock import Clock
    from .outbox import PostRecord
    from .records import Message
    from .simulator import RequestRecord


CUSTOMER_ID = "5a4db0c5-0000-4000-8000-000000000000"
KEY = "sandbox-key"
SECRET = "sandbox-secret"  # noqa: S105 - it opens nothing but a sandbox


class Sandbox:
    """A local server that behaves as the provider's API does. Nothing in it ever reaches a phone.

    An async context manager: it listens from `async with` on, and no longer.

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
        clock: a `ManualClock`, which `advance` turns; the machine's own when None.
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

    Seconds are those of the sandbox's clock.

    Raises:
        ValueError: a fault that is none, a lag below 0, a host name that is none; from `async
            with`, a database of another version.
        OSError: from `async with`: the address is taken, the file cannot be used, or another
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

    # What a test looks at

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    @property
    def base_url(self) -> str:
        """The base URL for a client, `/v1` included.

        Raises:
            RuntimeError: the sandbox does not listen yet, and has no port.
        """
        return self._server.base_url

    @property
    def root_url(self) -> str:
        """The URL of the page, and of the control endpoints below `/sandbox`."""
        return self._server.url

    @property
    def token(self) -> str:
        """The token in force, with its `JWT ` prefix."""
        return self._simulator.state.credentials.token

    def is_token(self, header: str) -> bool:
        """Return whether an `Authorization` header is the token, with `JWT ` or without."""
        return self._simulator.state.credentials.holds(header)

    @property
    def customer_id(self) -> str:
        """The customer id that `/auth/token` asks for."""
        return self._simulator.state.credentials.customer_id

    @property
    def key(self) -> str:
        """The API key that `/auth/token` asks for."""
        return self._simulator.state.credentials.key

    @property
    def secret(self) -> str:
        """The API secret that `/auth/token` asks for."""
        return self._simulator.state.credentials.secret

    @property
    def credits(self) -> float:
        """The balance, which may be set."""
        return self._simulator.state.account.credits

    @credits.setter
    def credits(self, balance: float) -> None:
        self._simulator.state.account.credits = balance

    @property
    def now(self) -> float:
        """The time by the sandbox's clock, in POSIX seconds."""
        return self._simulator.now

    @property
    def storage(self) -> Storage:
        """How texts are kept now, and what records show; see `change_storage`."""
        return self._simulator.storage

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request below `/v1`, in the order in which they came."""
        return self._simulator.requests

    @property
    def posts(self) -> list[PostRecord]:
        """Every attempt to post a report or an incoming message, in the order they ended."""
        return self._simulator.posts

    @property
    def messages(self) -> list[Message]:
        """Every message that was ever accepted for sending, vanished and FAILED ones included."""
        return self._simulator.messages

    def accepted(self, destination: str | None = None) -> int:
        """Count the messages accepted, in all or for one destination, in any usual spelling.

        Scheduled ones count from when they were scheduled. FAILED ones do not count: they were
        never sent.

        Raises:
            ValueError: it is no destination, so that its count would always be 0.
        """
        return self._simulator.accepted(destination)

    def accepted_by_destination(self) -> Counter[str]:
        """Count the messages accepted for each destination."""
        return self._simulator.accepted_by_destination()

    # What a test does

    async def advance(self, seconds: float) -> None:
        """Turn a `ManualClock`, and wait until all that falls due on the way was done and posted.

        Raises:
            RuntimeError: the sandbox runs on another clock.
            ValueError: that is backwards, or beyond the calendar.
        """
        await self._server.scheduler.advance(seconds)

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Put a fault in force, which counts requests from the next one on.

        Raises:
            ValueError: it is none.
        """
        self._simulator.add_fault(fault)

    def clear_faults(self) -> None:
        """Put all faults out of force; what they hold goes on being held."""
        self._simulator.faults.clear()

    def release(self) -> None:
        """Release every answer that a fault holds or hangs."""
        self._server.gate.release()

    def change_storage(self, **changes: Any) -> Storage:
        """Change some settings of `Storage` from the next request on, and return all of them.

        Texts that are stored already stay as they are. `reset` goes back to the first settings.

        Raises:
            ValueError: a name that is no setting, or a value that it cannot have.
        """
        return self._simulator.change_storage(**changes)

    async def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, and return its message id.

        It is in the inbox when this returns, and has been posted once where there is a URL.
        """
        return await self._server.scheduler.receive(
            sender=sender, to=to, content=content, keyword=keyword
        )

    def rotate_token(self) -> str:
        """Put a new token in force, kill every older one, and return it."""
        return self._simulator.state.credentials.rotate()

    def reset(self) -> None:
        """Start again with an empty account, no faults and no requests; the token stays."""
        self._server.scheduler.reset()
