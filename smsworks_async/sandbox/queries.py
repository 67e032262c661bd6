"""The API's reads of an account: searches, records, batches, schedules and the inbox.

Searches and records lag behind by the delays of `Storage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .lifecycle import RETENTION
from .records import INCOMING, SENT_STATUSES


if TYPE_CHECKING:
    from .account import Account
    from .records import Job, Message


def search(account: Account, query: dict[str, Any], now: float) -> list[Message]:
    """Return the messages that match a query, without those newer than the search lag."""
    storage = account.settings.storage
    if not storage.filter_metadata:
        query = {**query, "metadata": ()}
    return account.archive.search(query, now - storage.search_lag, storage.clock_skew)


def get_message(account: Account, message_id: str, now: float) -> Message | None:
    """Return the message with an id; None if it is unknown or newer than the record lag."""
    message = account.archive.get(message_id)
    return message if message is not None and _is_shown(account, message, now) else None


def get_batch(account: Account, batch_id: str, now: float) -> list[Message]:
    """Return a batch's messages, without those newer than the record lag."""
    messages = account.archive.batch(batch_id)
    return [message for message in messages if _is_shown(account, message, now)]


def count_sent(account: Account, since: float) -> int:
    """Return the number of messages sent since a time in POSIX seconds."""
    archive = account.archive
    return archive.dropped.sent_since(since) + sum(
        message.status in SENT_STATUSES and message.schedule >= since
        for message in archive.messages
    )


def list_scheduled(account: Account, now: float) -> list[Job]:
    """Return the jobs of the last three months, without those newer than the search lag."""
    since, until = now - RETENTION, now - account.settings.storage.search_lag
    return [job for job in account.jobs.values() if job.at >= since and job.created <= until]


def read_inbox(account: Account, query: dict[str, Any], now: float) -> list[Message]:
    """Return the unread incoming messages that match a query, and mark them as read."""
    found = search(account, {**query, "status": INCOMING, "unread": True}, now)
    for message in found:
        message.unread = False
        account.changed(message)
    return found


def _is_shown(account: Account, message: Message, now: float) -> bool:
    return message.created <= now - account.settings.storage.record_lag
