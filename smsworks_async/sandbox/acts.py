"""The actions on a message that the control endpoints offer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .codes import complaint
from .destinations import CODES_OF, DeliveryResult
from .records import INCOMING
from .schemas import DELIVER, MAX_CONTENT, REPLY, REPORT, WAIT
from .segments import utf16_units


if TYPE_CHECKING:
    from .records import Job, Message
    from .scheduler import Scheduler
    from .simulator import Simulator


_LATEST = 366 * 86400  # seconds
_PHONE = re.compile(r"\+?\d{3,15}")


class Acts:
    """Actions on a message. Each takes the message and a body, and returns the message to show.

    With `"wait": true` in the body, it returns when all due posts have been attempted.

    Args:
        simulator: the simulator that has the messages.
        scheduler: the scheduler of its clock and posts.
    """

    def __init__(self, simulator: Simulator, scheduler: Scheduler) -> None:
        self._simulator = simulator
        self._scheduler = scheduler

    async def deliver(self, message: Message, body: Any) -> Message:
        """Set the final status of a sent message: `status` and `code`, by default DELIVERED.

        Raises:
            Refusal: with 409 if the message is not SENT, with 400 for an invalid status or code.
        """
        fields = DELIVER.check_types({} if body is None else body)
        result = _result(fields.get("status"), fields.get("code"))
        now = self._scheduler.settle()
        if message.status != "SENT":
            raise complaint(
                f"Only a message that is SENT can be delivered; this one is {message.status}.", 409
            )
        self._simulator.state.account.finish(message, result, now)
        await self._post(fields)
        return message

    async def report(self, message: Message, body: Any) -> Message:
        """Post the message's report, or the received message, again.

        The body may have `times` (1 by default) and `delay` (seconds, 0 by default).

        Raises:
            Refusal: with 409 if there is no report yet, or no URL.
        """
        fields = REPORT.check_types({} if body is None else body)
        delay = fields.get("delay", 0)
        if not 0 <= delay <= _LATEST:
            raise complaint(f"delay must be 0 to {_LATEST} seconds")
        now = self._scheduler.settle()
        if message.status in {"SCHEDULED", "SENT", "CANCELLED"}:
            raise complaint(f"There is no report: the message is {message.status}.", 409)
        account = self._simulator.state.account
        url, payload = account.post_of(message)
        if not url:
            raise complaint("There is no URL to post it to.", 409)
        for _ in range(fields.get("times", 1)):
            account.outbox.add(url, payload, now + delay)
        await self._post(fields)
        return message

    async def reply(self, message: Message, body: Any) -> Message:
        """Receive a reply from the handset, with the text `content`, and return the reply.

        It is addressed to `to`, by default the sender of the message.

        Raises:
            Refusal: with 409 if the sender is a name and `to` is missing.
        """
        fields = REPLY.check_types(body)
        content = fields["content"]
        if not content or utf16_units(content) > MAX_CONTENT:
            raise complaint(f"content must be 1 to {MAX_CONTENT} characters")
        incoming = message.status == INCOMING
        phone = message.sender if incoming else message.destination
        to = fields.get("to") or (message.destination if incoming else message.sender)
        if not _PHONE.fullmatch(to):
            raise complaint(
                f"A phone cannot reply to the sender {to!r}, which is a name: pass the number to "
                'reply to in "to".',
                409,
            )
        now = self._scheduler.settle()
        if message.status in {"SCHEDULED", "CANCELLED", "FAILED"}:
            raise complaint(
                f"The handset has not received the message: it is {message.status}.", 409
            )
        account = self._simulator.state.account
        reply = account.receive({"sender": phone, "to": to, "content": content}, now)
        await self._post(fields)
        return reply

    async def fire(self, message: Message, body: Any) -> Message:
        """Send a scheduled message, and the batch that it belongs to, immediately.

        Raises:
            Refusal: with 409 if it is not scheduled.
        """
        fields = WAIT.check_types({} if body is None else body)
        now = self._scheduler.settle()
        self._simulator.state.account.fire(self._job(message), now)
        await self._post(fields)
        return message

    async def cancel(self, message: Message, body: Any) -> Message:
        """Cancel a scheduled message, and the batch that it belongs to.

        Raises:
            Refusal: with 409 if it is not scheduled.
        """
        fields = WAIT.check_types({} if body is None else body)
        now = self._scheduler.settle()
        job = self._job(message)
        self._simulator.state.account.cancel(job.id, now, batch=job.batch)
        await self._post(fields)
        return message

    def _job(self, message: Message) -> Job:
        job = self._simulator.state.account.jobs.get(message.batch_id or message.message_id)
        if job is None or message.status != "SCHEDULED":
            raise complaint(f"The message is not scheduled: it is {message.status}.", 409)
        return job

    async def _post(self, fields: dict[str, Any]) -> None:
        self._scheduler.settle()
        if fields.get("wait"):
            await self._scheduler.sender.join()


def _result(status: str | None, code: int | None) -> DeliveryResult:
    """Return the delivery result for a status and a code; either may be derived from the other.

    Raises:
        Refusal: one of them is unknown, or they do not match.
    """
    if status is None:
        fitting = [name for name, codes in CODES_OF.items() if code in codes]
        if not fitting:
            known = sorted(one for codes in CODES_OF.values() for one in codes if one is not None)
            raise complaint(f"code must be one of {', '.join(map(str, known))}")
        return DeliveryResult(fitting[0], code)
    fit = CODES_OF.get(status.upper())
    if fit is None:
        raise complaint(f"status must be one of {', '.join(CODES_OF)}")
    if code is None:
        code = fit[0]
    elif code not in fit:
        expected = f"one of {', '.join(map(str, fit))}" if fit[0] else "left out"
        raise complaint(f"code of {status.upper()} must be {expected}")
    return DeliveryResult(status.upper(), code)
