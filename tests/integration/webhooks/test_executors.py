"""Where functions run, and the effect of cancelled requests."""

from __future__ import annotations

import asyncio
import threading

import pytest

from support.waiting import PATIENCE, until
from support.webhook_servers import serving


@pytest.mark.parametrize("server", ["aiohttp", "asgi"])
async def test_webhooks_do_not_block_the_loop_with_a_plain_function(server):
    go_on, loop_thread, threads = threading.Event(), threading.get_ident(), []

    def blocks(report):
        threads.append(threading.get_ident())
        go_on.wait(PATIENCE)

    async with serving(server, on_report=blocks) as provider:
        blocked = asyncio.ensure_future(provider.report())
        await until(lambda: threads)
        assert await provider.report("2", "") == 400  # which is answered meanwhile
        go_on.set()
        assert await blocked == 200
    assert loop_thread not in threads


async def test_webhooks_under_wsgi_call_a_plain_function_on_the_requests_own_thread():
    threads = []

    def handle(_):
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        threads.append(threading.current_thread().name)

    async with serving("wsgi", on_report=handle) as provider:
        assert await provider.report() == 200
    assert "process_request_thread" in threads[0]


async def test_webhooks_under_wsgi_call_all_async_functions_on_one_loop():
    loops = set()

    async def handle(_):
        loops.add(asyncio.get_running_loop())

    async with serving("wsgi", on_report=handle) as provider:
        statuses = await asyncio.gather(*[provider.report(str(n)) for n in range(20)])
        assert statuses == [200] * 20
    assert len(loops) == 1


async def test_webhooks_finish_and_remember_what_a_cancelled_request_has_begun():
    calls, go_on = [], threading.Event()

    def slow(report):
        calls.append(report)
        go_on.wait(PATIENCE)

    async with serving("aiohttp", on_report=slow) as provider:
        first = asyncio.ensure_future(provider.report())
        await until(lambda: calls)
        first.cancel()  # the provider cancels, and repeats the post
        second = asyncio.ensure_future(provider.report())
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(calls) == 1
        go_on.set()
        assert await second == 200
    assert len(calls) == 1


async def test_webhooks_finish_what_a_cancelled_request_has_begun_by_awaiting():
    calls, go_on = [], asyncio.Event()

    async def slow(report):
        calls.append(report)
        await go_on.wait()

    async with serving("aiohttp", on_report=slow) as provider:
        first = asyncio.ensure_future(provider.report())
        await until(lambda: calls)
        first.cancel()
        second = asyncio.ensure_future(provider.report())
        await asyncio.sleep(0)
        go_on.set()
        assert await second == 200
    assert len(calls) == 1
