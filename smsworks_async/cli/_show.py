"""Show messages as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from smsworks_async.cli._records import amount, local


if TYPE_CHECKING:
    from smsworks_async.cli._output import Output
    from smsworks_async.models.incoming import MessageRecord


def why(message: MessageRecord) -> str | None:
    """Return the reason of a message's failure, with the API's code; None without one."""
    reason = message.failure_reason
    if reason is None:
        return None
    return " ".join(str(part) for part in (reason.code, reason.details) if part)


def show_message(out: Output, message: MessageRecord) -> None:
    """Show all fields of a message."""
    out.fields(
        [
            ("Message id", message.message_id),
            ("Status", message.status),
            ("Failure", why(message)),
            ("From", message.sender),
            ("To", message.destination),
            ("Text", message.content),
            ("Created", local(message.created) or None),
            ("Changed", local(message.modified) or None),
            ("Credits", None if message.credits is None else amount(message.credits)),
            ("Batch", message.batch_id),
            ("Tag", message.tag or None),
            ("Keyword", message.keyword or None),
        ]
    )


def show_messages(out: Output, messages: Iterable[MessageRecord]) -> None:
    """Show messages as a table."""
    out.table(
        ["Created", "Status", "Id", "From", "To", "Text"],
        [
            (
                local(message.created),
                message.status,
                message.message_id,
                message.sender or "",
                message.destination or "",
                message.content or "",
            )
            for message in messages
        ],
    )
