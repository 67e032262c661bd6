"""A local server that behaves like the provider's API. It never sends anything to phones.

>>> import asyncio
>>> from smsworks_async import AsyncSMSWorks
>>> from smsworks_async.sandbox import Sandbox
>>> async def main():
...     async with Sandbox() as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
...         await sms.messages.send(
...             sender="AcmeCorp", destination="07700 900123", content="Hello"
...         )
...         return box.accepted("07700 900123")
>>> asyncio.run(main())
1

It shares no code with the client, and judges requests by tables of its own, so that it can notice
the client's mistakes. `destinations` lists the destinations that fail, `Fault` describes how to
make requests fail, and `control` lists the endpoints for other processes.
"""

from .blocking import BlockingSandbox
from .clock import Clock, ManualClock, RunningClock
from .faults import Fault
from .outbox import PostRecord
from .records import Message
from .sandbox import Sandbox
from .settings import Reporting
from .storage import Storage
from .traffic import RequestRecord


__all__ = [
    "BlockingSandbox",
    "Clock",
    "Fault",
    "ManualClock",
    "Message",
    "PostRecord",
    "Reporting",
    "RequestRecord",
    "RunningClock",
    "Sandbox",
    "Storage",
]
