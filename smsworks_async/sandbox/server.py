"""The server: it serves a simulator over HTTP."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from .access import Access, checked
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
    """Serve a simulator over HTTP, and run its scheduler.

    Attributes:
        port: the port; 0 is replaced by the actual port at `start`.
        scheduler: the scheduler of the simulator's events.
        gate: the gate at which faults hold requests.
        dispatcher: the dispatcher of requests below `/v1`.

    Args:
        simulator: the simulator.
        host, port: the address to listen on.
        access: the hosts that requests may use, and that may be posted to.
        reporting: how callbacks are posted.
        database: the path of the SQLite file of the account; None without one.
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
        """Start listening.

        Raises:
            RuntimeError: it was started before.
            ValueError: the database is of another version.
            OSError: the address is in use, or the file cannot be used or is used by another
                sandbox.
        """
        if self._started:
            raise RuntimeError("a sandbox can be entered only once: create a new one")
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
        app = web.Application(client_max_size=MAX_BODY)
        self.dispatcher.add_routes(app.router)
        control = Control(
            self._simulator, self.scheduler, self.gate, authenticate=self._access.everywhere
        )
        control.add_routes(app.router)
        # A handler is cancelled when its client disconnects, so no held request outlives that.
        # Compressed bodies are not decompressed, and so are refused as invalid JSON.
        runner = Runner(
            app,
            cleanup=0.1,
            wrap=partial(checked, self._access),
            access_log=None,
            auto_decompress=False,
        )
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
        # A server that listens on all addresses can be reached by loopback.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._address, self._address)  # noqa: S104
        return f"http://{joined(host, self.port)}"

    @property
    def base_url(self) -> str:
        """The URL for a client, `/v1` included.

        Raises:
            RuntimeError: the sandbox does not listen yet, so its port is unknown.
        """
        if self.port == 0:
            raise RuntimeError("the sandbox does not listen yet: enter it with `async with` first")
        return f"{self.url}{VERSION_PATH}"
