"""The life cycle of an account's messages: automatic changes, and retention. No I/O.

The statuses of a message are

    SCHEDULED -> SENT -> DELIVERED | UNDELIVERED | EXPIRED | REJECTED
        |`-> FAILED      in a batch, or at the scheduled time
         `-> CANCELLED

and every automatic change is an event on the timeline.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from .archive import Archive
from .destinations import EXPIRED, DeliveryResult, delivery_result
from .flooding import FloodingFilter
from .outbox import Outbox
from .records import INCOMING, Job, Message, delivery_report, incoming_post
from .segments import measure
from .timeline import Timeline


if TYPE_CHECKING:
    from .settings import Settings


RETENTION = 92 * 86400.0  # seconds: three months


class Watcher(Protocol):
    """An observer of an account's records."""

    def changed(self, record: Message | Job) -> None:
        """Handle a new or changed record."""
        ...

    def dropped(self, records: list[Message | Job]) -> None:
        """Handle records that were dropped, or have changed after they were dropped."""
        ...


@attrs.define(eq=False)
class Lifecycle:
    """The messages of an account after they were accepted.

    Attributes:
        settings: the settings of the account.
        credits: the balance.
        archive: the messages.
        jobs: scheduled messages and batches by id, in the order of their creation.
        timeline: the future events.
        outbox: the callbacks that are due, for the sender.
        watchers: observers that are called for every new, changed or dropped record.
    """

    settings: Settings
    credits: float
    archive: Archive = attrs.Factory(
        lambda self: Archive(self.settings.keep_messages), takes_self=True
    )
    jobs: dict[str, Job] = attrs.Factory(dict)
    timeline: Timeline = attrs.Factory(Timeline)
    watchers: list[Watcher] = attrs.Factory(list)
    outbox: Outbox = attrs.field(init=False)
    _flooding: FloodingFilter = attrs.field(init=False, factory=FloodingFilter)

    def _set_up(self) -> Random:
        """Create the outbox, and return the random generator of the account's seed."""
        random = Random(self.settings.seed)  # noqa: S311 - repeatable on purpose
        self.outbox = Outbox(self.timeline, self.settings.reporting, random)
        self.timeline.acts |= {"fire": self.fire, "deliver": self._deliver, "forget": self.forget}
        return random

    # Retention

    def forget(self, message: Message, _now: float) -> None:
        """Hide a message's record from the API; counts and credits do not change."""
        message.forgotten = True
        self.changed(message)

    def prune(self) -> None:
        """Drop the oldest messages if there are too many, with their jobs and events."""
        dropped = self.archive.prune()
        if not dropped:
            return
        names = {message.batch_id or message.message_id for message in dropped}
        over = [
            self.jobs.pop(name)
            for name in names & self.jobs.keys()
            if self.jobs[name].status != "SCHEDULED" and not self.archive.has_batch(name)
        ]
        # A dropped message that is SENT is still delivered when that is due.
        ended = [message for message in dropped if message.status != "SENT"]
        self.timeline.discard([*ended, *over])
        self._notify_dropped([*dropped, *over])

    def changed(self, record: Message | Job) -> None:
        """Notify the watchers of a new or changed record."""
        for watcher in self.watchers:
            watcher.changed(record)

    def _notify_dropped(self, records: list[Message | Job]) -> None:
        for watcher in self.watchers:
            watcher.dropped(records)

    # Automatic changes

    def _keep_job(self, job: Job) -> None:
        self.jobs[job.id] = job
        if job.status == "SCHEDULED":
            self.timeline.add(job.at, "fire", job)

    def _close(self, job: Job, status: str) -> list[Message]:
        """Set the status of a scheduled job, and return its messages that are still scheduled."""
        if job.status != "SCHEDULED":
            return []
        job.status = status
        self.changed(job)
        messages = self.archive.batch(job.id) if job.batch else [self.archive.get(job.id)]
        return [message for message in messages if message and message.status == "SCHEDULED"]

    def fire(self, job: Job, now: float) -> None:
        """Send the messages of a job, unless it was sent or cancelled before."""
        for message in self._close(job, "PROCESSED"):
            message.schedule = now
            self._launch(message, now)

    def _launch(self, message: Message, now: float) -> None:
        flooding = self.settings.flooding
        if flooding and not self._flooding.allows(message.destination, message.content, now):
            self.finish(message, DeliveryResult("FAILED", 5020), now)
        elif message.credits > self.credits:
            self.finish(message, DeliveryResult("FAILED", 4021), now)
        else:
            self.credits -= message.credits
            if flooding:
                self._flooding.note(message.destination, message.content, now)
            self._move(message, "SENT", now)
            self._deliver_later(message)

    def _deliver_later(self, message: Message) -> None:
        wait = min(self.settings.delivery_delay, message.validity * 60.0)
        self.timeline.add(message.modified + wait, "deliver", message)

    def _deliver(self, message: Message, due: float) -> None:
        if message.status != "SENT":
            return
        late = self.settings.delivery_delay > message.validity * 60.0
        self.finish(message, EXPIRED if late else delivery_result(message.destination), due)

    def finish(self, message: Message, outcome: DeliveryResult, now: float) -> None:
        """Set a message's final status, settle its cost, and add its delivery report."""
        charged = message.status == "SENT"
        free = outcome.status in {"FAILED", "REJECTED"}
        refunded = outcome.status in {"UNDELIVERED", "EXPIRED"} and not message.international
        if charged and (free or refunded):
            self.credits += message.credits
        if free:
            message.credits = 0.0
        message.failure = outcome.code
        self._move(message, outcome.status, now)
        self._forget_later(message)
        self._report(message, now)

    def _move(self, message: Message, status: str, now: float) -> None:
        before, message.status = message.status, status
        message.modified = now
        # A flat tuple, because the garbage collector untracks tuples of simple values.
        message.history = (*message.history, status, message.failure, now)
        if self.archive.holds(message):
            self.changed(message)
        else:
            self.archive.dropped.move(before, status)
            self._notify_dropped([message])

    def _forget_later(self, message: Message) -> None:
        if not self.archive.holds(message):
            return
        life = RETENTION if message.ttl is None else message.ttl * 60.0
        self.timeline.add(message.modified + life, "forget", message)

    def _report(self, message: Message, now: float) -> None:
        self.outbox.add_report(*self.post_of(message), now)

    def post_of(self, message: Message) -> tuple[str, dict[str, Any]]:
        """Return the URL and the payload of a message's report, or of a received message.

        The URL is empty if there is none.
        """
        if message.status == INCOMING:
            url = self.settings.incoming_url
            return url, incoming_post(message, measure(message.content).segments)
        url = message.delivery_report_url or self.settings.delivery_report_url
        return url, delivery_report(message, self.settings) if url else {}
