"""`SandboxView`: what a test sees of a sandbox, and does to it without waiting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import assertions, log
from .applications import HOST, Application
from .hosting import LoopHost
from .terminal import TerminalLog


if TYPE_CHECKING:
    import re
    from collections import Counter
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from .faults import Fault
    from .hand_over import HandOver
    from .hosting import Host
    from .outbox import PostRecord
    from .records import Message
    from .server import Server
    from .simulator import Simulator
    from .storage import Storage
    from .traffic import RequestRecord


SECRET_VARIABLE = "SMSWORKS_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable


class SandboxView:
    """What `Sandbox` and `BlockingSandbox` have in common: all that does not wait.

    Everything here may be used from any thread.
    """

    _server: Server
    _simulator: Simulator
    _hand_over: HandOver
    _host: Host = LoopHost()

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
        """The token in force, with the prefix ``JWT``."""
        return self._simulator.state.credentials.token

    def is_token(self, header: str) -> bool:
        """Return whether an `Authorization` header is the token, with or without ``JWT``."""
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
        self._host.run(lambda: self._simulator.set_credits(balance))

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
        """The requests below `/v1`, in the order in which they came; the latest `keep_requests`."""
        return self._simulator.requests

    @property
    def posts(self) -> list[PostRecord]:
        """The attempts to post a report or an incoming message, in the order they ended.

        The latest `keep_posts` are there.
        """
        return self._simulator.posts

    @property
    def messages(self) -> list[Message]:
        """The messages that were accepted for sending, vanished and FAILED ones included.

        The latest `keep_messages` are there.
        """
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

    def last_to(self, number: str) -> Message:
        """Return the latest message that was sent to a number, in any usual spelling.

        Raises:
            AssertionError: none was sent to it.
            ValueError: it is no destination.
        """
        __tracebackhide__ = True
        return assertions.last_to(self._simulator, number)

    def passcode_of(self, number: str) -> str:
        """Return the latest passcode that was sent to a number.

        It is that of `otp.send`; without one, the only number of 4 to 10 digits in the latest text
        that has such.

        Raises:
            AssertionError: none was sent to it, or it cannot be told from other numbers.
            ValueError: it is no destination.
        """
        __tracebackhide__ = True
        return assertions.passcode_of(self._simulator, number)

    def assert_texted(
        self,
        number: str,
        match: str | re.Pattern[str] | None = None,
        *,
        times: int | None = 1,
    ) -> list[Message]:
        """Assert how often a number was texted, and return those messages.

        Messages that are scheduled, cancelled or FAILED were not sent, and do not count.

        Args:
            number: in any usual spelling.
            match: a regular expression that is searched for in the text; None fits every text.
            times: how many texts fit; None = at least one.

        Raises:
            AssertionError: more or fewer fit; it lists what was sent instead.
            ValueError: it is no destination.
        """
        __tracebackhide__ = True
        return assertions.assert_texted(self._simulator, number, match, times)

    def describe(self, *, numbers: bool = False) -> str:
        """Return the latest messages, requests with their answers, and posts, to be shown.

        Tokens and secrets are left out.

        Args:
            numbers: whether to show whole phone numbers, in place of their last three digits.
        """
        waiting = self._server.scheduler.sender.waiting
        return log.describe(self._simulator, waiting=waiting, numbers=numbers)

    def __repr__(self) -> str:
        where = self.root_url if self.port else "not listening"
        return f"<{type(self).__name__}, {where}, {len(self.messages)} messages>"

    def write_log(
        self, write: Callable[[str], object], *, as_json: bool = False
    ) -> AbstractContextManager[object]:
        """Return a context manager that writes a line for each request and each callback.

        Numbers are masked; tokens, secrets and texts are left out.

        Args:
            write: writes one line without its end. It is called on a thread of its own; once it
                raises an exception, nothing more is written. Lines that come faster than it writes
                are left out after the first thousand, and a line says how many.
            as_json: lines of JSON, in place of lines for people.
        """
        return TerminalLog(self._simulator, write, as_json=as_json)

    # What a test does

    def deliver_to(self, app: Any, path: str) -> None:
        """Post reports and incoming texts to an application of this process, without a port.

        They are posted while a call of `advance`, `receive`, `reply` or `deliver` waits, and on
        its thread or its event loop: nothing reaches the application in between. A report goes to
        the path of its message's own URL, if it has one; the host of that is not looked at. What
        the application raises is logged, and counts as a 500.

        Args:
            app: an ASGI or a WSGI application, or a test client of one that has a method `post`,
                such as those of aiohttp, Django, Flask, HTTPX and Starlette. With the last, and so
                FastAPI's, the application runs on the client's loop, its lifespan included;
                without, no lifespan is run.
            path: to which they are posted. `{secret}` in it stands for what the environment
                variable `SMSWORKS_WEBHOOK_SECRET` holds, as in `"/sms/{secret}"`.

        Raises:
            TypeError: it is neither an application nor a client.
            ValueError: the path does not begin with a slash, or there is no secret for it.
        """
        if not path.startswith("/"):
            raise ValueError("path must begin with a slash, such as '/sms'")
        if "{secret}" in path:
            secret = os.environ.get(SECRET_VARIABLE, "").partition(",")[0].strip()
            if not secret:
                raise ValueError(f"there is no {SECRET_VARIABLE} in the environment to put in path")
            path = path.replace("{secret}", secret)
        application = Application(app)

        def set_up() -> None:
            self._hand_over.app = application
            self._server.scheduler.sender.in_process = self._hand_over.post
            self._simulator.post_to(f"http://{HOST}{path}")

        self._host.run(set_up)

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Put a fault in force, which counts requests from the next one on.

        Raises:
            ValueError: it is none.
        """
        self._host.run(lambda: self._simulator.add_fault(fault))

    def clear_faults(self) -> None:
        """Put all faults out of force; what they hold goes on being held."""
        self._host.run(self._simulator.clear_faults)

    def release(self) -> None:
        """Release every answer that a fault holds or hangs."""
        self._host.run(self._server.gate.release)

    def change_storage(self, **changes: Any) -> Storage:
        """Change some settings of `Storage` from the next request on, and return all of them.

        Texts that are stored already stay as they are. `reset` goes back to the first settings.

        Raises:
            ValueError: a name that is no setting, or a value that it cannot have.
        """
        return self._host.run(lambda: self._simulator.change_storage(**changes))

    def rotate_token(self) -> str:
        """Put a new token in force, kill every older one, and return it."""
        return self._host.run(self._simulator.state.credentials.rotate)

    def reset(self) -> None:
        """Start again with an empty account, no faults and no requests; the token stays."""
        self._host.run(self._server.scheduler.reset)
