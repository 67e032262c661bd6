"""The order of an opt-in and the opt-out before it, which posts do not show."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from smsworks_async._opt_out_words import request_in
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.models.posted import IncomingMessage
from smsworks_async.optouts import OptOuts
from smsworks_async.webhooks.executors import Executor


_log: Final = logging.getLogger("smsworks_async.webhooks")


async def is_outdated(
    message: IncomingMessage, opt_outs: OptOuts, get: Callable[[str], Any], executor: Executor
) -> bool:
    """Return whether a message opts in, but was sent before the opt-out that it would undo.

    A post has no date, and a post that is repeated can arrive after a later one. Therefore the
    dates of both messages are read from the API. If one of them cannot be read, the order of
    arrival counts.

    Args:
        message: the incoming message.
        opt_outs: the list.
        get: returns the API's record of a message id; a plain or an async function.
        executor: runs the steps.

    Raises:
        JournalError: the list cannot be read.
    """
    found = request_in(message, opt_outs.keywords)
    if found is None or found[0] != "in" or message.created is not None:
        return False
    try:
        events = await executor.call(opt_outs.history, message.sender)
    except ValidationError:  # not a phone number, and not in the list
        return False
    if not events or events[-1].change != "out":
        return False
    sent = await _date(message.message_id, get, executor)
    if sent is None:
        return False
    last = events[-1]
    # The clocks differ, so the recorded time of arrival is only the second choice.
    known = await _date(last.message_id, get, executor) if last.message_id else None
    return sent < (known or last.at)


async def _date(message_id: str, get: Callable[[str], Any], executor: Executor) -> datetime | None:
    """Return when the provider received a message; None if that cannot be read."""
    try:
        record = await executor.call(get, message_id)
    except SMSWorksError as error:
        _log.warning("the date of an incoming message could not be read: %s", str(error))
        return None
    created: datetime | None = record.created
    return created
