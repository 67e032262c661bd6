"""The blocking twin of `AsyncBulk`."""

from __future__ import annotations

from smsworks_async.blocking.twins import Twin, blocking, iterating
from smsworks_async.bulk.resource import AsyncBulk


class Bulk(Twin[AsyncBulk]):
    """Sends to any number of recipients."""

    send = blocking(AsyncBulk.send, stream=("destinations",))
    send_each = blocking(AsyncBulk.send_each, stream=("messages", "rows"))
    work = blocking(AsyncBulk.work, stoppable=True)
    estimate = blocking(AsyncBulk.estimate, stream=("destinations", "messages", "rows"))
    reconcile = blocking(AsyncBulk.reconcile)
    retry_undelivered = blocking(AsyncBulk.retry_undelivered)
    status = blocking(AsyncBulk.status)
    outcomes = iterating(AsyncBulk.outcomes)
    follow = iterating(AsyncBulk.follow)
    export = blocking(AsyncBulk.export)
    plan = blocking(AsyncBulk.plan, stream=("destinations",))
    plan_each = blocking(AsyncBulk.plan_each, stream=("messages", "rows"))
    pause = blocking(AsyncBulk.pause)
    resume = blocking(AsyncBulk.resume)
    cancel = blocking(AsyncBulk.cancel)
    campaigns = iterating(AsyncBulk.campaigns)
    forget = blocking(AsyncBulk.forget)
    prune = blocking(AsyncBulk.prune)
