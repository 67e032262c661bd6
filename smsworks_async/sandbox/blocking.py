"""`BlockingSandbox`: the sandbox's interface for blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .assertions import replies_to
from .simulator import read_destination
from .view import SandboxView


if TYPE_CHECKING:
    from .hand_over import HandOver
    from .hosting import ThreadHost
    from .server import Server
    from .simulator import Simulator


class BlockingSandbox(SandboxView):
    """The value of `with Sandbox()`: the methods of `Sandbox`, with blocking ones for coroutines.

    The server runs on its own thread, so the code under test may block. All methods can be called
    from any thread without a running event loop. In a thread with one, `advance`, `deliver`,
    `receive` and `reply` raise RuntimeError; await the methods of `Sandbox` instead.
    """

    def __init__(
        self, server: Server, simulator: Simulator, hand_over: HandOver, host: ThreadHost
    ) -> None:
        self._server = server
        self._simulator = simulator
        self._hand_over = hand_over
        self._host = host

    def advance(self, seconds: float) -> None:
        """Advance the clock, and wait until all events due by then have happened and been posted.

        Args:
            seconds: by how much, 0 or more.

        Raises:
            RuntimeError: the clock is neither a `ManualClock` nor a `RunningClock`.
            ValueError: ``seconds`` is negative, or leads beyond the year 9999.
        """
        self._hand_over.wait(self._host, self._server.scheduler.advance(seconds))

    def deliver(self) -> None:
        """Wait until all due reports and messages have been posted, without advancing the clock."""
        self._hand_over.wait(self._host, self._server.scheduler.deliver())

    def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, and return its message id.

        When this returns, the message is in the inbox, and has been posted once if there is a URL.

        Args:
            sender: the phone's number.
            to: the number that the SMS is sent to.
            content: the text.
            keyword: the keyword of the message; empty by default.
        """
        job = self._server.scheduler.receive(sender=sender, to=to, content=content, keyword=keyword)
        return self._hand_over.wait(self._host, job)

    def reply(self, number: str, text: str, *, to: str | None = None) -> str:
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
        return self.receive(sender=read_destination(number), to=to, content=text)
