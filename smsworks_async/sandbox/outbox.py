"""The outbox: delivery reports and incoming messages to be posted to the account holder's URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs


if TYPE_CHECKING:
    from random import Random

    from .settings import Reporting
    from .timeline import Timeline


@attrs.frozen
class Post:
    """A callback to a URL of the account's holder; `attempt` counts its attempts, from 0."""

    url: str
    payload: dict[str, Any]
    attempt: int = 0


@attrs.define(eq=False)
class PostRecord:
    """One attempt at a post: what went where, and the HTTP status that came back, if one did.

    Attributes:
        refused: whether nothing was posted, since the URL's host is neither loopback nor one of
            `callback_hosts`.
        at: when it began, or was queued if it has not begun; POSIX seconds of the sandbox's clock.
        milliseconds: how long it took; None while it waits, and where nothing was posted.
        error: why there is no status; empty where there is one, and while it waits.
        number: counts the attempts in the order in which they were queued.
        waiting: whether it is queued or on its way.
    """

    post: Post
    status: int | None = None
    refused: bool = False
    at: float = 0.0
    milliseconds: float | None = None
    error: str = ""
    number: int = 0
    waiting: bool = False

    @property
    def message_id(self) -> str:
        """The id of the message that it is about."""
        return str(self.post.payload["messageid"])


class Outbox:
    """Posts that are due, for the sender to take, and the timing of those that are not due yet.

    Args:
        timeline: when they fall due.
        reporting: how many copies there are, how late they are, and how they are repeated.
        random: draws the delays.
    """

    def __init__(self, timeline: Timeline, reporting: Reporting, random: Random) -> None:
        self._timeline = timeline
        self._reporting = reporting
        self._random = random
        self._due: list[Post] = []

    def take(self) -> list[Post]:
        """Remove and return the posts that are due."""
        due, self._due = self._due, []
        return due

    def add_report(self, url: str, payload: dict[str, Any], now: float) -> None:
        """Add the copies of a delivery report; without a URL there are none."""
        for _ in range(self._reporting.copies):
            # Drawn without a URL, too, so that the ones after it are the same for the same seed.
            late = self._reporting.delay + self._random.uniform(0, self._reporting.spread)
            self.add(url, payload, now + late)

    def add_incoming(self, url: str, payload: dict[str, Any], now: float) -> None:
        """Add the copies of an incoming message; without a URL there are none."""
        for _ in range(self._reporting.incoming_copies):
            self.add(url, payload, now)

    def retry(self, post: Post, now: float) -> None:
        """Repeat a post after the next pause, if there is one left."""
        pauses = self._reporting.pauses
        if post.attempt < len(pauses):
            again = attrs.evolve(post, attempt=post.attempt + 1)
            self._timeline.add(now + pauses[post.attempt], self._put, again)

    def add(self, url: str, payload: dict[str, Any], due: float) -> None:
        """Add one post that falls due at a time, in POSIX seconds; without a URL there is none."""
        if url:
            self._timeline.add(due, self._put, Post(url, payload))

    def _put(self, post: Post, _due: float) -> None:
        self._due.append(post)
