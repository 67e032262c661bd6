"""A local server that behaves as the provider's API does. Nothing in it ever reaches a phone.

    async with Sandbox() as box:
        ...  # a client with box.base_url and box.token

It shares no code with the client, and judges requests by tables of its own, so that it can notice
the client's mistakes. `destinations` lists the destinations that fail, `Fault` describes how to
make requests fail, and `control` lists the endpoints for other processes.
"""

from .clock import Clock, ManualClock
from .faults import Fault
from .outbox import PostRecord
from .records import Message
from .sandbox import Sandbox
from .settings import Reporting
from .simulator import RequestRecord
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
