"""The account: its credits, its messages, and how their statuses change. No I/O.

A message moves along

    SCHEDULED -> SENT -> DELIVERED | UNDELIVERED | EXPIRED | REJECTED
        |`-> FAILED      in a batch, or when its time has come
         `-> CANCELLED

and every change that happens by itself is an act on the timeline.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import attrs

from .archive import Archive
from .codes import refusal
from .destinations import EXPIRED, DeliveryResult, delivery_result
from .flooding import WINDOW, FloodingFilter
from .outbox import Outbox
from .records import INCOMING, Job, Message, delivery_report, incoming_post
from .schemas import MAX_VALIDITY
from .segments import measure
from .timeline import Timeline


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .outbound import OutboundMessage
    from .settings import Settings


RETENTION = 92 * 86400.0  # seconds: three months
SENT_STATUSES = {"SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED"}


@attrs.define(eq=False)
class Account:
    """One customer's account.

    Attributes:
        credits: the balance.
        archive: every message.
        jobs: scheduled messages and batches by id, in the order in which they were made.
        timeline: what falls due.
        outbox: callbacks that are due, for the sender to take.
        batches: how many batches were accepted; their ids go by it.
        changed: called with every record that is new or has changed.
    """

    settings: Settings
    credits: float
    archive: Archive = attrs.Factory(Archive)
    jobs: dict[str, Job] = attrs.Factory(dict)
    timeline: Timeline = attrs.Factory(Timeline)
    batches: int = 0
    changed: Callable[[Message | Job], None] = lambda _: None
    outbox: Outbox = attrs.field(init=False)
    _flooding: FloodingFilter = attrs.field(init=False, factory=FloodingFilter)
    _first_id: int = attrs.field(init=False)
    _first_batch: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        random = Random(self.settings.seed)  # noqa: S311 - repeatable on purpose
        self.outbox = Outbox(self.timeline, self.settings.reporting, random)
        # Jobs are found by either, so that the two do not overlap.
        self._first_id = random.randrange(10**17, 5 * 10**17)
        self._first_batch = random.randrange(6 * 10**17, 9 * 10**17)

    def send(self, outbound: OutboundMessage, now: float) -> Message:
        """Send one message.

        Raises:
            Refusal: 4034, 4021 or 5020.
        """
        self._admit([outbound])
        if self._floods(outbound.destination, self._stored(outbound), now):
            raise refusal(5020)
        return self._enter(outbound, now)

    def send_batch(self, messages: list[OutboundMessage], now: float) -> str:
        """Send a batch, and return its id; recipients that fail do so as FAILED messages.

        Raises:
            Refusal: 4034 or 4021, for all of it.
        """
        self._admit(messages)
        batch_id = self._next_batch_id()
        for outbound in messages:
            self._enter(outbound, now, batch_id=batch_id)
        return batch_id

    def schedule(
        self, messages: list[OutboundMessage], at: float, now: float, *, batch: bool
    ) -> Job:
        """Keep a message or a batch until its time; credits are charged when it goes.

        Raises:
            Refusal: 4034 or 4021, for all of it.
        """
        self._admit(messages)
        batch_id = self._next_batch_id() if batch else None
        entered = [self._enter(outbound, now, batch_id=batch_id, at=at) for outbound in messages]
        fields = messages[0].fields
        job = Job(
            id=batch_id or entered[0].message_id,
            batch=batch,
            at=at,
            created=now,
            sender=fields["sender"],
            content=self._stored(messages[0]),
            destinations=[outbound.given for outbound in messages],
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
        self.outbox.add_incoming(self.settings.incoming_url, payload, now)
        return message

    def forget(self, message: Message, _now: float) -> None:
        """Let a message's record vanish; that it was sent, and what it cost, stays counted."""
        message.forgotten = True
        self.changed(message)

    def restore(self, messages: Iterable[Message], jobs: Iterable[Job], now: float) -> None:
        """Take over what an earlier sandbox kept, with all that is still to happen."""
        for message in messages:
            self.archive.add(message)
            if message.status == "SENT":
                self._deliver_later(message)
            elif message.status != "SCHEDULED" and not message.forgotten:
                self._forget_later(message)
            if message.status in SENT_STATUSES and message.schedule > now - WINDOW:
                self._flooding.note(message.destination, message.content, message.schedule)
        for job in jobs:
            self._keep_job(job)

    # Intake

    def _admit(self, messages: list[OutboundMessage]) -> None:
        for word in self.settings.profanity:
            if any(word in outbound.fields["content"] for outbound in messages):
                raise refusal(4006)
        if not self.settings.international and any(outbound.international for outbound in messages):
            raise refusal(4034)
        if sum(outbound.credits for outbound in messages) > self.credits:
            raise refusal(4021)

    def _enter(
        self,
        outbound: OutboundMessage,
        now: float,
        *,
        batch_id: str | None = None,
        at: float | None = None,
    ) -> Message:
        fields = outbound.fields
        message = Message(
            **self._identity(now),
            status="SCHEDULED",
            schedule=now if at is None else at,
            batch_id=batch_id,
            destination=outbound.destination,
            international=outbound.international,
            credits=outbound.credits,
            flash=outbound.flash,
            binary=outbound.binary,
            sender=fields["sender"],
            content=self._stored(outbound),
            tag=fields.get("tag", ""),
            delivery_report_url=fields.get("deliveryreporturl", ""),
            ttl=fields.get("ttl"),
            validity=fields.get("validity", MAX_VALIDITY),
            ai=fields.get("ai"),
            metadata=fields.get("metadata", ()),
            response_email=fields.get("responseemail", ()),
        )
        self.archive.add(message)
        if outbound.failure is not None:
            self._finish(message, DeliveryResult("FAILED", outbound.failure), now)
        elif at is None:
            self._launch(message, now)
        else:
            self._move(message, "SCHEDULED", now)
        return message

    def _stored(self, outbound: OutboundMessage) -> str:
        return self.settings.storage.stored(outbound.fields["content"])

    def _identity(self, now: float) -> dict[str, Any]:
        number = self.archive.added + 1
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
            self._finish(message, DeliveryResult("FAILED", 5020), now)
        elif message.credits > self.credits:
            self._finish(message, DeliveryResult("FAILED", 4021), now)
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
        self._finish(message, EXPIRED if late else delivery_result(message.destination), due)

    def _finish(self, message: Message, outcome: DeliveryResult, now: float) -> None:
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
        message.history.append((status, message.failure, now))
        self.changed(message)

    def _forget_later(self, message: Message) -> None:
        life = RETENTION if message.ttl is None else message.ttl * 60.0
        self.timeline.add(message.modified + life, self.forget, message)

    def _report(self, message: Message, now: float) -> None:
        url = message.delivery_report_url or self.settings.delivery_report_url
        report = delivery_report(message, self.settings) if url else {}
        self.outbox.add_report(url, report, now)
