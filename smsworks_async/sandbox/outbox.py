"""The outbox: the delivery reports and incoming messages to be posted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs


if TYPE_CHECKING:
    from random import Random

    from .settings import Reporting
    from .timeline import Timeline


@attrs.frozen
class Post:
    """A callback to a URL; `attempt` is the number of earlier attempts."""

    url: str
    payload: dict[str, Any]
    attempt: int = 0


@attrs.define(eq=False)
class PostRecord:
    """One attempt at a post, and its result.

    Attributes:
        post: the post.
        status: the HTTP status of the response; None without a response.
        refused: whether nothing was posted because the URL's host is neither loopback nor one of
            `callback_hosts`.
        at: when it began, or was queued if it has not begun; POSIX seconds of the sandbox's clock.
        milliseconds: how long it took; None while it waits, or if nothing was posted.
        error: why there is no status; empty if there is one, or while it waits.
        number: the number of the attempt, in the order of queuing.
        waiting: whether it is queued or in progress.
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
    """The posts that are due, and the scheduling of later ones.

    Args:
        timeline: the timeline for posts that are not due yet.
        reporting: the number of copies, the delays and the repeats.
        random: the random generator for the delays.
    """

    def __init__(self, timeline: Timeline, reporting: Reporting, random: Random) -> None:
        self._timeline = timeline
        self._reporting = reporting
        self._random = random
        self._due: list[Post] = []
        timeline.acts["post"] = self._put

    def take(self) -> list[Post]:
        """Remove and return the posts that are due."""
        due, self._due = self._due, []
        return due

    def add_report(self, url: str, payload: dict[str, Any], now: float) -> None:
        """Add the copies of a delivery report; without a URL there are none."""
        for _ in range(self._reporting.copies):
            # Draw even without a URL, so that later delays depend only on the seed.
            late = self._reporting.delay + self._random.uniform(0, self._reporting.spread)
            self.add(url, payload, now + late)

    def add_incoming(self, url: str, payload: dict[str, Any], now: float) -> None:
        """Add the copies of an incoming message; without a URL there are none."""
        for _ in range(self._reporting.incoming_copies):
            self.add(url, payload, now)

    def retry(self, post: Post, now: float) -> None:
        """Repeat a post after its next pause, unless all pauses have been used."""
        pauses = self._reporting.pauses
        if post.attempt < len(pauses):
            again = attrs.evolve(post, attempt=post.attempt + 1)
            self._timeline.add(now + pauses[post.attempt], "post", again)

    def add(self, url: str, payload: dict[str, Any], due: float) -> None:
        """Add one post that is due at a time in POSIX seconds; without a URL, add none."""
        if url:
            self._timeline.add(due, "post", Post(url, payload))

    def _put(self, post: Post, _due: float) -> None:
        self._due.append(post)
