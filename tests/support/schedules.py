"""What became of the messages of a sandbox that were scheduled."""

from __future__ import annotations

from collections import Counter


def statuses(box):
    """Count a sandbox's messages by their status."""
    return Counter(message.status for message in box.messages)


def due_or_gone(box):
    """Count, for each number, the messages that it gets or got: those not cancelled."""
    return Counter(
        message.destination
        for message in box.messages
        if message.status not in {"CANCELLED", "FAILED", "INCOMING"}
    )


def deletes(box):
    """Return how many requests asked to cancel a batch."""
    return sum(request.method == "DELETE" for request in box.requests)
