"""Stopping a sandbox: it stops immediately, and closes every connection."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from smsworks_async.sandbox import Fault, Sandbox
from support.waiting import when_held


def is_open(client):
    """Return whether the other side of a connection has not closed or reset it."""
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize("turns", range(8))
async def test_a_connection_that_comes_while_others_are_being_closed_is_closed_too(turns):
    """Check a connection that was accepted but had no protocol when the others were closed."""
    box = Sandbox(faults=[Fault(path="*", when="hang", times=0)])
    held = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        async with box:
            when_held(box, held.set)
            waiting = asyncio.create_task(session.get(f"{box.base_url}/credits/balance"))
            await held.wait()
            clients = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(5)]
            for _ in range(turns):
                await asyncio.sleep(0)
        for client in clients:
            client.setblocking(False)
        left = [client for client in clients if is_open(client)]
        for client in clients:
            client.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await waiting
    assert left == []
