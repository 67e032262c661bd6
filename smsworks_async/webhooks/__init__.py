"""Delivery reports and incoming messages, as the provider posts them.

`parse` reads one; `Webhooks` guards, sorts and hands them to functions of yours, in whatever web
framework you have; `DeliveryStats` counts what became of messages.
"""

from smsworks_async.models.posted import DeliveryReport, IncomingMessage
from smsworks_async.webhooks.parsing import parse
from smsworks_async.webhooks.seen import MemorySeen, Seen
from smsworks_async.webhooks.stats import DeliveryStats, Tally
from smsworks_async.webhooks.webhooks import Webhooks


__all__ = [
    "DeliveryReport",
    "DeliveryStats",
    "IncomingMessage",
    "MemorySeen",
    "Seen",
    "Tally",
    "Webhooks",
    "parse",
]
