"""A response class for aioresponses."""

from __future__ import annotations

import inspect
from functools import partial
from unittest.mock import Mock

import aiohttp


def canned() -> object:
    """Return a response class for aioresponses 0.7.9 with the arguments that aiohttp 3.14 needs."""
    if "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters:
        return partial(aiohttp.ClientResponse, stream_writer=Mock(output_size=0))
    return aiohttp.ClientResponse
