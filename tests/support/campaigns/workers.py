"""Processes that send one campaign from a journal they share, and a clock they share."""

from __future__ import annotations

import asyncio

from support.processes import start_worker


CHUNKS, CHUNK = 50, 20
PEOPLE = [f"447700900{n:03d}" for n in range(CHUNKS * CHUNK)]


def order(box, path, **more):
    return {
        "path": str(path),
        "token": box.token,
        "base_url": box.base_url,
        "destinations": PEOPLE,
        "chunk_size": CHUNK,
        **more,
    }


async def worker(given):
    return await start_worker("campaign", given, stdout=asyncio.subprocess.PIPE)


def set_ahead(path, seconds):
    """Set the clocks of a journal's processes ahead; each reads the file whenever it asks."""
    new = path.with_name("ahead.new")
    new.write_text(str(seconds))
    new.replace(path.with_name("ahead"))
