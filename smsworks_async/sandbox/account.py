"""The account: its credits, its messages, and what becomes of them. State and time, no I/O.

A message moves along

    SCHEDULED -> SENT -> DELIVERED | UNDELIVERED | EXPIRED | REJECTED
        |`-> FAILED      in a batch, or when its time has come
         `-> CANCELLED

and all that happens by itself is an act on the timeline.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any

import attrs

from .archive import Archive
from .codes import refusal
from .destinations import EXPIRED, Fate, fate
from .flooding import WINDOW, FloodingFilter
from .records import INCOMING, Job, Message, delivery_report, incoming_post
from .schemas import MAX_VALIDITY
from .segments import measure
from .timeline import Timeline


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .outbound import Order
    from .settings import Settings


RETENTION = 92 * 86400.0  # seconds: three months
GONE = {"SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED"}


@attrs.frozen
class Post:
    """Something to be posted to a URL of the account's holder, for the `attempt`-th time from 0."""

    url: str
    payload: dict[str, Any]
    attempt: int = 0


@attrs.define(eq=False)
class Account:
    """One customer's account.

    Attributes:
        credits: the balance.
        archive: every message.
        jobs: scheduled messages and batches by id, in the order in which they were made.
        timeline: what falls due.
        outbox: posts that are due, for whoever does the I/O to take.
        batches: how many batches were accepted; their ids go by it.
        changed: called with every record that is new or has changed.
    """

    settings: Settings
    credits: float
    archive: Archive = attrs.Factory(Archive)
    jobs: dict[str, Job] = attrs.Factory(dict)
    timeline: Timeline = attrs.Factory(Timeline)
    outbox: deque[Post] = attrs.Factory(deque)
    batches: int = 0
    changed: Callable[[Message | Job], None] = lambda _: None
    _flooding: FloodingFilter = attrs.field(init=False, factory=FloodingFilter)
    _random: Random = attrs.field(init=False)
    _first_id: int = attrs.field(init=False)
    _first_batch: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.settings.seed)  # noqa: S311 - repeatable on purpose
        # Jobs are found by either, so that the two do not overlap.
        self._first_id = self._random.randrange(10**17, 5 * 10**17)
        self._first_batch = self._random.randrange(6 * 10**17, 9 * 10**17)

    def send(self, order: Order, now: float) -> Message:
        """Send one message.

        Raises:
            Refusal: 4034, 4021 or 5020.
        """
        self._admit([order])
        if self._floods(order.destination, self._stored(order), now):
            raise refusal(5020)
        return self._enter(order, now)

    def send_batch(self, orders: list[Order], now: float) -> str:
        """Send a batch, and return its id; recipients that fail do so as FAILED messages.

        Raises:
            Refusal: 4034 or 4021, for all of it.
        """
        self._admit(orders)
        batch_id = self._next_batch_id()
        for order in orders:
            self._enter(order, now, batch_id=batch_id)
        return batch_id

    def schedule(self, orders: list[Order], at: float, now: float, *, batch: bool) -> Job:
        """Keep a message or a batch until its time; credits are charged when it goes.

        Raises:
            Refusal: 4034 or 4021, for all of it.
        """
        self._admit(orders)
        batch_id = self._next_batch_id() if batch else None
        messages = [self._enter(order, now, batch_id=batch_id, at=at) for order in orders]
        fields = orders[0].fields
        job = Job(
            id=batch_id or messages[0].message_id,
            batch=batch,
            at=at,
            created=now,
            sender=fields["sender"],
            content=self._stored(orders[0]),
            destinations=[order.given for order in orders],
        )
        self._keep_job(job)
        self.changed(job)
        return job

    def cancel(self, job_id: str, now: float, *, batch: bool) -> Job:
        """Cancel what has not gone yet; a second time does no harm.

        Raises:
            Refusal: 4008, when there is none of that id, or it has gone.
        """
        job = self.jobs.get(job_id)
        if job is None or job.batch is not batch or job.status == "PROCESSED":
            raise refusal(4008)
        for message in self._close(job, "CANCELLED"):
            self._move(message, "CANCELLED", now)
            self._forget_later(message)
        return job

    def receive(self, fields: dict[str, str], now: float) -> Message:
        """Take in a message from a phone, and post it to the account's URL if there is one."""
        message = Message(
            **self._identity(now),
            status=INCOMING,
            schedule=now,
            sender=fields["sender"],
            destination=fields["to"],
            content=fields["content"],
            keyword=fields.get("keyword", ""),
            unread=True,
        )
        self.archive.add(message)
        self._move(message, INCOMING, now)
        self._forget_later(message)
        payload = incoming_post(message, measure(message.content).segments)
        for _ in range(self.settings.reporting.incoming_copies):
            self._post_later(self.settings.incoming_url, payload, now)
        return message

    def search(self, query: dict[str, Any], now: float) -> list[Message]:
        """Return messages that fit a query, as far as the search has caught up with them."""
        storage = self.settings.storage
        if not storage.filter_metadata:
            query = {**query, "metadata": ()}
        return self.archive.search(query, now - storage.search_lag, storage.clock_skew)

    def get(self, message_id: str, now: float) -> Message | None:
        """Return a message by its id, as far as records have caught up with it."""
        message = self.archive.get(message_id)
        return message if message is not None and self._shows(message, now) else None

    def batch(self, batch_id: str, now: float) -> list[Message]:
        """Return a batch's messages, as far as records have caught up with them."""
        return [message for message in self.archive.batch(batch_id) if self._shows(message, now)]

    def sent_since(self, moment: float) -> int:
        """Count the messages that went out since a moment, in POSIX seconds."""
        return sum(
            message.status in GONE and message.schedule >= moment
            for message in self.archive.messages
        )

    def scheduled(self, now: float) -> list[Job]:
        """Return what was scheduled, three months back, as far as searches have caught up."""
        since, until = now - RETENTION, now - self.settings.storage.search_lag
        return [job for job in self.jobs.values() if job.at >= since and job.created <= until]

    def take_inbox(self, query: dict[str, Any], now: float) -> list[Message]:
        """Return unread incoming messages that fit a query, and mark them as read."""
        found = self.search({**query, "status": INCOMING, "unread": True}, now)
        for message in found:
            message.unread = False
            self.changed(message)
        return found

    def forget(self, message: Message, _now: float) -> None:
        """Let a message's record vanish; that it was sent, and what it cost, stays counted."""
        message.forgotten = True
        self.changed(message)

    def post_again(self, post: Post, now: float) -> None:
        """Post once more after the next pause, if there is one left."""
        pauses = self.settings.reporting.pauses
        if post.attempt < len(pauses):
            again = attrs.evolve(post, attempt=post.attempt + 1)
            self.timeline.add(now + pauses[post.attempt], self._post, again)

    def restore(self, messages: Iterable[Message], jobs: Iterable[Job], now: float) -> None:
        """Take over what an earlier sandbox kept, with all that is still to happen."""
        for message in messages:
            self.archive.add(message)
            if message.status == "SENT":
                self._deliver_later(message)
            elif message.status != "SCHEDULED" and not message.forgotten:
                self._forget_later(message)
            if message.status in GONE and message.schedule > now - WINDOW:
                self._flooding.note(message.destination, message.content, message.schedule)
        for job in jobs:
            self._keep_job(job)

    # Intake

    def _admit(self, orders: list[Order]) -> None:
        for word in self.settings.profanity:
            if any(word in order.fields["content"] for order in orders):
                raise refusal(4006)
        if not self.settings.international and any(order.international for order in orders):
            raise refusal(4034)
        if sum(order.credits for order in orders) > self.credits:
            raise refusal(4021)

    def _enter(
        self, order: Order, now: float, *, batch_id: str | None = None, at: float | None = None
    ) -> Message:
        fields = order.fields
        message = Message(
            **self._identity(now),
            status="SCHEDULED",
            schedule=now if at is None else at,
            batch_id=batch_id,
            destination=order.destination,
            international=order.international,
            credits=order.credits,
            flash=order.flash,
            sender=fields["sender"],
            content=self._stored(order),
            tag=fields.get("tag", ""),
            delivery_report_url=fields.get("deliveryreporturl", ""),
            ttl=fields.get("ttl"),
            validity=fields.get("validity", MAX_VALIDITY),
            ai=fields.get("ai"),
            metadata=fields.get("metadata", ()),
            response_email=fields.get("responseemail", ()),
        )
        self.archive.add(message)
        if order.failure is not None:
            self._finish(message, Fate("FAILED", order.failure), now)
        elif at is None:
            self._launch(message, now)
        else:
            self.changed(message)
        return message

    def _stored(self, order: Order) -> str:
        return self.settings.storage.stored(order.fields["content"])

    def _shows(self, message: Message, now: float) -> bool:
        return message.created <= now - self.settings.storage.record_lag

    def _identity(self, now: float) -> dict[str, Any]:
        number = len(self.archive.messages) + 1
        message_id = str(self._first_id + number)
        return {"number": number, "message_id": message_id, "created": now, "modified": now}

    def _next_batch_id(self) -> str:
        self.batches += 1
        return str(self._first_batch + self.batches)

    def _floods(self, destination: str, content: str, now: float) -> bool:
        filtering = self.settings.flooding
        return filtering and not self._flooding.allows(destination, content, now)

    # What happens by itself

    def _keep_job(self, job: Job) -> None:
        self.jobs[job.id] = job
        if job.status == "SCHEDULED":
            self.timeline.add(job.at, self._fire, job)

    def _close(self, job: Job, status: str) -> list[Message]:
        """Settle a job that still waits, and return those of its messages that wait with it."""
        if job.status != "SCHEDULED":
            return []
        job.status = status
        self.changed(job)
        messages = self.archive.batch(job.id) if job.batch else [self.archive.get(job.id)]
        return [message for message in messages if message and message.status == "SCHEDULED"]

    def _fire(self, job: Job, due: float) -> None:
        for message in self._close(job, "PROCESSED"):
            self._launch(message, due)

    def _launch(self, message: Message, now: float) -> None:
        if self._floods(message.destination, message.content, now):
            self._finish(message, Fate("FAILED", 5020), now)
        elif message.credits > self.credits:
            self._finish(message, Fate("FAILED", 4021), now)
        else:
            self.credits -= message.credits
            self._flooding.note(message.destination, message.content, now)
            self._move(message, "SENT", now)
            self._deliver_later(message)

    def _deliver_later(self, message: Message) -> None:
        wait = min(self.settings.delivery_delay, message.validity * 60.0)
        self.timeline.add(message.modified + wait, self._deliver, message)

    def _deliver(self, message: Message, due: float) -> None:
        late = self.settings.delivery_delay > message.validity * 60.0
        self._finish(message, EXPIRED if late else fate(message.destination), due)

    def _finish(self, message: Message, outcome: Fate, now: float) -> None:
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
        message.status = status
        message.modified = now
        self.changed(message)

    def _forget_later(self, message: Message) -> None:
        life = RETENTION if message.ttl is None else message.ttl * 60.0
        self.timeline.add(message.modified + life, self.forget, message)

    def _report(self, message: Message, now: float) -> None:
        url = message.delivery_report_url or self.settings.delivery_report_url
        reporting = self.settings.reporting
        report = delivery_report(message, self.settings) if url else {}
        for _ in range(reporting.copies):
            late = reporting.delay + self._random.uniform(0, reporting.spread)
            self._post_later(url, report, now + late)

    def _post_later(self, url: str, payload: dict[str, Any], due: float) -> None:
        if url:
            self.timeline.add(due, self._post, Post(url, payload))

    def _post(self, post: Post, _due: float) -> None:
        self.outbox.append(post)
