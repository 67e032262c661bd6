"""Delivery reports and incoming messages that the provider posts.

`parse` parses one; `Webhooks` authenticates and deduplicates them and calls your functions, in any
web framework; `DeliveryStats` counts the outcomes of messages.
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
