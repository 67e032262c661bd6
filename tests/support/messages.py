"""The texts that most tests send, and the numbers they send them to."""

from __future__ import annotations


NUMBER = "447700900123"
TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
#: The fields that all recipients of a bulk send share.
TEXT_TO_MANY = {"sender": "AcmeCorp", "content": "Hello"}


def drama(count: int, start: int = 0) -> list[str]:
    """Return numbers of Ofcom's range for drama, which holds a thousand."""
    return [f"07700 900{n:03d}" for n in range(start, start + count)]
