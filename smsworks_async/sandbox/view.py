"""`SandboxView`: the methods of a sandbox that do not wait."""

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
    """The common base of `Sandbox` and `BlockingSandbox`, with the methods that do not wait.

    Its methods and properties can be used from any thread.
    """

    _server: Server
    _simulator: Simulator
    _hand_over: HandOver
    _host: Host = LoopHost()

    # Reading

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    @property
    def base_url(self) -> str:
        """The base URL for a client, `/v1` included.

        Raises:
            RuntimeError: the sandbox does not listen yet, so its port is unknown.
        """
        return self._server.base_url

    @property
    def root_url(self) -> str:
        """The URL of the page, and of the control endpoints below `/sandbox`."""
        return self._server.url

    @property
    def token(self) -> str:
        """The valid token, with the prefix ``JWT``."""
        return self._simulator.state.credentials.token

    def is_token(self, header: str) -> bool:
        """Return whether an `Authorization` header has the valid token, with or without ``JWT``."""
        return self._simulator.state.credentials.holds(header)

    @property
    def customer_id(self) -> str:
        """The customer id for `/auth/token`."""
        return self._simulator.state.credentials.customer_id

    @property
    def key(self) -> str:
        """The API key for `/auth/token`."""
        return self._simulator.state.credentials.key

    @property
    def secret(self) -> str:
        """The API secret for `/auth/token`."""
        return self._simulator.state.credentials.secret

    @property
    def credits(self) -> float:
        """The balance; it can be set."""
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
        """The current settings of `Storage`; see `change_storage`."""
        return self._simulator.storage

    @property
    def requests(self) -> list[RequestRecord]:
        """The latest `keep_requests` requests below `/v1`, in the order of arrival."""
        return self._simulator.requests

    @property
    def posts(self) -> list[PostRecord]:
        """The latest `keep_posts` attempts to post a report or an incoming message.

        They are in the order of their ends.
        """
        return self._simulator.posts

    @property
    def messages(self) -> list[Message]:
        """The latest `keep_messages` messages that were accepted for sending.

        Deleted and FAILED ones are included.
        """
        return self._simulator.messages

    def accepted(self, destination: str | None = None) -> int:
        """Return the number of messages accepted, in total or for one destination.

        Scheduled messages are included, FAILED ones are not, because they were never sent.

        Args:
            destination: a number, in any usual spelling; None for all.

        Raises:
            ValueError: it is not a valid destination.
        """
        return self._simulator.accepted(destination)

    def accepted_by_destination(self) -> Counter[str]:
        """Return the number of messages accepted for each destination."""
        return self._simulator.accepted_by_destination()

    def last_to(self, number: str) -> Message:
        """Return the latest message that was sent to a number, in any usual spelling.

        Raises:
            AssertionError: no message was sent to it.
            ValueError: it is not a valid destination.
        """
        __tracebackhide__ = True
        return assertions.last_to(self._simulator, number)

    def passcode_of(self, number: str) -> str:
        """Return the latest passcode that was sent to a number, in any usual spelling.

        It is the latest passcode of `otp.send`. If there is none, it is the number of 4 to 10
        digits in the latest text that has such a number.

        Raises:
            AssertionError: no passcode was sent to it, or a text has several such numbers.
            ValueError: it is not a valid destination.
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
        """Assert the number of messages sent to a number, and return these messages.

        Scheduled, cancelled and FAILED messages are not counted.

        Args:
            number: the number, in any usual spelling.
            match: a regular expression to search for in the text; None (the default) for any text.
            times: the expected number of matching messages (default 1); None for at least one.

        Raises:
            AssertionError: the number is another one; the message lists what was sent.
            ValueError: the number is not a valid destination.
        """
        __tracebackhide__ = True
        return assertions.assert_texted(self._simulator, number, match, times)

    def describe(self, *, numbers: bool = False) -> str:
        """Return a description of the latest messages, requests with responses, and posts.

        Tokens and secrets are left out.

        Args:
            numbers: show whole phone numbers instead of the last three digits (default False).
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
            write: a function that writes a line, given without its line break. It is called on a
                separate thread; if it raises OSError or ValueError, nothing more is written. While
                1000 lines are queued, further ones are left out, and a line gives their number.
            as_json: write lines of JSON instead of text (default False).
        """
        return TerminalLog(self._simulator, write, as_json=as_json)

    # Control

    def deliver_to(self, app: Any, path: str) -> None:
        """Post reports and incoming texts to an application in this process, without a socket.

        They are posted only while a call of `advance`, `receive`, `reply` or `deliver` waits, on
        its thread or event loop. A report is posted to the path of its message's own URL, if it has
        one; the host is ignored. An exception of the application is logged, and counts as status
        500.

        Args:
            app: an ASGI or a WSGI application, or a test client with a method `post`, such as those
                of aiohttp, Django, Flask, HTTPX and Starlette. With Starlette's client, which
                FastAPI uses, the application runs on the client's loop, including its lifespan;
                otherwise no lifespan is run.
            path: the path to post to. `{secret}` in it is replaced by the value of the environment
                variable `SMSWORKS_WEBHOOK_SECRET`, as in `"/sms/{secret}"`.

        Raises:
            TypeError: ``app`` is neither an application nor a client.
            ValueError: the path does not begin with a slash, or the variable is not set.
        """
        if not path.startswith("/"):
            raise ValueError("path must begin with a slash, such as '/sms'")
        if "{secret}" in path:
            secret = os.environ.get(SECRET_VARIABLE, "").partition(",")[0].strip()
            if not secret:
                raise ValueError(
                    f"path has {{secret}}, but the environment variable {SECRET_VARIABLE} is not "
                    "set"
                )
            path = path.replace("{secret}", secret)
        application = Application(app)

        def set_up() -> None:
            self._hand_over.app = application
            self._server.scheduler.sender.in_process = self._hand_over.post
            self._simulator.post_to(f"http://{HOST}{path}")

        self._host.run(set_up)

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Add a fault, which counts requests from the next one on.

        Raises:
            ValueError: it is not a valid fault.
        """
        self._host.run(lambda: self._simulator.add_fault(fault))

    def clear_faults(self) -> None:
        """Remove all faults; requests that they hold are not released."""
        self._host.run(self._simulator.clear_faults)

    def release(self) -> None:
        """Release all requests that faults hold."""
        self._host.run(self._server.gate.release)

    def change_storage(self, **changes: Any) -> Storage:
        """Change settings of `Storage` from the next request on, and return all of them.

        Texts that are stored already do not change. `reset` restores the initial settings.

        Raises:
            ValueError: a name or a value is invalid.
        """
        return self._host.run(lambda: self._simulator.change_storage(**changes))

    def rotate_token(self) -> str:
        """Make a new token, which invalidates the previous one, and return it."""
        return self._host.run(self._simulator.state.credentials.rotate)

    def reset(self) -> None:
        """Start again with an empty account, without faults and requests; the token stays."""
        self._host.run(self._server.scheduler.reset)
