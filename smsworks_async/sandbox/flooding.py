"""The flooding filter: the limits on messages to one number within an hour."""

from __future__ import annotations


MOST = 20
MOST_ALIKE = 6
WINDOW = 3600.0  # seconds


_SWEEP = 50_000  # messages between two removals of expired entries


class FloodingFilter:
    """Count the messages sent to each number within the last hour."""

    def __init__(self) -> None:
        self._sent: dict[str, list[tuple[float, int]]] = {}
        self._notes = 0

    def allows(self, destination: str, content: str, now: float) -> bool:
        """Return whether one more message with this content may be sent to a number."""
        sent = self._sent.get(destination)
        if sent is None:
            return True
        while sent and sent[0][0] <= now - WINDOW:
            del sent[0]
        text = hash(content)
        alike = sum(earlier == text for _, earlier in sent)
        return len(sent) < MOST and alike < MOST_ALIKE

    def note(self, destination: str, content: str, now: float) -> None:
        """Count a message that was sent."""
        # Keep only a hash, since the messages may be dropped within the hour.
        self._sent.setdefault(destination, []).append((now, hash(content)))
        self._notes += 1
        if self._notes % _SWEEP == 0:
            self._sent = {
                number: sent for number, sent in self._sent.items() if sent[-1][0] > now - WINDOW
            }
