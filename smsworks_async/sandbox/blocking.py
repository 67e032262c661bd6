"""`BlockingSandbox`: a sandbox for code that blocks."""

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
    """What `with Sandbox()` returns: the same methods, and those that wait block.

    The server runs on its own thread, so the code under test may block, too. All methods can be
    called from any thread without a running event loop. With one, `advance`, `deliver`, `receive`
    and `reply` raise RuntimeError; await the methods of `Sandbox` instead.
    """

    def __init__(
        self, server: Server, simulator: Simulator, hand_over: HandOver, host: ThreadHost
    ) -> None:
        self._server = server
        self._simulator = simulator
        self._hand_over = hand_over
        self._host = host

    def advance(self, seconds: float) -> None:
        """Turn the clock, and wait until all that falls due on the way was done and posted.

        Raises:
            RuntimeError: the clock is neither a `ManualClock` nor a `RunningClock`.
            ValueError: that is backwards, or beyond the calendar.
        """
        self._hand_over.wait(self._host, self._server.scheduler.advance(seconds))

    def deliver(self) -> None:
        """Wait until all that is due was posted; time does not pass."""
        self._hand_over.wait(self._host, self._server.scheduler.deliver())

    def receive(self, *, sender: str, to: str, content: str, keyword: str = "") -> str:
        """Receive an SMS as if a phone had sent it, and return its message id.

        It is in the inbox when this returns, and has been posted once where there is a URL.
        """
        job = self._server.scheduler.receive(sender=sender, to=to, content=content, keyword=keyword)
        return self._hand_over.wait(self._host, job)

    def reply(self, number: str, text: str, *, to: str | None = None) -> str:
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
        return self.receive(sender=read_destination(number), to=to, content=text)
