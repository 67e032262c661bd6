"""The server: a simulator on a socket."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from .access import Access, middleware
from .addresses import cannot_listen, joined
from .control import Control
from .dispatcher import MAX_BODY, VERSION_PATH, Dispatcher
from .gate import Gate
from .lenient import Runner
from .scheduler import Scheduler
from .store import Store


if TYPE_CHECKING:
    from os import PathLike

    from .settings import Reporting
    from .simulator import Simulator


class Server:
    """Serves a simulator over HTTP, and makes its time pass meanwhile.

    Attributes:
        port: as given until `start`; 0 is replaced by the port that was taken.
        scheduler: makes time pass.
        gate: holds requests.

    Args:
        simulator: what it serves.
        host, port: where it listens.
        access: the hosts that it answers to, and posts to.
        reporting: how callbacks are posted.
        database: the file in which the account outlives the server, if any.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        host: str,
        port: int,
        access: Access,
        reporting: Reporting,
        database: str | PathLike[str] | None,
    ) -> None:
        self.port = port
        self.gate = Gate()
        self.scheduler = Scheduler(simulator, reporting, access.may_post_to)
        self.dispatcher = Dispatcher(simulator, self.scheduler.settle, self.gate)
        self._simulator = simulator
        self._host = host
        self._address = host
        self._access = access
        self._database = database
        self._exits = AsyncExitStack()
        self._started = False

    async def start(self) -> None:
        """Listen.

        Raises:
            RuntimeError: it did so before.
            ValueError: the database is another version's.
            OSError: the address is taken, the file cannot be used, or another sandbox uses it.
        """
        if self._started:
            raise RuntimeError("a sandbox is entered once only: make a new one")
        async with AsyncExitStack() as exits:
            await self._start(exits)
            self._exits = exits.pop_all()
        self._started = True

    async def stop(self) -> None:
        """Stop listening, cut all connections, and save the account."""
        await self._exits.aclose()

    async def _start(self, exits: AsyncExitStack) -> None:
        state = self._simulator.state
        if self._database is not None:
            store = self.scheduler.store = exits.enter_context(Store(self._database))
            store.restore(state, self._simulator.now)
            exits.callback(store.flush, state)
        exits.callback(self.scheduler.stop)
        exits.push_async_callback(self.scheduler.sender.close)
        app = web.Application(client_max_size=MAX_BODY, middlewares=[middleware(self._access)])
        self.dispatcher.add_routes(app.router)
        control = Control(
            self._simulator, self.scheduler, self.gate, authenticate=self._access.everywhere
        )
        control.add_routes(app.router)
        # A handler is cancelled when its client leaves: nothing held outlives its connection.
        # Packed bodies stay packed, and so are no JSON: nobody sends the API any.
        runner = Runner(app, cleanup=0.1, access_log=None, auto_decompress=False)
        await runner.setup()
        exits.push_async_callback(runner.cleanup)
        exits.callback(self.gate.close)
        exits.callback(self._simulator.feed.end)
        try:
            await web.TCPSite(runner, self._host, self.port).start()
        except OSError as error:
            raise cannot_listen(error, joined(self._host, self.port)) from error
        self._address, self.port = runner.addresses[0][:2]
        self.scheduler.settle()

    @property
    def url(self) -> str:
        """The URL of the page, and of the control endpoints below `/sandbox`."""
        # What listens everywhere is reached by loopback, too.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._address, self._address)  # noqa: S104
        return f"http://{joined(host, self.port)}"

    @property
    def base_url(self) -> str:
        """The URL for a client, `/v1` included.

        Raises:
            RuntimeError: the sandbox does not listen yet, and has no port.
        """
        if self.port == 0:
            raise RuntimeError("the sandbox does not listen yet: enter it with `async with` first")
        return f"{self.url}{VERSION_PATH}"
