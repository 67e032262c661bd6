"""A webhook that a sandbox posts to, on a free port."""

from contextlib import asynccontextmanager

from aiohttp import web


class Receiver:
    """The posts that a webhook received.

    Attributes:
        url: its URL.
        bodies: the posted bodies, if they are kept.
        count: the number of posts.
    """

    def __init__(self):
        self.url = ""
        self.bodies = []
        self.count = 0


@asynccontextmanager
async def receiver(answer=None, *, keep=True):
    """Serve a webhook that records its posts.

    Args:
        answer: an aiohttp handler; 200 at once if None.
        keep: whether the bodies are kept.
    """
    seen = Receiver()

    async def handle(request):
        body = await request.json()
        seen.count += 1
        if keep:
            seen.bodies.append(body)
        return web.Response() if answer is None else await answer(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()
