"""JSON records of messages, and the formatting of times and numbers for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from smsworks_async.models.incoming import MessageRecord, ScheduledMessage
    from smsworks_async.models.posted import IncomingMessage


def message_record(message: MessageRecord) -> dict[str, Any]:
    """Return a message as a JSON record."""
    reason = message.failure_reason
    return {
        "message_id": message.message_id,
        "status": message.status,
        "sender": message.sender,
        "destination": message.destination,
        "content": message.content,
        "created": message.created,
        "modified": message.modified,
        "schedule": message.schedule,
        "credits": message.credits,
        "batch_id": message.batch_id,
        "tag": message.tag or None,
        "keyword": message.keyword or None,
        "failure_code": reason and reason.code,
        "failure": reason and reason.details,
    }


def reply_record(message: IncomingMessage) -> dict[str, Any]:
    """Return a reply as a JSON record."""
    return {
        "message_id": message.message_id,
        "sender": message.sender,
        "destination": message.destination,
        "content": message.content,
        "keyword": message.keyword or None,
        "created": message.created,
    }


def scheduled_record(message: ScheduledMessage) -> dict[str, Any]:
    """Return a scheduled message or batch as a JSON record."""
    return {
        "message_id": message.message_id,
        "status": message.status,
        "batch": message.batch,
        "sender": message.sender,
        "destinations": list(message.destinations),
        "content": message.content,
        "schedule": message.schedule,
    }


def local(moment: datetime | None) -> str:
    """Return a time in the machine's time zone, to the minute; an empty string for None."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"


def local_with_zone(moment: datetime) -> str:
    """Return a time in the machine's time zone, with its offset."""
    zoned = moment.astimezone()
    offset = f"{zoned:%z}"
    return f"{zoned:%a %d %b %Y %H:%M} (UTC{offset[:3]}:{offset[3:]})"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def amount(number: float) -> str:
    """Return a number with thousands separators and without trailing zeros."""
    return f"{number:,.12g}"


def plural(count: float, word: str) -> str:
    """Return a count with its noun, such as ``2 segments``."""
    return f"{amount(count)} {word}{'' if count == 1 else 's'}"
