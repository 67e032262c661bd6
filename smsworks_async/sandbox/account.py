"""The account: sending, scheduling and receiving messages. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .codes import refusal
from .destinations import DeliveryResult
from .flooding import WINDOW
from .lifecycle import Lifecycle
from .records import INCOMING, SENT_STATUSES, Job, Message
from .schemas import MAX_VALIDITY


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .outbound import OutboundMessage


@attrs.define(eq=False)
class Account(Lifecycle):
    """One customer's account.

    Attributes:
        batches: the number of batches accepted; a batch's id is derived from it.
    """

    batches: int = 0
    _first_id: int = attrs.field(init=False)
    _first_batch: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        random = self._set_up()
        # Jobs are keyed by message ids and batch ids, so the ranges must not overlap.
        self._first_id = random.randrange(10**17, 5 * 10**17)
        self._first_batch = random.randrange(6 * 10**17, 9 * 10**17)

    def send(self, outbound: OutboundMessage, now: float) -> Message:
        """Send one message.

        Raises:
            Refusal: 4034, 4021 or 5020.
        """
        self._admit([outbound])
        if self.settings.flooding:
            content = self._stored(outbound)
            if not self._flooding.allows(outbound.destination, content, now):
                raise refusal(5020)
        return self._enter(outbound, now)

    def send_batch(self, messages: list[OutboundMessage], now: float) -> str:
        """Send a batch, and return its id; an invalid recipient becomes a FAILED message.

        Raises:
            Refusal: 4034 or 4021; no message was sent.
        """
        self._admit(messages)
        batch_id = self._next_batch_id()
        for outbound in messages:
            self._enter(outbound, now, batch_id=batch_id)
        return batch_id

    def schedule(
        self, messages: list[OutboundMessage], at: float, now: float, *, batch: bool
    ) -> Job:
        """Schedule a message or a batch; credits are charged when it is sent.

        Raises:
            Refusal: 4034 or 4021; nothing was scheduled.
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
        """Cancel a scheduled message or batch; cancelling it again has no effect.

        Raises:
            Refusal: 4008 if there is none with that id, or it has been sent.
        """
        job = self.jobs.get(job_id)
        if job is None or job.batch is not batch or job.status == "PROCESSED":
            raise refusal(4008)
        for message in self._close(job, "CANCELLED"):
            self._move(message, "CANCELLED", now)
            self._forget_later(message)
        return job

    def receive(self, fields: dict[str, str], now: float) -> Message:
        """Receive a message from a phone, and post it to the account's URL if there is one."""
        number, message_id = self._next_identity()
        message = Message(
            number=number,
            message_id=message_id,
            created=now,
            modified=now,
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
        self.outbox.add_incoming(*self.post_of(message), now)
        self.prune()
        return message

    def restore(self, messages: Iterable[Message], jobs: Iterable[Job], now: float) -> None:
        """Restore the messages and jobs of an earlier sandbox, with their pending events."""
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
        if sum([outbound.credits for outbound in messages]) > self.credits:
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
        number, message_id = self._next_identity()
        message = Message(
            number=number,
            message_id=message_id,
            created=now,
            modified=now,
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
            self.finish(message, DeliveryResult("FAILED", outbound.failure), now)
        elif at is None:
            self._launch(message, now)
        else:
            self._move(message, "SCHEDULED", now)
        self.prune()
        return message

    def _stored(self, outbound: OutboundMessage) -> str:
        return self.settings.storage.stored(outbound.fields["content"])

    def _next_identity(self) -> tuple[int, str]:
        number = self.archive.added + 1
        return number, str(self._first_id + number)

    def _next_batch_id(self) -> str:
        self.batches += 1
        return str(self._first_batch + self.batches)
