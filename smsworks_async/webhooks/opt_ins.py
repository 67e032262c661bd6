"""The order of an opt-in and the opt-out before it, which posts do not show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from smsworks_async._opt_out_words import request_in
from smsworks_async.errors import SMSWorksError
from smsworks_async.models.opt_outs import OptOutEvent
from smsworks_async.models.posted import IncomingMessage
from smsworks_async.optouts import OptOuts
from smsworks_async.webhooks.executors import Executor


#: How many opt-outs of a number an opt-in is compared with: each costs a request.
_MOST: Final = 10

_log: Final = logging.getLogger("smsworks_async.webhooks")


async def record(
    message: IncomingMessage,
    opt_outs: OptOuts,
    get: Callable[[str], Any] | None,
    executor: Executor,
) -> None:
    """Record the opt-out or opt-in of a message, but no opt-in from before the last opt-out.

    A post has no date, and a post that is repeated can arrive after a later one. Therefore the
    dates of the messages are read from the API. If one of them cannot be read, its time of arrival
    counts.

    Args:
        message: the incoming message.
        opt_outs: the list.
        get: returns the API's record of a message id; a plain or an async function. None to go by
            the order of arrival.
        executor: runs the steps.

    Raises:
        JournalError: the list cannot be read or written.
    """
    found = request_in(message, opt_outs.keywords)
    if get is None or message.created is not None or found is None or found[0] != "in":
        await executor.call(opt_outs.record, message)
        return
    events: Sequence[OptOutEvent] = await executor.call(opt_outs.events_of, message)
    while True:
        undoes = bool(events) and events[-1].change == "out"
        if undoes and await _is_outdated(message, events, get, executor):
            _log.info("an opt-in was not recorded, since it was sent before the last opt-out")
            return
        if await executor.call(opt_outs.record_after, message, len(events)):
            return
        # It was recorded already, or another event was recorded while the dates were read.
        before, events = events, await executor.call(opt_outs.events_of, message)
        if events == before:
            return


async def _is_outdated(
    message: IncomingMessage,
    events: Sequence[OptOutEvent],
    get: Callable[[str], Any],
    executor: Executor,
) -> bool:
    """Return whether an opt-in was sent before one of the number's latest opt-outs.

    The opt-out that was recorded last is not always the one that was sent last.
    """
    sent = await _date(message.message_id, get, executor)
    if sent is None:
        return False
    opt_outs = [event for event in events if event.change == "out"]
    for event in opt_outs[-_MOST:]:
        # The clocks differ, so the recorded time of arrival is only the second choice.
        known = await _date(event.message_id, get, executor) if event.message_id else None
        if sent < (known or event.at):
            return True
    return False


async def _date(message_id: str, get: Callable[[str], Any], executor: Executor) -> datetime | None:
    """Return when the provider received a message; None if that cannot be read."""
    try:
        record = await executor.call(get, message_id)
    except SMSWorksError as error:
        _log.warning("the date of an incoming message could not be read: %s", str(error))
        return None
    created: datetime | None = record.created
    return created
