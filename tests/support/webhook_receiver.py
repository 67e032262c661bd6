"""A webhook that a sandbox posts to, on a free port."""

from contextlib import asynccontextmanager

from aiohttp import web


class Receiver:
    """The posts that a webhook received."""

    def __init__(self):
        self.url = ""
        self.bodies = []


@asynccontextmanager
async def receiver(answer=None):
    """Serve a webhook that records its posts.

    Args:
        answer: an aiohttp handler; 200 at once if None.
    """
    seen = Receiver()

    async def handle(request):
        seen.bodies.append(await request.json())
        return web.Response() if answer is None else await answer(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()
