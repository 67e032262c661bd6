"""The states of a sandbox's scheduled messages."""

from __future__ import annotations

from collections import Counter


def statuses(box):
    """Count a sandbox's messages by their status."""
    return Counter(message.status for message in box.messages)


def due_or_gone(box):
    """Count the messages of each number that are not cancelled."""
    return Counter(
        message.destination
        for message in box.messages
        if message.status not in {"CANCELLED", "FAILED", "INCOMING"}
    )


def deletes(box):
    """Return the number of requests to cancel a batch."""
    return sum(request.method == "DELETE" for request in box.requests)
