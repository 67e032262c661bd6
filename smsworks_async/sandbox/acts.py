"""What a person or a test does to one message by the control endpoints."""

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
    """Acts on a message. Each takes the message and a body, and returns the message to be shown.

    With `"wait": true` in the body it returns when all that was due has been posted.

    Args:
        simulator: whose messages they are.
        scheduler: tells the time, and posts what falls due.
    """

    def __init__(self, simulator: Simulator, scheduler: Scheduler) -> None:
        self._simulator = simulator
        self._scheduler = scheduler

    async def deliver(self, message: Message, body: Any) -> Message:
        """Set the final status of a sent message now, by `status` and `code`; DELIVERED by default.

        Raises:
            Refusal: with 409 where it is not on its way, with 400 for a status or a code that does
                not fit.
        """
        fields = DELIVER.check_types({} if body is None else body)
        result = _result(fields.get("status"), fields.get("code"))
        now = self._scheduler.settle()
        if message.status != "SENT":
            raise complaint(f"Only what is SENT can be delivered; this is {message.status}.", 409)
        self._simulator.state.account.finish(message, result, now)
        await self._post(fields)
        return message

    async def report(self, message: Message, body: Any) -> Message:
        """Post its report, or the received message, again: `times`, after `delay` seconds.

        Raises:
            Refusal: with 409 where there is no report yet, or no URL.
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
        """Reply as the handset with `content`, and return the reply.

        It goes to the sender of the message; to `to` where that is given.

        Raises:
            Refusal: with 409 where the sender is a name and no `to` is given.
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
                f"A phone cannot reply to the sender {to!r}, which is a name: give the number in "
                '"to".',
                409,
            )
        now = self._scheduler.settle()
        if message.status in {"SCHEDULED", "CANCELLED", "FAILED"}:
            raise complaint(f"The handset does not have it: it is {message.status}.", 409)
        account = self._simulator.state.account
        reply = account.receive({"sender": phone, "to": to, "content": content}, now)
        await self._post(fields)
        return reply

    async def fire(self, message: Message, body: Any) -> Message:
        """Send a scheduled message now, and with it the batch that it is in.

        Raises:
            Refusal: with 409 where it is not scheduled.
        """
        fields = WAIT.check_types({} if body is None else body)
        now = self._scheduler.settle()
        self._simulator.state.account.fire(self._job(message), now)
        await self._post(fields)
        return message

    async def cancel(self, message: Message, body: Any) -> Message:
        """Cancel a scheduled message, and with it the batch that it is in.

        Raises:
            Refusal: with 409 where it is not scheduled.
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
            raise complaint(f"It is not scheduled: it is {message.status}.", 409)
        return job

    async def _post(self, fields: dict[str, Any]) -> None:
        self._scheduler.settle()
        if fields.get("wait"):
            await self._scheduler.sender.join()


def _result(status: str | None, code: int | None) -> DeliveryResult:
    """Return the result of a status and a code, either of which may say the other.

    Raises:
        Refusal: they do not fit.
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
