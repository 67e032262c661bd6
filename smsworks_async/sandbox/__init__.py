"""A local server that behaves as the provider's API does. Nothing in it ever reaches a phone.

    async with Sandbox() as box:
        ...  # a client with box.base_url and box.token

It shares no code with the client, and judges requests by tables of its own, so that it can notice
the client's mistakes. Which destinations fail, and how, is told in `destinations`; how requests are
made to fail, in `Fault`; the endpoints for other processes, in `control`.
"""

from .callbacks import PostRecord
from .clock import Clock, ManualClock
from .dispatcher import RequestRecord
from .faults import Fault
from .records import Message
from .server import Sandbox
from .settings import Reporting
from .storage import Storage


__all__ = [
    "Clock",
    "Fault",
    "ManualClock",
    "Message",
    "PostRecord",
    "Reporting",
    "RequestRecord",
    "Sandbox",
    "Storage",
]
